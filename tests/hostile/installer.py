"""What lies on a medium in place of a signed champ.sh, or beside a bundle without one."""

from __future__ import annotations

import os

from tests.hostile.catalogue import HARMLESS, Cases
from tests.hostile.forge import Forge
from tests.hostile.media import OTHERS, Replace

case = Cases()
CHANGED = "media.installer-changed"
SIGNED = b"#!/bin/sh\nNAME='1.0-0123456789ab'\n" + bytes(100_000)
HUGE = 500 * 1024**3


def _signed(forge: Forge) -> None:
    forge.installer = SIGNED
    forge.write()


@case(CHANGED, SIGNED[:-1] + b"x", SIGNED + b"\n", SIGNED[:-1], b"", verify=CHANGED)
def another_champ_sh(forge: Forge, variant: bytes) -> None:
    _signed(forge)
    (forge.medium / "champ.sh").write_bytes(variant)


@case(CHANGED, *OTHERS, verify=CHANGED)
def in_place_of_champ_sh(forge: Forge, variant: Replace) -> None:
    _signed(forge)
    path, outside = forge.medium / "champ.sh", forge.medium.parent / "outside"
    path.rename(outside)
    variant(path, outside)


@case(CHANGED, verify=CHANGED)
def a_champ_sh_without_end(forge: Forge) -> None:
    _signed(forge)
    os.truncate(forge.medium / "champ.sh", HUGE)


@case(HARMLESS, verify="")
def no_champ_sh(forge: Forge) -> None:
    _signed(forge)
    (forge.medium / "champ.sh").unlink()


@case(HARMLESS, verify="")
def a_champ_sh_that_nobody_signed(forge: Forge) -> None:
    """It is told for what it is (`champ verify`) and never read."""
    forge.write()
    (forge.medium / "champ.sh").write_bytes(SIGNED)
