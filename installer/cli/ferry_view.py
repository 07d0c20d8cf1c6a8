"""What a ferry folder brought, told one by one, and the end of watching it.

Invariant: SIGTERM ends the watching where nothing is half done: at once while nothing is under way
or bytes are being read, which the next look goes on with; after a change of a release else.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

from champ_offline.durable.lock import Locked
from champ_offline.errors import ExitCode
from champ_offline.events import Event, Progress, StepStarted, Subscriber
from installer.cli.diagnostics import Terminated, error_document
from installer.cli.run_view import document, lines, say_reasons, say_why
from installer.cli.session import Session
from installer.error_text import sentences
from installer.terminal_text import printable
from installer.words import word

if TYPE_CHECKING:
    from champ_offline.policy.ferry import Ferry, Told

_PAUSE = 5.0  # seconds from one look to the next
# Before these nothing of a change has begun, and what was read is kept.
_SAFE = frozenset({"ferry", "import", "plan"})


class Ending:
    """Whether SIGTERM came; `idle` while it may end the program at once."""

    def __init__(self) -> None:
        self.wanted, self.idle = False, True

    def arrived(self, _number: int, _frame: FrameType | None) -> None:
        """Handle the signal; raises Terminated where nothing is under way."""
        self.wanted = True
        self.check(idle=self.idle)

    def check(self, *, idle: bool = True) -> None:
        """Raise Terminated if it is wanted and may be."""
        if self.wanted and idle:
            raise Terminated

    def listening(self, notify: Subscriber) -> Subscriber:
        """Pass events on; ends at the first one at which nothing is half done."""

        def take(event: Event) -> None:
            notify(event)
            if isinstance(event, StepStarted | Progress):
                self.check(idle=event.name in _SAFE)

        return take


def watch(ferry: Ferry, session: Session, keep: Callable[[Told], None], *, once: bool) -> ExitCode:
    """Look again and again, or `once`; the code is that of the worst that was told.

    `keep` is given what was told. Raises Terminated, and while looking once Locked.
    """
    codes: list[ExitCode] = []
    with _ended_gently() as ending:
        while True:
            ending.idle = False
            try:
                with session.watched(quiet=True) as notify:
                    for told in ferry.look(ending.listening(notify)):
                        show(session, told)
                        keep(told)
                        codes.append(told.exit_code)
                        ending.check()
            except Locked:
                if once:
                    raise
            ending.idle = True
            ending.check()
            if once:
                break
            codes.clear()
            time.sleep(_PAUSE)
    from champ_offline.policy.result import worst

    return worst(code for code in codes if code)


@contextmanager
def _ended_gently() -> Iterator[Ending]:
    ending = Ending()
    before = signal.signal(signal.SIGTERM, ending.arrived)
    try:
        yield ending
    finally:
        signal.signal(signal.SIGTERM, before)


def show(session: Session, told: Told) -> None:
    """One JSON object on a line, one item of a YAML list, or a line with what was done below it."""
    if session.output.form != "table":
        session.output.item(_document(told))
        return
    session.output.text(f"{printable(told.name)}  {word(told.state)}\n")
    if told.run is not None:
        session.output.text("".join(f"  {line}\n" for line in lines(told.run)))
        say_why(told.run)
    else:
        say_reasons(told.reasons, told.name)


def _document(told: Told) -> dict[str, Any]:
    return {
        "name": told.name,
        "media": told.media,
        "state": told.state,
        "bundle": told.bundle,
        "exit_code": int(told.exit_code),
        "reasons": [error_document(one, *sentences(one)) for one in told.reasons],
        "run": document(told.run) if told.run is not None else None,
    }
