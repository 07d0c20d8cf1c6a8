"""`champ --zone DIR report [--out FILE]`: the paper that is left at the site."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from champ_offline.errors import system_said
from installer.cli.diagnostics import say
from installer.cli.errors import FileNotWritten, FileThere
from installer.cli.options import FILE, MOMENT, Verb, kubeconfig
from installer.cli.output import Column
from installer.cli.session import Session
from installer.error_text import note
from installer.language import translate as _
from installer.quantities import size

if TYPE_CHECKING:
    from champ_offline.appliance import Appliance
    from champ_offline.handover.document import Handover, Period


@click.command(
    "report",
    cls=Verb,
    help=_(
        "Write the hand-over report: one page of HTML to be printed on A4, of what was brought,"
        " changed and checked in the zone, how its releases are, and the audit chain. It is written"
        " in the language in use (--lang). With --json the same figures are shown as one JSON"
        " document, and the page is written with --out alone. Secrets are never in it."
    ),
)
@click.option(
    "--out", type=FILE, metavar="FILE.html",
    help=_("Write the page to this file; else to one named after zone and day, in this folder."),
)  # fmt: skip
@click.option(
    "--since", type=click.DateTime(MOMENT), metavar="TIME",
    help=_("From this day or second on, in UTC: 2026-05-01 or 2026-05-01T10:00:00."),
)  # fmt: skip
@click.option(
    "--until", type=click.DateTime(MOMENT), metavar="TIME",
    help=_("What was before this day or second, in UTC."),
)  # fmt: skip
@click.option(
    "--last", type=click.IntRange(1, 36500), metavar="DAYS",
    help=_("The last so many days, in place of --since."),
)  # fmt: skip
@click.option("--offline", is_flag=True, help=_("Ask no cluster and no external registry."))
@click.option("--drift", is_flag=True, help=_("Tell what drifted from the sealed revisions too."))
@kubeconfig
@click.pass_obj
def command(
    session: Session,
    out: Path | None,
    since: datetime | None,
    until: datetime | None,
    last: int | None,
    offline: bool,  # noqa: FBT001 - a flag of the command line
    drift: bool,  # noqa: FBT001 - a flag of the command line
    kubeconfig: Path | None,
) -> None:
    """Make the value, then the page; what no cluster told follows on standard error.

    Where the audit chain does not stand the report says so, is written, and the error follows.
    """
    if offline and drift:
        raise click.UsageError(_("Drift is seen on the clusters; leave out --offline or --drift."))
    appliance = session.appliance()
    if out is None and session.form == "table":
        out = _named(appliance)
    if out is not None and os.path.lexists(out):
        raise FileThere(path=out)
    from champ_offline.handover.collect import Order, collect

    period = _period(appliance.releases.clock(), since, until, last)
    found = collect(appliance, Order(period, kubeconfig, offline=offline, drift=drift))
    written = 0 if out is None else _keep(found, out)
    if session.form == "table":
        _show(session, found, out, written)
    else:
        session.output.document(found.to_json())
    for cluster in found.clusters:
        if cluster.error is not None:
            say(note(cluster.error))
    if found.chain.error is not None:
        raise found.chain.error


def _period(
    now: datetime, since: datetime | None, until: datetime | None, last: int | None
) -> Period:
    from champ_offline.handover.document import Period

    if last is not None:
        if since is not None:
            raise click.UsageError(_("--last stands for --since; leave out one of them."))
        since = now - timedelta(days=last)
    if since is not None and until is not None and until <= since.replace(tzinfo=None):
        raise click.UsageError(_("--until is not after --since: nothing is between them."))
    first, end = (one.strftime(MOMENT[1]) if one else "" for one in (since, until))
    return Period(first, end)


def _named(appliance: Appliance) -> Path:
    """Zone and day; a zone's name has no sign that a path could have."""
    day = appliance.releases.clock().date().isoformat()
    return Path(f"champ-report-{appliance.name}-{day}.html")


def _show(session: Session, found: Handover, out: Path | None, written: int) -> None:
    session.output.record(
        {
            "path": str(out),
            "size": written,
            "zone": found.zone.name,
            "brought": len(found.brought),
            "changes": len(found.changes),
            "releases": len(found.releases),
            "head": found.chain.head,
        },
        [
            Column("path", _("file")),
            Column("size", _("size"), size),
            Column("zone", _("zone")),
            Column("brought", _("bundles")),
            Column("changes", _("changes")),
            Column("releases", _("releases")),
            Column("head", _("head")),
        ],
    )


def _keep(found: Handover, out: Path) -> int:
    """Write the page, which overwrites nothing; its bytes."""
    from champ_offline.durable.write import write_new

    # The template engine is loaded only where there is a page to be made.
    from installer.report.page import render

    data = render(found).encode()
    try:
        write_new(out, data, mode=0o600)
    except FileExistsError as error:
        raise FileThere(path=out) from error
    except OSError as error:
        raise FileNotWritten(path=out, reason=system_said(error)) from error
    return len(data)
