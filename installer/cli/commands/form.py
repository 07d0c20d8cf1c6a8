"""`champ --zone DIR form APP`: what an app wants to know."""

from __future__ import annotations

import click

from installer.cli.options import Verb
from installer.cli.output import Column
from installer.cli.session import Session
from installer.language import translate as _


@click.command(
    "form",
    cls=Verb,
    help=_("Show the fields of APP's form; with --json the whole JSON Schema and its hints."),
)
@click.argument("app")
@click.option("--version", metavar="VERSION", help=_("The newest that the zone holds otherwise."))
@click.pass_obj
def command(session: Session, app: str, version: str | None) -> None:
    """One row for each field, or the form's documents."""
    form = session.appliance().form(app, version)
    if session.form != "table":
        session.output.document(form)
        return
    session.output.rows(
        form.fields(),
        [
            Column("name", _("FIELD")),
            Column("kind", _("TYPE")),
            Column("required", _("REQUIRED"), lambda required: _("yes") if required else ""),
            Column("default", _("DEFAULT")),
            Column("title", _("TITLE")),
        ],
    )
