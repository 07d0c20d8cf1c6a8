"""What of a release's data a plan saves before, and brings back.

Invariant: decided while planning and written into the plan; applying does that and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from champ_offline.catalog.data_parts import DataPart
from champ_offline.catalog.index import Catalog
from champ_offline.errors import ChampError, ExitCode
from champ_offline.release.data.backups import Backup, Backups
from champ_offline.release.data.declared import NothingDeclared, declared
from champ_offline.release.plan import Operation, Plan
from champ_offline.release.records.history import History, Revision
from champ_offline.release.review.data import DataChange
from champ_offline.release.review.irreversible import Why

_SAVED_BEFORE = {Operation.UPGRADE, Operation.ROLLBACK}


@dataclass(frozen=True)
class WayBack:
    """How a rollback treats data: as it is, after saving it or not, or with what was saved.

    `backup` is the one to bring back; without it the newest of the version that is gone back to.
    """

    save: bool = True
    with_data: bool = False
    backup: int | None = None


APP_ONLY = WayBack()


class BackupOfOtherVersion(ChampError):
    """A release would go back to one version with the data of another."""

    id = "data.backup-of-other-version"
    exit_code = ExitCode.PREFLIGHT
    message = "Backup {number} of {release} is of version {saved}; revision {target} is {version}."
    remedy = "`champ data list {release}` shows the backups; name one of that version, or none."


class DataPlans:
    """Of one zone."""

    def __init__(self, catalog: Catalog, history: History, backups: Backups) -> None:
        self._catalog, self._history, self._backups = catalog, history, backups

    def declared(self, revision: Revision) -> tuple[DataPart, ...]:
        """What the app of a revision says of its data; raises NothingDeclared."""
        found = declared(self._catalog, revision.app, revision.version)
        if not found:
            raise NothingDeclared(app=revision.app, version=revision.version)
        return found

    def saving(self, plan: Plan) -> Plan:
        """The plan, with a saving before it where it leads to another version."""
        parts = self._parts(plan) if plan.from_version != plan.to_version else ()
        if plan.operation not in _SAVED_BEFORE or not parts:
            return plan
        whole = self._backups.whole(_place(plan))
        no_way_back = any(one.why is Why.NO_WAY_BACK for one in plan.irreversible)
        last = whole[-1].size if whole else 0
        return replace(plan, data=DataChange(parts, last, returns=no_way_back))

    def bringing(self, plan: Plan, number: int | None) -> Plan:
        """The plan of a rollback with that backup, else the newest of the version it leads to.

        What is there now is always saved before. Raises NothingDeclared, NothingSaved,
        BackupUnknown, BackupNotWhole, BackupElsewhere, BackupOfOtherVersion.
        """
        parts = self._parts(plan)
        if not parts:
            raise NothingDeclared(app=plan.app, version=plan.from_version)
        backup = self._chosen(plan, number)
        whole = self._backups.whole(_place(plan))
        change = DataChange(
            parts, whole[-1].size, backup.number, backup.size, backup.began, returns=True
        )
        return replace(plan, data=change)

    def _chosen(self, plan: Plan, number: int | None) -> Backup:
        if number is None:
            return self._backups.newest(_place(plan), plan.to_version)
        backup = self._backups.one(number, plan.release)
        backup.require_whole()
        if backup.subject.place != _place(plan):
            raise backup.elsewhere(backup.subject.cluster)
        if backup.subject.version != plan.to_version:
            raise BackupOfOtherVersion(
                number=number,
                release=plan.release,
                saved=backup.subject.version,
                target=plan.target,
                version=plan.to_version,
            )
        return backup

    def _parts(self, plan: Plan) -> tuple[DataPart, ...]:
        """What is declared of the revision that runs; none where that is not ours."""
        now = self._history.current(*_place(plan))
        return declared(self._catalog, now.app, now.version) if now else ()


def _place(plan: Plan) -> tuple[str, str, str]:
    return (plan.cluster, plan.namespace, plan.release)
