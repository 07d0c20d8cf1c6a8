"""`champ --zone DIR history [RELEASE]`: who changed what, by which plan, and how it ended."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import partial
from typing import Any

import click

from champ_offline.release.records.chronicle import DataDeed, Deed
from installer.cli.names import releases
from installer.cli.options import MOMENT, Verb, Whole, cluster, namespace
from installer.cli.output import Column
from installer.cli.session import Session
from installer.language import translate as _
from installer.words import word

_NEWEST = 100
_RUNNING = "running"


@click.command(
    "history",
    cls=Verb,
    help=_(
        "List the revisions of RELEASE, oldest first: who, when, by which plan, from which version"
        " to which, how long it took and how it ended; and when its data was saved or restored."
        " Without RELEASE everything that was done in this zone, newest first. With --json also the"
        " digest of every image."
    ),
)
@click.argument("release", required=False, shell_complete=releases)
@namespace
@cluster(_("Only those on the cluster of that name; on all of them otherwise."))
@click.option(
    "--since", type=click.DateTime(MOMENT), metavar="TIME",
    help=_("From this day or second on, in UTC: 2026-05-01 or 2026-05-01T10:00:00."),
)  # fmt: skip
@click.option(
    "--limit", type=Whole(min=1), metavar="N",
    help=_("The newest N alone; 100 without RELEASE and --since, else all."),
)  # fmt: skip
@click.pass_obj
def command(
    session: Session,
    release: str | None,
    namespace: str | None,
    cluster: str | None,
    since: datetime | None,
    limit: int | None,
) -> None:
    """One row for each plan that was applied."""
    start = since.strftime(MOMENT[1]) if since else ""
    releases = session.appliance().releases
    only = None if cluster is None else releases.clusters.one(cluster).identity
    most = limit or (None if release or since else _NEWEST)
    found: list[Deed | DataDeed] = []
    if release is None:
        found += releases.log(namespace, only, start, most)
        found += releases.data_deeds(None, namespace, only, start)
    else:
        found += releases.history(release, namespace or release, only, start, most)
        found += releases.data_deeds(release, namespace or release, only, start)
    newest = sorted(found, key=lambda deed: deed.started, reverse=True)[:most]
    left = {one.subject for one in releases.interrupted()}
    names = [Column("release", _("RELEASE")), Column("namespace", _("NAMESPACE"))]
    session.output.rows(
        newest[::-1] if release else newest,
        [
            Column("cluster", _("CLUSTER"), releases.clusters.name),
            *([] if release else names),
            Column("number", _("REVISION"), right=True),
            Column("helm_revision", _("HELM"), _helm, right=True),
            Column("operation", _("WHAT"), word),
            Column("backup", _("BACKUP"), right=True),
            Column("app", _("APP")),
            Column("", _("FROM → TO"), _versions),
            Column("", _("OUTCOME"), partial(_outcome, left)),
            Column("started", _("WHEN"), _second),
            Column("", _("SECONDS"), _seconds, right=True),
            Column("actor", _("WHO")),
            Column("plan", _("PLAN"), _short),
            Column("error", _("ERROR")),
        ],
    )


def _helm(revision: int) -> str:
    return str(revision or "-")


def _versions(deed: dict[str, Any]) -> str:
    if "backup" in deed:
        return str(deed["version"])
    return f"{deed['from_version'] or '-'} → {deed['version'] or '-'}"


def _second(time: str) -> str:
    """Without fractions; the clock's zone stays."""
    whole, _point, rest = time.partition(".")
    return whole + rest[6:] if rest else time


def _outcome(left: Collection[str], deed: dict[str, Any]) -> str:
    """Its word; what nobody works on any more is not running, whatever is written down."""
    subject = "/".join(deed[key] for key in ("cluster", "namespace", "release"))
    cut_off = deed["outcome"] == _RUNNING and subject in left
    return _("interrupted") if cut_off else word(deed["outcome"])


def _seconds(deed: dict[str, Any]) -> str:
    return "—" if deed["outcome"] == _RUNNING else f"{deed['seconds']:.1f}"


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:12]
