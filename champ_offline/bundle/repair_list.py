"""The repair list: what a medium lost and nothing at hand gives back, for whoever packed it.

JSON (FORMAT.md, "The repair list"). Invariant: an instance from `from_bytes` has members as a
volume's index may name them, so nothing in it can lead a packer anywhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from champ_offline.bundle.names import NAME, VERSION
from champ_offline.bundle.volume import INDEX_LIMIT, MOST_VOLUMES, Member
from champ_offline.errors import ChampError, ExitCode, Phrase, Unfit, system_said
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import encode
from champ_offline.oci.strict_json import parse, wrong_in

FORMAT = 1


class RepairListMalformed(ChampError):
    """A repair list cannot be read."""

    id = "repair.list-malformed"
    exit_code = ExitCode.USAGE
    message = "{path} is no repair list that this release reads: {reason}."
    remedy = "Ask for the file that `champ media repair --list FILE` wrote, unchanged."


@dataclass(frozen=True)
class LostIndex:
    """A volume whose index is nowhere at hand: its number, and size and digest of the index."""

    number: int
    size: int
    digest: Digest


@dataclass(frozen=True)
class RepairList:
    """Members by the number of their volume, and indexes, of one bundle's volume set."""

    bundle: str
    version: str
    volume_set: Digest
    members: tuple[tuple[int, Member], ...]
    indexes: tuple[LostIndex, ...] = ()

    def __len__(self) -> int:
        return len(self.members) + len(self.indexes)

    def to_bytes(self) -> bytes:
        """The list as canonical JSON."""
        return encode(
            {
                "format": FORMAT,
                "bundle": self.bundle,
                "version": self.version,
                "set": str(self.volume_set),
                "members": [[number, *member.row] for number, member in self.members],
                "indexes": [[one.number, one.size, str(one.digest)] for one in self.indexes],
            }
        )

    @classmethod
    def from_file(cls, path: Path) -> RepairList:
        """Read a list that a person was sent; raises RepairListMalformed."""
        try:
            with path.open("rb") as file:
                document = parse(file.read(INDEX_LIMIT))
            return _read(document)
        except OSError as error:
            raise RepairListMalformed(path=path, reason=system_said(error)) from error
        except (ValueError, TypeError, LookupError, ChampError) as error:
            raise RepairListMalformed(path=path, reason=wrong_in(error)) from error


def _read(document: dict[str, Any]) -> RepairList:
    name, version = document["bundle"], document["version"]
    if document["format"] != FORMAT:
        raise Unfit(Phrase("its format is not known"))
    if not NAME.fullmatch(name) or not VERSION.fullmatch(version):
        raise Unfit(Phrase("its bundle or version is wrong"))
    return RepairList(
        bundle=name,
        version=version,
        volume_set=Digest.parse(document["set"]),
        members=tuple((_number(row[0]), Member.from_row(row[1:])) for row in document["members"]),
        indexes=tuple(
            LostIndex(_number(number), _size(size), Digest.parse(digest))
            for number, size, digest in document["indexes"]
        ),
    )


def _number(value: object) -> int:
    if type(value) is not int or not 1 <= value <= MOST_VOLUMES:
        raise Unfit(Phrase("the number of a volume is wrong"))
    return value


def _size(value: object) -> int:
    if type(value) is not int or not 0 <= value <= INDEX_LIMIT:
        raise Unfit(Phrase("the size of an index is wrong"))
    return value
