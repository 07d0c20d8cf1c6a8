"""Names of tar members as names inside a layer; they never become paths of this machine.

Invariant: a name that comes out is relative, normal (no empty, `.` or `..` component), free of
whiteout prefixes, and lies under /usr where Debian merged /bin, /sbin and /lib into it.
"""

from __future__ import annotations

from champ_offline.errors import Phrase, Unfit

MERGED = ("bin", "sbin", "lib", "lib64")
WHITEOUT = ".wh."  # OCI image-spec 1.1, layer.md, "Whiteouts": would delete files of lower layers


class BadName(Unfit):
    """A member's name that no layer may hold."""


def canonical(name: str) -> str:
    """The member `name` as a layer name; "" is the root itself. Raises BadName."""
    if name.startswith("/"):
        raise BadName(Phrase("an absolute name"))
    parts = [part for part in name.split("/") if part not in {"", "."}]
    if ".." in parts or "\0" in name:
        raise BadName(Phrase("a name that leaves the layer"))
    if any(part.startswith(WHITEOUT) for part in parts):
        raise BadName(Phrase("a whiteout"))
    if len(parts) > 1 and parts[0] in MERGED:
        parts.insert(0, "usr")
    return "/".join(parts)


def parents(name: str) -> list[str]:
    """The directories above `name`, highest first, without the root."""
    parts = name.split("/")[:-1]
    return ["/".join(parts[: count + 1]) for count in range(len(parts))]
