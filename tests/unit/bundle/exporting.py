"""A zone that exports."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from champ_offline.bundle.export import Exported, Exporter, ExportOrder
from champ_offline.bundle.export_media import Targets
from champ_offline.bundle.selection import Wanted
from champ_offline.bundle.verify import verify
from champ_offline.events import Event, ignore
from champ_offline.journal.acts import Act
from champ_offline.journal.audit import Audit
from champ_offline.oci.digest import Digest
from champ_offline.paths import ZonePaths
from tests.unit.bundle.conftest import NOW, Signing, Zone
from tests.unit.bundle.desk import flip

KIB = 1024
ZONES = ("core", "far")


class House(Zone):
    """A zone that exports, and what its audit chain tells."""

    def __init__(self, root: Path, signing: Signing, now: datetime = NOW) -> None:
        super().__init__(root, signing)
        self.root, self.now = root, now
        self.audit = Audit(self.database, lambda: self.now)
        self.out = root.parent / f"from-{root.name}"
        self.out.mkdir()

    def export(
        self,
        *wanted: str,
        zone: str = "far",
        to: Targets | None = None,
        told: list[Event] | None = None,
    ) -> tuple[Exported, ...]:
        stored = (self.database, self.blobs, ZonePaths(self.root))
        exporter = Exporter(self.intake.held, self.trust, *stored, lambda: self.now)
        order = ExportOrder(zone, to or Targets((self.out,)), tuple(map(Wanted.parse, wanted)))
        return exporter.run(order, ignore if told is None else told.append)

    def accept(self, *folders: Path) -> None:
        verified = verify(folders, self.trust.root(), self.now, "core")
        self.intake.take(verified, self.now.isoformat(), ignore)

    @property
    def told(self) -> list[tuple[str, str]]:
        rows = self.audit.rows()
        return [(row.act, row.subject) for row in rows if row.act == Act.EXPORT]

    def alter(self, path: str, content: bytes) -> None:
        with self.database.transaction() as connection:
            done = connection.execute(
                "UPDATE papers SET content = ? WHERE path = ?", (content, path)
            )
            assert done.rowcount

    def forget_papers(self) -> None:
        with self.database.transaction() as connection:
            connection.execute("DELETE FROM papers")

    def rot(self, digest: Digest) -> None:
        path = self.blobs.path(digest)
        path.chmod(0o644)
        flip(path, path.stat().st_size // 2)

    def largest(self) -> Digest:
        return max(self.blobs, key=self.blobs.size)
