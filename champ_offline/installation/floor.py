"""How new the newest champ.sh was that this host took from a medium: an older one is refused.

Whoever brings a stick could otherwise bring back a fault that was mended, signature and all.
Invariant: the number only grows, and is on the disk before an update is said to be done.
"""

from __future__ import annotations

from pathlib import Path

from champ_offline.bundle.installer import SignedInstaller
from champ_offline.durable.write import write_atomic
from champ_offline.installation.errors import FloorUnreadable, InstallerOlder
from champ_offline.oci.manifest import encode
from champ_offline.oci.strict_json import NotStrict, parse
from champ_offline.trust.dates import packed_on

FORMAT = 1


class Floor:
    """The document in a file; one that is not there stands for 0. Raises FloorUnreadable."""

    def __init__(self, path: Path) -> None:
        self._path, self._packed = path, 0
        if path.exists():
            self._packed = _packed(path)

    def refuse_below(self, offered: SignedInstaller) -> None:
        """Raises InstallerOlder."""
        if offered.packed < self._packed:
            raise InstallerOlder(path=offered.path, packed=packed_on(offered.packed))

    def raise_to(self, offered: SignedInstaller) -> None:
        """Durably; a lower number than the one that is there changes nothing."""
        if offered.packed > self._packed:
            write_atomic(self._path, encode({"format": FORMAT, "packed": offered.packed}))


def _packed(path: Path) -> int:
    try:
        document = parse(path.read_bytes())
        packed = document["packed"]
    except (NotStrict, KeyError, TypeError) as error:
        raise FloorUnreadable(path=path) from error
    if document.get("format") != FORMAT or not isinstance(packed, int):
        raise FloorUnreadable(path=path)
    return packed
