"""`champ --zone DIR registry serve|unit`: the zone's images over TLS, now or as a system's service.

Invariant: `unit` takes what `serve` takes and writes down exactly the `serve` that it stands for.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from installer.cli.diagnostics import say, write_log
from installer.cli.options import DIRECTORY, FILE, Verb, Whole
from installer.cli.output import Column
from installer.cli.services import kept_program, note_unknown, owner, place, program_places
from installer.cli.session import Session
from installer.language import translate as _

DEFAULT_PORT = 5443
_MEGABYTE = 1000 * 1000
_SYSTEMD = (Path("/etc/systemd/system"), Path("/run/systemd/system"))
_Command = TypeVar("_Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class Serving:
    """What `serve` was asked for; sizes in megabytes, times in seconds."""

    host: str
    port: int
    names: tuple[str, ...]
    drain: int
    hand_over: bool
    log: Path | None
    log_size: int
    log_count: int

    @property
    def called(self) -> tuple[str, ...]:
        """What nodes call it, for the certificate."""
        return self.names or (self.host,)

    @property
    def arguments(self) -> Iterator[str]:
        """The same again as arguments, all of them, paths made absolute."""
        yield from ("--host", self.host, "--port", str(self.port))
        for name in self.names:
            yield from ("--name", name)
        yield from ("--drain", str(self.drain))
        yield "--hand-over" if self.hand_over else "--no-hand-over"
        if self.log is not None:
            yield from ("--log", str(place(self.log)))
            yield from ("--log-size", str(self.log_size), "--log-count", str(self.log_count))


def _options(command: _Command) -> _Command:
    options = [
        click.option(
            "--host", default="127.0.0.1", show_default=True, help=_("Address to listen on.")
        ),
        click.option(
            "--port", type=Whole(1, 65535), default=DEFAULT_PORT, show_default=True,
            help=_("Port to listen on."),
        ),
        click.option(
            "--name", "names", multiple=True, metavar="NAME",
            help=_("A name or address nodes use, for the certificate; may be repeated."),
        ),
        click.option(
            "--drain", type=Whole(1, 86400), default=600, show_default=True,
            metavar="SECONDS",
            help=_("How long answers under way may take to end when the registry stops."),
        ),
        click.option(
            "--hand-over/--no-hand-over", default=True, show_default=True,
            help=_("Start a successor on SIGHUP and to renew the certificate; not under a"
                   " supervisor other than systemd."),
        ),
        click.option(
            "--log", type=FILE, metavar="FILE",
            help=_("Write the log to a file of its own, not to stderr."),
        ),
        click.option(
            "--log-size", type=Whole(1, 100_000), default=64, show_default=True,
            metavar="MB", help=_("Begin another log file after this many megabytes."),
        ),
        click.option(
            "--log-count", type=Whole(1, 1000), default=8, show_default=True,
            metavar="N", help=_("Keep so many older log files."),
        ),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


@click.command("serve", cls=Verb, help=_("Serve the zone's images over TLS until interrupted."))
@_options
@click.pass_obj
def serve(session: Session, /, **options: Any) -> None:  # noqa: ANN401 - click's own
    """Serve, and show where as soon as requests are answered; the log goes on meanwhile."""
    from champ_offline.registry.successor import failure_told

    asked = Serving(**options)
    with failure_told():
        _serve(session, asked)


def _serve(session: Session, asked: Serving) -> None:
    appliance = session.appliance()

    def ready() -> None:
        session.output.record(
            {
                "address": asked.host,
                "port": asked.port,
                "authority": appliance.paths.pki / "ca.crt",
            },
            [
                Column("address", _("address")),
                Column("port", _("port")),
                Column("authority", _("certificate authority")),
            ],
        )

    from champ_offline.registry.start import Address, LogFile, Running

    log: LogFile | Callable[[bytes], None] | None = write_log
    if asked.log is not None:
        log = LogFile(asked.log.absolute(), asked.log_size * _MEGABYTE, asked.log_count)
    elif session.progress == "none":
        log = None
    again = (*kept_program(), *sys.argv[1:]) if asked.hand_over else ()
    where = Address(asked.host, asked.port, asked.called)
    appliance.registry.serve(where, ready, Running(float(asked.drain), again, log))


@click.command(
    "unit",
    cls=Verb,
    help=_(
        "Show systemd units that serve this zone with these options: a service with few rights, and"
        " its socket, on which clients wait while the service starts again."
    ),
)
@_options
@click.option(
    "--user", metavar="NAME", help=_("Who the service runs as; the owner of the zone's folder.")
)
@click.option(
    "--write", "folder", type=DIRECTORY, metavar="DIR",
    help=_("Write the units into a folder, such as /etc/systemd/system, and name them."),
)  # fmt: skip
@click.pass_obj
def unit(
    session: Session,
    /,
    user: str | None,
    folder: Path | None,
    **options: Any,  # noqa: ANN401 - click's own
) -> None:
    """Show or write the units; raises UnitImpossible, InvalidHost, NamesMissing."""
    from champ_offline.durable.units import write
    from champ_offline.registry.pki import check_hosts
    from champ_offline.registry.unit import Order, units

    asked, zone = Serving(**options), place(session.appliance().paths.root)
    check_hosts(asked.called)
    note_unknown(user)
    made = units(
        Order(
            command=(*kept_program(), "--zone", str(zone), "registry", "serve", *asked.arguments),
            zone=zone,
            writable=() if asked.log is None else (place(asked.log).parent,),
            readable=program_places(),
            address=asked.host,
            port=asked.port,
            user=user or owner(zone),
            drain=asked.drain,
        )
    )
    if folder is not None:
        written = [{"unit": path} for path in write(made, folder)]
        session.output.rows(written, [Column("unit", _("UNIT"))])
        say(_next(folder))
    elif session.output.form == "table":
        session.output.text("\n".join(f"# {name}\n{text}" for name, text in made.items()))
    else:
        session.output.document(made)


def _next(folder: Path) -> str:
    """What is to be typed once the units are in `folder`."""
    from champ_offline.registry.unit import SERVICE, SOCKET

    commands = ["systemctl daemon-reload", f"systemctl enable --now {SOCKET} {SERVICE}"]
    if folder.resolve() not in _SYSTEMD:
        copied = shlex.join(str(folder / name) for name in (SOCKET, SERVICE))
        commands.insert(0, f"cp {copied} {_SYSTEMD[0]}/")
    return "\n".join([_("Next, as root:"), *(f"  {command}" for command in commands)])
