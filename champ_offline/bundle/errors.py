"""What media do to a bundle, one error each, so that a script can tell them apart.

Invariant: whenever bytes of a volume are at fault, the error names the volume and the blob.
"""

from __future__ import annotations

from champ_offline.errors import ChampError, ExitCode


class NoBundle(ChampError):
    """A folder holds no bundle."""

    id = "media.no-bundle"
    exit_code = ExitCode.NOT_FOUND
    message = "No bundle was found in {path}."
    remedy = "Name the stick's mount point or the bundle's folder, the one with metadata/ in it."


class SeveralBundles(ChampError):
    """A folder holds more bundles than the verb can take."""

    id = "media.several-bundles"
    exit_code = ExitCode.USAGE
    message = "{path} holds several bundles: {names}."
    remedy = "Name the folder of one of them."


class NewerFormat(ChampError):
    """A bundle was packed by a newer release."""

    id = "media.newer-format"
    exit_code = ExitCode.PREFLIGHT
    message = "{where} has format {found}; this release reads formats up to {known}."
    remedy = "Update champ in this zone first; a newer release travels on the same media."


class DocumentMalformed(ChampError):
    """A signed document of a bundle is not of the form FORMAT.md gives."""

    id = "media.document-malformed"
    exit_code = ExitCode.CORRUPT
    message = "{where} is not a valid {kind}: {reason}."
    remedy = "The bundle was packed by a faulty tool; ask whoever packed it."


class VolumeMissing(ChampError):
    """A volume of the bundle is not on this media."""

    id = "media.volume-missing"
    exit_code = ExitCode.MEDIUM_MISSING
    message = "{where} lacks {missing} of {total} volumes: {names} (first blob {blob})."
    remedy = "Plug in the medium that carries them, or copy them there, and run the command again."


class VolumeTruncated(ChampError):
    """A volume is shorter than it was packed."""

    id = "media.volume-truncated"
    exit_code = ExitCode.TRUNCATED
    message = "Volume {volume} has {found} bytes instead of {size}: cut off in blob {blob}."
    remedy = "Copy this volume again from the original; the stick may have been pulled too early."


class VolumeCorrupt(ChampError):
    """Bytes of a volume are not the ones that were signed."""

    id = "media.volume-corrupt"
    exit_code = ExitCode.CORRUPT
    message = "Volume {volume} is damaged: blob {blob} at byte {offset} does not match its digest."
    remedy = "Copy this volume again from the original; if it happens again, replace the stick."


class VolumeForeign(ChampError):
    """A volume belongs to another pack of this bundle, or to another bundle."""

    id = "media.volume-foreign"
    exit_code = ExitCode.CORRUPT
    message = "Volume {volume} holds {found} in the place of {expected}; it begins with {blob}."
    remedy = "Put the volumes under their own names, or copy the right one from the original."


class VolumeUnreadable(ChampError):
    """The medium reports an error while a volume is read."""

    id = "media.volume-unreadable"
    exit_code = ExitCode.CORRUPT
    message = "Volume {volume} cannot be read at byte {offset}, in blob {blob}: {reason}."
    remedy = "Plug the medium in again; if it fails at the same place, copy the volume anew."


class BundleIncomplete(ChampError):
    """A bundle's own documents point at content that it does not carry."""

    id = "media.bundle-incomplete"
    exit_code = ExitCode.CORRUPT
    message = "Bundle {bundle} does not carry {blob}, which {parent} needs."
    remedy = "The bundle was packed by a faulty tool; ask whoever packed it."


class NoSpace(ChampError):
    """The zone's file system is too small for what is to come."""

    id = "intake.no-space"
    exit_code = ExitCode.PREFLIGHT
    message = "{path} has {free} bytes free; this bundle needs {needed}."
    remedy = "Free some space or give the zone a larger disk; nothing was changed."
