"""What the global options say, and the means of a verb: its output, its progress, its zone.

Invariant: one session for each run of `champ`; the options may stand before or after the verb and
the last one wins. What takes long in a zone is told to the zone's tasks too, and goes on when the
terminal is gone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from champ_offline.errors import ChampError, system_said
from champ_offline.events import Event, Subscriber
from installer.cli.diagnostics import outlive_terminal, say
from installer.cli.errors import NotFollowed, ZoneNotNamed
from installer.cli.output import Output
from installer.cli.progress import subscribed
from installer.cli.surviving import UnlessGone
from installer.error_text import sentences

if TYPE_CHECKING:
    from champ_offline.appliance import Appliance
    from champ_offline.site.verbs import Sites
    from champ_offline.tasks.record import TaskRecord


@dataclass
class Session:
    """The settings of one run; `zone` is None where none was named, `words` are the command's."""

    words: tuple[str, ...] = ()
    open_zone: Callable[[Path], Appliance] | None = None
    zone: Path | None = None
    form: str = "table"
    progress: str = "plain"
    _appliance: Appliance | None = field(default=None, repr=False)
    _task: TaskRecord | None = field(default=None, repr=False)

    @property
    def json_errors(self) -> bool:
        """Whether an error is told as JSON: where results or progress are."""
        return self.form == "json" or self.progress == "ndjson"

    @property
    def output(self) -> Output:
        """Standard output in the chosen form."""
        return Output(sys.stdout, self.form, self._task.result if self._task else None)

    @contextmanager
    def watched(self, *, quiet: bool = False) -> Iterator[Subscriber]:
        """`with session.watched() as notify:` shows the progress of what runs inside.

        With `quiet` nothing is written before the first event, nor after the last step's end: for
        what runs for days, and is no task.
        """
        task = None if quiet else self._begun()
        with subscribed(self.progress, UnlessGone(sys.stderr), quiet=quiet) as shown:

            def both(event: Event) -> None:
                if task is not None:
                    task(event)
                shown(event)

            yield both

    def take_on(self, asked: tuple[Path, int] | None) -> None:
        """Carry out the task of that zone's folder and number, if there is one.

        Raises TaskUnknown, FileForbidden, FileStrayed.
        """
        if asked is not None:
            from installer.background import tasks_of

            zone, number = asked
            self._task = tasks_of(zone).carry_out(number)
            outlive_terminal()

    def ended(self, exit_code: int, error: ChampError | None) -> None:
        """Tell the task, if this is one, how it ended."""
        if self._task is not None:
            self._task.end(exit_code, error)
            self._task = None

    def _begun(self) -> TaskRecord | None:
        """This command as a task of its zone; None where it is about none, or nothing fits in."""
        if self._task is None and self._appliance is not None:
            tasks = self._appliance.tasks
            try:
                self._task = tasks.carry_out(tasks.ask(self.words))
            except OSError as error:
                say(sentences(NotFollowed(reason=system_said(error)))[0])
            outlive_terminal()
        return self._task

    def zone_folder(self) -> Path:
        """The zone's folder; raises ZoneNotNamed."""
        if self.zone is None:
            raise ZoneNotNamed
        return self.zone

    def appliance(self) -> Appliance:
        """The zone, opened once; raises ZoneNotNamed and what opening a zone raises."""
        folder = self.zone_folder()
        from champ_offline.appliance import Appliance

        if self._appliance is None:
            self._appliance = (self.open_zone or Appliance.open)(folder)
        return self._appliance

    def sites(self) -> Sites:
        """The site's document in that zone; raises as `appliance`."""
        releases = self.appliance().releases
        from champ_offline.site.verbs import Sites

        return Sites(releases)
