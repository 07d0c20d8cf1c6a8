"""Errors of the command line itself: a zone that was not named, a confirmation that is missing."""

from __future__ import annotations

from champ_offline.durable.owner import refusal
from champ_offline.errors import ChampError, ExitCode, system_said


class ZoneNotNamed(ChampError):
    """The verb works on a zone and none was given."""

    id = "cli.zone-not-named"
    exit_code = ExitCode.USAGE
    message = "No zone was named."
    remedy = "Give --zone DIR, or set CHAMP_ZONE to the zone's folder."


class UsageRefused(ChampError):
    """A command line that is not understood; told so where errors are JSON."""

    id = "cli.usage"
    exit_code = ExitCode.USAGE
    message = "This command line is not understood ({problem})"
    remedy = "Try '{command} --help' for help."


class CommandInterrupted(ChampError):
    """A person stopped the command (Ctrl-C)."""

    id = "cli.interrupted"
    exit_code = ExitCode.INTERRUPTED
    message = "Interrupted."
    remedy = "Run the same command again; an import goes on where it stopped."


class CommandEnded(ChampError):
    """Another program stopped the command (SIGTERM)."""

    id = "cli.ended"
    exit_code = ExitCode.TERMINATED
    message = "Ended by a signal."
    remedy = "Run the same command again; an import goes on where it stopped."


class Unforeseen(ChampError):
    """An error that nobody foresaw; the report has its details, for the developers."""

    id = "cli.internal-error"
    exit_code = ExitCode.INTERNAL
    message = "An internal error ended this command. The details are in {report}."
    remedy = "Send that file to whoever provides champ; read it first, it names paths of yours."


class ConfirmationMissing(ChampError):
    """A severe act without a terminal to ask on and without --confirm."""

    id = "cli.confirmation-missing"
    exit_code = ExitCode.APPROVAL_MISSING
    message = "Nothing was changed: this command wants {name} to be confirmed."
    remedy = "Read the plan, then run the same command with --confirm {name}."


class ConfirmationDiffers(ChampError):
    """The name that was confirmed is not the one that would be changed."""

    id = "cli.confirmation-differs"
    exit_code = ExitCode.APPROVAL_MISSING
    message = "Nothing was changed: “{given}” was confirmed, but this is about {name}."
    remedy = "Check what is meant, then confirm exactly that name."


class PlanDigestDiffers(ChampError):
    """The plan in the file is not the one that was approved."""

    id = "cli.plan-digest-differs"
    exit_code = ExitCode.APPROVAL_MISSING
    message = "Nothing was changed: {given} was approved, but the plan in this file is {found}."
    remedy = "Ask for the file that was approved, or have this one reviewed: `champ show PLANFILE`."


class NotThere(ChampError):
    """A file or folder that was named on the command line, to be read, is not there."""

    id = "cli.not-there"
    exit_code = ExitCode.NOT_FOUND
    message = "{path} does not exist."
    remedy = "Check how it is written, from which folder, and whether its medium is plugged in."


class FileNotRead(ChampError):
    """A file that was named on the command line cannot be read."""

    id = "cli.file-not-read"
    exit_code = ExitCode.USAGE
    message = "{path} could not be read: {reason}."
    remedy = "Check the path and whether you may read it."


class SystemRefused(ChampError):
    """The operating system would not do something."""

    id = "cli.system-refused"
    exit_code = ExitCode.PREFLIGHT
    message = "{path}: {reason}."
    remedy = "Check that it exists, its owner, free space and the medium, then run it again."


def refused(error: OSError) -> ChampError:
    """What the operating system said, with the file it was about and, if that is why, whose."""
    told = refusal(error) if isinstance(error, PermissionError) else None
    if told is not None:
        return told
    path = error.filename if isinstance(error.filename, str | bytes) else ""
    shown = path.decode("utf-8", "replace") if isinstance(path, bytes) else path
    return SystemRefused(path=shown or "—", reason=system_said(error))


class NotFollowed(ChampError):
    """What takes long cannot be told to the zone's tasks; it goes on all the same."""

    id = "cli.not-followed"
    exit_code = ExitCode.PREFLIGHT
    message = "This cannot be followed from elsewhere: {reason}."
    remedy = "Nothing has to be done; it goes on."


class FileNotWritten(ChampError):
    """A result could not be put where the user wanted it."""

    id = "cli.file-not-written"
    exit_code = ExitCode.USAGE
    message = "{path} could not be written: {reason}."
    remedy = "Name a folder that exists, has room and may be written to."


class FileThere(ChampError):
    """A result would overwrite something."""

    id = "cli.file-there"
    exit_code = ExitCode.USAGE
    message = "{path} is there already, and nothing is overwritten."
    remedy = "Name a file that is not there yet."


class PassphraseFileOpen(ChampError):
    """A file with a passphrase or a password that others may read."""

    id = "cli.passphrase-file-open"
    exit_code = ExitCode.USAGE
    message = "{path} has mode {mode}: others than its owner may read the secret in it."
    remedy = "Run `chmod 600` on it, and choose another secret if others could log in here."


class PassphrasesDiffer(ChampError):
    """The two passphrases that were typed are not the same."""

    id = "cli.passphrases-differ"
    exit_code = ExitCode.USAGE
    message = "The two passphrases differ; no key was made."
    remedy = "Run the command again and type the same passphrase twice."


class PasswordNeeded(ChampError):
    """A name without a password, and nobody to ask for it."""

    id = "cli.password-needed"
    exit_code = ExitCode.USAGE
    message = "The password of “{name}” is needed, and there is no terminal to ask on."
    remedy = "Run the command on a terminal, or give --password-file FILE."


class PasswordsDiffer(ChampError):
    """The two passwords that were typed are not the same."""

    id = "cli.passwords-differ"
    exit_code = ExitCode.USAGE
    message = "The two passwords differ; no client was added."
    remedy = "Run the command again and type the same password twice."
