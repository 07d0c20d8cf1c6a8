"""What lies on a medium in place of a bundle's files: links, pipes, sockets, folders, masses."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

from tests.hostile.catalogue import HARMLESS, Cases
from tests.hostile.forge import Forge, Keys

case = Cases()
NO_BUNDLE, MISSING = "media.no-bundle", "media.document-missing"
NO_VOLUME = "media.volume-missing"
MIB = 1024 * 1024


def _link(path: Path, outside: Path) -> None:
    path.symlink_to(outside)


def _pipe(path: Path, outside: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path, outside: Path) -> None:
    # A socket's path may have 108 bytes; it is bound where it is short and moved.
    short = (
        Path("/tmp") / f"hostile-{os.getpid()}-{path.stat().st_ino if path.exists() else id(path)}"
    )
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(short))
    shutil.move(short, path)


def _folder(path: Path, outside: Path) -> None:
    path.mkdir()


def _circle(path: Path, outside: Path) -> None:
    path.symlink_to(path)


def _zero(path: Path, outside: Path) -> None:
    path.symlink_to("/dev/zero")


OTHERS = (_link, _pipe, _socket, _folder, _circle, _zero)
Replace = Callable[[Path, Path], None]


def _replace(forge: Forge, name: str, by: Replace) -> None:
    forge.write()
    path = forge.medium / name if name.startswith("champ") else forge.folder / name
    outside = forge.medium.parent / "outside"
    path.rename(outside)
    by(path, outside)


@case(
    MISSING,
    *[(name, by) for by in OTHERS for name in ("metadata/targets.json", "metadata/snapshot.json")],
)
def in_place_of_a_trust_document(forge: Forge, variant: tuple[str, Replace]) -> None:
    _replace(forge, *variant)


@case(MISSING, *OTHERS)
def in_place_of_the_timestamp(forge: Forge, variant: Replace) -> None:
    _replace(forge, "metadata/timestamp.json", variant)


@case(MISSING, *OTHERS)
def in_place_of_the_bundle_document(forge: Forge, variant: Replace) -> None:
    _replace(forge, "bundle.json", variant)


@case(HARMLESS, *OTHERS)
def in_place_of_a_root_the_zone_has(forge: Forge, variant: Replace) -> None:
    _replace(forge, "metadata/1.root.json", variant)


@case(NO_VOLUME, *OTHERS)
def in_place_of_a_volume(forge: Forge, variant: Replace) -> None:
    _replace(forge, "demo-1.0001.tar", variant)


@case(HARMLESS, *OTHERS)
def in_place_of_an_index_beside(forge: Forge, variant: Replace) -> None:
    _replace(forge, "volumes/0001.json", variant)


@case(HARMLESS, *OTHERS)
def in_place_of_the_folder_of_indexes(forge: Forge, variant: Replace) -> None:
    _replace(forge, "volumes", variant)


@case(MISSING, _link, _pipe, _socket, _circle)
def in_place_of_the_folder_of_metadata(forge: Forge, variant: Replace) -> None:
    _replace(forge, "metadata", variant)


@case(NO_BUNDLE, _link, _pipe, _socket, _circle, _folder)
def in_place_of_the_bundle(forge: Forge, variant: Replace) -> None:
    _replace(forge, "champ/demo-1", variant)


@case(NO_BUNDLE, _link, _pipe, _socket, _circle, _folder)
def in_place_of_the_shelf(forge: Forge, variant: Replace) -> None:
    _replace(forge, "champ", variant)


@case(HARMLESS)
def hard_links_to_the_same_bytes(forge: Forge) -> None:
    forge.write()
    os.link(forge.volume(), forge.medium / "same")


@case(NO_VOLUME)
def a_shelf_that_leads_elsewhere_for_volumes(forge: Forge) -> list[Path]:
    """A second medium whose shelf is a link to a folder with the volumes."""
    forge.write()
    away = forge.medium.parent / "away/demo-1"
    away.mkdir(parents=True)
    forge.volume().rename(away / "demo-1.0001.tar")
    second = forge.medium.parent / "second"
    second.mkdir()
    (second / "champ").symlink_to(away.parent)
    return [forge.medium, second]


def _loose(forge: Forge, by: Replace) -> None:
    """Lay something where a loose blob of the layer would lie."""
    forge.write()
    blobs = forge.folder / "blobs/sha256"
    blobs.mkdir(parents=True)
    outside = forge.medium.parent / "outside"
    hexes, data = next(iter(forge.blobs.items()))
    outside.write_bytes(data)
    by(blobs / hexes, outside)


@case(
    HARMLESS,
    *OTHERS,
    lambda path, outside: path.write_bytes(b"x" * outside.stat().st_size),
    lambda path, outside: path.write_bytes(b""),
)
def in_place_of_a_loose_blob(forge: Forge, variant: Replace) -> None:
    _loose(forge, variant)


@case(NO_VOLUME, *OTHERS)
def a_loose_blob_where_the_volume_is_gone(forge: Forge, variant: Replace) -> None:
    _loose(forge, variant)
    forge.volume().unlink()


@case("media.several-bundles")
def thousands_of_bundles(forge: Forge) -> None:
    forge.write()
    for number in range(3000):
        other = forge.medium / "champ" / f"x-{number}"
        other.mkdir()
        (other / "bundle.json").touch()


@case(HARMLESS)
def names_that_move_the_cursor(forge: Forge) -> None:
    forge.write()
    for name in ("\x1b[2J", "\u202ebundle", "x\ny", "a" * 255):
        (forge.medium / "champ" / name).mkdir()
        (forge.folder / name).touch()


@case("media.document-missing")
def a_folder_that_only_claims_to_be_one(forge: Forge) -> None:
    folder = forge.medium / "champ/\x1b]0;owned\x07"
    folder.mkdir(parents=True)
    (folder / "bundle.json").write_bytes(b"{}")


@case("trust.document-altered", "bundle.json")
def a_document_of_many_mib(forge: Forge, variant: str) -> None:
    forge.write()
    with (forge.folder / variant).open("r+b") as file:
        file.truncate(40 * 1024 * MIB)


@case("trust.document-altered", "targets", "snapshot")
def a_document_below_the_head_of_many_gib(forge: Forge, variant: str) -> None:
    a_trust_document_of_many_gib(forge, variant)


@case("trust.document-unreadable", "timestamp", "1.root")
def a_trust_document_of_many_gib(forge: Forge, variant: str) -> None:
    forge.write()
    with (forge.folder / f"metadata/{variant}.json").open("r+b") as file:
        file.truncate(40 * 1024 * MIB)


@case(HARMLESS)
def an_index_beside_of_many_gib(forge: Forge) -> None:
    forge.write()
    with (forge.folder / "volumes/0001.json").open("r+b") as file:
        file.truncate(40 * 1024 * MIB)


@case("trust.other-root")
def a_bundle_of_somebody_else(forge: Forge) -> None:
    forge.keys = Keys.make()
    forge.write()


@case(HARMLESS, b"", b"\0" * 4096, b"CHPS" * 100_000)
def parity_files_nobody_asked_for(forge: Forge, variant: bytes) -> None:
    forge.write()
    (forge.folder / "demo-1.0001.par").write_bytes(variant)
    (forge.folder / "documents.par").write_bytes(variant)
