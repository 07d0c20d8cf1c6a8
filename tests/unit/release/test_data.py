"""Data of a release: saved whole or not at all, brought back whole or not served."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from champ_offline.cluster.commands import CommandFailed
from champ_offline.cluster.commands import Event as CommandEvent
from champ_offline.events import Event, Progress
from champ_offline.journal.audit import Audit
from champ_offline.release.data.acts import (
    DataActs,
    DataNotWhole,
    DataPutBack,
    ReleaseMoved,
    Restored,
    deeds,
)
from champ_offline.release.data.backups import (
    Backup,
    BackupNotWhole,
    Backups,
    BackupUnknown,
    NothingSaved,
    Reason,
    State,
)
from champ_offline.release.data.hands import WorkloadNotReady, WorkloadUnknown
from champ_offline.release.data.keeper import BackupDamaged, NoRoomForData, Tools
from champ_offline.release.data.shelf import BackupNeeded, Shelf
from champ_offline.release.records.history import Revision
from champ_offline.store.blobs import BlobStore
from tests.simulators.charts import NOWHERE, chart
from tests.simulators.cluster import SimulatedCluster
from tests.simulators.helm import SimulatedHelm
from tests.simulators.kept_data import DECLARED, FILES, KeptData
from tests.simulators.programs import Process
from tests.unit.release.conftest import HERE, NAME, PLACE, World, build, clock

PLACED = (HERE, PLACE, NAME)


class Cut(BaseException):
    """The end of the process, in the middle of what it did."""


@dataclass
class Ward:
    """A release that keeps data, and a zone that saves it."""

    world: World
    data: KeptData
    blobs: BlobStore
    acts: DataActs
    shelf: Shelf
    free: list[int]
    told: list[Event] = field(default_factory=list)

    @property
    def revision(self) -> Revision:
        found = self.world.history.current(*PLACED)
        assert found is not None
        return found

    @property
    def backups(self) -> Backups:
        return Backups(self.world.database)

    def save(self) -> Backup:
        return self.acts.save(self.revision, DECLARED, self.told.append)

    def restore(self, number: int, *, keep: bool = True) -> Restored:
        backup, parts = self.backups.one(number), DECLARED if keep else ()
        return self.acts.restore(self.revision, backup, parts, self.told.append)

    def replicas(self, name: str) -> int:
        found = self.world.cluster.get("apps/v1", "Deployment", PLACE, f"{NAME}-{name}")
        assert found is not None
        return int(found["spec"]["replicas"])

    def cut_at(self, wanted: str) -> None:
        """Let the process end before that effect."""
        around = self.data._around

        @contextmanager
        def effect(name: str) -> Iterator[None]:
            if name == wanted:
                self.data._around = around
                self.world.cluster.reachable = False
                raise Cut
            with around(name):
                yield

        self.data._around = effect

    def left(self) -> None:
        """The process is gone, and the cluster there again."""
        for record in self.world.journal.under_way():
            self.world.journal.let_go(record.number)
        self.world.cluster.reachable = True


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    cluster = SimulatedCluster()
    world = build(tmp_path / "zone.db", cluster, SimulatedHelm(cluster))
    world.apply(world.plan("1.0", chart(FILES)))
    free = [10**6]
    blobs = BlobStore(tmp_path / "store")
    tools = Tools(cluster, blobs, world.database, clock(), lambda: free[0], 0.01, 0.05)
    audit = Audit(world.database, clock())
    acts = DataActs(tools, world.helm, world.vault, world.journal, audit)
    shelf = Shelf(world.database, blobs, tmp_path / "lock", clock())
    yield Ward(world, KeptData(cluster, NAME), blobs, acts, shelf, free)
    world.database.close()


def test_what_is_saved_is_in_the_store_and_named(ward: Ward) -> None:
    found = ward.save()
    assert (found.state, found.why, found.number) == (State.WHOLE, Reason.ASKED, 1)
    assert [one.name for one in found.parts] == ["index", "files"]
    kept = [ward.blobs.read(part.digest) for part in found.parts]
    assert kept == [b"old:index", b"old:files"]
    assert found.size == sum(map(len, kept))
    assert (found.subject.version, found.subject.revision) == ("1.0", 1)
    modes = {ward.blobs.path(part.digest).stat().st_mode & 0o777 for part in found.parts}
    assert modes == {0o400}
    assert {one.subject for one in ward.told if isinstance(one, Progress)} == {"index", "files"}
    [_, _, begin, end] = [
        (row.act, json.loads(row.detail)) for row in Audit(ward.world.database, clock()).rows()
    ]
    assert begin == ("data.begin", {"does": "data.save", "operation": 2})
    assert end[1]["outcome"] == "done"
    assert ward.data.violations == []


def test_half_a_backup_is_never_whole(ward: Ward) -> None:
    ward.data.fails.add("dump files")
    with pytest.raises(CommandFailed):
        ward.save()
    [found] = ward.backups.every()
    assert (found.state, [one.name for one in found.parts]) == (State.BROKEN, ["index"])
    assert found.descriptors == ()
    assert ward.blobs.partials() == (0, 0)
    assert ward.world.journal.under_way() == ()
    with pytest.raises(BackupNotWhole):
        ward.restore(1)
    with pytest.raises(NothingSaved):
        ward.backups.newest(PLACED, "1.0")


def test_a_save_that_is_stopped_keeps_nothing(ward: Ward) -> None:
    ward.cut_at("run dump")
    with pytest.raises(Cut):
        ward.save()
    assert ward.backups.one(1).state is State.BROKEN
    assert ward.world.journal.under_way() == ()
    ward.left()
    assert ward.save().state is State.WHOLE


def test_what_was_saved_comes_back_and_what_was_there_is_kept(ward: Ward) -> None:
    ward.save()
    ward.data.volumes["files"] = b"old:deleted by mistake"
    done = ward.restore(1)
    assert (done.backup, done.saved) == (1, 2)
    assert ward.data.volumes == {"index": b"old:index", "files": b"old:files"}
    assert (ward.replicas("app"), ward.replicas("files")) == (1, 0)
    assert ward.data.violations == []
    assert ward.restore(2, keep=False).saved == 0
    assert ward.data.volumes["files"] == b"old:deleted by mistake"


def test_deeds_tell_what_was_saved_and_brought_back(ward: Ward) -> None:
    ward.save()
    ward.restore(1)
    ward.data.fails.add("dump files")
    with pytest.raises(CommandFailed):
        ward.save()
    ward.data.fails.clear()
    ward.cut_at("run load")
    with pytest.raises(DataNotWhole, match="No whole backup"):
        ward.restore(1, keep=False)
    told = list(deeds(ward.world.journal))
    assert [(one.operation, one.backup, one.outcome) for one in told] == [
        ("save-data", 1, "done"), ("restore-data", 1, "done"),
        ("save-data", 3, "failed"), ("restore-data", 1, "running"),
    ]  # fmt: skip
    assert {(one.cluster, one.namespace, one.release) for one in told} == {PLACED}
    assert {(one.number, one.version) for one in told} == {(1, "1.0")}
    assert told[2].error == CommandFailed.id
    assert told[0].seconds > 0


def test_a_restore_that_fails_brings_back_what_was_there(ward: Ward) -> None:
    ward.save()
    ward.data.volumes["index"] = b"old:later"
    around = ward.data._load

    def once(process: Process) -> Generator[CommandEvent, None, int]:
        if b"old:files" in (pieces := list(process.stdin)) and ward.data.fails:
            ward.data.fails.clear()
            process.stdin = iter(pieces)
            ward.data._write("files", b"half")
            yield from ()
            return 3
        process.stdin = iter(pieces)
        return (yield from around(process))

    ward.data.fails.add("once")
    ward.world.cluster.computer.programs["load"] = once
    with pytest.raises(DataPutBack, match="code 3"):
        ward.restore(1)
    assert ward.data.volumes == {"index": b"old:later", "files": b"old:files"}
    assert ward.replicas("app") == 1
    assert ward.data.violations == []
    assert ward.world.journal.under_way() == ()


def test_what_cannot_be_made_whole_stands_still_until_it_is(ward: Ward) -> None:
    ward.save()
    ward.data.fails.add("load files")
    with pytest.raises(DataNotWhole):
        ward.restore(1)
    assert (ward.replicas("app"), ward.data.volumes["files"]) == (0, b"half")
    with pytest.raises(BackupNeeded):
        ward.shelf.remove(1)
    with pytest.raises(CommandFailed):
        ward.world.journal.recover()
    assert ward.replicas("app") == 0
    ward.data.fails.clear()
    [told] = ward.world.journal.recover()
    assert told.outcome == "put-back"
    assert ward.data.volumes == {"index": b"old:index", "files": b"old:files"}
    assert (ward.replicas("app"), ward.data.violations) == (1, [])


def test_a_restore_that_was_taken_back_in_vain_is_by_the_recovery(ward: Ward) -> None:
    ward.save()
    ward.data.volumes["index"] = b"old:later"
    ward.cut_at("write files")
    with pytest.raises(DataNotWhole):
        ward.restore(1)
    assert ward.data.volumes["files"] == b"old:files"
    ward.left()
    [would] = ward.world.journal.recover(rehearsal=True)
    assert (would.outcome, would.acts) == ("open", ("return 2", "wake"))
    [told] = ward.world.journal.recover()
    assert (told.operation, told.outcome) == ("restore-data", "put-back")
    assert told.acts == would.acts
    assert ward.data.volumes == {"index": b"old:later", "files": b"old:files"}
    assert (ward.replicas("app"), ward.data.violations) == (1, [])


def test_damage_is_found_before_anything_stands_still(ward: Ward) -> None:
    found = ward.save()
    [one] = ward.shelf.verify(1, ward.told.append)
    assert one.sound
    path = ward.blobs.path(found.parts[1].digest)
    path.chmod(0o600)
    path.write_bytes(b"rotten")
    [one] = ward.shelf.verify(None, ward.told.append)
    assert one.damaged == ("files",)
    with pytest.raises(BackupDamaged):
        ward.restore(1)
    assert len(ward.world.journal.recent(9)) == 2


def test_what_would_not_fit_or_is_not_known_is_not_begun(ward: Ward) -> None:
    found = ward.save()
    ward.free[0] = found.size - 1
    with pytest.raises(NoRoomForData):
        ward.save()
    with pytest.raises(BackupUnknown):
        ward.backups.one(7)
    ward.world.helm.rollback(NAME, PLACE, 1, ward.world.executor._options)
    with pytest.raises(ReleaseMoved):
        ward.restore(1)


def test_an_app_that_lacks_what_it_speaks_of_is_told(ward: Ward) -> None:
    ward.world.apply(ward.world.plan("2.0", chart({**FILES, "templates/c-files.yaml": ""})))
    with pytest.raises(WorkloadUnknown, match="files"):
        ward.restore(ward.save().number)


def test_a_pod_that_does_not_come_up_ends_the_wait(ward: Ward) -> None:
    deployed = ward.world.cluster.get("apps/v1", "Deployment", PLACE, f"{NAME}-database")
    assert deployed is not None
    deployed["spec"]["template"]["spec"]["containers"][0]["image"] = NOWHERE
    ward.world.cluster.apply(deployed, PLACE)
    with pytest.raises(WorkloadNotReady, match="database"):
        ward.save()
    assert ward.backups.one(1).state is State.BROKEN


def test_the_newest_whole_ones_of_each_release_are_kept(ward: Ward) -> None:
    for _ in range(3):
        ward.save()
    ward.data.fails.add("dump index")
    with pytest.raises(CommandFailed):
        ward.save()
    assert [one.number for one in ward.backups.dispensable(2)] == [4, 1]
    subject = ward.backups.one(1).subject
    former = [(subject.place, subject.version), (subject.place, "0.9")]
    assert [one.number for one in ward.backups.dispensable(0, former)] == [4, 1, 2]
    ward.shelf.remove(4)
    assert [one.number for one in ward.shelf.listed(NAME, None)] == [1, 2, 3]
    assert ward.shelf.listed("other", None) == ()
