"""`champ trust init DIR --name NAME`: the keys and the root that bundles are signed with."""

from __future__ import annotations

from pathlib import Path

import click

from installer.cli.options import DIRECTORY, Verb
from installer.cli.output import Column
from installer.cli.session import Session
from installer.language import translate as _


@click.group("trust", help=_("Make the keys and the root that bundles are signed with."))
def command() -> None:
    """Group the acts on keys."""


@command.command(
    "init",
    cls=Verb,
    help=_("Make new signing keys and a public root in DIRECTORY, which must not hold any yet."),
)
@click.argument("directory", type=DIRECTORY)
@click.option("--name", required=True, metavar="NAME", help=_("Who holds the keys."))
@click.pass_obj
def init(session: Session, directory: Path, name: str) -> None:
    """Make the keys and show the fingerprint that zones are commissioned with."""
    from champ_offline.workshop import Workshop

    session.output.record(
        Workshop().trust_init(directory, name),
        [
            Column("root", _("public root")),
            Column("fingerprint", _("fingerprint")),
            Column("expires", _("valid until")),
        ],
    )
