"""What can go wrong with the program's own installation."""

from __future__ import annotations

from champ_offline.errors import ChampError, ExitCode


class RootNeeded(ChampError):
    """Only root may change what everybody runs."""

    id = "self.root-needed"
    exit_code = ExitCode.PREFLIGHT
    message = "Only root can change {path}; nothing was changed."
    remedy = "Run the same command with sudo, or as root."


class NotFromOneFile(ChampError):
    """The running program was not unpacked from champ.sh, so it cannot install itself."""

    id = "self.not-one-file"
    exit_code = ExitCode.USAGE
    message = "This program was not started from champ.sh: there is no {path}."
    remedy = "Run it from the stick: `sh champ.sh self install`."


class NotOneFile(ChampError):
    """A file that is said to be champ.sh, and has not its header."""

    id = "self.not-an-installer"
    exit_code = ExitCode.DOCUMENT_ALTERED
    message = "{path} is not champ.sh of CHAMP Offline."
    remedy = "Name the medium that champ.sh came on, or take it from the original once more."


class NotStarted(ChampError):
    """A version that does not start here is not made the current one."""

    id = "self.not-started"
    exit_code = ExitCode.PREFLIGHT
    message = "{path} does not start on this host: {reason}. The current version stays."
    remedy = "Mend what it says; what was current goes on working meanwhile."


class InstallerOlder(ChampError):
    """A signed champ.sh from before one that this host took already."""

    id = "self.installer-older"
    exit_code = ExitCode.TRUST_REFUSED
    message = "{path} was packed on {packed}, before the installer that this host took last."
    remedy = "Use a newer stick; to go back to the version before, run `champ self rollback`."


class FloorUnreadable(ChampError):
    """The document that says which champ.sh was taken last is not ours, or damaged."""

    id = "self.floor-unreadable"
    exit_code = ExitCode.DOCUMENT_ALTERED
    message = "{path} cannot be read as the record of the installer that was taken last."
    remedy = "Find out who changed it; to go on with any signed installer, delete it."


class NothingBefore(ChampError):
    """There is no version to go back to."""

    id = "self.nothing-before"
    exit_code = ExitCode.NOT_FOUND
    message = "{path} has no version before the current one."
    remedy = "See what is there: `champ self status`."


class NotInstalled(ChampError):
    """Nothing is installed where it was looked for."""

    id = "self.not-installed"
    exit_code = ExitCode.NOT_FOUND
    message = "Nothing is installed in {path}."
    remedy = "Install it first: `sh champ.sh self install`, with --to where it goes elsewhere."


class CommandTaken(ChampError):
    """Something else has the name of the command."""

    id = "self.command-taken"
    exit_code = ExitCode.PREFLIGHT
    message = "{path} is there and is no link to this program; nothing was changed."
    remedy = "Look what it is, move it away, then run the same command again."
