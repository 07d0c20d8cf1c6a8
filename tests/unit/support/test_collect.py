"""Support bundles: what is in them, and what never is, however it was planted."""

from __future__ import annotations

import base64
import gzip
import io
import json
import re
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest

from champ_offline.cluster.interface import Cluster, ClusterUnreachable
from champ_offline.errors import Quoted
from champ_offline.findings import Finding, State
from champ_offline.journal.acts import Act, done
from champ_offline.journal.audit import Audit
from champ_offline.release.hiding import HIDDEN, Hiding
from champ_offline.support.archive import (
    LARGEST,
    LARGEST_FILE,
    Collection,
    SupportBundle,
    SupportWouldLeak,
)
from champ_offline.support.collect import ZoneSide, collect
from champ_offline.zone import ZoneSummary
from tests.simulators.cluster import SimulatedCluster
from tests.simulators.helm import SimulatedHelm
from tests.unit.cluster.documents import Object, ended, event, waiting
from tests.unit.release.conftest import NAME, PLACE, World, build

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
# What is secret, and where it is planted.
ANSWER = "s3cret-word"
IN_SECRET = "Kommt-Zeit-kommt-Rat-7"
IN_ENV = "env-Pferd-Batterie"
IN_CONFIG = "config-Pferd-Batterie"
IN_NOTE = "note-Pferd-Batterie"
TOKEN = "eyJhbGciOiJSUzI1NiJ9.kubeconfig-token"
PATIENT = "MUSTERMANN^ERIKA"
SUMMARY = ZoneSummary(
    name="core", commissioned="2026-01-01", root_version=1, root_fingerprint="ab", blobs=0, size=0,
    free=0, waiting=0, bundles=(),
)  # fmt: skip
EVERY = (ANSWER, IN_SECRET, IN_ENV, IN_CONFIG, IN_NOTE, TOKEN)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A release in trouble, with secrets all over the place."""
    cluster = SimulatedCluster()
    world = build(tmp_path / "zone.db", cluster, SimulatedHelm(cluster))
    Audit(world.database, lambda: NOW).record(done(Act.INIT, "core"))
    world.apply(world.plan(greeting="moin", password=IN_SECRET, replicas=1))
    _plant(cluster)
    return world


def _plant(cluster: SimulatedCluster) -> None:
    work = cluster.get("v1", "Pod", PLACE, f"{NAME}-work-0")
    assert work is not None
    work["metadata"]["annotations"] = {"note": IN_NOTE}
    work["spec"]["nodeName"] = "one"
    work["spec"]["containers"][0]["name"] = "web"
    work["spec"]["containers"][0]["env"] = [{"name": "ACCESS", "value": IN_ENV}]
    said = f"refused {ANSWER}"
    work["status"] = {"phase": "Pending", **waiting("CrashLoopBackOff", said, 1, **ended(3))}
    cluster.delete(work, PLACE)  # a status that is there stays
    cluster.apply(work, PLACE)
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}
    cluster.apply({**made, "data": {"key": IN_CONFIG}}, PLACE)
    coded = base64.b64encode(f"user:{IN_SECRET}".encode()).decode()
    cluster.logs[f"{NAME}-work-0", "web"] = (
        f"login {ANSWER} {quote(IN_SECRET)} {IN_ENV}\nAuthorization: Basic {coded}\n"
        f"token {TOKEN}\nstored {PATIENT}\n"
    )
    probe = f"Readiness probe failed: HTTP probe failed: {PATIENT} {ANSWER}"
    cluster.events = [
        _of(work, "Unhealthy", probe), _of(work, "BackOff", f"restarting with {ANSWER}")
    ]  # fmt: skip


def _of(pod: Object, reason: str, message: str) -> Object:
    found = event(pod, reason, message)
    found["metadata"]["namespace"] = PLACE
    return found


def bundle(world: World, tmp_path: Path, *, logs: bool = False) -> SupportBundle:
    kubeconfig = tmp_path / "kubeconfig"
    user = f"users: [{{name: u, user: {{token: {TOKEN}}}}}]\n"
    kubeconfig.write_text(f"apiVersion: v1\n{user}")
    findings = [Finding("disk", State.OK, note=f"seen by {ANSWER}")]
    zone = ZoneSide(world.database, SUMMARY, findings, NOW)
    return collect(zone, kubeconfig, logs=logs, opened=lambda _: world.cluster)


def files(made: SupportBundle) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(made.to_bytes()), mode="r:gz") as archive:
        found = {}
        for member in archive:
            folder, _, name = member.name.partition("/")
            assert (folder, member.mode, member.uid, member.isfile()) == (
                "champ-support-core", 0o600, 0, True,
            )  # fmt: skip
            found[name] = archive.extractfile(member).read().decode()  # type: ignore[union-attr]
        return found


def forms(secret: str) -> set[str]:
    data = secret.encode()
    coded = {base64.b64encode(b"x" * lead + data + b"yz").decode()[4:-8] for lead in range(3)}
    plain = {secret, base64.b64encode(data).decode().rstrip("="), quote(secret), data.hex()}
    return {form for form in plain | coded if len(form) > 6}


@pytest.mark.parametrize("logs", [False, True])
def test_no_secret_is_in_any_byte(world: World, tmp_path: Path, logs: bool) -> None:
    whole = gzip.decompress(bundle(world, tmp_path, logs=logs).to_bytes()).decode()
    for secret in EVERY:
        assert [form for form in forms(secret) if form in whole] == [], secret
    assert HIDDEN in whole


def test_logs_are_there_only_when_asked_for(world: World, tmp_path: Path) -> None:
    without = files(bundle(world, tmp_path))
    assert not [name for name in without if "/logs/" in name]
    assert PATIENT not in "".join(without.values())
    assert "no lines of containers' logs" in without["README.txt"]
    assert "MUSTERMANN" not in json.dumps(list(without))
    with_logs = files(bundle(world, tmp_path, logs=True))
    [log] = [text for name, text in with_logs.items() if name.endswith("work-0.web.txt")]
    assert f"stored {PATIENT}" in log
    assert f"login {HIDDEN} {HIDDEN} {HIDDEN}" in log
    assert "may tell of patients" in with_logs["README.txt"]


def test_it_holds_what_helps(world: World, tmp_path: Path) -> None:
    found = files(bundle(world, tmp_path))
    top = f"clusters/cluster/{PLACE}/{NAME}"
    assert list(found) == [
        "README.txt", "audit.json", "clusters/cluster/cluster.json", f"{top}/causes.json",
        f"{top}/events.json", f"{top}/objects.json", "doctor.json", "journal.json",
        "releases.json", "versions.json", "zone.json",
    ]  # fmt: skip
    [why] = json.loads(found[f"{top}/causes.json"])
    assert why["id"] == "cause.crash-loop"
    assert (why["log"], "exit code 3" in why["message"]) == ([], True)
    [[revision]] = json.loads(found["releases.json"])
    assert (revision["outcome"], revision["app"]) == ("deployed", "sample")
    assert "inputs" not in revision
    audit = json.loads(found["audit.json"])
    assert audit["stands"]
    assert [row["act"] for row in audit["rows"]]
    [operation] = json.loads(found["journal.json"])
    assert [step["outcome"] for step in operation["steps"]]
    objects = {one["kind"]: one for one in json.loads(found[f"{top}/objects.json"])}
    assert objects["Pod"]["node"] == "one"
    assert objects["Pod"]["containers"][0]["restartCount"] == 1
    for name, text in found.items():
        if name != "README.txt":
            assert re.search(rf"^{re.escape(name)}$", found["README.txt"], re.MULTILINE)
            assert f"{len(text.encode())} bytes" in found["README.txt"]


def test_the_same_gives_the_same_bytes(world: World, tmp_path: Path) -> None:
    first, second = (bundle(world, tmp_path).to_bytes() for _ in range(2))
    assert first == second


def test_a_cluster_that_is_away_is_told_and_hinders_nothing(world: World, tmp_path: Path) -> None:
    world.cluster.reachable = False
    found = files(bundle(world, tmp_path))
    assert "does not answer" in json.loads(found["clusters/cluster/cluster.json"])["error"]
    assert json.loads(found["releases.json"])

    def unopened(_: Path) -> Cluster:
        raise ClusterUnreachable(address="https://x", reason=Quoted("no route"))

    zone = ZoneSide(world.database, SUMMARY, (), NOW)
    found = files(collect(zone, tmp_path / "gone", logs=True, opened=unopened))
    assert "no route" in found["clusters/cluster/cluster.json"]


def test_files_are_bounded_and_say_so() -> None:
    found = Collection(Hiding([]))
    for number in range(40):
        found.text(f"logs/{number:02}.txt", "a log", "x" * (2 * LARGEST_FILE))
    found.document("objects.json", "objects", ["x" * LARGEST_FILE])
    made = found.bundle("core", "1", NOW, logs=True)
    texts = {file.name: file.data.decode() for file in made.files}
    assert texts["logs/00.txt"].endswith("(cut off here)\n")
    assert json.loads(texts["objects.json"])["left out"]
    assert all(file.size <= LARGEST_FILE for file in made.files)
    assert made.size <= LARGEST + 64 * 1024


def test_what_would_leak_is_not_written() -> None:
    found = Collection(Hiding(["correct-horse"]))
    found.text("correct-horse.txt", "its name is one", "nothing")
    with pytest.raises(SupportWouldLeak):
        found.bundle("core", "1", NOW, logs=False)


def test_a_name_of_the_app_is_no_secret(tmp_path: Path) -> None:
    cluster = SimulatedCluster()
    world = build(tmp_path / "zone.db", cluster, SimulatedHelm(cluster))
    world.apply(world.plan(password=f"{NAME}-work", replicas=1))
    found = files(bundle(world, tmp_path))
    assert f"{NAME}-work-0" in found[f"clusters/cluster/{PLACE}/{NAME}/objects.json"]
