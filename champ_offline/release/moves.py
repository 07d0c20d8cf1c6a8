"""Hold what a release is to become to what its app says of moving between its versions.

Invariant: the newer of the two versions speaks for a move, and where the zone no longer holds that
one, the newest that it does hold; an app that nothing is held of has no say.
"""

from __future__ import annotations

from dataclasses import replace

from champ_offline.catalog.entry import AppEntry
from champ_offline.catalog.index import Catalog, Listing
from champ_offline.catalog.upgrades import Move, check_move, no_return
from champ_offline.catalog.versions import version_key
from champ_offline.preflight import versions
from champ_offline.preflight.concern import ordered
from champ_offline.release.plan import Operation, Plan
from champ_offline.release.records.history import History
from champ_offline.release.records.retention import Retentions
from champ_offline.release.review.irreversible import in_order, no_way_back


class Moves:
    """Of the releases of one zone."""

    def __init__(self, catalog: Catalog, history: History, retentions: Retentions) -> None:
        self._catalog, self._history, self._retentions = catalog, history, retentions

    def check(
        self,
        cluster: str,
        namespace: str,
        release: str,
        wanted: AppEntry,
        held: Listing | None = None,
    ) -> None:
        """Refuse before anything is rendered what the rules forbid; as `check_move` raises.

        A release of another app, or one that is not ours, is not looked at. `held` is what the
        catalog has, where the caller looked already.
        """
        now = self._history.current(cluster, namespace, release)
        if now is not None and now.app == wanted.name:
            move = Move(release, wanted.name, now.version, wanted.version)
            self._check(move, cluster, namespace, held)

    def held_to(self, plan: Plan) -> Plan:
        """A plan that the rules allow, which says so where it goes back or cannot be taken back.

        Raises as `check_move`.
        """
        now = self._history.current(plan.cluster, plan.namespace, plan.release)
        moves = plan.from_version and plan.to_version
        if not moves or (now is not None and now.app != plan.app):
            return plan
        move = Move(plan.release, plan.app, plan.from_version, plan.to_version)
        entry = self._check(move, plan.cluster, plan.namespace)
        if plan.operation is Operation.UPGRADE and version_key(move.after) < version_key(
            move.before
        ):
            told = versions.older(plan.release, move.before, move.after)
            plan = replace(plan, concerns=ordered((*plan.concerns, told)))
        said = no_return(entry.upgrades, move) if entry else None
        if said is None:
            return plan
        final = no_way_back(plan.app, plan.from_version, plan.to_version, said.texts)
        return replace(plan, irreversible=in_order((*plan.irreversible, final)))

    def _check(
        self, move: Move, cluster: str, namespace: str, known: Listing | None = None
    ) -> AppEntry | None:
        """Gives the entry that spoke for the move."""
        apps = (known or self._catalog.listing()).of(move.app).apps
        if not apps:
            return None
        newer = max(move.before, move.after, key=version_key)
        entry = next((app for app in apps if app.version == newer), apps[0])
        held = {app.version for app in apps}
        check_move(entry.upgrades, move, held, self._earlier(move, cluster, namespace))
        return entry

    def _earlier(self, move: Move, cluster: str, namespace: str) -> list[tuple[int, str]]:
        """The other revisions that are kept: number and version."""
        place = (cluster, namespace, move.release)
        now = self._history.current(*place)
        return [
            (one.number, one.version)
            for one in self._history.returnable(self._retentions.present().revisions)
            if (one.cluster, one.namespace, one.release) == place
            and one.app == move.app
            and (now is None or one.number != now.number)
        ]
