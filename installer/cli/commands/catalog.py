"""`champ --zone DIR catalog [APP]`: the apps that the zone holds, or all that is known of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from champ_offline.errors import ChampError
from installer.cli.names import apps
from installer.cli.options import Verb
from installer.cli.output import Column, as_plain
from installer.cli.session import Session
from installer.error_text import sentences
from installer.language import active
from installer.language import translate as _
from installer.quantities import size
from installer.words import category_names, category_text, standing, unusable

if TYPE_CHECKING:
    from champ_offline.catalog.index import Listing, UnusableApp
    from champ_offline.particulars.shown import Offered, Particulars


@click.command(
    "catalog",
    cls=Verb,
    help=_(
        "List the apps that the zone's bundles brought, newest version first. With APP all that is"
        " known of it: size, images, what it asks of a cluster, which releases run it, the packages"
        " in its images, and its README. No cluster is asked."
    ),
)
@click.argument("app", required=False, shell_complete=apps)
@click.option(
    "--version", metavar="VERSION", help=_("With APP: this one; the newest here otherwise.")
)
@click.option(
    "--search",
    metavar="TEXT",
    help=_(
        "Only apps with every word of TEXT in name, title, summary or category, in either language"
        " and in any case. Nothing found ends with code 14."
    ),
)
@click.option("--category", metavar="NAME", help=_("Only apps of that category."))
@click.pass_obj
def command(
    session: Session,
    app: str | None,
    version: str | None,
    search: str | None,
    category: str | None,
) -> None:
    """A table of versions, or the text about one."""
    if app is None:
        if version is not None:
            raise click.UsageError(_("--version is about one app; name it before."))
        _list(session, search, category)
    elif search is not None or category is not None:
        raise click.UsageError(_("APP names one app; leave out --search and --category."))
    else:
        _tell(session, app, version)


def _list(session: Session, search: str | None, category: str | None) -> None:
    """One row for each version of each app; those that cannot be used here come last."""
    from champ_offline.catalog.index import APPS

    appliance = session.appliance()
    every = appliance.catalog.listing()
    chosen = _chosen(every, search, category)
    offered = appliance.showcase.offered(chosen, every)
    rows = [*map(_row, offered), *map(_unusable, chosen.unusable)]
    withdrawn = {str(ref) for ref in appliance.withdrawn()}
    session.output.rows(
        [
            {**row, "stands": f"{APPS}{row['name']}:{row['version']}" not in withdrawn}
            for row in rows
        ],
        [
            Column("name", _("APP")),
            Column("version", _("VERSION")),
            Column("category", _("CATEGORY"), category_text),
            Column("", _("SIZE"), _size, right=True),
            Column("releases", _("RELEASES"), _releases),
            Column("", _("TITLE"), _title),
            Column("", _("SUMMARY"), _summary),
            *([Column("stands", _("KEYS"), _keys)] if withdrawn else []),
        ],
    )


def _chosen(listing: Listing, search: str | None, category: str | None) -> Listing:
    from champ_offline.catalog.search import NothingFound, in_category, with_text

    if category is not None:
        listing = in_category(listing, category, category_names)
    if search is not None:
        listing = with_text(listing, search, category_names)
        if not (listing.apps or listing.unusable):
            raise NothingFound(text=search[:200])
    return listing


def _row(one: Offered) -> dict[str, Any]:
    releases = [
        {"cluster": run.cluster, "namespace": run.namespace, "release": run.release}
        for run in one.running
    ]
    plain = as_plain(one.app)
    return {**plain, "size": as_plain(one.size), "releases": releases, "unusable": None}


def _unusable(app: UnusableApp) -> dict[str, Any]:
    return {
        "name": app.name, "version": app.version, "title": {}, "summary": {}, "category": "",
        "size": None, "releases": [], "unusable": _error(app.reason),
    }  # fmt: skip


def _error(error: ChampError | None) -> dict[str, str] | None:
    if error is None:
        return None
    message, remedy = sentences(error)
    return {"id": error.id, "message": message, "remedy": remedy}


def _tell(session: Session, app: str, version: str | None) -> None:
    """All of one version."""
    from installer.app_text import whole

    appliance, output = session.appliance(), session.output
    found = appliance.showcase.particulars(app, version, active())
    if output.form == "table":
        output.text(whole(found, appliance.releases.clusters.name))
    else:
        output.document(document(found))


def document(found: Particulars) -> dict[str, Any]:
    """The document of `champ catalog APP --json`: sizes in bytes, CPU in thousandths of a core."""
    runs = [{**as_plain(run), "refused": _error(run.refused)} for run in found.runs]
    return {
        **as_plain(found.app),
        "versions": found.versions,
        "size": found.size,
        "contents": {**as_plain(found.contents), "unlisted": found.contents.unlisted},
        "asks": found.asks,
        "untold": _error(found.untold),
        "releases": runs,
        "readme_text": found.readme,
    }


def _keys(stands: object) -> str:
    return "" if stands else standing(stands=False, current=False)


def _size(row: Mapping[str, Any]) -> str:
    if row["unusable"]:
        return ""
    return size(row["size"]["whole"]) if row["size"] else "?"


def _releases(found: list[dict[str, str]]) -> str:
    return ", ".join(one["release"] for one in found) or "—"


def _title(app: dict[str, Any]) -> str:
    why = app["unusable"]
    return unusable(why["id"]) if why else _local(app["title"])


def _summary(app: dict[str, Any]) -> str:
    why = app["unusable"]
    return f"{why['message']} [{why['id']}]" if why else _local(app["summary"])


def _local(texts: dict[str, Any]) -> str:
    return str(texts.get(active()) or texts.get("en") or "")
