"""`champ --zone DIR catalog`: the apps that the zone holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from installer.cli.options import Verb
from installer.cli.output import Column, as_plain
from installer.cli.session import Session
from installer.error_text import sentences
from installer.language import active
from installer.language import translate as _
from installer.words import standing, unusable

if TYPE_CHECKING:
    from champ_offline.catalog.index import UnusableApp


@click.command("catalog", cls=Verb, help=_("List the apps that the zone's bundles brought."))
@click.pass_obj
def command(session: Session) -> None:
    """One row for each version of each app; those that cannot be used here come last."""
    from champ_offline.catalog.index import APPS

    appliance = session.appliance()
    listing = appliance.catalog.listing()
    rows = [{**as_plain(app), "unusable": None} for app in listing.apps]
    rows += map(_unusable, listing.unusable)
    withdrawn = {str(ref) for ref in appliance.withdrawn()}
    session.output.rows(
        [
            {**row, "stands": f"{APPS}{row['name']}:{row['version']}" not in withdrawn}
            for row in rows
        ],
        [
            Column("name", _("APP")),
            Column("version", _("VERSION")),
            Column("", _("TITLE"), _title),
            Column("", _("SUMMARY"), _summary),
            *([Column("stands", _("KEYS"), _keys)] if withdrawn else []),
        ],
    )


def _unusable(app: UnusableApp) -> dict[str, Any]:
    message, remedy = sentences(app.reason)
    why = {"id": app.reason.id, "message": message, "remedy": remedy}
    return {"name": app.name, "version": app.version, "title": {}, "summary": {}, "unusable": why}


def _keys(stands: object) -> str:
    return "" if stands else standing(stands=False, current=False)


def _title(app: dict[str, Any]) -> str:
    why = app["unusable"]
    return unusable(why["id"]) if why else _local(app["title"])


def _summary(app: dict[str, Any]) -> str:
    why = app["unusable"]
    return f"{why['message']} [{why['id']}]" if why else _local(app["summary"])


def _local(texts: dict[str, Any]) -> str:
    return str(texts.get(active()) or texts.get("en") or "")
