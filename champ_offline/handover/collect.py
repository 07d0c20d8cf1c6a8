"""Gather the hand-over report of a zone, through the readers that the other verbs use.

Invariant: only reads, and puts nothing in that the records or a cluster do not say; secrets of the
zone's releases are taken out of every text before anybody sees the value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_urlsafe

from champ_offline import __version__
from champ_offline.appliance import Appliance
from champ_offline.external.settings import Settings
from champ_offline.findings import Finding
from champ_offline.handover.bundles import bundles
from champ_offline.handover.chain import chain, set_aside, unattended
from champ_offline.handover.changes import changes, timings
from champ_offline.handover.document import (
    ALWAYS,
    Check,
    Handover,
    Made,
    Period,
    Saved,
    StoreChecks,
    ZoneFacts,
)
from champ_offline.handover.masking import masked
from champ_offline.handover.sight import Look, seen
from champ_offline.journal.process import current_user
from champ_offline.release.data.backups import Backup
from champ_offline.release.hidden import without_names
from champ_offline.release.hiding import Hiding
from champ_offline.release.records.history import History
from champ_offline.release.records.vault import Vault
from champ_offline.store.verified import Verified
from champ_offline.support.secrets import of_kubeconfig, of_zone


@dataclass(frozen=True)
class Order:
    """What is to be told.

    Clusters are asked unless `offline`: the one that `kubeconfig` leads to, else every one that has
    a name. With `drift` what moved away from the sealed revisions is told too.
    """

    period: Period = ALWAYS
    kubeconfig: Path | None = None
    offline: bool = False
    drift: bool = False


def collect(appliance: Appliance, order: Order, look: Look | None = None) -> Handover:
    """The report of the zone; `look` looks at a cluster in place of the zone's own way."""
    releases = appliance.releases
    history, clusters = History(releases.database), releases.clusters
    now = releases.clock().isoformat(timespec="seconds")
    ways = tuple(_ways(appliance, order))
    place = (history, clusters, ways, look or releases.look, releases.clock)
    left = frozenset(one.subject for one in releases.interrupted())
    sight = seen(*place, drift=order.drift, interrupted=left)
    names = {one.identity: one.name for one in sight.clusters}
    audit, period = appliance.audit, order.period
    brought = bundles(releases.database, audit, period)
    findings = appliance.doctor(order.kubeconfig, offline=order.offline)
    verified, changed = Verified(releases.database), changes(releases, names, period)
    found = Handover(
        zone=_zone(appliance),
        period=period,
        made=Made(now, current_user(), __version__),
        held=brought.held,
        brought=brought.brought,
        overridden=brought.overridden,
        changes=changed,
        timings=timings(changed),
        unattended=unattended(audit, period),
        data=tuple(
            replace(one, cluster=names.get(one.cluster, one.cluster))
            for one in releases.data_deeds(None, None, None, period.since)
            if period.holds(one.started)
        ),
        checks=tuple(map(_check, findings)),
        store=StoreChecks(verified.last_check(), set_aside(audit, period)),
        clusters=sight.clusters,
        releases=sight.releases,
        backups=tuple(_saved(one, names) for one in releases.backups.listed(None, None)),
        chain=chain(audit, period),
        offline=order.offline,
        drift_asked=order.drift,
    )
    return masked(found, _hiding(appliance, ways, found).text)


def _ways(appliance: Appliance, order: Order) -> Iterator[Path]:
    if order.offline:
        return
    if order.kubeconfig is not None:
        yield order.kubeconfig
    else:
        yield from (one.kubeconfig for one in appliance.releases.clusters.all())


def _zone(appliance: Appliance) -> ZoneFacts:
    releases = appliance.releases
    one, external = appliance.summary(), Settings(releases.database, releases.clock)
    target = external.target()
    return ZoneFacts(
        name=one.name,
        commissioned=one.commissioned,
        root_version=one.root_version,
        root_fingerprint=one.root_fingerprint,
        blobs=one.blobs,
        size=one.size,
        free=one.free,
        waiting=one.waiting,
        registry=one.registry,
        pushed=len(external.pushed(target)) if target else 0,
        authority=appliance.registry.authority.known(),
    )


def _check(one: Finding) -> Check:
    return Check(one.check, one.state.value, one.where, one.note, one.error)


def _saved(one: Backup, names: dict[str, str]) -> Saved:
    subject = one.subject
    return Saved(
        number=one.number,
        cluster=names.get(subject.cluster, subject.cluster),
        namespace=subject.namespace,
        release=subject.release,
        revision=subject.revision,
        version=subject.version,
        why=one.why,
        actor=one.actor,
        began=one.began,
        ended=one.ended,
        state=one.state,
        size=one.size,
        parts=one.parts,
    )


def _hiding(appliance: Appliance, ways: tuple[Path, ...], found: Handover) -> Hiding:
    """What hides every secret that the zone remembers, but for those that are names it shows."""
    database = appliance.releases.database
    hidden = set(of_zone(History(database), Vault(database, token_urlsafe)))
    for way in ways:
        hidden |= set(of_kubeconfig(way))
    places = [f"{one.cluster} {one.namespace} {one.release} {one.app}" for one in found.releases]
    places += [f"{one.cluster} {one.namespace} {one.release} {one.app}" for one in found.changes]
    images = {image.name for one in found.changes for image in one.images or ()}
    brought = [f"{one.name} {' '.join(one.images)}" for one in found.brought]
    names = "\n".join([found.zone.name, *places, *images, *brought])
    return Hiding(without_names(hidden, names))
