"""Errors of the screens themselves: no zone, a folder that cannot be made."""

from __future__ import annotations

from champ_offline.errors import ChampError, ExitCode


class NoZoneOpen(ChampError):
    """A step works on a zone and none is open."""

    id = "tui.no-zone-open"
    exit_code = ExitCode.USAGE
    message = "No zone is open."
    remedy = "Open a zone's folder, or make a zone, on the first screen."


class FolderNotMade(ChampError):
    """The folder for answers cannot be made in the zone."""

    id = "tui.folder-not-made"
    exit_code = ExitCode.USAGE
    message = "{path} cannot be made: {reason}."
    remedy = "Run champ as the user who owns the zone's folder."
