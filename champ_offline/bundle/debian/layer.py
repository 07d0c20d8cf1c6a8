"""One layer: packages in, then what maintainer scripts would have done, as the description says.

Invariant: the entries depend on the packages' bytes, the layer's description and the layers below;
a program of a package is never run.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

from champ_offline.bundle.debian import control
from champ_offline.bundle.debian.description import LayerDescription, Made
from champ_offline.bundle.debian.errors import PackageHostile
from champ_offline.bundle.debian.lock import LockedPackage
from champ_offline.bundle.debian.package import PackageReader, control_text
from champ_offline.bundle.debian.spool import Spool
from champ_offline.bundle.debian.tree import (
    DIRECTORY,
    FILE,
    LINK,
    Entry,
    LayerTree,
    Misplaced,
    matcher,
)

STATUS = "var/lib/dpkg/status.d"
_CERTIFICATES = "usr/share/ca-certificates/"


@dataclass(frozen=True)
class Filter:
    """The patterns of names that are left out, and of those that stay nevertheless."""

    drop: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()

    def extended(self, layer: LayerDescription) -> Filter:
        """With a layer's own patterns, for it and the layers above."""
        return Filter(self.drop + layer.drop, self.keep + layer.keep)


class LayerMaker:
    """Fills one LayerTree; `spool` holds the contents, `epoch` bounds all times."""

    def __init__(self, tree: LayerTree, spool: Spool, epoch: int) -> None:
        self._tree, self._spool, self._epoch = tree, spool, epoch
        self._owner: dict[str, str] = {}

    def add_package(self, package: LockedPackage, path: Path, names: Filter) -> None:
        """Add the data of a package and its entry for scanners.

        Raises PackageHostile, PackageUnreadable.
        """
        drop, keep = matcher(names.drop), matcher(names.keep)
        reader = PackageReader(package.name, self._spool, self._epoch)
        for name, entry in reader.entries(path, lambda name: not drop(name) or keep(name)):
            self._tree.add_packaged(name, entry)
            self._owner[name] = package.name
        stanza = control.status(control_text(path, package.name))
        self._tree.put(f"{STATUS}/{package.name}", self._file(stanza.encode()))

    def describe(self, layer: LayerDescription) -> None:
        """Do what the description says beside packages: trust, applets, removal, made."""
        if layer.trust_store:
            self._join_certificates(layer.trust_store)
        for name in layer.applets:
            path = f"usr/bin/{name}"
            if not self._tree.kind(path):
                self._tree.put(path, Entry(LINK, 0o777, target=f"/{layer.applets_of}"))
        self._tree.remove(layer.remove)
        for made in layer.made:
            self._tree.put(made.path, self._made(made))

    def check(self) -> None:
        """Refuse entries under links, or in place of folders below; raises PackageHostile."""
        try:
            self._tree.complete()
        except Misplaced as error:
            package = self._owner.get(error.name, "(description)")
            raise PackageHostile(package=package, name=error.name, reason=error.reason) from error

    def _made(self, made: Made) -> Entry:
        if made.kind == DIRECTORY:
            return Entry(DIRECTORY, made.mode, made.uid, made.gid)
        if made.kind == LINK:
            return Entry(LINK, 0o777, target=made.target)
        return self._file(made.text.encode(), made.mode, made.uid, made.gid)

    def _file(self, data: bytes, mode: int = 0o644, uid: int = 0, gid: int = 0) -> Entry:
        return Entry(FILE, mode, uid, gid, content=self._spool.store(io.BytesIO(data)))

    def _join_certificates(self, path: str) -> None:
        """What update-ca-certificates would do, with every certificate of the package trusted."""
        entries = self._tree.entries
        names = sorted(name for name in entries if name.startswith(_CERTIFICATES))
        contents = [entries[name].content for name in names if name.endswith(".crt")]
        texts = [self._spool.read(content).strip() for content in contents if content]
        self._tree.put(path, self._file(b"".join(text + b"\n" for text in texts)))
        self._tree.remove([f"{_CERTIFICATES}*"])
