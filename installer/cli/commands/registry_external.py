"""`champ registry external set|show|remove` and `champ registry push`: a registry of the site."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from champ_offline.errors import system_said
from champ_offline.external.errors import CaUnreadable
from champ_offline.external.target import CredentialsIncomplete, Target
from installer.cli.diagnostics import say
from installer.cli.errors import FileNotRead
from installer.cli.options import GIVEN_FILE, Verb
from installer.cli.output import Column
from installer.cli.passwords import known
from installer.cli.session import Session
from installer.language import translate as _
from installer.quantities import size

if TYPE_CHECKING:
    from champ_offline.external.push import Pushed
    from champ_offline.external.verbs import ExternalView

_LONGEST = 1024 * 1024


@click.group(
    "external", help=_("Let nodes pull from a registry that the site runs, instead of the zone's.")
)
def external() -> None:
    """Group the acts on the external registry."""


@external.command(
    "set",
    cls=Verb,
    help=_(
        "Use the registry HOST[:PORT][/PREFIX] from now on. Plans then lead there by digest, once "
        "`champ registry push` has brought everything. The password is typed, or read from a file "
        "of mode 0600; it stays in the zone's database."
    ),
)
@click.argument("address", metavar="HOST[:PORT][/PREFIX]")
@click.option(
    "--ca", type=GIVEN_FILE, metavar="FILE",
    help=_("The authority of its certificate (PEM), the only one trusted; else the system's."),
)  # fmt: skip
@click.option(
    "--username", metavar="NAME", help=_("Who logs in there to push; without it nobody does.")
)
@click.option(
    "--password-file", type=GIVEN_FILE, metavar="FILE",
    help=_("Read the password from this file, which nobody else may read."),
)  # fmt: skip
@click.option(
    "--token-server", default="", metavar="HOST[:PORT]",
    help=_("Another host that may be given the password for a token."),
)  # fmt: skip
@click.option("--plain-http", is_flag=True, help=_("Speak HTTP without TLS, on loopback only."))
@click.pass_obj
def set_(
    session: Session,
    address: str,
    ca: Path | None,
    username: str | None,
    password_file: Path | None,
    token_server: str,
    *,
    plain_http: bool,
) -> None:
    """Keep it and show it."""
    if password_file is not None and username is None:
        raise click.UsageError(_("--password-file wants --username NAME."))
    if ca is not None and plain_http:
        raise click.UsageError(_("--plain-http speaks without TLS; leave out --ca."))
    verbs = session.appliance().registry.external
    from champ_offline.journal.process import current_user

    target = replace(
        Target.parse(address),
        ca=_authority(ca),
        token_server=token_server,
        plain_http=plain_http,
    )
    target.check()
    if username is not None:
        password = known(username, password_file).decode("utf-8", "replace")
        if not (username and password):
            raise CredentialsIncomplete
        target = replace(target, username=username, password=password)
    _show(session, verbs.use(target, current_user()))


@external.command(
    "show",
    cls=Verb,
    help=_(
        "Show it, and how much of the zone was pushed there. What became of that since is looked "
        "at by plans, and by the next push."
    ),
)
@click.pass_obj
def show(session: Session) -> None:
    """One registry; never its password."""
    _show(session, session.appliance().registry.external.view())


@external.command(
    "remove",
    cls=Verb,
    help=_("Let nodes pull from the zone's own registry again; what was pushed stays there."),
)
@click.pass_obj
def remove(session: Session) -> None:
    """Forget it, with its password, and say so."""
    verbs = session.appliance().registry.external
    from champ_offline.journal.process import current_user

    removed = verbs.remove(current_user())
    session.output.record({"removed": removed}, [Column("removed", _("removed"))])


@click.command(
    "push",
    cls=Verb,
    help=_(
        "Push what the bundles or images NAME brought, or everything, to the external registry. "
        "What it has is not sent again; all of it is read back by digest, and tags that led "
        "elsewhere there are put back and named. A push that was ended goes on with what is "
        "missing when it is run again."
    ),
)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.pass_obj
def push(session: Session, names: tuple[str, ...]) -> None:
    """Push, and show a row for each name."""
    verbs = session.appliance().registry.external
    from champ_offline.journal.process import current_user

    with session.watched() as notify:
        done = verbs.push(names, current_user(), notify)
    if session.form != "table":
        session.output.document(done)
        return
    session.output.rows(
        done.names,
        [
            Column("name", _("NAME")),
            Column("tags", _("TAGS"), ", ".join),
            Column("manifests", _("MANIFESTS"), right=True),
            Column("blobs", _("BLOBS"), right=True),
            Column("sent", _("SENT"), right=True),
            Column("mounted", _("MOUNTED"), right=True),
            Column("size", _("SIZE"), size, right=True),
        ],
    )
    if done.put_back:
        _mind(session, done)


def _mind(session: Session, done: Pushed) -> None:
    """Name the tags that others had moved."""
    say(_("Tags led elsewhere there than this zone had let them lead; they were put back:"))
    moved = [
        {"tag": f"{one.name}:{tag.tag}", "was": tag.was, "now": tag.now}
        for one in done.names
        for tag in one.put_back
    ]
    columns = [("tag", _("TAG")), ("was", _("IT LED TO")), ("now", _("IT LEADS TO"))]
    session.output.rows(moved, [Column(key, title) for key, title in columns])


def _show(session: Session, view: ExternalView) -> None:
    session.output.record(
        view,
        [
            Column("address", _("address")),
            Column("username", _("user"), lambda name: name or _("anonymous")),
            Column("authority", _("certificate authority"), lambda at: at or _("the system's")),
            Column("pushed", _("names pushed and read back")),
            Column("last_push", _("last push"), lambda at: at or "—"),
            Column("waiting", _("names to be pushed")),
        ],
    )


def _authority(file: Path | None) -> str:
    """The PEM of a file; raises FileNotRead, CaUnreadable."""
    if file is None:
        return ""
    from champ_offline.external.wire import tls

    try:
        with file.open("rb") as stream:
            text = stream.read(_LONGEST).decode("ascii")
        tls(text or "empty")
    except OSError as error:
        raise FileNotRead(path=file, reason=system_said(error)) from error
    except ValueError as error:
        raise CaUnreadable(path=file) from error
    return text
