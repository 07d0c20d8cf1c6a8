"""Targets that answer wrongly: one clear error, or a bounded number of further attempts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from champ_offline.errors import ChampError
from champ_offline.external import errors
from champ_offline.external.endpoint import WAITS_SECONDS
from champ_offline.oci.digest import Digest
from champ_offline.store.blobs import BlobDamaged
from tests.simulators.brought import JOB, WEB, Brought
from tests.simulators.target import Asked, FakeTarget, Told, refusal
from tests.unit.external.conftest import Desk


def times(count: int, told: Told, method: str, part: str = "") -> Callable[[Asked], Told | None]:
    """Answer so the first times that it is asked with that method about such a path."""
    left = iter(range(count))

    def fault(asked: Asked) -> Told | None:
        matches = asked.method == method and part in asked.path
        return told if matches and next(left, None) is not None else None

    return fault


def always(told: Told, method: str, part: str = "") -> Callable[[Asked], Told | None]:
    return times(10**9, told, method, part)


@pytest.mark.parametrize("method", ["HEAD", "POST", "PATCH", "PUT", "GET"])
@pytest.mark.parametrize(
    "told", [Told(503), Told(0, close=True), refusal(429, "TOOMANYREQUESTS", Retry_After="7")]
)
def test_what_passes_is_tried_again(desk: Desk, fake: FakeTarget, method: str, told: Told) -> None:
    fake.fault = times(2, told, method, JOB)
    assert desk.push(JOB).names[0].manifests == 2
    assert 0 < len(desk.waited) <= 4
    if told.status == 429:
        assert set(desk.waited) == {7.0}


@pytest.mark.parametrize("method", ["HEAD", "POST", "PATCH", "PUT", "GET"])
def test_what_does_not_pass_ends_after_some_attempts(
    desk: Desk, fake: FakeTarget, method: str
) -> None:
    fake.fault = always(Told(500), method, JOB)
    with pytest.raises(errors.TargetUnreachable, match="status 500"):
        desk.push(JOB)
    assert fake.count(method, JOB) <= 2 * len(WAITS_SECONDS) + 2
    assert sum(desk.waited) < 60


def test_no_answer_at_all(desk: Desk, fake: FakeTarget, brought: Brought) -> None:
    desk.push(JOB)
    fake.fault = lambda _asked: Told(0, close=True)
    with pytest.raises(errors.TargetUnreachable, match="connection broke") as caught:
        desk.push(JOB)
    assert caught.value.exit_code == 4
    with pytest.raises(errors.TargetUnreachable):
        desk.verbs.refuse_missing({f"{JOB}:2": brought.digests["job"]})


@pytest.mark.parametrize(
    ("told", "method", "error", "said"),
    [
        (Told(413), "PATCH", errors.BodyTooLarge, "takes no"),
        (Told(507), "PUT", errors.RegistryFull, "507"),
        (
            refusal(500, "UNKNOWN", "no space left on device"),
            "PATCH",
            errors.RegistryFull,
            "",
        ),
        (refusal(403, "DENIED", "adding 20 KiB exceeds the quota"), "PUT", errors.RegistryFull, ""),
        (refusal(403, "DENIED", "not yours"), "POST", errors.AnonymousDenied, "DENIED: not yours"),
        (refusal(404, "NAME_UNKNOWN", "no project"), "POST", errors.AnonymousDenied, "no project"),
        (refusal(412, "PRECONDITION", "x"), "PUT", errors.TargetFailed, "412"),
        (refusal(400, "MANIFEST_INVALID", "\x1b[2J"), "PUT", errors.TargetFailed, "MANIFEST_IN"),
        (Told(401), "POST", errors.LoginNeeded, ""),
        (Told(401, {"WWW-Authenticate": "Negotiate"}), "POST", errors.LoginNeeded, ""),
        (Told(202), "POST", errors.TargetFailed, "no Location"),
    ],
)
def test_what_is_refused_is_said_in_one_sentence(
    desk: Desk, fake: FakeTarget, told: Told, method: str, error: type[ChampError], said: str
) -> None:
    part = "manifests" if error is errors.TargetFailed and method == "PUT" else "uploads"
    fake.fault = always(told, method, part)
    with pytest.raises(error) as caught:
        desk.push(WEB)
    assert said in str(caught.value)
    assert str(caught.value).isprintable()
    assert desk.waited == []
    assert desk.verbs.view().pushed == 0


def test_an_upload_goes_on_where_the_target_says(
    desk: Desk, fake: FakeTarget, brought: Brought
) -> None:
    """The target took a part of a chunk before the connection broke."""

    def fault(asked: Asked) -> Told | None:
        session = asked.path.rpartition("/")[2]
        if asked.method != "PATCH" or fake.uploads[session] or len(asked.body) < 50_000:
            return None
        fake.uploads[session] += asked.body[:12_345]
        return Told(0, close=True)

    fake.fault = fault
    desk.push(WEB)
    again = [one.headers["content-range"] for one in fake.asked if one.method == "PATCH"]
    assert "0-59999" in again
    assert "12345-59999" in again
    for (_, digest), data in fake.blobs.items():
        assert brought.blobs.path(Digest.parse(digest)).read_bytes() == data


def test_an_upload_that_is_forgotten_begins_anew(desk: Desk, fake: FakeTarget) -> None:
    def fault(asked: Asked) -> Told | None:
        if asked.method == "PATCH" and fake.count("PATCH") <= 3:
            fake.uploads.clear()
            return Told(0, close=True)
        return None

    fake.fault = fault
    assert desk.push(JOB).sent == 3
    assert fake.count("POST") == 3 + 3
    fake.blobs.clear()
    fake.fault = lambda asked: fake.uploads.clear() if asked.method == "PATCH" else None
    with pytest.raises(errors.TargetUnreachable, match="forgot"):
        desk.push(JOB)


def test_an_answer_that_got_lost_is_no_second_upload(desk: Desk, fake: FakeTarget) -> None:
    def fault(asked: Asked) -> Told | None:
        if asked.method == "PUT" and "digest=" in asked.path and fake.count("PUT") == 1:
            fake.usual(asked)
            return Told(0, close=True)
        return None

    fake.fault = fault
    desk.push(JOB)
    assert fake.count("POST") == 3


def test_other_digests_are_never_believed(desk: Desk, fake: FakeTarget) -> None:
    wrong = {"Docker-Content-Digest": f"sha256:{'0' * 64}"}
    for method, part in (("PUT", "uploads"), ("PUT", "manifests")):
        fake.fault = always(Told(201, wrong), method, part)
        with pytest.raises(errors.TargetDiffers):
            desk.push(JOB)
    fake.fault = always(Told(200, {}, b"short"), "HEAD", "blobs")
    with pytest.raises(errors.TargetDiffers):
        desk.push(JOB)
    fake.fault = always(Told(200, {}, b"{}"), "GET", "manifests/sha256")
    with pytest.raises(errors.TargetDiffers) as caught:
        desk.push(JOB)
    assert caught.value.exit_code == 11


def test_a_user_who_may_not_push_is_named(desk: Desk, fake: FakeTarget) -> None:
    desk.use(username="robot", password="secret")
    fake.fault = always(refusal(403, "DENIED", "not yours"), "POST", "uploads")
    with pytest.raises(errors.PushDenied, match="does not let “robot” push"):
        desk.push(JOB)


@pytest.mark.parametrize(
    "said",
    [
        b"Client sent an HTTP request to an HTTPS server.\n",
        b"<h1>400 Bad Request</h1> The plain HTTP request was sent to HTTPS port",
    ],
)
def test_a_target_with_tls_that_is_spoken_to_without(
    desk: Desk, fake: FakeTarget, said: bytes
) -> None:
    fake.fault = lambda _asked: Told(400, body=said)
    with pytest.raises(errors.TargetWithTls) as caught:
        desk.push(JOB)
    assert "--plain-http" in caught.value.advice
    fake.fault = lambda _asked: Told(400)
    with pytest.raises(errors.TargetFailed, match="refused GET /v2/: HTTP status 400"):
        desk.push(JOB)


def test_a_target_without_tls(desk: Desk) -> None:
    desk.use(plain_http=False)
    with pytest.raises(errors.TargetWithoutTls) as caught:
        desk.push(JOB)
    assert "--plain-http" in caught.value.advice
    assert "--ca" not in caught.value.advice


def test_what_was_accepted_and_is_not_there_is_told(desk: Desk, fake: FakeTarget) -> None:
    fake.fault = always(Told(201), "PUT", "uploads")
    with pytest.raises(errors.TargetDiffers):
        desk.push(JOB)
    assert desk.verbs.view().pushed == 0


def test_a_blob_that_changed_on_the_disk_is_not_sent_as_good(
    desk: Desk, fake: FakeTarget, brought: Brought
) -> None:
    [digest] = [one for one in brought.blobs if brought.blobs.size(one) == 5_000]
    path = brought.blobs.path(digest)
    good = path.read_bytes()
    path.chmod(0o600)
    for bad in (bytes([good[0] ^ 1]) + good[1:], good[:-1], good + b"x", b""):
        path.write_bytes(bad)
        with pytest.raises(BlobDamaged):
            desk.push(JOB)
        assert (f"champ/{JOB}", str(digest)) not in fake.blobs
        assert not fake.uploads
        assert not any("digest=" in one.path and str(digest.hex) in one.path for one in fake.asked)
    path.write_bytes(good)
    desk.push(JOB)
    assert fake.blobs[f"champ/{JOB}", str(digest)] == good


def test_a_manifest_that_changed_on_the_disk_is_not_sent(
    desk: Desk, fake: FakeTarget, brought: Brought
) -> None:
    path = brought.blobs.path(brought.digests["job"])
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(b"2", b"3", 1))
    with pytest.raises(BlobDamaged):
        desk.push(JOB)
    assert not fake.manifests


def test_who_only_looks_does_not_wait_long(desk: Desk, fake: FakeTarget, brought: Brought) -> None:
    desk.push(JOB)
    fake.fault = lambda _asked: Told(503)
    for look in (
        desk.verbs.look,
        lambda: desk.verbs.refuse_missing({f"{JOB}:2": brought.digests["job"]}),
    ):
        desk.waited.clear()
        with pytest.raises(errors.TargetUnreachable):
            look()
        assert desk.waited == [1.0]
