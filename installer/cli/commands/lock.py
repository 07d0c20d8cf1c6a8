"""`champ lock RECIPE`: pin every reference of a recipe to a digest."""

from __future__ import annotations

from pathlib import Path

import click

from installer.cli.options import FILE, GIVEN_FILE, Verb
from installer.cli.output import Column
from installer.cli.session import Session
from installer.language import translate as _


@click.command(
    "lock", cls=Verb, help=_("Pin every reference of RECIPE to a digest and write the lock.")
)
@click.argument("recipe", type=GIVEN_FILE)
@click.option(
    "--out", type=FILE, metavar="FILE", help=_("Where the lock goes; beside the recipe otherwise.")
)
@click.pass_obj
def command(session: Session, recipe: Path, out: Path | None) -> None:
    """Write the lock and say how much it holds."""
    from champ_offline.workshop import Workshop

    with session.watched() as notify:
        summary = Workshop().lock(recipe, out, notify)
    session.output.record(
        summary,
        [
            Column("path", _("lock")),
            Column("lock.images", _("images"), _counted),
            Column("lock.charts", _("charts"), _counted),
            Column("lock.apps", _("apps"), _counted),
        ],
    )


def _counted(pinned: list[object]) -> str:
    return str(len(pinned))
