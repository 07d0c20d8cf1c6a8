"""`champ --zone DIR registry authority show|accept|replace`: which authority the nodes trust."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from installer.cli.confirm import confirm as ask
from installer.cli.diagnostics import say
from installer.cli.options import Verb
from installer.cli.output import Column
from installer.cli.session import Session
from installer.error_text import note
from installer.language import translate as _

if TYPE_CHECKING:
    from champ_offline.registry.authority import Standing

_CONFIRM = click.option(
    "--confirm", metavar="NAME", help=_("Confirm by naming the zone; else you are asked.")
)


@click.group(
    "authority",
    help=_("The certificate authority that nodes trust: the registry's certificate is of it."),
)
def authority() -> None:
    """Group the acts on the zone's authority."""


@authority.command(
    "show",
    cls=Verb,
    help=_("Show the fingerprint to be compared on nodes, and whether the authority is there."),
)
@click.pass_obj
def show(session: Session) -> int:
    """Show it; ends with the error's code where it could not be used."""
    from champ_offline.errors import ChampError, ExitCode

    zone = session.appliance().registry.authority
    _record(session, zone.standing())
    try:
        zone.check()
    except ChampError as error:
        say(note(error))
        return int(error.exit_code)
    return int(ExitCode.OK)


@authority.command(
    "accept",
    cls=Verb,
    help=_(
        "Take on the authority whose ca.key and ca.crt were put into the zone's folder pki. Nodes "
        "that trust another one pull nothing until `champ node trust` is run there, so the zone "
        "must be confirmed."
    ),
)
@_CONFIRM
@click.pass_obj
def accept(session: Session, confirm: str | None) -> None:
    """Confirm, take it on, and say what is to come."""
    appliance = session.appliance()
    ask(_("This changes which authority the nodes of {name} must trust."), appliance.name, confirm)
    _record(session, appliance.registry.authority.accept())
    _say_next()


@authority.command(
    "replace",
    cls=Verb,
    help=_(
        "Make another authority, in place of one that is lost, disclosed or at its end. No node "
        "pulls from then on until `champ node trust` is run there, so the zone must be confirmed. "
        "What was there stays in the folder pki, as ca.key.before and ca.crt.before."
    ),
)
@_CONFIRM
@click.pass_obj
def replace(session: Session, confirm: str | None) -> None:
    """Confirm, replace it, and say what is to come."""
    appliance = session.appliance()
    ask(_("This changes which authority the nodes of {name} must trust."), appliance.name, confirm)
    _record(session, appliance.registry.authority.replace())
    _say_next()


def _record(session: Session, standing: Standing) -> None:
    session.output.record(
        standing,
        [
            Column("fingerprint", _("fingerprint of its authority"), _or_none),
            Column("since", _("since"), _or_none),
            Column("path", _("file")),
            Column("found", _("fingerprint in the file"), _or_none),
            Column("not_after", _("valid until"), _or_none),
        ],
    )


def _or_none(text: str | None) -> str:
    return text or "—"


def _say_next() -> None:
    say(
        _(
            "Restart or reload the registry now, and on each node run `champ node trust HOST:PORT "
            "--ca ca.crt --confirm HOST:PORT` with this ca.crt."
        )
    )
