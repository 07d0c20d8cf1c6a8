"""The verbs of a site's document in one zone: plan it, apply that plan.

Composition: it joins the zone's catalog, history and clusters with a crew of workers. The zone's
lock is held for a whole application, so its members meet no other change.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from champ_offline.bundle.at_hand import few
from champ_offline.catalog.sources import Given, Source
from champ_offline.durable.lock import FileLock
from champ_offline.errors import ChampError, ExitCode
from champ_offline.events import Event, Subscriber
from champ_offline.journal.acts import Act, done
from champ_offline.journal.audit import Audit
from champ_offline.journal.journal import Journal, Recovered
from champ_offline.oci.digest import Digest
from champ_offline.operations import PlanNotOurs
from champ_offline.release.plan import Plan
from champ_offline.release.records.history import History
from champ_offline.release.records.vault import Vault, VaultMissing
from champ_offline.releases import Releases
from champ_offline.site.answers import places
from champ_offline.site.books import SiteBooks
from champ_offline.site.carried import Carried
from champ_offline.site.check import Checked, Forms, check
from champ_offline.site.crew import Crew
from champ_offline.site.document import Site
from champ_offline.site.execute import Ended, SiteExecutor
from champ_offline.site.gitops.export import Export, export, write
from champ_offline.site.gitops.gather import Gatherer
from champ_offline.site.gitops.objects import Tool
from champ_offline.site.plan import SitePlan, is_site_plan
from champ_offline.site.planner import SitePlanner
from champ_offline.site.reach import settled
from champ_offline.site.setting import Choice, Edited, Setting, edited
from champ_offline.site.wanted import Order

# Each worker has a Helm child of its own; two cores and some waiting are well used by four.
WORKERS = 4


class SiteBlocked(ChampError):
    """Plans of a site have concerns that block them, and nobody accepted them."""

    id = "site.plan-blocked"
    exit_code = ExitCode.PREFLIGHT
    message = "Nothing was changed: some of what is planned would not go well: {names}."
    remedy = (
        "See them with `champ plan --site` and --differences, do what is said about each and plan"
        " again. If you know better, plan with `--accept` and the concern's id."
    )


class EntryNotClear(ChampError):
    """The document has no release of an app in this zone, or several."""

    id = "site.entry-not-clear"
    exit_code = ExitCode.NOT_FOUND
    message = "{file} has not exactly one such release of {app} in the zone “{zone}”."
    remedy = "Name one of them with --release: {known}."


class Sites:
    """Of the zone whose `releases` these are."""

    def __init__(self, releases: Releases) -> None:
        self._zone, self._paths, self._clock = releases.zone, releases.paths, releases.clock
        self._catalog, self._releases = releases.catalog, releases
        self._history = History(releases.database)
        self._vault = Vault(releases.database, secrets.token_urlsafe)
        self._audit = Audit(releases.database, releases.clock)
        journal = Journal(releases.database, releases.clock)
        self._books = SiteBooks(releases.zone, journal, self._history, self._vault, self._audit)

    def plan(
        self,
        document: Path,
        notify: Subscriber,
        workers: int = WORKERS,
        accepted: Collection[str] = (),
    ) -> SitePlan:
        """What making the zone as the document says would change.

        `accepted` are ids of concerns in spite of which it may be applied. Raises the errors of the
        document, and what `SitePlanner.plan` raises.
        """
        site = Site.from_file(document)
        parts = (self._catalog, self._releases, self._history, self._vault)
        with Crew(self._releases.reach, workers) as crew:
            planner = SitePlanner(self._zone, *parts, self._clock)
            made = planner.plan(site, crew, _one_by_one(notify), accepted)
        detail = {"plan": str(made.digest), "members": len(list(made.members))}
        self._audit.record(done(Act.SITE_PLAN, self._zone, document=str(site.digest), **detail))
        return made

    def check(self, document: Path) -> Checked:
        """Every problem of the document, answers held against the forms of this zone's catalog."""
        return check(document, self._zone, self._forms())

    def answers(self, document: Path, app: str, release: str | None) -> tuple[Order, Given]:
        """What the document says of this zone's release of an app, and on which lines.

        Without `release` the only one of the app. Raises the errors of the document,
        ZoneNotInSite, EntryNotClear, and what `Order.of` raises.
        """
        site = Site.from_file(document)
        site.check_names(self._zone)
        every = [one for at in site.zones[self._zone] for one in at.apps if one.app == app]
        found = [one for one in every if release in {None, one.release}]
        if len(found) != 1:
            known = ", ".join(sorted({one.release for one in every})) or "—"
            raise EntryNotClear(file=document, app=app, zone=self._zone, known=known)
        [wanted] = found
        order = Order.of(wanted, self._forms()(app, wanted.version))
        return order, Given(order.answers, Source.SITE, places(wanted.answers))

    def edited(self, document: Path, settings: Sequence[Setting], choice: Choice) -> Edited:
        """The document with these settings in all that is chosen; raises what `edited` raises."""
        return edited(document, settings, choice, self._forms())

    def _forms(self) -> Forms:
        """The forms of the apps as they are listed now."""
        listing = self._catalog.listing()
        return lambda app, version: self._catalog.form(listing.entry(app, version))

    def carried(self, plan: SitePlan) -> Carried:
        """The plan with those of its members; raises VaultMissing elsewhere than here."""
        named = (member.plan for member in plan.members)
        return Carried(plan, tuple(self._vault.get(one) for one in named if one is not None))

    def made(self, digest: Digest) -> Plan | Carried:
        """A plan that was made in this zone, of one release or of the whole site.

        Raises PlanNotOurs, PlanUnreadable, SitePlanUnreadable.
        """
        self._refuse_foreign(digest)
        data = self._vault.get(digest)
        if is_site_plan(data):
            return self.carried(SitePlan.from_bytes(data))
        return Plan.from_bytes(data)

    def apply(
        self, plan: SitePlan, notify: Subscriber, workers: int = WORKERS
    ) -> tuple[Ended, ...]:
        """Carry out what is left of exactly that plan; how each of its members ended.

        Where nothing is left no cluster is asked. Raises PlanNotOurs, SiteBlocked, Locked, and
        SiteClusterAway where one that is concerned does not answer; nothing is changed then.
        """
        self._refuse_foreign(plan.digest)
        _refuse_blocked(plan)
        executor = SiteExecutor(self._catalog, self._history, self._vault)
        if (there := executor.there(plan)) is not None:
            return there
        left = [one for one in plan.members if executor.done(one) is None]
        settled(self._releases, dict.fromkeys(one.name.partition("/")[0] for one in left))
        with FileLock(self._paths.lock), Crew(self._releases.reach, workers) as crew:
            # What an earlier run was at is done by this one, or by nobody.
            list(self._books.recover())
            entry = self._books.begin(plan)
            try:
                ended = executor.apply(plan, entry, crew, _one_by_one(notify))
            except BaseException:
                entry.let_go()
                raise
            self._books.end(entry, plan, ended)
        return ended

    def recover(
        self,
        kubeconfig: Path | None,
        *,
        rehearsal: bool = False,
        hooks: bool = True,
        unreached: Callable[[ChampError], None] | None = None,
    ) -> tuple[Recovered, ...]:
        """As `Releases.recover`, then what became of the site plans that were being applied."""
        found = self._releases.recover(
            kubeconfig, rehearsal=rehearsal, hooks=hooks, unreached=unreached
        )
        with FileLock(self._paths.lock):
            return (*found, *self._books.recover(rehearsal=rehearsal))

    def export(self, plan: SitePlan | Plan, tool: Tool, source: str, folder: Path) -> Export:
        """Write what the plan's clusters run once it is applied, for another tool to apply.

        `source` is what that tool's objects name as the place of these files. Raises PlanNotOurs,
        SiteBlocked, what `Gatherer` raises, SecretInManifest and ExportNotWritten.
        """
        self._refuse_foreign(plan.digest)
        gatherer = Gatherer(self._history, self._vault, self._releases.clusters)
        if isinstance(plan, SitePlan):
            _refuse_blocked(plan)
            applications = gatherer.of_site(plan)
        elif plan.blocked:
            raise SiteBlocked(names=plan.release)
        else:
            applications = gatherer.of_plan(plan)
        made = export(tool, source, self._zone, plan.digest, applications)
        write(made, folder)
        detail = {"plan": str(plan.digest), "sums": str(made.digest), "tool": tool.value}
        count = made.applications
        self._audit.record(done(Act.SITE_EXPORT, self._zone, **detail, applications=count))
        return made

    def _refuse_foreign(self, plan: Digest) -> None:
        try:
            self._vault.get(plan)
        except VaultMissing as error:
            raise PlanNotOurs(digest=plan) from error


def _refuse_blocked(plan: SitePlan) -> None:
    if plan.blocked:
        stopped = [f"{one.name} ({', '.join(one.stops)})" for one in plan.members if one.stops]
        raise SiteBlocked(names=few(stopped))


def _one_by_one(notify: Subscriber) -> Subscriber:
    """Subscribers are called by one thread at a time."""
    turn = threading.Lock()

    def tell(event: Event) -> None:
        with turn:
            notify(event)

    return tell
