"""`champ settings list|set|unset`: what is set, by whom, and the settings of whoever types."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from installer import language, look, own_settings
from installer.cli.options import Verb
from installer.cli.output import Column
from installer.cli.session import Session
from installer.decided import DecidedBy
from installer.language import translate as _
from installer.settings_list import Setting, decided, of_zone, own, shown, variable


@click.group("settings", help=_("Your language and look; what the zone is set to, and by whom."))
def command() -> None:
    """Group the acts on settings."""


@command.command(
    "list",
    cls=Verb,
    help=_(
        "Show every setting, who decided it, and the command that changes it: yours, and with "
        "--zone those of the zone. An option comes before CHAMP_LANG or CHAMP_LOOK, these before "
        "your setting, and that before the locale and what the terminal can show."
    ),
)
@click.pass_obj
def list_(session: Session) -> None:
    """A row for each."""
    found = own()
    if session.zone is not None:
        found += of_zone(session.appliance().settings())
    _show(session, found)


@command.command(
    "set",
    cls=Verb,
    help=_(
        "Keep VALUE of your setting NAME, for every zone: `language` (en or zh) or `look` (ascii "
        "or rich). It is kept in ~/.config/champ-offline, or where XDG_CONFIG_HOME says. On a "
        "console that may lack Chinese characters neither zh nor rich is followed unasked."
    ),
)
@click.argument("name", shell_complete=lambda _c, _p, begun: _names(begun))
@click.argument("value", shell_complete=lambda context, _p, begun: _values(context, begun))
@click.pass_obj
def set_(session: Session, name: str, value: str) -> None:
    """Keep it, follow it at once, and show it."""
    _change(session, name, value)


@command.command("unset", cls=Verb, help=_("Forget your setting NAME: the system decides again."))
@click.argument("name", shell_complete=lambda _c, _p, begun: _names(begun))
@click.pass_obj
def unset(session: Session, name: str) -> None:
    """Forget it, and show what decides now."""
    _change(session, name, None)


def _change(session: Session, name: str, value: str | None) -> None:
    kept = own_settings.keep(name, value)
    if look.decided_by() is DecidedBy.OWN:
        look.activate(None)
    spoken = language.active() if language.decided_by() is DecidedBy.OPTION else None
    own_settings.follow(kept, spoken)
    _show(session, [one for one in own() if one.name == name])


def _show(session: Session, found: list[Setting]) -> None:
    if session.form != "table":
        session.output.document(found)
        return
    rows = [
        {
            "name": one.name,
            "value": shown(one),
            "source": " ".join(filter(None, (decided(one.source), variable(one)))),
            "change": one.change,
        }
        for one in found
    ]
    session.output.rows(
        rows,
        [
            Column("name", _("SETTING")),
            Column("value", _("VALUE")),
            Column("source", _("DECIDED BY")),
            Column("change", _("CHANGED BY")),
        ],
    )


def _names(begun: str) -> list[CompletionItem]:
    return [CompletionItem(one) for one in own_settings.VALUES if one.startswith(begun)]


def _values(context: click.Context, begun: str) -> list[CompletionItem]:
    known = own_settings.VALUES.get(context.params.get("name") or "", ())
    return [CompletionItem(one) for one in known if one.startswith(begun)]
