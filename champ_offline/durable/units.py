"""The words of systemd units: paths, arguments, and what a service may see of this machine.

Invariant: whatever a path or an argument holds, the unit says exactly that (systemd.service(5),
"Command lines"; systemd.unit(5), "Specifiers"); what no unit can say is refused. Links are looked
through only to see what a path needs, and nothing is written but by `write`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from champ_offline.durable.write import make_directory, write_atomic
from champ_offline.errors import ChampError, ExitCode

_HOMES = tuple(map(Path, ("/home", "/root", "/run/user")))
_TEMPORARY = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108 - told apart, not used
# systemd.exec(5): what our services have in common; each says which calls it needs beyond these.
_CONFINED = """\
ProtectSystem=strict
ReadWritePaths={writable}
ProtectHome={homes}
PrivateTmp={temporary}
PrivateDevices=yes
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service"""


class UnitImpossible(ChampError):
    """Something that cannot be written into a unit."""

    id = "registry.unit-impossible"
    exit_code = ExitCode.USAGE
    message = "“{text}” cannot stand in a systemd unit."
    remedy = "Use absolute paths and names without control characters, and an IP address as host."


def command_line(words: Sequence[str]) -> str:
    """A program, as an absolute path, and its arguments; raises UnitImpossible."""
    program, *arguments = words
    if set(program) & set("\"'\\"):
        raise UnitImpossible(text=program[:300])  # systemd itself refuses such a program
    return " ".join([path(Path(program)), *map(argument, arguments)])


def confined(writable: Sequence[Path], readable: Sequence[Path]) -> str:
    """What a service may see and do that writes to these places and reads those too.

    Raises UnitImpossible.
    """
    places = [*writable, *readable]
    return _CONFINED.format(
        writable=" ".join(map(path, writable)),
        homes="read-only" if _any_below(places, _HOMES) else "yes",
        temporary="no" if _any_below(places, _TEMPORARY) else "yes",
    )


def write(made: Mapping[str, str], folder: Path) -> list[Path]:
    """Put the units into a folder, in place of those that are there."""
    make_directory(folder)
    for name, text in made.items():
        write_atomic(folder / name, text.encode())
    return [folder / name for name in made]


def _any_below(places: Sequence[Path], folders: Sequence[Path]) -> bool:
    """Whether the paths, or what they lead to, are there."""
    every = {*places, *(place.resolve() for place in places)}
    return any(place.is_relative_to(folder) for place in every for folder in folders)


def path(place: Path) -> str:
    """An absolute path as a setting or a word of a command; raises UnitImpossible."""
    if not place.is_absolute():
        raise UnitImpossible(text=str(place)[:300])
    return _quoted(plain(str(place)))


def whole_line(place: Path) -> str:
    """An absolute path as a setting that takes the rest of its line and knows no quotes.

    Raises UnitImpossible.
    """
    text = plain(str(place))
    if not place.is_absolute() or text != text.strip() or text.endswith("\\"):
        raise UnitImpossible(text=str(place)[:300])
    return text


def argument(text: str) -> str:
    """A word of a command; raises UnitImpossible."""
    return _quoted(plain(text).replace("$", "$$"))


def plain(text: str) -> str:
    """A setting that is one word; raises UnitImpossible."""
    if not text or not text.isprintable():
        raise UnitImpossible(text=text[:300])
    return text.replace("%", "%%")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if set(text) & set(" \\\"';#") or not text else escaped
