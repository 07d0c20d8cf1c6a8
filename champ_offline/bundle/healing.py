"""Reading damaged volumes through what their parity gives back.

Invariant: a healed volume is read like any other, against what was signed; healing only changes
which bytes the medium seems to hold. What is written onto a medium was read that way before.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from champ_offline.bundle import media
from champ_offline.bundle.document import BundleDocument
from champ_offline.bundle.errors import MediumUnreadable, VolumeFault, VolumeTruncated
from champ_offline.bundle.opening import opened
from champ_offline.bundle.parity.beside import protection
from champ_offline.bundle.parity.heal import heal
from champ_offline.bundle.parity.patches import Patches, overlay, restore_in_place
from champ_offline.bundle.parity.protection import BeyondParity, ParityUnusable
from champ_offline.bundle.reader import Hasher, VolumeReader, released
from champ_offline.bundle.volume import BLOCK, Member, VolumeIndex
from champ_offline.errors import ChampError, system_said
from champ_offline.events import Progress, StepFinished, StepStarted, Subscriber, ignore


def healed(
    places: Iterable[Path],
    document: BundleDocument,
    copy: VolumeReader,
    patches: Patches,
    notify: Subscriber,
    within: int | None = None,
) -> tuple[VolumeReader, ChampError | None]:
    """`copy` as it reads with what any parity file in `places` gives back, as long as `patches` is.

    With it comes why that is not all of it, if it is not. `within` heals that many bytes of the
    volume's beginning only. Raises OSError where `patches` cannot be written.
    """
    failed: ChampError | None = None
    for path in media.parity_copies(places, document, copy.entry):
        failed = _heal(path, document, copy, patches, notify, within)
        if failed is None:
            break
    reader = VolumeReader(
        copy.path,
        copy.name,
        copy.entry,
        lambda: overlay(opened(copy.path), patches),
    )
    return reader, failed


@dataclass(frozen=True)
class Mended:
    """A volume mended in place: how many bytes were written, and what is wrong with it still."""

    written: int
    faults: tuple[ChampError, ...]


def mend(
    places: Iterable[Path],
    document: BundleDocument,
    copy: VolumeReader,
    index: VolumeIndex,
    scratch: Path | None,
    notify: Subscriber,
) -> Mended:
    """Write into a volume's file what its parity gives back, as far as that is as it was signed.

    All of the volume is read through the patches first, and only members of which every byte was
    found right are written: an untrue parity file changes nothing. A kill leaves a volume that is
    mended in part. Raises OSError where the medium or `scratch` cannot be written.
    """
    with Patches(copy.entry.size, scratch) as patches:
        reader, failed = healed(places, document, copy, patches, notify)
        sound, faults = _sound(reader, document, index, notify)
        written = sum(len(data) for begin, end in sound for _, data in patches.runs(begin, end))
        if written:
            restore_in_place(copy.path, patches, sound)
    return Mended(written, ((failed,) if failed else ()) + tuple(faults))


def _sound(
    reader: VolumeReader, document: BundleDocument, index: VolumeIndex, notify: Subscriber
) -> tuple[list[tuple[int, int]], list[VolumeFault]]:
    """The ranges of a volume that were read and are as signed, front to back; what is not."""
    faults: list[VolumeFault] = []
    reached: set[str] = set()

    def sink(member: Member) -> Hasher:
        reached.add(member.name)
        return Hasher()

    notify(StepStarted("verify", reader.name))
    try:
        reader.index(document)
        done = 0
        for passed in reader.read(index, sink, faults.append):
            done += passed
            notify(Progress("verify", done, index.size, subject=reader.name))
    except VolumeFault as fault:
        return [], [*faults, fault]
    notify(StepFinished("verify", reader.name))
    places = [(member, place, place + member.span) for member, place in index.places]
    ranges = [(begin, end) for member, begin, end in places if member.name in reached]
    ranges.insert(0, (0, places[0][1] if places else index.size))
    if not any(isinstance(fault, VolumeTruncated) for fault in faults):
        ranges.append((places[-1][2] if places else index.size, index.size))
    bad = [int(str(fault.fields["offset"])) for fault in faults]
    return [(a, b) for a, b in ranges if not any(a <= offset < b for offset in bad)], faults


def healed_index(
    places: Iterable[Path], document: BundleDocument, copies: Iterable[VolumeReader]
) -> VolumeIndex | None:
    """The volume's index as parity gives it back; None where no copy has it, even so."""
    for copy in copies:
        within = BLOCK + copy.entry.index_size
        with Patches(copy.entry.size, None) as patches:
            reader, _ = healed(places, document, copy, patches, ignore, within)
            try:
                return reader.index(document)
            except VolumeFault:
                continue
    return None


def _heal(
    path: Path,
    document: BundleDocument,
    copy: VolumeReader,
    patches: Patches,
    notify: Subscriber,
    within: int | None,
) -> ChampError | None:
    """Heal by the parity file at `path`; returns why that was not enough."""
    with ExitStack() as files:
        try:
            parity = files.enter_context(released(opened(path)))
            volume = files.enter_context(released(opened(copy.path)))
        except OSError as error:
            return MediumUnreadable(path=error.filename, reason=system_said(error))
        try:
            heal(protection(document, copy.entry), volume, parity, patches, notify, within)
        except (BeyondParity, ParityUnusable) as error:
            return error
    return None
