"""A bundle as it was signed, from the papers that a zone kept: what media are written again from.

Pure. Invariant: an Edition passed the same gate as documents on a medium, and its indexes are those
that were signed; whoever changed a byte of the papers changed them into nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from champ_offline.bundle import media
from champ_offline.bundle.agreement import check_agreement
from champ_offline.bundle.document import BundleDocument, VolumeEntry
from champ_offline.bundle.errors import DocumentMalformed, NewerFormat, PiecesMisfit
from champ_offline.bundle.export_errors import ForOtherZones, PapersDamaged
from champ_offline.bundle.gate import Found, Gate
from champ_offline.bundle.held import KnownBundle
from champ_offline.bundle.parity.beside import parity_beside
from champ_offline.bundle.parity.documents import seal_documents
from champ_offline.bundle.placing import Load
from champ_offline.bundle.volume import INDEX_FILE, INDEXES, VolumeIndex
from champ_offline.errors import ChampError, Phrase
from champ_offline.oci.digest import Digest
from champ_offline.trust.errors import DocumentAltered, DocumentUnreadable, RootMissing
from champ_offline.trust.overrides import EXPIRED, Overrides
from champ_offline.trust.roots import line_through
from champ_offline.trust.trusted import TrustedBundle

# Dates are judged where the bundle goes to; here they are only told.
_ANY_DATE = Overrides(expired="exported", clock="exported")
_NOT_AS_SIGNED = (
    DocumentAltered,
    DocumentMalformed,
    DocumentUnreadable,
    NewerFormat,
    PiecesMisfit,
    RootMissing,
)


@dataclass(frozen=True)
class Edition:
    """One bundle: its document, all documents by path, its volumes' indexes, its index.json."""

    document: BundleDocument
    trusted: TrustedBundle
    files: Mapping[str, bytes]
    volumes: tuple[VolumeIndex, ...]
    index: bytes

    @property
    def label(self) -> str:
        """How people know it."""
        return f"{self.document.name} {self.document.version}"

    @property
    def expired(self) -> tuple[str, ...]:
        """The documents whose time is over, and since when: the next zone asks about them."""
        return tuple(
            about
            for used in self.trusted.overridden
            if used.kind == EXPIRED
            for about in used.about
        )

    @property
    def load(self) -> Load:
        """What it takes on media."""
        document = self.document
        spare = len(seal_documents(self.files)) if document.parity else 0
        indexes = sum(entry.index_size for entry in document.volumes)
        return Load(
            tuple(entry.size + parity_beside(document, entry) for entry in document.volumes),
            sum(len(data) for data in self.files.values()) + indexes + spare,
        )

    def refuse_other(self, zone: str) -> None:
        """Only for the zones that were signed; raises ForOtherZones."""
        document = self.document
        if document.zones and zone not in document.zones:
            holders = dict.fromkeys(one.holder or one.key[:16] for one in self.trusted.signers)
            raise ForOtherZones(
                bundle=document.name,
                version=document.version,
                zones=", ".join(document.zones),
                zone=zone,
                holders=", ".join(holders),
            )


def read_edition(
    known: KnownBundle,
    papers: Mapping[str, bytes],
    pinned: bytes,
    roots: Sequence[bytes],
    now: datetime,
) -> Edition:
    """The bundle whose `papers` these are, under the `pinned` root.

    `roots` are those that the zone has besides: what of them follows on the bundle's own goes
    along. Raises PapersDamaged, and RevokedKey, TooFewSignatures or OtherRoot where
    today's root does not vouch for it.
    """
    name, version = known.document.name, known.document.version
    try:
        found = _judged(known, papers, pinned, roots, now)
        volumes = tuple(_index(papers, entry) for entry in found.document.volumes)
        check_agreement(found.document, volumes)
        index = papers[INDEX_FILE]
        if Digest.of(index) != found.document.index.digest:
            raise _altered(INDEX_FILE)
    except KeyError as error:
        reason = Phrase("{name} is missing", name=error.args[0])
        raise PapersDamaged(bundle=name, version=version, reason=reason) from error
    except _NOT_AS_SIGNED as error:
        raise PapersDamaged(bundle=name, version=version, reason=error) from error
    return Edition(found.document, found.trusted, found.files, volumes, index)


def _judged(
    known: KnownBundle,
    papers: Mapping[str, bytes],
    pinned: bytes,
    roots: Sequence[bytes],
    now: datetime,
) -> Found:
    label = f"{known.document.name} {known.document.version}"
    documents = media.documents_in(papers)
    # In a zone that skipped roots, when that was not kept, none may lead to today's.
    line = line_through(pinned, [*documents.roots, *roots], label) or documents.roots
    gate = Gate(pinned, now, _ANY_DATE, (), ())
    found = gate.judge(Path(label), replace(documents, roots=line), papers[media.DOCUMENT])
    if found.trusted.digest != known.digest:
        raise _altered(media.DOCUMENT)
    if found.lost_roots:
        missing, announced = found.lost_roots[0], found.trusted.announced
        raise RootMissing(where=label, missing=missing, announced=announced)
    return found


def _index(papers: Mapping[str, bytes], entry: VolumeEntry) -> VolumeIndex:
    path = f"{INDEXES}/{entry.number:04}.json"
    if Digest.of(papers[path]) != entry.index_digest:
        raise _altered(path)
    return VolumeIndex.from_bytes(papers[path], path)


def _altered(path: str) -> ChampError:
    return DocumentAltered(where=path, role=path, reason=Phrase("its SHA-256 differs"))
