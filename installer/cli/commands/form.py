"""`champ --zone DIR form APP`: what an app wants to know, and where each answer would come from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from installer.cli.names import apps
from installer.cli.options import Verb, kubeconfig, namespace
from installer.cli.output import Column, as_plain
from installer.cli.session import Session
from installer.form_words import source_word
from installer.language import active
from installer.language import translate as _

if TYPE_CHECKING:
    from champ_offline.catalog.fields import FormField
    from champ_offline.catalog.sources import Filled

_Answers = Mapping[str, Any]


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
@namespace
@kubeconfig
@click.pass_obj
def command(
    session: Session,
    app: str,
    version: str | None,
    example: str | None,
    release: str | None,
    namespace: str | None,
    kubeconfig: Path | None,
) -> None:
    """One row for each field; JSON and YAML have all that is known of it."""
    if example is not None:
        session.output.text(session.appliance().example(app, version, example))
        return
    from champ_offline.catalog.sources import filled

    form = session.appliance().form(app, version)
    earlier = _earlier(session, release, namespace or release, kubeconfig)
    found = filled(form, active(), earlier)
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
            Column("source", _("FROM"), _from),
            Column("title", _("TITLE")),
        ],
    )


def _earlier(
    session: Session, release: str | None, namespace: str | None, kubeconfig: Path | None
) -> _Answers | None:
    """The answers that a release has; raises ReleaseUnknown."""
    if release is None or namespace is None:
        return None
    from champ_offline.helm.faults import ReleaseUnknown
    from champ_offline.release.request import check_names

    check_names(release, namespace)
    last = session.appliance().releases.earlier(release, namespace, kubeconfig)
    if last is None:
        raise ReleaseUnknown(release=release, namespace=namespace)
    return last.answers


def _row(field: FormField, found: Mapping[str, Filled]) -> dict[str, Any]:
    """The field with its value and where that comes from, those of a table in `items`."""
    plain: dict[str, Any] = as_plain(field)
    if field.type == "object":
        return {**plain, "items": [_row(item, found) for item in field.items]}
    known = found.get(field.path)
    value, source = (None, None) if known is None else (known.value, known.source.value)
    return {**plain, "value": value, "source": source}


def _leaves(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for row in rows:
        if row["type"] == "object":
            yield from _leaves(row["items"])
        else:
            yield row


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _from(source: str) -> str:
    from champ_offline.catalog.sources import Source

    return source_word(Source(source))
