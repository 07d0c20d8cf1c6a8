"""champ.sh of a medium, held against a signature, and the record of the one taken last."""

from __future__ import annotations

from collections.abc import Callable

from champ_offline.bundle.installer import SignedInstaller
from champ_offline.errors import ChampError
from champ_offline.installation.floor import Floor
from champ_offline.installation.one_file import version_name
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import encode
from tests.fuzz.target import Target, scratch, written

_SIGNED = b"#!/bin/sh\nset -u\nNAME='0.1.0-0123456789ab'\nexit 0\n"


def read_installer(data: bytes) -> None:
    readers: tuple[Callable[[bytes], None], ...] = (_name, _copy, _floor)
    told: list[str] = []
    for reader in readers:
        try:
            reader(data)
        except ChampError as error:
            told += [str(error), error.advice]
    assert all(told)


def _name(data: bytes) -> None:
    name = version_name(written("champ.sh", data))
    assert set(name) <= set("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.+-")
    assert ".." not in name.split("/")


def _copy(data: bytes) -> None:
    signed = SignedInstaller(
        written("champ.sh", data), len(_SIGNED), Digest.of(_SIGNED), packed=1_700_000_000_000
    )
    assert signed.copy(scratch() / "incoming").read_bytes() == data == _SIGNED


def _floor(data: bytes) -> None:
    offered = SignedInstaller(scratch() / "champ.sh", 1, Digest.of(b""), packed=1_700_000_000_000)
    path = written("floor.json", data)
    Floor(path).refuse_below(offered)
    Floor(path).raise_to(offered)


def _seeds() -> dict[str, bytes]:
    return {"champ": _SIGNED, "floor": encode({"format": 1, "packed": 1_700_000_000_000})}


TARGETS = (Target("installer", read_installer, _seeds),)
