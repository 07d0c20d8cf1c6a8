"""Writing a bundle onto media: volumes and parity, documents, and last what makes it a bundle.

Invariant: a folder becomes a bundle with its last file (metadata/timestamp.json), and the first of
several folders with the last of all; so what a killed writer left is no bundle.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from champ_offline.bundle import media
from champ_offline.bundle.divide import Division
from champ_offline.bundle.document import BundleDocument, VolumeEntry
from champ_offline.bundle.occupied import occupied
from champ_offline.bundle.parity.beside import write_parity
from champ_offline.bundle.parity.documents import seal_documents
from champ_offline.bundle.target import TargetFile, refuse_links, writing
from champ_offline.bundle.volume import INDEXES, Member, VolumeIndex, chunks
from champ_offline.bundle.volume_image import VolumeImage
from champ_offline.durable.write import (
    make_directory,
    remove_partials,
    sync_directory,
    write_atomic,
)
from champ_offline.events import Progress, StepFinished, StepStarted, Subscriber

# What makes a bundle of a folder.
SEAL = f"{media.METADATA}/{media.TIMESTAMP}"
# What the numbers of a pack may leave beyond those of the next.
_OWN_FILES = (
    "{own}.[0-9][0-9][0-9][0-9].tar",
    "{own}.[0-9][0-9][0-9][0-9].par",
    f"{INDEXES}/[0-9][0-9][0-9][0-9].json",
    f"{media.METADATA}/[0-9]*.root.json",
)
Content = Callable[[Member], BinaryIO]
"""Opens a member at its first byte; what follows its size is not read."""


@dataclass(frozen=True)
class MediaWriter:
    """One bundle's way onto media: `folders` are its folder on each of them, in order.

    `step` names what is told of as progress.
    """

    document: BundleDocument
    division: Division
    folders: tuple[Path, ...]
    step: str

    def refuse_taken(self) -> None:
        """The first folder is sealed last; while it is not, what the others hold is half a bundle.

        Raises TargetOccupied, MediumUnreadable.
        """
        sealed = [folder for folder in self.folders if media.is_file(folder / SEAL)]
        if sealed and (sealed[0] == self.folders[0] or not self.folders[0].is_dir()):
            raise occupied(sealed, self.document)

    def clear(self, kept: Collection[Path] = ()) -> None:
        """Make the folders, or remove what a broken run left, but for `kept`; seals go first.

        Raises TargetUnwritable.
        """
        for folder in self.folders:
            with writing(folder):
                _unseal(folder)
        for folder in self.folders:
            with writing(folder):
                make_directory(folder)
                self._clear(folder, kept)

    def _clear(self, folder: Path, kept: Collection[Path]) -> None:
        for place in (folder, folder / media.METADATA, folder / INDEXES):
            if place.is_dir():
                remove_partials(place)
        for pattern in _OWN_FILES:
            for left in folder.glob(pattern.format(own=media.own_name(self.document))):
                if left not in kept:
                    left.unlink()

    def write_volumes(
        self,
        content: Content,
        scratch: Path | None,
        notify: Subscriber,
        kept: Collection[Path] = (),
    ) -> None:
        """Write each volume, and its parity by way of a folder for scratch files, but for `kept`.

        Raises TargetUnwritable, and what `content` raises.
        """
        total, done = sum(volume.size for volume in self.division.volumes), 0
        for volume, entry in zip(self.division.volumes, self.document.volumes, strict=True):
            path = self.path_of(entry)
            if path not in kept:
                self._write(volume, path, content, notify, (done, total))
            done += volume.size
            parity = path.parent / self.document.parity_name(entry)
            if self.document.parity and parity not in kept:
                with closing(VolumeImage(volume, content)) as image:
                    write_parity(path.parent, self.document, entry, image, scratch, notify)

    def _write(
        self,
        volume: VolumeIndex,
        path: Path,
        content: Content,
        notify: Subscriber,
        so_far: tuple[int, int],
    ) -> None:
        done, total = so_far
        notify(StepStarted(self.step, path.name))
        with TargetFile(path.parent) as file:
            for chunk in chunks(volume, content):
                file.write(chunk)
                done += len(chunk)
                notify(Progress(self.step, done, total, subject=path.name))
            file.commit(path)
        notify(StepFinished(self.step, path.name))

    def path_of(self, entry: VolumeEntry) -> Path:
        """Where a volume goes."""
        folder = self.folders[self.division.media[entry.number - 1] - 1]
        return folder / self.document.volume_name(entry)

    def finish(self, files: Mapping[str, bytes]) -> None:
        """Write the documents, by their path in a bundle's folder, and seal every folder.

        Raises DocumentsTooLarge, TargetUnwritable.
        """
        spare = seal_documents(files) if self.document.parity else b""
        last = {media.SPARE_DOCUMENTS: spare} if spare else {}
        for folder in self.folders:
            with writing(folder):
                self._write_documents(folder, files)
        for folder in reversed(self.folders):
            with writing(folder):
                for name, content in (last | {SEAL: files[SEAL]}).items():
                    write_atomic(folder / name, content)

    def _write_documents(self, folder: Path, files: Mapping[str, bytes]) -> None:
        """Everything but the volumes, parity and what makes a bundle of the folder."""
        make_directory(folder / INDEXES)
        make_directory(folder / media.METADATA)
        for volume in self.division.volumes:
            write_atomic(folder / volume.name, volume.to_bytes())
        for name, data in files.items():
            if name != SEAL:
                write_atomic(folder / name, data)


def refuse_linked_home(named: Path, folder: Path) -> None:
    """What is written to a bundle's `folder` stays below `named`; raises TargetLinked."""
    refuse_links(named, folder / media.METADATA, folder / INDEXES)


def _unseal(folder: Path) -> None:
    for name in (SEAL, media.SPARE_DOCUMENTS):
        if media.is_file(folder / name):
            (folder / name).unlink()
            sync_directory((folder / name).parent)
