"""What media brought within a period, who signed it, and which dates somebody overrode.

Invariant: reads what the zone kept of each import; which media a bundle came on is not recorded
(journal/acts.py), so nothing here tells.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from champ_offline.bundle.held import HeldBundles, KnownBundle
from champ_offline.durable.database import Database
from champ_offline.handover.document import Brought, Overridden, Period, Taken
from champ_offline.handover.rows import told
from champ_offline.journal.acts import Act
from champ_offline.journal.audit import Audit
from champ_offline.oci.digest import Digest
from champ_offline.trust.dates import packing_time
from champ_offline.trust.state import OverrideRecord, TrustState
from champ_offline.trust.view import SignedRole, signed_roles


@dataclass(frozen=True)
class Bundles:
    """`held` counts what the zone holds now; the rest is of the period."""

    held: int
    brought: tuple[Brought, ...]
    overridden: tuple[Overridden, ...]


def bundles(database: Database, audit: Audit, period: Period) -> Bundles:
    """The bundles that came or went within the period, in the order they first came."""
    trust = TrustState(database)
    every = HeldBundles(database, trust).ever()
    imports = _imports(audit, period)
    shown = [
        one
        for one in every
        if imports.get(str(one.digest))
        or period.holds(one.imported)
        or (one.retired and period.holds(one.retired))
    ]
    signers = _signers(trust)
    return Bundles(
        held=sum(not one.retired for one in every),
        brought=tuple(
            _brought(one, tuple(imports.get(str(one.digest), ())), signers.get(one.digest))
            for one in shown
        ),
        overridden=tuple(
            _overridden(one, every) for one in trust.overrides() if period.holds(one.time)
        ),
    )


def _imports(audit: Audit, period: Period) -> dict[str, list[Taken]]:
    found: dict[str, list[Taken]] = defaultdict(list)
    for row in told(audit, Act.IMPORT):
        if period.holds(row.time):
            taken = Taken(row.time, row.actor, row.count("blobs"), row.count("bytes"))
            found[row.text("digest")].append(taken)
    return found


def _signers(trust: TrustState) -> Mapping[Digest, tuple[SignedRole, ...] | None]:
    newest, roots = trust.root(), trust.roots()
    return {one.digest: signed_roles(one, newest, roots) for one in trust.accepted()}


def _brought(
    known: KnownBundle, imports: tuple[Taken, ...], roles: tuple[SignedRole, ...] | None
) -> Brought:
    document = known.document
    return Brought(
        name=document.name,
        version=document.version,
        digest=known.digest,
        packed=known.packed,
        zones=document.zones,
        blobs=document.blobs,
        size=document.size,
        volumes=len(document.volumes),
        volumes_size=sum(one.size for one in document.volumes),
        apps=document.apps,
        images=document.images,
        first=known.imported,
        imports=imports,
        retired=known.retired,
        stands=known.stands,
        current=known.current,
        roles=roles,
    )


def _overridden(record: OverrideRecord, every: Sequence[KnownBundle]) -> Overridden:
    if not record.bundle:
        version = str(record.version)
    else:
        packed = packing_time(record.version)
        named = (one for one in every if one.document.name == record.bundle)
        version = next((one.document.version for one in named if one.packed == packed), "")
    about = (record.kind, record.about, record.reason)
    return Overridden(record.time, record.bundle, version, *about)
