"""Which of a zone's bundles go to another zone.

Pure. Invariant: without a name only what may go is chosen, of each name the newest; what a person
named is chosen whether it may go or not, so that the refusal can say why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from champ_offline.bundle.export_errors import NotHeld, NothingForZone
from champ_offline.bundle.held import KnownBundle


@dataclass(frozen=True)
class Wanted:
    """A bundle as a person names it, `demo` or `demo:1`; without a version the newest there is."""

    name: str
    version: str = ""

    @classmethod
    def parse(cls, text: str) -> Wanted:
        """Name and version; whether there is such a bundle is seen when it is looked for."""
        name, _colon, version = text.partition(":")
        return cls(name, version)

    def __str__(self) -> str:
        return f"{self.name} {self.version}".strip()

    def means(self, bundle: KnownBundle) -> bool:
        """Whether the bundle is one that is meant."""
        document = bundle.document
        return self.name == document.name and self.version in {"", document.version}


def select(
    bundles: Sequence[KnownBundle], zone: str, wanted: Sequence[Wanted]
) -> list[KnownBundle]:
    """What goes to `zone`, sorted by name; `bundles` are all that were ever imported.

    Raises NotHeld, NothingForZone.
    """
    held = [one for one in bundles if not one.retired]
    if wanted:
        return list(dict.fromkeys(_newest_of(held, zone, one) for one in wanted))
    newest: dict[str, KnownBundle] = {}
    for one in sorted(held, key=lambda one: (one.document.name, one.packed)):
        if may_go(one, zone):
            newest[one.document.name] = one
    if not newest:
        raise NothingForZone(zone=zone, known=_known(held))
    return list(newest.values())


def may_go(bundle: KnownBundle, zone: str) -> bool:
    """Whether keys that count today say that the bundle is for the zone."""
    zones = bundle.document.zones
    return bundle.stands and (not zones or zone in zones)


def newer_than(bundles: Sequence[KnownBundle], one: KnownBundle) -> KnownBundle | None:
    """The newest standing pack of the name, where that is newer; it may be of the same version."""
    newest = max(
        (b for b in bundles if b.document.name == one.document.name and b.stands),
        key=lambda b: b.packed,
        default=one,
    )
    return newest if newest.packed > one.packed else None


def _newest_of(held: Sequence[KnownBundle], zone: str, wanted: Wanted) -> KnownBundle:
    found = [one for one in held if wanted.means(one)]
    if not found:
        raise NotHeld(bundle=str(wanted)[:200], known=_known(held))
    return max(found, key=lambda one: (may_go(one, zone), one.packed))


def _known(held: Sequence[KnownBundle]) -> str:
    labels = (f"{one.document.name} {one.document.version}" for one in held)
    return ", ".join(labels) or "—"
