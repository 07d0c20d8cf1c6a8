"""`champ --zone DIR form APP`: what an app wants to know."""

from __future__ import annotations

import json

import click

from installer.cli.names import apps
from installer.cli.options import Verb
from installer.cli.output import Column
from installer.cli.session import Session
from installer.language import active
from installer.language import translate as _


@click.command(
    "form",
    cls=Verb,
    help=_("Show the fields of APP's form; with --json also their limits and choices."),
)
@click.argument("app", shell_complete=apps)
@click.option("--version", metavar="VERSION", help=_("The newest that the zone holds otherwise."))
@click.option(
    "--example",
    metavar="NAME",
    help=_("Show documented answers instead, to be changed and given to plan."),
)
@click.pass_obj
def command(session: Session, app: str, version: str | None, example: str | None) -> None:
    """One row for each field; JSON and YAML have all that is known of it."""
    if example is not None:
        session.output.text(session.appliance().example(app, version, example))
        return
    session.output.rows(
        session.appliance().form(app, version).fields(active()),
        [
            Column("path", _("FIELD")),
            Column("type", _("TYPE")),
            Column("required", _("REQUIRED"), lambda required: _("yes") if required else ""),
            Column("default", _("DEFAULT"), _shown),
            Column("title", _("TITLE")),
        ],
    )


def _shown(default: object) -> str:
    return default if isinstance(default, str) else json.dumps(default, ensure_ascii=False)
