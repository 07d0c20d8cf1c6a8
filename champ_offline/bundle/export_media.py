"""The media that an export is written to: what lies there, what has room, which volume goes where.

Invariant: looking changes nothing. What an earlier run left is believed only after every byte of it
was read; what is sealed is another's, unless all of it is there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from champ_offline.bundle import media
from champ_offline.bundle.divide import KEPT_BACK, SMALLEST_STICK, Division, Limits
from champ_offline.bundle.document import BundleDocument, VolumeEntry
from champ_offline.bundle.edition import Edition
from champ_offline.bundle.errors import VolumeFault
from champ_offline.bundle.export_errors import (
    IntoZone,
    MediaFull,
    VolumesTooLarge,
)
from champ_offline.bundle.media_writer import SEAL, MediaWriter, refuse_linked_home
from champ_offline.bundle.occupied import TargetPart, TargetTaken, occupied
from champ_offline.bundle.pack import LARGEST_VOLUME, stick_folder
from champ_offline.bundle.parity_faults import parity_fault
from champ_offline.bundle.placing import Load, place
from champ_offline.bundle.reader import VolumeReader, every_member
from champ_offline.bundle.target import writing
from champ_offline.bundle.volume import VolumeIndex
from champ_offline.durable.space import free_bytes
from champ_offline.errors import Bytes
from champ_offline.events import Progress, StepFinished, StepStarted, Subscriber
from champ_offline.paths import ZonePaths
from champ_offline.trust.key_errors import NoSuchFolder

_MOST_STICKS = 999


@dataclass(frozen=True)
class Targets:
    """Media, in the order in which they are filled.

    With `stick`, bytes as printed on sticks, the first path is a folder in which a folder is made
    for each stick.
    """

    paths: tuple[Path, ...]
    stick: int | None = None

    def refuse_absent(self) -> None:
        """A medium that is not plugged in would be a folder of the machine; raises NoSuchFolder."""
        for path in self.paths:
            if not media.leads_to_folder(path):
                raise NoSuchFolder(path=path)

    def refuse_strays(self, edition: Edition, zone: ZonePaths) -> None:
        """What is written must lie below the paths that were named, and not in the zone's folder.

        Raises TargetLinked, IntoZone, TargetUnwritable.
        """
        own = [zone.root, zone.store, zone.waiting, zone.uploads, zone.pki]
        for named, top in self._ways:
            home = media.home(top, edition.document)
            refuse_linked_home(named, home)
            with writing(home):
                if _is_in(home, own):
                    raise IntoZone(path=home, zone=zone.root)

    @property
    def _ways(self) -> list[tuple[Path, Path]]:
        """Each medium that may be written to, behind the path that a person named for it."""
        if self.stick is None:
            return [(path, path) for path in self.paths]
        first, *more = (stick_folder(self.paths[0], n) for n in range(1, _MOST_STICKS))
        there = [folder for folder in more if media.is_there(folder) or folder.is_symlink()]
        return [(self.paths[0], folder) for folder in (first, *there)]

    def lying(self, edition: Edition) -> tuple[Path, ...]:
        """The bundle's folders where all of it lies already; none where it is to be written.

        Raises TargetOccupied where another pack of it lies, or a damaged copy, or a sealed part of
        it: that was written for media of which some are not here.
        """
        document = edition.document
        homes = [media.home(top, document) for top in self._tops]
        sealed = [home for home in homes if media.is_file(home / SEAL)]
        if not sealed:
            return ()
        found = occupied(sealed, document, edition.files)
        if not isinstance(found, TargetTaken | TargetPart):
            raise found
        lying = {
            entry.number: home
            for home in homes
            for entry in document.volumes
            if _size(home / document.volume_name(entry)) == entry.size
        }
        if len(lying) < len(document.volumes):
            raise found
        return tuple(sealed) if set(lying.values()) <= set(sealed) else ()

    def writers(self, editions: Sequence[Edition]) -> Iterator[MediaWriter]:
        """How each bundle is written, one after the other; raises MediaFull, VolumesTooLarge."""
        loads = [self._load(edition) for edition in editions]
        rooms = self._rooms(editions)
        placed = place(loads, lambda number: rooms[min(number, len(rooms)) - 1])
        if placed is None:
            raise _full(self.paths, editions, loads, sum(room or 0 for room in rooms))
        if self.stick is not None:
            self._refuse_full_disk(editions)
        for edition, numbers in zip(editions, placed, strict=True):
            used = sorted(set(numbers))
            folders = tuple(media.home(self._top(number), edition.document) for number in used)
            division = Division(edition.volumes, tuple(used.index(n) + 1 for n in numbers))
            yield MediaWriter(edition.document, division, folders, "export")

    def _refuse_full_disk(self, editions: Sequence[Edition]) -> None:
        """The folders for all sticks lie on one disk before they are copied; raises MediaFull."""
        loads = [edition.load for edition in editions]
        ours = sum(
            _taken(media.home(top, one.document), one) for top in self._tops for one in editions
        )
        free = ours + free_bytes(self.paths[0])
        if sum(load.documents + sum(load.volumes) for load in loads) > free:
            raise _full(self.paths, editions, loads, free)

    def _top(self, number: int) -> Path:
        first = self.paths[0]
        return self.paths[number - 1] if self.stick is None else stick_folder(first, number)

    @property
    def _tops(self) -> list[Path]:
        """The media, or their folders as far as these are there."""
        if self.stick is None:
            return list(self.paths)
        folders = (stick_folder(self.paths[0], number) for number in range(1, _MOST_STICKS))
        return [folder for folder in folders if media.leads_to_folder(folder)]

    def _load(self, edition: Edition) -> Load:
        """What a bundle takes; of a stick no less is kept back than when it was packed."""
        load = edition.load
        if self.stick is None:
            return load
        return Load(load.volumes, max(load.documents, KEPT_BACK))

    def _rooms(self, editions: Sequence[Edition]) -> list[int | None]:
        """Bytes on each medium: of sticks all are alike, media that are plugged in come to an end.

        Raises VolumesTooLarge.
        """
        if self.stick is None:
            return [*_free(self.paths, editions), None]
        medium = Limits.of(LARGEST_VOLUME, self.stick).medium or 0
        for edition in editions:
            load = self._load(edition)
            if load.documents + max(load.volumes) > medium + KEPT_BACK:
                raise _too_large(self.stick, edition, load)
        return [medium + KEPT_BACK]


def kept_of(edition: Edition, writer: MediaWriter, notify: Subscriber) -> set[Path]:
    """What an earlier run wrote into its place, whole: volumes, and parity beside these."""
    kept: set[Path] = set()
    document = edition.document
    for index, entry in zip(edition.volumes, document.volumes, strict=True):
        path = writer.path_of(entry)
        if _size(path) == entry.size and _is_sound(path, index, entry, document, notify):
            kept.add(path)
            parity = path.parent / document.parity_name(entry)
            if document.parity and parity_fault(parity, document, entry) is None:
                kept.add(parity)
    return kept


def _is_sound(
    path: Path,
    index: VolumeIndex,
    entry: VolumeEntry,
    document: BundleDocument,
    notify: Subscriber,
) -> bool:
    """Read a volume whole, past the page cache."""
    reader, faults, done = VolumeReader(path, path.name, entry), list[VolumeFault](), 0
    notify(StepStarted("verify", path.name))
    try:
        with reader.open() as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        reader.index(document)
        reader.check_length(index)
        for passed in reader.read(index, every_member, faults.append):
            done += passed
            notify(Progress("verify", done, entry.size, subject=path.name))
    except (VolumeFault, OSError):
        return False
    notify(StepFinished("verify", path.name))
    return not faults


def _free(paths: Sequence[Path], editions: Sequence[Edition]) -> Iterator[int]:
    """What may be written to each path: what is free, and what an earlier run of ours took.

    Of paths on one file system the first has all of its room.
    """
    seen: set[int] = set()
    for path in paths:
        device = path.stat().st_dev
        ours = sum(_taken(media.home(path, edition.document), edition) for edition in editions)
        yield 0 if device in seen else ours + free_bytes(path)
        seen.add(device)


def _taken(home: Path, edition: Edition) -> int:
    document = edition.document
    names = [index.name for index in edition.volumes]
    for entry in document.volumes:
        names += [document.volume_name(entry), document.parity_name(entry)]
    return sum(_size(home / name) or 0 for name in (*names, *edition.files))


def _is_in(path: Path, folders: Sequence[Path]) -> bool:
    """Whether a path lies in one of the folders, or will, under whatever name these are mounted."""
    way = [place.stat() for place in (path, *path.resolve().parents) if place.exists()]
    own = [folder.stat() for folder in folders if folder.exists()]
    return any(os.path.samestat(one, other) for one in way for other in own)


def _size(path: Path) -> int | None:
    """The size of an ordinary file; None where there is none."""
    return path.lstat().st_size if media.is_file(path) else None


def _full(
    paths: Sequence[Path], editions: Sequence[Edition], loads: Sequence[Load], free: int
) -> MediaFull:
    needed = sum(load.documents + sum(load.volumes) for load in loads)
    return MediaFull(
        path=", ".join(str(path) for path in paths),
        free=Bytes(free),
        bundles=", ".join(edition.label for edition in editions),
        needed=Bytes(needed),
        largest=Bytes(max(max(load.volumes) for load in loads)),
    )


def _too_large(stick: int, edition: Edition, load: Load) -> VolumesTooLarge:
    least = (load.documents + max(load.volumes)) * 50 // 49
    return VolumesTooLarge(
        size=Bytes(stick),
        bundle=edition.document.name,
        version=edition.document.version,
        needed=Bytes(max(load.volumes)),
        kept=Bytes(load.documents),
        least=Bytes(_rounded_up(max(least, SMALLEST_STICK))),
    )


def _rounded_up(size: int) -> int:
    """To two digits: whoever types what is told gets no less."""
    unit = int("1".ljust(len(str(size)) - 1, "0"))
    return -(-size // unit) * unit
