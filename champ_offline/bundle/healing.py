"""Reading damaged volumes through what their parity gives back.

Invariant: a healed volume is read like any other, against what was signed; healing only changes
which bytes the medium seems to hold.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from champ_offline.bundle import media
from champ_offline.bundle.document import BundleDocument
from champ_offline.bundle.errors import MediumUnreadable, VolumeFault
from champ_offline.bundle.parity.beside import protection
from champ_offline.bundle.parity.heal import heal
from champ_offline.bundle.parity.patches import Patches, overlay
from champ_offline.bundle.parity.protection import BeyondParity, ParityUnusable
from champ_offline.bundle.reader import VolumeReader
from champ_offline.bundle.volume import BLOCK, VolumeIndex
from champ_offline.errors import ChampError
from champ_offline.events import Subscriber, ignore


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
        lambda: overlay(copy.path.open("rb", buffering=0), patches),
    )
    return reader, failed


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
            parity = files.enter_context(path.open("rb", buffering=0))
            volume = files.enter_context(copy.path.open("rb", buffering=0))
        except OSError as error:
            return MediumUnreadable(path=error.filename, reason=error.strerror or str(error))
        try:
            heal(protection(document, copy.entry), volume, parity, patches, notify, within)
        except (BeyondParity, ParityUnusable) as error:
            return error
    return None
