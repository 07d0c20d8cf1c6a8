"""What the global options say, and the means of a verb: its output, its progress, its zone.

Invariant: one session for each run of `champ`; the options may stand before or after the verb and
the last one wins.
"""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from champ_offline.events import Subscriber
from installer.cli.errors import ZoneNotNamed
from installer.cli.output import Output
from installer.cli.progress import subscribed

if TYPE_CHECKING:
    from champ_offline.appliance import Appliance
    from champ_offline.site.verbs import Sites


@dataclass
class Session:
    """The settings of one run; `zone` is None where none was named."""

    zone: Path | None = None
    form: str = "table"
    progress: str = "plain"
    _appliance: Appliance | None = field(default=None, repr=False)

    @property
    def json_errors(self) -> bool:
        """Whether an error is told as JSON: where results or progress are."""
        return self.form == "json" or self.progress == "ndjson"

    @property
    def output(self) -> Output:
        """Standard output in the chosen form."""
        return Output(sys.stdout, self.form)

    def watched(self, *, quiet: bool = False) -> AbstractContextManager[Subscriber]:
        """`with session.watched() as notify:` shows the progress of what runs inside.

        With `quiet` nothing is written before the first event, nor after the last step's end.
        """
        return subscribed(self.progress, sys.stderr, quiet=quiet)

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
            self._appliance = Appliance.open(folder)
        return self._appliance

    def sites(self) -> Sites:
        """The site's document in that zone; raises as `appliance`."""
        releases = self.appliance().releases
        from champ_offline.site.verbs import Sites

        return Sites(releases)
