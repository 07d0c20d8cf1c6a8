"""Errors of the screens themselves: a folder that cannot be read, an import that was ended."""

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


class ImportStopped(ChampError):
    """The user ended an import."""

    id = "tui.import-stopped"
    exit_code = ExitCode.INTERRUPTED
    message = "The import was stopped. The zone is as it was before."
    remedy = "Start it again at any time; whole files that were read are not read again."
