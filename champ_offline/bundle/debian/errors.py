"""What can go wrong between a package archive and an image layer.

Invariant: an error names the package or the file that caused it, never only apt's exit status.
"""

from __future__ import annotations

from champ_offline.errors import ChampError, ExitCode


class DebianToolMissing(ChampError):
    """This machine lacks a program of Debian that the source needs."""

    id = "debian.tool-missing"
    exit_code = ExitCode.PREFLIGHT
    message = "{tool} is not on this machine; images of Debian packages cannot be made without it."
    remedy = "Run the command on Debian or Ubuntu, where apt, dpkg and debian-archive-keyring are."


class MirrorUnknown(ChampError):
    """The host's apt sources do not say where packages come from."""

    id = "debian.mirror-unknown"
    exit_code = ExitCode.PREFLIGHT
    message = "This machine's apt sources name no Debian archive for {suite}."
    remedy = "Add the archive (main) and its security archive to /etc/apt/sources.list.d."


class IndexRefused(ChampError):
    """The archive's index cannot be fetched or is not signed by Debian."""

    id = "debian.index-refused"
    exit_code = ExitCode.PREFLIGHT
    message = "The package index of {suite} cannot be used: {reason}."
    remedy = "Check the connection to the mirror and the clock, then run the command again."


class PackagesUnsolvable(ChampError):
    """apt finds no set of packages for a layer."""

    id = "debian.unsolvable"
    exit_code = ExitCode.PREFLIGHT
    message = "The packages of layer “{layer}” cannot be resolved: {reason}."
    remedy = "Correct the package names in {file}, or the packages it takes as provided."


class PackageNotOffered(ChampError):
    """A locked package has left the archive."""

    id = "debian.not-offered"
    exit_code = ExitCode.NOT_FOUND
    message = "Package {package} {version} is no longer offered by the archive."
    remedy = "Lock the recipe again, or bring the package into {pool} from an earlier build."


class MirrorFailed(ChampError):
    """The archive could not be asked for a package."""

    id = "debian.mirror-failed"
    exit_code = ExitCode.PREFLIGHT
    message = "Package {package} could not be fetched: {reason}."
    remedy = "Check the connection to the mirror, then run the command again."


class PackageChanged(ChampError):
    """The archive gives other bytes under a locked package's name."""

    id = "debian.changed"
    exit_code = ExitCode.CORRUPT
    message = "Package {package} {version} is not the one that was locked: {found}, not {expected}."
    remedy = "Do not use this mirror; find out why a published package changed before locking anew."


class PackageHostile(ChampError):
    """A package holds something that could reach outside its layer."""

    id = "debian.hostile-package"
    exit_code = ExitCode.CORRUPT
    message = "Package {package} holds “{name}”, which no layer may: {reason}."
    remedy = "Do not use this package; report it to whoever published it."


class PackageUnreadable(ChampError):
    """A file that should be a Debian package is not."""

    id = "debian.unreadable-package"
    exit_code = ExitCode.CORRUPT
    message = "{package} cannot be read as a Debian package: {reason}."
    remedy = "Delete it from the cache and run the command again."


class DescriptionChanged(ChampError):
    """The image description is not the one that was locked."""

    id = "debian.description-changed"
    exit_code = ExitCode.PREFLIGHT
    message = "{file} or a file it names has changed since it was locked."
    remedy = "Lock the recipe again, then pack."


class DescriptionFileMissing(ChampError):
    """A description names a file that is not there."""

    id = "debian.file-missing"
    exit_code = ExitCode.NOT_FOUND
    message = "{file}, line {line}, “{key}”: there is no file {missing}."
    remedy = "Correct the path; it is relative to the description's own folder."


class CompressorDiffers(ChampError):
    """This Python's zlib compresses to other bytes than the one that made the lock."""

    id = "debian.compressor-differs"
    exit_code = ExitCode.PREFLIGHT
    message = "This machine's compression library writes other bytes than the lock was made with."
    remedy = "Pack with the same release of champ that made the lock, or lock the recipe again."


class LockMalformed(ChampError):
    """The part of a lock that pins Debian packages is not of its form."""

    id = "debian.lock-malformed"
    exit_code = ExitCode.USAGE
    message = "The lock of a Debian image is malformed at “{key}”."
    remedy = "A lock is not edited by hand: lock the recipe again."
