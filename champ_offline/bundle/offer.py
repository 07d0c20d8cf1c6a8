"""What a zone's papers offer to a medium that lost documents or indexes (FORMAT.md, "Repair").

Pure. Invariant: nothing of an offer is trusted; whoever takes of it verifies it like what lies on a
medium, and as documents of the very bundle that they are said to be of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from champ_offline.bundle import media
from champ_offline.bundle.document import VolumeEntry
from champ_offline.bundle.volume import INDEX_FILE, INDEXES
from champ_offline.oci.digest import Digest
from champ_offline.trust.documents import Documents


@dataclass(frozen=True)
class Offer:
    """The `papers` of the bundle whose bundle.json has `digest`; its `folder` on the medium."""

    folder: Path
    digest: Digest
    papers: Mapping[str, bytes]

    @property
    def documents(self) -> tuple[Documents, bytes] | None:
        """The trust documents and bundle.json, unchecked; None where one is not there."""
        try:
            return media.documents_in(self.papers), self.papers[media.DOCUMENT]
        except KeyError:
            return None

    @property
    def index(self) -> bytes:
        """The bundle's index.json, unchecked; empty where it is not there."""
        return self.papers.get(INDEX_FILE, b"")

    def index_of(self, entry: VolumeEntry) -> bytes | None:
        """A volume's index if it is the one that `entry` names."""
        data = self.papers.get(f"{INDEXES}/{entry.number:04}.json")
        return data if data is not None and Digest.of(data) == entry.index_digest else None
