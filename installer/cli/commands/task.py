"""`champ --zone DIR task list|follow|stop|start`: what takes long, seen from anywhere."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

import click

from champ_offline.errors import ExitCode
from installer.background import Processes
from installer.cli.diagnostics import say
from installer.cli.options import Verb
from installer.cli.output import Column
from installer.cli.progress import subscribed
from installer.cli.session import Session
from installer.language import translate as _
from installer.task_text import state
from installer.words import word

if TYPE_CHECKING:
    from champ_offline.tasks.task import Ending, Task


@click.group(
    "task",
    help=_("Follow what takes long, from any session; begin it without a terminal; stop it."),
)
def command() -> None:
    """Group the acts on tasks."""


@command.command("list", cls=Verb, help=_("List what is at work in the zone, and what was."))
@click.pass_obj
def list_(session: Session) -> None:
    """One row for each task, the newest first."""
    session.output.rows(
        [_row(task) for task in session.appliance().tasks.all()],
        [
            Column("number", _("TASK"), right=True),
            Column("began", _("BEGAN")),
            Column("user", _("USER")),
            Column("state", _("STATE"), word),
            Column("exit_code", _("EXIT CODE"), right=True),
            Column("words", _("COMMAND"), shlex.join),
        ],
    )


@command.command(
    "follow",
    cls=Verb,
    help=_(
        "Show task NUMBER from its beginning to its end, and end with its exit code; without a"
        " number the one at work, or the newest. Ctrl-C ends the looking, not the task."
    ),
)
@click.argument("number", type=click.IntRange(1), required=False)
@click.pass_obj
def follow(session: Session, number: int | None) -> int:
    """Show what it tells, and its result."""
    tasks = session.appliance().tasks
    number = number or tasks.newest().number
    task = tasks.one(number)
    told = _("Task {number}, begun {when} by {user}: champ {words}")
    say(told.format(number=number, when=task.began, user=task.user, words=shlex.join(task.words)))
    with subscribed(session.progress, sys.stderr) as shown:
        ending = tasks.follow(number, lambda one: shown(one.event, one.at))
    return _ended(session, ending)


def _ended(session: Session, ending: Ending | None) -> int:
    """Show its result, and raise its error as its own process did; gives the exit code."""
    if ending is None:
        return int(ExitCode.OK)
    if ending.result is not None:
        session.output.document(ending.result)
    if ending.error is not None:
        raise ending.error
    return ending.exit_code


@command.command(
    "stop",
    cls=Verb,
    help=_("End task NUMBER as Ctrl-C would: what it has half done is put back."),
)
@click.argument("number", type=click.IntRange(1))
@click.pass_obj
def stop(session: Session, number: int) -> None:
    """Ask for its end; it takes as long as the putting back does."""
    session.appliance().tasks.stop(number)
    say(_("Task {number} was told to end; `champ task follow` shows how.").format(number=number))


@command.command(
    "start",
    cls=Verb,
    context_settings={"ignore_unknown_options": True},
    help=_(
        "Run another verb as a task in a process of its own, which goes on when this terminal is"
        " gone: champ task start import /media/stick. It asks nothing, so confirm what it needs."
    ),
)
@click.argument("words", nargs=-1, required=True, type=click.UNPROCESSED)
@click.pass_obj
def start(session: Session, words: tuple[str, ...]) -> int:
    """Begin it, and show its number."""
    session.appliance()
    number = Processes().start(session.zone_folder(), words)
    task = session.appliance().tasks.one(number)
    session.output.record(_row(task), [Column("number", _("task"))])
    return int(ExitCode.OK)


def _row(task: Task) -> dict[str, object]:
    """The task as a result: its state is one of the fixed words."""
    ended = task.ending
    return {
        "number": task.number,
        "began": task.began,
        "user": task.user,
        "state": state(task),
        "ended": ended.at if ended else None,
        "exit_code": ended.exit_code if ended else None,
        "error": ended.error.id if ended and ended.error else None,
        "words": task.words,
    }
