"""Which volume a parity file belongs to, and what is wrong when it cannot help.

Invariant: all of it follows from the signed bundle document; the parity file is asked for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from champ_offline.bundle.parity.layout import Layout
from champ_offline.errors import ChampError, ExitCode
from champ_offline.oci.digest import Digest

_SEED_DIGITS = 8


class BeyondParity(ChampError):
    """More of a volume is damaged than its parity can give back."""

    id = "parity.beyond"
    exit_code = ExitCode.CORRUPT
    message = (
        "Volume {volume} is damaged beyond its parity: group {group} lost {lost} sectors and has "
        "{limit} to heal with ({groups} such groups)."
    )
    remedy = "Copy this volume and its .par file again from the original, and replace the stick."


class ParityUnusable(ChampError):
    """The parity file's own checksums are gone, or it is another volume's."""

    id = "parity.unusable"
    exit_code = ExitCode.CORRUPT
    message = "The parity of volume {volume} cannot be used: its checksums are damaged or foreign."
    remedy = "Copy the volume, or the .par file that belongs to it, again from the original."


@dataclass(frozen=True)
class Protection:
    """One volume under parity: its name for people, its size in bytes, the layout of its parity.

    `seed` marks the sectors of its parity file, so that those of another volume are not its own.
    """

    volume: str
    size: int
    layout: Layout
    seed: int

    @classmethod
    def of(cls, volume: str, size: int, index: Digest, share: int) -> Protection:
        """From the document's row of the volume and the bundle's share of parity in percent."""
        return cls(volume, size, Layout.of(size, share), int(index.hex[:_SEED_DIGITS], 16))
