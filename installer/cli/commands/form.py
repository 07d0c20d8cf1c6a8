"""`champ --zone DIR form APP`: what an app wants to know, and where each answer would come from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from installer.cli.names import apps
from installer.cli.options import GIVEN_FILE, Verb, kubeconfig, namespace
from installer.cli.output import Column, as_plain
from installer.cli.session import Session
from installer.form_words import source_word
from installer.language import active
from installer.language import translate as _

if TYPE_CHECKING:
    from champ_offline.catalog.fields import FormField
    from champ_offline.catalog.sources import Filled, Given


@click.command(
    "form",
    cls=Verb,
    help=_(
        "Show the fields of APP's form and where the value of each comes from that nobody gives:"
        " the app's default, made for you, or nobody yet. With --release from the answers that"
        " release has. With --json also limits and choices."
    ),
)
@click.argument("app", shell_complete=apps)
@click.option("--version", metavar="VERSION", help=_("The newest that the zone holds otherwise."))
@click.option(
    "--example",
    metavar="NAME",
    help=_("Show documented answers instead, to be changed and given to plan."),
)
@click.option(
    "--release",
    metavar="NAME",
    help=_("Show the answers of that release, with which a plan without --answers goes on."),
)
@click.option(
    "--site",
    type=GIVEN_FILE,
    metavar="FILE",
    help=_(
        "Show what a site's document says of this zone's release of APP, with its lines; --release"
        " names one of several."
    ),
)
@namespace
@kubeconfig
@click.pass_obj
def command(
    session: Session,
    app: str,
    version: str | None,
    example: str | None,
    release: str | None,
    site: Path | None,
    namespace: str | None,
    kubeconfig: Path | None,
) -> None:
    """One row for each field; JSON and YAML have all that is known of it."""
    if example is not None:
        session.output.text(session.appliance().example(app, version, example))
        return
    from champ_offline.catalog.sources import filled

    if site is None:
        given = _earlier(session, release, namespace or release, kubeconfig)
    else:
        order, given = session.sites().answers(site, app, release)
        version = version or order.version
    form = session.appliance().form(app, version)
    found = filled(form, active(), given)
    rows = [_row(field, found) for field in form.fields(active())]
    if session.output.form == "table":
        rows = [*_leaves(rows)]
    session.output.rows(
        rows,
        [
            Column("path", _("FIELD")),
            Column("type", _("TYPE")),
            Column("required", _("REQUIRED"), lambda required: _("yes") if required else ""),
            Column("value", _("VALUE"), _shown),
            Column("", _("FROM"), _from),
            Column("title", _("TITLE")),
        ],
    )


def _earlier(
    session: Session, release: str | None, namespace: str | None, kubeconfig: Path | None
) -> Given:
    """The answers that a release has; raises ReleaseUnknown."""
    from champ_offline.catalog.sources import NOTHING_GIVEN, Given

    if release is None or namespace is None:
        return NOTHING_GIVEN
    from champ_offline.helm.faults import ReleaseUnknown
    from champ_offline.release.request import check_names

    check_names(release, namespace)
    last = session.appliance().releases.earlier(release, namespace, kubeconfig)
    if last is None:
        raise ReleaseUnknown(release=release, namespace=namespace)
    return Given(last.answers)


def _row(field: FormField, found: Mapping[str, Filled]) -> dict[str, Any]:
    """The field with its value and where that comes from, those of a table in `items`."""
    plain: dict[str, Any] = as_plain(field)
    if field.type == "object":
        return {**plain, "items": [_row(item, found) for item in field.items]}
    known = found.get(field.path)
    if known is None:
        return {**plain, "value": None, "source": None, "place": ""}
    return {**plain, **as_plain(known)}


def _leaves(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for row in rows:
        if row["type"] == "object":
            yield from _leaves(row["items"])
        else:
            yield row


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _from(row: Mapping[str, Any]) -> str:
    from champ_offline.catalog.sources import Source

    if row["source"] is None:
        return ""
    return f"{source_word(Source(row['source']))} {row['place']}".strip()
