"""What the signed documents of a bundle say together (FORMAT.md, "Volumes").

Pure. Invariant: indexes that were accepted speak of this bundle alone, name nothing twice, and
where all of them are known, their pieces make up whole blobs and they hold what the bundle document
announces. The signature below them says who packed, not that he packed well.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from champ_offline.bundle.document import BundleDocument, VolumeEntry
from champ_offline.bundle.errors import DocumentMalformed, PiecesMisfit
from champ_offline.bundle.volume import INDEX_FILE, Member, VolumeIndex
from champ_offline.errors import Phrase, Reason
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import encode

_MISFIT = Phrase("it does not fit into its bundle")


def check_agreement(document: BundleDocument, indexes: Sequence[VolumeIndex | None]) -> None:
    """Hold the indexes, in the order of the volumes, None where one is not at hand.

    Raises DocumentMalformed, PiecesMisfit.
    """
    seen: set[str] = set()
    for entry, index in zip(document.volumes, indexes, strict=True):
        if index is not None:
            names = {member.name for member in index.members}
            if _stranger(document, entry, index) or seen & names:
                raise _malformed(document.volume_name(entry), _MISFIT)
            seen |= names
    known = [index for index in indexes if index is not None]
    if len(known) == len(indexes):
        _check_whole(document, [index.members for index in known])


def cut_blobs(members: Iterable[Member]) -> dict[Digest, list[Member]]:
    """The pieces of every blob that was cut, by where they begin."""
    cut: dict[Digest, list[Member]] = {}
    for member in members:
        if member.offset is not None and member.blob is not None:
            cut.setdefault(member.blob, []).append(member)
    return {blob: sorted(pieces, key=_begin) for blob, pieces in cut.items()}


def tile(pieces: Sequence[Member]) -> bool:
    """Whether pieces, sorted, cover their blob from first to last byte, numbered in that order."""
    end = 0
    for number, piece in enumerate(pieces, start=1):
        if piece.offset != end or piece.whole != pieces[0].whole or piece.number != number:
            return False
        end += piece.size
    return end == pieces[0].whole


def _begin(piece: Member) -> tuple[int, int]:
    return piece.offset or 0, piece.number


def _stranger(document: BundleDocument, entry: VolumeEntry, index: VolumeIndex) -> bool:
    said = (index.bundle, index.version, index.volume_set, index.number, index.size)
    expected = (document.name, document.version, document.volume_set, entry.number, entry.size)
    first = index.members[0].digest if index.members else None
    return said != expected or first != entry.first


def _check_whole(document: BundleDocument, volumes: Sequence[Sequence[Member]]) -> None:
    if Digest.of(encode([[m.row for m in members] for members in volumes])) != document.volume_set:
        raise _malformed("bundle.json", Phrase("its volume set is not that of its volumes"))
    members = [member for members in volumes for member in members]
    cut = cut_blobs(members)
    sizes: dict[Digest, int] = {}
    for member in members:
        if member.blob is not None:
            if member.offset is None and member.blob in cut:
                raise PiecesMisfit(blob=member.blob, bundle=document.name)
            sizes[member.blob] = member.blob_size
    for blob, pieces in cut.items():
        if not tile(pieces):
            raise PiecesMisfit(blob=blob, bundle=document.name)
    if (len(sizes), sum(sizes.values())) != (document.blobs, document.size):
        raise _malformed(
            "bundle.json", Phrase("its blobs are not as many, or as large, as it says")
        )
    own = [(m.digest, m.size) for m in members if m.name == INDEX_FILE]
    if own != [(document.index.digest, document.index.size)]:
        raise _malformed("bundle.json", Phrase("its index.json is not the one in its volumes"))


def _malformed(where: str, reason: Reason) -> DocumentMalformed:
    return DocumentMalformed(where=where, kind=Phrase("bundle document"), reason=reason)
