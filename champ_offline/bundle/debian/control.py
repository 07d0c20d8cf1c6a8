"""Debian control data (deb-control(5)): the few fields that we read and those that scanners read.

Invariant: what is written for scanners depends on the package alone, not on the tools' versions.
"""

from __future__ import annotations

SCANNED = (
    "Package", "Status", "Version", "Architecture", "Source", "Maintainer", "Installed-Size",
    "Section", "Homepage", "Pre-Depends", "Depends",
)  # fmt: skip


def fields(text: str) -> dict[str, str]:
    """The fields of the first stanza; continuation lines are left out."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        if not line.strip():
            break
        name, colon, value = line.partition(":")
        if colon and not line[0].isspace():
            found.setdefault(name, value.strip())
    return found


def status(text: str) -> str:
    """The stanza of `var/lib/dpkg/status.d/<package>`: the form scanners know from distroless."""
    known = {**fields(text), "Status": "install ok installed"}
    return "".join(f"{name}: {known[name]}\n" for name in SCANNED if name in known)
