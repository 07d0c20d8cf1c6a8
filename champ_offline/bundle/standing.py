"""How a bundle stands to a zone, before an import: what the zone lacks of it, and which names it is
to have.

Invariant: importing again gives a bundle nothing but what withdrawn keys had taken from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from champ_offline.bundle.closure import Links
from champ_offline.oci.digest import Digest
from champ_offline.store.refs import Ref


@dataclass(frozen=True)
class Standing:
    """A bundle against the zone: its blobs and those the store lacks, with their sizes in bytes.

    `known`: it was imported before. `older`: the zone holds a newer pack of the name. `retired`: it
    was wanted no more, and is to be held again. `withdrawn`: the zone's names that lead to what
    only withdrawn keys vouched for, and `owed` whether a known bundle is to have some of them
    again.
    """

    blobs: Mapping[Digest, int]
    missing: Mapping[Digest, int]
    known: bool
    older: bool
    retired: bool
    wanting: bool
    withdrawn: Mapping[tuple[str, str], Digest]
    owed: bool

    def to_name(self, links: Links) -> list[Ref]:
        """The names that an import makes current.

        A known bundle that was not retired takes none from a later one that stands: importing again
        is no way back.
        """
        whole = self.retired or not self.known
        return [ref for key, ref in links.names.items() if whole or key in self.withdrawn]

    def restored(self, links: Links) -> tuple[str, ...]:
        """Those that led to what withdrawn keys brought, and will not."""
        if self.older:
            return ()
        away = {key: self.withdrawn[key] for key in links.names.keys() & self.withdrawn.keys()}
        return tuple(
            sorted(
                str(links.names[key])
                for key, digest in away.items()
                if links.names[key].descriptor.digest != digest
            )
        )
