"""The gate for a bundle's documents: what signatures, roots and dates say of each folder on media.

Invariant: what passes was accepted whole, by the folder's own documents or by what parity and the
roots of all media give back; whatever was refused on the way is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from champ_offline.bundle import media
from champ_offline.bundle.document import BundleDocument
from champ_offline.bundle.offer import Offer
from champ_offline.errors import ChampError
from champ_offline.oci.digest import Digest
from champ_offline.trust.documents import Documents
from champ_offline.trust.errors import RootMissing
from champ_offline.trust.overrides import Overrides
from champ_offline.trust.roots import line_through
from champ_offline.trust.trusted import Accepted, TrustedBundle, evaluate


@dataclass(frozen=True)
class Found:
    """A folder whose documents are trusted; `files` are these by their path in it."""

    folder: Path
    trusted: TrustedBundle
    document: BundleDocument
    files: dict[str, bytes]

    @property
    def lost_roots(self) -> tuple[int, ...]:
        """Versions of roots that the bundle must carry, from the first on that no medium gave."""
        wanted = range(1, self.trusted.announced + 1)
        return tuple(
            n for n in wanted if f"{media.METADATA}/{media.root_name(n)}" not in self.files
        )


@dataclass(frozen=True)
class Gate:
    """What documents have to pass; `known` are roots that may make up for lost ones.

    `offer` is what a zone kept of the bundle in one of the folders.
    """

    root: bytes
    now: datetime
    overrides: Overrides
    history: tuple[Accepted, ...]
    known: tuple[bytes, ...]
    offer: Offer | None = None

    def accept(self, folders: Sequence[Path]) -> tuple[list[Found], list[ChampError]]:
        """Those folders whose documents are trusted; the first error when there is none."""
        found: list[Found] = []
        refused: list[ChampError] = []
        for folder in folders:
            try:
                found.append(self._read(folder))
            except ChampError as error:
                helped = self._read_helped(folder, folders)
                found += [helped] if helped else []
                refused.append(error)
        if not found:
            raise refused[0]
        return found, refused

    def _read(self, folder: Path) -> Found:
        """By what lies in the folder; a bundle without a root that it must carry is refused."""
        documents = media.read_documents(folder)
        found = self.judge(folder, documents, media.read_bundle_document(folder))
        if found.lost_roots:
            where, announced = str(folder), found.trusted.announced
            raise RootMissing(where=where, missing=found.lost_roots[0], announced=announced)
        return found

    def _read_helped(self, folder: Path, folders: Sequence[Path]) -> Found | None:
        """By parity's documents, and by roots of all media; None where they fare no better.

        Where nothing gives a lost root back, the documents count if the pinned root is new enough.
        """
        offers: list[tuple[Documents, bytes]] = []
        with suppress(ChampError):
            offers.append((media.read_documents(folder), media.read_bundle_document(folder)))
        with suppress(ChampError):
            spare = media.spare_documents(folder)
            offers += [spare] if spare else []
        own = self._kept(folder)
        kept = [own] if own else []
        at_hand = [root for one in folders for root in media.roots_at_hand(one)]
        at_hand += [root for documents, _ in kept for root in documents.roots]
        wanted = [*offers, *kept]
        line = line_through(self.root, [*at_hand, *self.known], str(folder)) if wanted else ()
        # Roots make up for others, and never for there being fewer.
        pooled = [
            (replace(one, roots=line), data)
            for one, data in wanted
            if line and len(line) >= len(one.roots)
        ]
        found: list[Found] = []
        for documents, data in (*reversed(offers), *pooled, *kept):
            with suppress(ChampError):
                found.append(self.judge(folder, documents, data))
        whole = [one for one in found if not one.lost_roots]
        return next(iter(whole or found), None)

    def _kept(self, folder: Path) -> tuple[Documents, bytes] | None:
        """What the zone kept of the folder's bundle, if bundle.json is that bundle's."""
        if self.offer is None or self.offer.folder != folder:
            return None
        found = self.offer.documents
        return found if found and Digest.of(found[1]) == self.offer.digest else None

    def judge(self, folder: Path, documents: Documents, data: bytes) -> Found:
        """The documents and `data`, the bytes of bundle.json, if they are trusted.

        Errors name them by `folder`. Raises the errors of `evaluate`, DocumentAltered,
        DocumentMalformed, NewerFormat.
        """
        where = str(folder)
        trusted = evaluate(self.root, documents, self.now, where, self.overrides, self.history)
        trusted.confirm(data, where)
        document = BundleDocument.from_bytes(data, where)
        return Found(folder, trusted, document, media.document_files(data, documents))
