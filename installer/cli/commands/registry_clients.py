"""`champ registry client add|list|remove` and `champ registry access`: who may do what."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from installer.cli.names import clients
from installer.cli.options import GIVEN_FILE, Verb
from installer.cli.output import Column
from installer.cli.passwords import chosen
from installer.cli.session import Session
from installer.language import translate as _
from installer.words import word

if TYPE_CHECKING:
    from champ_offline.registry.clients import Account


@click.group("client", help=_("Say which clients may push and delete, or pull, and where."))
def client() -> None:
    """Group the acts on clients."""


@client.command(
    "add",
    cls=Verb,
    help=_("Add a client; its password is typed twice, or read from a file of mode 0600."),
)
@click.argument("name", metavar="NAME")
@click.option(
    "--push", multiple=True, metavar="PATTERN",
    help=_("It may push to, and pull from, such repositories; * is any text; may be repeated."),
)  # fmt: skip
@click.option(
    "--pull", multiple=True, metavar="PATTERN",
    help=_("It may pull from such repositories, also where others may not; may be repeated."),
)  # fmt: skip
@click.option(
    "--delete", multiple=True, metavar="PATTERN",
    help=_("It may delete in such repositories; may be repeated."),
)  # fmt: skip
@click.option(
    "--password-file", type=GIVEN_FILE, metavar="FILE",
    help=_("Read the password from this file, which nobody else may read."),
)  # fmt: skip
@click.pass_obj
def add(
    session: Session,
    name: str,
    push: tuple[str, ...],
    pull: tuple[str, ...],
    delete: tuple[str, ...],
    password_file: Path | None,
) -> None:
    """Keep the client and show what it may; only a hash of its password is kept."""
    if not push + pull + delete:
        raise click.UsageError(_("Say what the client may: --push, --pull or --delete PATTERN."))
    clients = session.appliance().registry.clients
    from champ_offline.journal.process import current_user
    from champ_offline.registry.clients import roles
    from champ_offline.registry.passwords import hashed

    kept = hashed(chosen(name, password_file))
    account = clients.add(name, kept, roles(pull, push, delete), current_user())
    session.output.record(
        _shown(account), [Column("name", _("client")), Column("roles", _("may"), _told)]
    )


@client.command("list", cls=Verb, help=_("List the clients and what each may."))
@click.pass_obj
def list_(session: Session) -> None:
    """One row for each client."""
    session.output.rows(
        [_shown(account) for account in session.appliance().registry.clients.all()],
        [
            Column("name", _("CLIENT")),
            Column("roles", _("MAY"), _told),
            Column("added", _("ADDED")),
        ],
    )


@client.command("remove", cls=Verb, help=_("Remove a client; its password and tokens end at once."))
@click.argument("name", metavar="NAME", shell_complete=clients)
@click.pass_obj
def remove(session: Session, name: str) -> None:
    """Remove the client and say so."""
    clients = session.appliance().registry.clients
    from champ_offline.journal.process import current_user

    clients.remove(name, current_user())
    session.output.record({"removed": name}, [Column("removed", _("removed"))])


@click.command(
    "access", cls=Verb, help=_("Show, or change, what everybody may without saying who it is.")
)
@click.option(
    "--anonymous", type=click.Choice(["pull", "none"]), help=_("What everybody may from now on.")
)
@click.pass_obj
def access(session: Session, anonymous: str | None) -> None:
    """Change it if asked to, and show it."""
    clients = session.appliance().registry.clients
    if anonymous is not None:
        from champ_offline.journal.process import current_user
        from champ_offline.registry.clients import Anonymous

        clients.allow(Anonymous(anonymous), current_user())
    session.output.record(
        clients.view(),
        [Column("anonymous", _("anonymous"), word), Column("clients", _("clients"))],
    )


def _shown(account: Account) -> dict[str, object]:
    """Without the hash of its password: nobody needs to see it."""
    return {"name": account.name, "roles": list(account.roles), "added": account.added}


def _told(roles: list[dict[str, object]]) -> str:
    return "; ".join(f"{','.join(_words(role))} {role['pattern']}" for role in roles)


def _words(role: dict[str, object]) -> list[str]:
    actions = role["actions"]
    return [word(str(action)) for action in actions] if isinstance(actions, list) else []
