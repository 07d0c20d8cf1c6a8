"""Patches: what a repair list names, packed anew as loose files (FORMAT.md, "The repair list").

Invariant: a file has its name only once its bytes were hashed to what the list says. A patch is
not signed; who has the signed documents of its bundle needs no word of ours.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from champ_offline.bundle import media
from champ_offline.bundle.divide import Limits, divide
from champ_offline.bundle.layout import Layout
from champ_offline.bundle.repair_list import RepairList
from champ_offline.bundle.target import TargetFile, TargetFull, refuse_links, writing
from champ_offline.bundle.volume import CHUNK, INDEXES, Member, VolumeIndex
from champ_offline.durable.space import free_bytes
from champ_offline.durable.write import make_directory, remove_partials, write_atomic
from champ_offline.errors import Bytes, ChampError, ExitCode
from champ_offline.events import Progress, StepFinished, StepStarted, Subscriber
from champ_offline.oci.digest import Digest
from champ_offline.store.blobs import BlobMismatch


class PatchUnlike(ChampError):
    """A recipe does not pack what a repair list asks for."""

    id = "pack.patch-unlike"
    exit_code = ExitCode.PREFLIGHT
    message = "What the recipe packs today does not hold {what} of {bundle} {version}."
    remedy = (
        "Use the recipe, lock, images key, --volume-size, --stick and --parity that this bundle was"
        " packed with; nothing was written."
    )


@dataclass(frozen=True)
class Patch:
    """A written patch: its folder, how many files are in it, and their bytes."""

    bundle: str
    version: str
    folder: Path
    files: int
    size: int


def write_patch(
    wanted: RepairList, layout: Layout, limits: Limits, out: Path, notify: Subscriber
) -> Patch:
    """Write what is `wanted` of a layout to `out`/champ/<name>-<version>.

    `limits` are those the bundle was cut to; they matter only where an index is wanted. Raises
    PatchUnlike, TargetLinked, TargetFull before anything is written, TargetUnwritable, BlobMissing,
    BlobMismatch.
    """
    members = [member for _number, member in wanted.members]
    _refuse_unlike(wanted, layout)
    indexes = _indexes(wanted, layout, limits)
    needed = sum(member.size for member in members) + sum(index.size for index in wanted.indexes)
    folder = out / media.SHELF / f"{wanted.bundle}-{wanted.version}"
    blobs = folder / "blobs" / "sha256"
    refuse_links(out, blobs, folder / INDEXES)
    with writing(out):
        make_directory(out)
    free = free_bytes(out)
    if needed > free:
        raise TargetFull(path=out, free=Bytes(free), needed=Bytes(needed))
    with writing(out):
        make_directory(blobs)
        for place in (folder, blobs):
            remove_partials(place)
    done = 0
    for member in members:
        notify(StepStarted("pack", member.name))
        _write(folder / member.name, member, layout)
        done += member.size
        notify(Progress("pack", done, needed, subject=member.name))
        notify(StepFinished("pack", member.name))
    with writing(out):
        for index in indexes:
            make_directory((folder / index.name).parent)
            write_atomic(folder / index.name, index.to_bytes())
    return Patch(wanted.bundle, wanted.version, folder, len(wanted), needed)


def _refuse_unlike(wanted: RepairList, layout: Layout) -> None:
    """Hold the list against the layout: blobs by digest and size, the layout's files likewise."""
    held = {(member.blob or member.name): member for member in layout.members}
    for number, member in wanted.members:
        own = held.get(member.blob or member.name)
        if own is None or own.size != member.blob_size or (member.whole is None and own != member):
            raise _unlike(wanted, f"{member.name} (volume {number:04})")


def _indexes(wanted: RepairList, layout: Layout, limits: Limits) -> list[VolumeIndex]:
    """The indexes that are wanted, of the volumes that the layout is cut into."""
    if not wanted.indexes:
        return []
    division = divide(wanted.bundle, wanted.version, layout.members, limits, layout.digest)
    by_number = {index.number: index for index in division.volumes}
    found = []
    for lost in wanted.indexes:
        index = by_number.get(lost.number)
        if index is None or Digest.of(index.to_bytes()) != lost.digest:
            raise _unlike(wanted, f"volumes/{lost.number:04}.json, volume set {wanted.volume_set},")
        found.append(index)
    return found


def _unlike(wanted: RepairList, what: str) -> PatchUnlike:
    return PatchUnlike(what=what, bundle=wanted.bundle, version=wanted.version)


def _write(path: Path, member: Member, layout: Layout) -> None:
    found, left = hashlib.sha256(), member.size
    with TargetFile(path.parent) as file, layout.open(member) as source:
        while left and (chunk := source.read(min(CHUNK, left))):
            left -= len(chunk)
            found.update(chunk)
            file.write(chunk)
        digest = Digest(found.hexdigest())
        if digest != member.digest:
            size = member.size - left
            raise BlobMismatch(
                expected=member.digest, expected_size=member.size, found=digest, size=size
            )
        file.commit(path)
