"""`champ --zone DIR logs RELEASE`: what the containers of a release wrote."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from installer.cli.diagnostics import say
from installer.cli.names import releases
from installer.cli.options import MOMENT, Verb, Whole, kubeconfig, namespace
from installer.cli.session import Session
from installer.error_text import note
from installer.language import translate as _
from installer.log_text import broken, plain
from installer.terminal_text import printable

if TYPE_CHECKING:
    from champ_offline.release.logs import Line, Read

# Seconds between two looks.
_EVERY = 2.0
# Lines of one container at most (release/logs.py, MOST).
_MOST = 10_000


@click.command(
    "logs",
    cls=Verb,
    help=_(
        "Show what the containers of RELEASE wrote last, secrets hidden: lines of all of them by"
        " the time when they were written, each begun with pod and container where there are"
        " several. With --json each line is one JSON object. Of one container 10,000 lines and"
        " 1 MiB are shown at most."
    ),
)
@click.argument("release", shell_complete=releases)
@namespace
@click.option("--pod", metavar="POD", help=_("Only the containers of this pod."))
@click.option("--container", metavar="NAME", help=_("Only the containers of this name."))
@click.option(
    "--previous", is_flag=True,
    help=_("Of containers that were started anew: what the one before wrote."),
)  # fmt: skip
@click.option(
    "--tail", "lines", type=Whole(1, _MOST), default=100, show_default=True, metavar="N",
    help=_("The last N lines of each container."),
)  # fmt: skip
@click.option(
    "--since", type=click.DateTime(MOMENT), metavar="TIME",
    help=_("From this day or second on, in UTC: 2026-05-01 or 2026-05-01T10:00:00."),
)  # fmt: skip
@click.option("--follow", is_flag=True, help=_("Go on with what is written, until Ctrl+C."))
@kubeconfig
@click.pass_obj
def command(
    session: Session,
    release: str,
    namespace: str | None,
    pod: str | None,
    container: str | None,
    previous: bool,  # noqa: FBT001 - a flag of the command line
    lines: int,
    since: datetime | None,
    follow: bool,  # noqa: FBT001 - a flag of the command line
    kubeconfig: Path | None,
) -> None:
    """Show the last lines, then what comes.

    Where no container's log could be had the first error is how it ends; else each is told once.
    """
    if previous and follow:
        raise click.UsageError(
            _("What was before is written to no more; leave out --previous or --follow.")
        )
    from champ_offline.release.logs import Wanted

    start = f"{since:{MOMENT[1]}}Z" if since else ""
    wanted = Wanted(pod or "", container or "", previous=previous, lines=lines, since=start)
    found = session.appliance().releases
    with closing(found.logs(release, namespace or release, kubeconfig)) as logs:
        shown = _Shown(session)
        for read in _readings(logs.follow(wanted), follow=follow):
            shown.take(read)


def _readings(more: Callable[[], Read], *, follow: bool) -> Iterator[Read]:
    """The first, and where it is followed every one after it."""
    yield more()
    while follow:
        time.sleep(_EVERY)
        yield more()


class _Shown:
    """Writes lines as they come; troubles, and what is between lines, go to standard error."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._sources: set[tuple[str, str]] = set()
        self._told: set[str] = set()

    def take(self, read: Read) -> None:
        from champ_offline.release.logs import Break

        if read.trouble and not read.lines and not self._told | self._sources:
            raise read.trouble[0]
        self._sources |= {(one.pod, one.container) for one in read.lines}
        lines: list[Line] = []
        for one in read.in_order:
            if isinstance(one, Break):
                self._write(lines)
                lines = []
                say(broken(one))
            else:
                lines.append(one)
        self._write(lines)
        for text in dict.fromkeys(map(note, read.trouble)):
            if text not in self._told:
                say(text)
                self._told.add(text)

    def _write(self, lines: Sequence[Line]) -> None:
        if self._session.form == "table":
            self._session.output.text("".join(f"{self._text(one)}\n" for one in lines))
        else:
            for one in lines:
                self._session.output.item(one)

    def _text(self, one: Line) -> str:
        """The line; with its place where lines come from several."""
        head = f"{one.pod}/{one.container}: " if len(self._sources) > 1 else ""
        return printable(head) + plain(one.line)
