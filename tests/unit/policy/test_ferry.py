"""A ferry folder on a real zone: whole bundles once, others waited for, links never followed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from champ_offline.appliance import Appliance
from champ_offline.bundle.errors import NoBundle
from champ_offline.bundle.media import DOCUMENT
from champ_offline.durable.lock import FileLock, Locked
from champ_offline.errors import ExitCode
from champ_offline.events import Event, StepStarted, ignore
from champ_offline.policy.arrivals import TooManyTrees, TreeIsLink, arrivals
from champ_offline.policy.document import Policy
from champ_offline.policy.ferry import Ferry, State, Told
from champ_offline.trust.key_errors import NoSuchFolder
from tests.tui.sample_app import ZONE, Media, make_media
from tests.tui.simulated import World

ALWAYS = "format: 1\nbundles: [greeter]\nhours: always\n"
NIGHT = ALWAYS.replace(
    "always", '{zone: "+00:00", open: [{from: "22:00", to: "04:00"}], outside: wait}'
)
RULES = ALWAYS + "rules: [{apps: [greeter], install: true, steps: [major], warnings: go-on}]\n"
ANSWERS = "site: North Clinic\nusers: [{name: admin, password: not-so-secret-1}]\n"


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Media:
    return make_media(tmp_path_factory.mktemp("media"), volume=300 * 1024)


@dataclass
class Gate:
    """A zone with a cluster, and the folder that a gate drops trees into."""

    zone: Path
    folder: Path
    media: Media
    world: World = field(default_factory=World)
    now: datetime | None = None

    @property
    def appliance(self) -> Appliance:
        return self.world.open(self.zone)

    def ferry(self, policy: str = ALWAYS) -> Ferry:
        read = Policy.from_bytes(policy.encode(), "policy.yaml")
        kubeconfig = self.zone / "kubeconfig"
        return Ferry(self.appliance, read, kubeconfig, self.folder, self.clock)

    def clock(self) -> datetime:
        return self.now or datetime.now(UTC)

    def look(self, policy: str = ALWAYS) -> list[Told]:
        return list(self.ferry(policy).look(ignore))

    def states(self, policy: str = ALWAYS) -> list[tuple[str, str]]:
        return [(one.name, one.state.value) for one in self.look(policy)]

    def bundle(self, version: str) -> Path:
        """Where the bundle of that version lies on the stick it comes from."""
        return next(one.parent for one in self.media.stick.rglob(DOCUMENT) if version in str(one))

    def drop(self, version: str, tree: str) -> Path:
        made = self.bundle(version)
        return Path(shutil.copytree(made, self.folder / tree / "champ" / made.name))

    def held(self) -> list[str]:
        return sorted(one.document.version for one in self.appliance.summary().bundles)

    def running(self) -> str:
        rows = self.appliance.releases.status(None, None, self.zone / "kubeconfig")
        return " ".join(f"{row.version} {row.health}" for row in rows)


@pytest.fixture
def gate(tmp_path: Path, media: Media) -> Gate:
    zone = Appliance.create(tmp_path / "zone", ZONE, media.root, media.fingerprint)
    answers = zone.paths.answers("greeter", "greeter")
    answers.parent.mkdir(parents=True)
    answers.write_text(ANSWERS)
    (tmp_path / "ferry").mkdir()
    return Gate(tmp_path / "zone", tmp_path / "ferry", media)


def files_in(folder: Path) -> Iterator[tuple[str, int, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield str(path), path.stat().st_mtime_ns, path.read_bytes()


def test_each_bundle_is_seen_to_once_and_left_as_it_was(gate: Gate) -> None:
    gate.drop("1.0", "monday")
    gate.drop("2.0", "tuesday")
    before = list(files_in(gate.folder))
    first = gate.look(RULES)
    assert [(one.name, one.state) for one in first] == [
        ("greeter-1.0", State.DONE), ("greeter-2.0", State.DONE),
    ]  # fmt: skip
    assert all(one.exit_code is ExitCode.OK and one.run is not None for one in first)
    assert (gate.held(), gate.running()) == (["1.0", "2.0"], "2.0 healthy")
    assert gate.look(RULES) == []
    assert list(files_in(gate.folder)) == before


def test_the_same_bundle_in_another_tree_is_nothing_new(gate: Gate) -> None:
    gate.drop("1.0", "monday")
    assert gate.states() == [("greeter-1.0", "done")]
    shutil.rmtree(gate.folder / "monday")
    assert gate.states() == []
    gate.drop("1.0", "again")
    assert gate.states() == []


def test_what_somebody_took_back_stays_taken_back(gate: Gate) -> None:
    gate.drop("1.0", "a")
    gate.drop("2.0", "b")
    gate.look(RULES)
    releases, way = gate.appliance.releases, gate.zone / "kubeconfig"
    releases.apply(releases.plan_rollback("greeter", "greeter", 1, way), way, ignore)
    assert gate.running() == "1.0 healthy"
    assert gate.look(RULES) == []
    assert gate.running() == "1.0 healthy"


def test_a_half_copied_tree_is_waited_for_and_told_once(gate: Gate) -> None:
    whole = gate.bundle("1.0")
    part = gate.folder / "stick" / "champ" / whole.name
    states: list[tuple[str, str]] = []
    for source in sorted(whole.rglob("*"), reverse=True):
        if source.is_file():
            target = part / source.relative_to(whole)
            target.parent.mkdir(parents=True, exist_ok=True)
            data = source.read_bytes()
            for share in (0, len(data) // 2, len(data) - 1):
                target.write_bytes(data[:share])
                found = gate.states()
                assert {state for _name, state in found} <= {"waiting"}, (target, found)
                states += found
            target.write_bytes(data)
    # First the tree says nothing of itself, then the bundle's name is known.
    assert len(states) <= 3, states
    assert gate.states() == [("greeter-1.0", "done")]
    assert gate.held() == ["1.0"]


def test_a_volume_with_its_size_but_not_its_bytes_is_waited_for(gate: Gate) -> None:
    volume = min(gate.drop("1.0", "stick").glob("*.tar"))
    data = volume.read_bytes()
    volume.write_bytes(data[: len(data) // 2] + bytes(len(data) - len(data) // 2))
    (told,) = gate.look()
    assert (told.state, told.exit_code.name) == (State.WAITING, "CORRUPT")
    assert [one.id for one in told.reasons] == ["media.blobs-lost"]
    events: list[Event] = []
    assert list(gate.ferry().look(events.append)) == []
    assert events == []  # it is not read again before something changes
    volume.write_bytes(data)
    assert gate.states() == [("greeter-1.0", "done")]


def test_parts_in_several_trees_are_one_bundle(gate: Gate) -> None:
    volumes = sorted(gate.drop("1.0", "first").glob("*.tar"))
    assert len(volumes) > 1
    (gate.folder / "second").mkdir()
    volumes[-1].rename(gate.folder / "second" / volumes[-1].name)
    assert gate.states() == [("greeter-1.0", "done")]


def test_other_folders_and_files_are_no_bundles(gate: Gate) -> None:
    (gate.folder / "notes").mkdir()
    (gate.folder / "readme.txt").write_text("hello")
    os.mkfifo(gate.folder / "pipe")
    (told,) = gate.look()
    assert (told.name, told.state) == ("notes", State.WAITING)
    assert isinstance(told.reasons[0], NoBundle)
    assert gate.look() == []


def test_links_in_the_place_of_folders_lead_nowhere(gate: Gate, tmp_path: Path) -> None:
    outside = Path(shutil.copytree(gate.bundle("1.0"), tmp_path / "outside" / "greeter-1.0"))
    (gate.folder / "tree").symlink_to(outside.parent)
    (told,) = gate.look()
    assert (told.state, told.exit_code) == (State.REFUSED, ExitCode.TRUST_REFUSED)
    assert isinstance(told.reasons[0], TreeIsLink)
    assert gate.look() == []
    (gate.folder / "deep").mkdir()
    (gate.folder / "deep" / "champ").symlink_to(outside.parent)
    (gate.folder / "deeper" / "champ").mkdir(parents=True)
    (gate.folder / "deeper" / "champ" / outside.name).symlink_to(outside)
    assert gate.states() == [("deep", "waiting"), ("deeper", "waiting")]
    assert gate.held() == []


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("metadata", "waiting"),
        ("metadata/timestamp.json", "waiting"),
        ("bundle.json", "waiting"),
        ("greeter-1.0.0001.tar", "waiting"),
        ("volumes", "done"),  # each volume has its index in itself too
    ],
)
def test_links_in_a_bundle_lead_nowhere(gate: Gate, tmp_path: Path, name: str, state: str) -> None:
    outside = Path(shutil.copytree(gate.bundle("1.0"), tmp_path / "outside" / "greeter-1.0"))
    kept = gate.drop("1.0", "stick") / name
    shutil.rmtree(kept) if kept.is_dir() else kept.unlink()
    kept.symlink_to(outside / name)
    assert gate.states() == [("greeter-1.0", state)]
    assert gate.held() == (["1.0"] if state == "done" else [])


def test_a_tree_that_becomes_a_link_meanwhile_is_not_read(gate: Gate, tmp_path: Path) -> None:
    gate.drop("1.0", "stick")
    outside = Path(shutil.copytree(gate.folder / "stick", tmp_path / "outside"))

    def swap(event: Event) -> None:
        if isinstance(event, StepStarted) and event.name == "ferry":
            (gate.folder / "stick").rename(tmp_path / "away")
            (gate.folder / "stick").symlink_to(outside)

    (told,) = gate.ferry().look(swap)
    assert (told.state, gate.held()) == (State.WAITING, [])
    assert gate.states() == [("stick", "refused")]


def test_a_stranger_of_the_same_name_keeps_no_bundle_from_its_turn(
    gate: Gate, tmp_path_factory: pytest.TempPathFactory
) -> None:
    strange = make_media(tmp_path_factory.mktemp("strange"), ("1.0",))
    shutil.copytree(strange.stick, gate.folder / "a-stranger")
    (told,) = gate.look()
    assert (told.state, told.exit_code) == (State.REFUSED, ExitCode.TRUST_REFUSED)
    assert gate.look() == []
    gate.drop("1.0", "ours")
    assert gate.states() == [("greeter-1.0", "done")]
    assert gate.look() == []


def test_what_is_forbidden_is_told_once_and_decided_anew_under_another_policy(gate: Gate) -> None:
    gate.drop("1.0", "stick")
    forbidding = ALWAYS.replace("greeter", "other")
    (told,) = gate.look(forbidding)
    assert (told.state, told.exit_code) == (State.FORBIDDEN, ExitCode.APPROVAL_MISSING)
    assert gate.look(forbidding) == []
    assert gate.states(ALWAYS) == [("greeter-1.0", "done")]


def test_the_hour_is_waited_for(gate: Gate) -> None:
    day = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    gate.drop("1.0", "stick")
    gate.now = day
    assert gate.states(NIGHT) == [("greeter-1.0", "later")]
    gate.now = day + timedelta(hours=1)
    assert gate.states(NIGHT) == []
    gate.now = day + timedelta(hours=11)
    assert gate.states(NIGHT) == [("greeter-1.0", "done")]


def test_a_cluster_that_does_not_answer_is_asked_again_later(gate: Gate) -> None:
    gate.drop("1.0", "stick")
    gate.now = datetime.now(UTC)
    gate.world.cluster.reachable = False
    assert gate.states(RULES) == [("greeter-1.0", "later")]
    gate.world.cluster.reachable = True
    assert gate.look(RULES) == []
    gate.now += timedelta(hours=2)
    assert gate.states(RULES) == [("greeter-1.0", "done")]


def test_one_that_was_begun_and_not_ended_is_gone_on_with(gate: Gate) -> None:
    gate.drop("1.0", "stick")

    class Gone(BaseException):
        """The process ends."""

    def leave(event: Event) -> None:
        if isinstance(event, StepStarted) and event.name == "plan":
            raise Gone

    with pytest.raises(Gone):
        list(gate.ferry(RULES).look(leave))
    assert gate.held() == ["1.0"]
    assert gate.states(RULES) == [("greeter-1.0", "done")]
    assert gate.running() == "1.0 healthy"


def test_another_run_at_work_is_told(gate: Gate) -> None:
    gate.drop("1.0", "stick")
    with FileLock(gate.appliance.paths.run_lock), pytest.raises(Locked):
        gate.look()
    assert gate.states() == [("greeter-1.0", "done")]


def test_a_folder_that_is_not_there_and_one_that_is_too_full(gate: Gate, tmp_path: Path) -> None:
    with pytest.raises(NoSuchFolder):
        arrivals(tmp_path / "absent")
    for number in range(1_001):
        (gate.folder / f"{number:04}").mkdir()
    with pytest.raises(TooManyTrees):
        gate.look()


def test_an_installer_that_comes_on_changes_what_was_seen(gate: Gate) -> None:
    """Also where several bundles lie in the tree, whose folders it is in none of."""
    gate.drop("1.0", "stick")
    gate.drop("2.0", "stick")
    installer = gate.folder / "stick/champ.sh"
    installer.write_bytes(b"half")
    before = [one.print for one in arrivals(gate.folder)]
    assert [one.print for one in arrivals(gate.folder)] == before
    installer.write_bytes(b"half and half")
    after = [one.print for one in arrivals(gate.folder)]
    assert len(after) == 2
    assert set(before) & set(after) == set()


def test_names_that_are_no_text(gate: Gate) -> None:
    (gate.folder / os.fsdecode(b"\xff\xfe")).mkdir()
    (told,) = gate.look()
    assert told.state is State.WAITING
    assert gate.look() == []
