"""What a target may be called, what the zone keeps of it, and what it tells nobody."""

from __future__ import annotations

import json
import stat
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from champ_offline.clock import now_utc
from champ_offline.durable.lock import FileLock, Locked
from champ_offline.external import errors
from champ_offline.external.settings import Settings
from champ_offline.external.target import (
    CredentialsIncomplete,
    CredentialsUnfit,
    InvalidTarget,
    NameUnfit,
    PlainHttpElsewhere,
    Target,
)
from champ_offline.external.wire import tls
from champ_offline.journal.audit import Audit
from champ_offline.oci.digest import Digest
from champ_offline.registry.pki import ensure_certificates
from tests.simulators.brought import APP, BUNDLE, JOB, ODD, WEB, Brought
from tests.simulators.target import FakeTarget, Told
from tests.unit.external.conftest import Desk

PASSWORD = "not for anybody: else"


@pytest.mark.parametrize(
    ("text", "host", "prefix"),
    [
        ("harbor.zone", "harbor.zone", ""),
        ("Harbor.Zone:443/champ/", "harbor.zone:443", "champ"),
        ("registry:5000/a/b-c", "registry:5000", "a/b-c"),
        (" localhost/x ", "localhost", "x"),
        ("10.0.0.5:65535", "10.0.0.5:65535", ""),
    ],
)
def test_addresses(text: str, host: str, prefix: str) -> None:
    found = Target.parse(text)
    assert (found.host, found.prefix) == (host, prefix)
    assert found.address == (f"{host}/{prefix}" if prefix else host)
    assert found.origin == f"https://{host}"


@pytest.mark.parametrize(
    "text",
    ["", "/", "registry/champ", "https://harbor.zone", "harbor.zone:0", "harbor.zone:65536",
     "harbor.zone/Champ", "harbor.zone//x", "a.b/x y", "[::1]:5000", "a.b/x:1", "u:p@a.b",
     "a.b/../x"],
)  # fmt: skip
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(InvalidTarget):
        Target.parse(text)


@pytest.mark.parametrize("host", ["localhost", "localhost:5000", "127.0.0.1:80", "127.8.9.1"])
def test_plain_http_is_for_loopback(host: str) -> None:
    Target(host, plain_http=True).check()
    for other in ("harbor.zone:80", "10.0.0.5", "localhost.zone:80", "0.0.0.0:80"):
        with pytest.raises(PlainHttpElsewhere):
            Target(other, plain_http=True).check()


@pytest.mark.parametrize(
    ("name", "password"),
    [("a:b", "c"), ("a\n", "b"), ("a", "b\r\nX: y"), ("a", "b" * 1025)],
)
def test_what_http_cannot_carry(name: str, password: str) -> None:
    with pytest.raises(CredentialsUnfit) as caught:
        Target("a.b", username=name, password=password).check()
    assert caught.value.fields == {}


@pytest.mark.parametrize(("name", "password"), [("a", ""), ("", "b"), (" ", "b"), ("a", " ")])
def test_one_without_the_other(name: str, password: str) -> None:
    with pytest.raises(CredentialsIncomplete):
        Target("a.b", username=name, password=password).check()


def test_names_become_repositories() -> None:
    target = Target("a.b", "champ")
    assert target.repository("localhost:5000/odd") == "champ/localhost_5000/odd"
    assert target.repository("Quay.io/some/job") == "champ/quay.io/some/job"
    with pytest.raises(NameUnfit):
        target.repository("docker.io/" + "x" * 250)


def test_what_is_kept_and_told(brought: Brought) -> None:
    settings = Settings(brought.database, now_utc)
    assert settings.target() is None
    given = Target("a.b:1", "champ", "PEM", "robot", PASSWORD, "c.d", plain_http=False)
    settings.use(given, "anna")
    assert settings.target() == given
    settings.keep(given, WEB, [Digest.of(b"1")], {"1": Digest.of(b"1")})
    assert [one.name for one in settings.pushed(given)] == [WEB]
    # Elsewhere nothing is known to be there.
    assert settings.pushed(replace(given, prefix="other")) == []
    assert settings.tagged(given, WEB) == {"1": Digest.of(b"1")}
    assert settings.tagged(replace(given, prefix="other"), WEB) == {}
    rows = Audit(brought.database, now_utc).rows()
    assert [(row.act, row.actor, row.subject) for row in rows] == [
        ("external.set", "anna", "a.b:1/champ")
    ]
    assert json.loads(rows[0].detail)["user"] == "robot"
    assert not any(PASSWORD in text for row in rows for text in (row.detail, row.subject))
    assert stat.S_IMODE(brought.database.path.stat().st_mode) == 0o600
    settings.use(replace(given, password="another one"), "anna")
    brought.database.query("PRAGMA wal_checkpoint(TRUNCATE)")
    assert PASSWORD.encode() not in brought.database.path.read_bytes()
    settings.use(given, "anna")
    assert settings.remove("bo") == "a.b:1/champ"
    assert settings.target() is None
    assert (settings.pushed(given), settings.tagged(given, WEB)) == ([], {})
    brought.database.query("PRAGMA wal_checkpoint(TRUNCATE)")
    assert PASSWORD.encode() not in brought.database.path.read_bytes()
    with pytest.raises(errors.NotExternal):
        settings.remove("bo")
    with pytest.raises(PlainHttpElsewhere):
        settings.use(replace(given, plain_http=True), "anna")
    assert [row.act for row in Audit(brought.database, now_utc).rows()] == [
        *["external.set"] * 3,
        "external.remove",
    ]


def test_authorities(tmp_path: Path) -> None:
    pem = ensure_certificates(tmp_path, ["a.b"], now_utc()).authority.read_text()
    assert len(tls(pem).get_ca_certs()) == 1
    assert len(tls("").get_ca_certs()) != 1
    for wrong in ("x", pem[:100], "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        with pytest.raises(ValueError):  # noqa: PT011
            tls(wrong)


def test_what_is_pushed_can_be_chosen(desk: Desk, fake: FakeTarget) -> None:
    done = desk.push(f"{JOB}:2", APP)
    assert [one.name for one in done.names] == [APP, JOB]
    for wrong in ("elsewhere", "quay.io/some", "Not A Name", ""):
        with pytest.raises(errors.NothingToPush):
            desk.push(JOB, wrong)
    view = desk.verbs.view()
    assert (view.pushed, view.waiting) == (2, 2)


def test_a_bundle_is_what_it_brought(brought: Brought, fake: FakeTarget, tmp_path: Path) -> None:
    desk = Desk(brought, fake, tmp_path, {"all": {BUNDLE}, "other": {"sha256:0"}})
    assert [one.name for one in desk.push("all").names] == [APP, WEB, ODD, JOB]
    with pytest.raises(errors.NothingToPush):
        desk.push("other")


def test_every_run_is_in_the_audit_chain(desk: Desk, fake: FakeTarget, brought: Brought) -> None:
    desk.push(JOB)
    fake.fault = lambda asked: Told(413) if asked.method == "PATCH" else None
    with pytest.raises(errors.BodyTooLarge):
        desk.push()

    audit = Audit(brought.database, now_utc)
    audit.check()
    rows = [(row.act, json.loads(row.detail)) for row in audit.rows() if "push" in row.act]
    assert [act for act, _ in rows] == ["external.push.begin", "external.push.end"] * 2
    assert rows[1][1]["ended"] == "done"
    assert rows[1][1]["bytes"] > 60_000
    ended = {"names": 0, "blobs": 0, "bytes": 0, "ended": "external.body-too-large", "put_back": 0}
    assert rows[3][1] == ended


def test_an_interrupted_run_says_so(desk: Desk, brought: Brought) -> None:
    def interrupt(_event: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        desk.verbs.push((), "anna", interrupt)
    row = Audit(brought.database, now_utc).rows()[-1]
    assert json.loads(row.detail)["ended"] == "interrupted"


def test_one_push_at_a_time(desk: Desk, tmp_path: Path) -> None:
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with FileLock(tmp_path / "push.lock"):
            held.set()
            done.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(20)
    try:
        with pytest.raises(Locked):
            desk.push()
    finally:
        done.set()
        thread.join()
    assert desk.push(JOB).sent == 3


def test_the_sums_of_a_run(desk: Desk, fake: FakeTarget) -> None:
    done = desk.push()
    assert done.size == sum(one.size for one in done.names)
    assert done.sent == sum(one.sent for one in done.names)
    assert fake.count("PATCH") == done.sent
