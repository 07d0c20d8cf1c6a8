"""`champ self install|update|rollback|status`: the program itself on this host."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from champ_offline.installation.places import (
    COMMAND,
    MANUAL,
    TOP,
    Places,
    installation_of,
    one_file_of,
)
from installer.cli.diagnostics import say
from installer.cli.options import DIRECTORY, FILE, Verb
from installer.cli.output import Column, as_plain
from installer.cli.session import Session
from installer.language import translate as _

if TYPE_CHECKING:
    from champ_offline.installation.programs import Change


def _to(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--to",
        type=DIRECTORY,
        metavar="DIR",
        help=_("Where the program is installed; /opt/champ-offline unless said otherwise."),
    )(function)


@click.group("self", help=_("Install this program on the host; update it; go back."))
def command() -> None:
    """Group the acts on the program itself."""


@command.command(
    "install",
    cls=Verb,
    help=_(
        "Install the champ.sh that this program was started from: beside the versions that are"
        " there, as the current one, with a link in /usr/local/bin and the manual. Needs root."
    ),
)
@_to
@click.option(
    "--host",
    metavar="ADDRESS",
    help=_("Write the units of the zone's registry too, as `champ registry unit` does."),
)
@click.option(
    "--name", "names", multiple=True, metavar="NAME",
    help=_("A name or address nodes use, for the certificate; may be repeated."),
)  # fmt: skip
@click.pass_obj
def install(session: Session, to: Path | None, host: str | None, names: tuple[str, ...]) -> None:
    """Install; raises NotFromOneFile, RootNeeded, CommandTaken, NotStarted, Locked."""
    from champ_offline.installation.errors import NotFromOneFile
    from champ_offline.installation.programs import Programs

    file, places = one_file_of(Path(sys.executable)), _places(to)
    if not (getattr(sys, "frozen", False) and file.is_file()):
        raise NotFromOneFile(path=file)
    zone = session.zone_folder() if host else None
    _show(session, Programs(places).install(file))
    if host is not None and zone is not None:
        given = [word for name in names for word in ("--name", name)]
        words = ["registry", "unit", "--host", host, *given, "--write", str(places.units)]
        # The installed program writes them: they name it, and not what runs here.
        own = [str(places.program), "--zone", str(zone.absolute()), *words]
        done = subprocess.run(own, stdout=sys.stderr, check=False)
        click.get_current_context().exit(done.returncode)


@command.command(
    "update",
    cls=Verb,
    help=_(
        "Take champ.sh from MEDIUM, if it is the one that was signed with a bundle there: by the"
        " zone's root, or by --root. It must start on this host before it becomes the current one."
    ),
)
@click.argument("medium", type=DIRECTORY)
@click.option("--root", type=FILE, metavar="ROOT.json", help=_("The public root."))
@_to
@click.pass_obj
def update(session: Session, medium: Path, root: Path | None, to: Path | None) -> None:
    """Verify, install, switch; raises what `offered` and `Programs.update` raise."""
    from champ_offline.installation.offered import Judge, offered
    from champ_offline.installation.programs import Programs
    from champ_offline.workshop import Workshop

    judge: Judge
    if root is None:
        judge = session.appliance().inspect
    else:
        trusted = root
        judge = lambda paths: Workshop().inspect(paths, trusted)  # noqa: E731
    _show(session, Programs(_places(to)).update(offered(medium, judge)))


@command.command(
    "rollback",
    cls=Verb,
    help=_("Make the version before the current one again; a second time leads back."),
)
@_to
@click.pass_obj
def rollback(session: Session, to: Path | None) -> None:
    """Go back; raises NothingBefore, NotInstalled, NotStarted, RootNeeded, Locked."""
    from champ_offline.installation.programs import Programs

    _show(session, Programs(_places(to)).rollback())


@command.command("status", cls=Verb, help=_("Show the versions that are installed."))
@_to
@click.pass_obj
def status(session: Session, to: Path | None) -> None:
    """Show them; raises NotInstalled."""
    from champ_offline.installation.programs import Programs

    standing = Programs(_places(to)).standing()
    if session.output.form != "table":
        session.output.document(standing)
        return
    session.output.rows(
        standing.versions,
        [
            Column("name", _("VERSION")),
            Column("current", _("CURRENT"), _yes),
            Column("previous", _("BEFORE"), _yes),
            Column("used", _("RUNNING"), _yes),
            Column("folder", _("FOLDER")),
        ],
    )


def _places(to: Path | None) -> Places:
    """The installation that is meant; only root may put links onto everybody's paths."""
    own = installation_of(Path(sys.executable))
    top = to.absolute() if to else own.top if own else TOP
    return Places(top, COMMAND, MANUAL) if os.geteuid() == 0 else Places(top)


def _yes(value: bool) -> str:  # noqa: FBT001 - a column's value
    return _("yes") if value else ""


def _show(session: Session, change: Change) -> None:
    session.output.record(
        {**as_plain(change), "changed": change.changed},
        [
            Column("now", _("current")),
            Column("before", _("before")),
            Column("program", _("program")),
        ],
    )
    if change.changed and change.before:
        say(
            _(
                "What is running stays on its version until it is started again; for the registry:"
                " systemctl reload champ-registry"
            )
        )
