"""What stands in the way of writing media from a zone's store, one error each.

Invariant: whatever is raised, nothing that was written counts as a bundle, and the zone is as it
was.
"""

from __future__ import annotations

from champ_offline.errors import ChampError, ExitCode


class IntoZone(ChampError):
    """Media would be written among what the zone itself lives on."""

    id = "export.into-zone"
    exit_code = ExitCode.USAGE
    message = "{path} is a place inside the zone's own folder, {zone}."
    remedy = "Name a medium, or a folder outside of the zone. Nothing was written."


class NotHeld(ChampError):
    """A bundle is to be exported that the zone does not hold."""

    id = "export.not-held"
    exit_code = ExitCode.NOT_FOUND
    message = "The zone holds no bundle {bundle}."
    remedy = "It holds: {known}."


class NothingForZone(ChampError):
    """No bundle of the zone may be carried to another one."""

    id = "export.nothing"
    exit_code = ExitCode.NOT_FOUND
    message = "The zone holds no bundle that was signed for {zone}."
    remedy = "It holds: {known}. Import one that is for {zone}, or check the zone's name."


class ForOtherZones(ChampError):
    """A bundle was not signed for the zone that it is to be carried to."""

    id = "export.other-zones"
    exit_code = ExitCode.TRUST_REFUSED
    message = "Bundle {bundle} {version} was signed for {zones}, not for {zone}."
    remedy = (
        "Nobody in a zone can change this. Ask {holders}, who signed it, to name {zone} among the"
        " recipe's zones and pack it anew."
    )


class PapersMissing(ChampError):
    """Bundles were imported before zones kept what media are written again with."""

    id = "export.papers-missing"
    exit_code = ExitCode.PREFLIGHT
    message = "An earlier release imported {bundles} and did not keep the signed documents."
    remedy = (
        "Import each once more from its media: that adds them, and changes nothing else; or name"
        " those that shall go with --bundle."
    )


class PapersDamaged(ChampError):
    """The papers that a zone kept are not those that were signed."""

    id = "export.papers-damaged"
    exit_code = ExitCode.CORRUPT
    message = (
        "The documents that the zone kept of bundle {bundle} {version} are not those that were"
        " signed: {reason}."
    )
    remedy = (
        "Nothing was written. Import the bundle once more from its media: that puts them right. If"
        " nothing else on this disk is damaged, find out who could write to champ.db."
    )


class StoreDamaged(ChampError):
    """A blob that is to be written is not as it was verified, or gone."""

    id = "export.blob-damaged"
    exit_code = ExitCode.CORRUPT
    message = "Blob {blob} of bundle {bundle} {version} is damaged, or gone from the zone's store."
    remedy = (
        "Run `champ store check`, which sets aside what is damaged, and import the bundle once more"
        " from its media, which gives it back. Then run this again: it goes on."
    )


class MediaFull(ChampError):
    """The media that were named have no room for what is to be written."""

    id = "export.media-full"
    exit_code = ExitCode.PREFLIGHT
    message = (
        "Not enough room on {path}: {free} can be used, and {needed} are needed for {bundles}. Each"
        " volume must lie on one medium; the largest takes {largest}."
    )
    remedy = (
        "Nothing was written. Name more media or larger ones, or fewer bundles with --bundle; or a"
        " folder on a disk with --stick SIZE, and copy each folder in it to a stick."
    )


class VolumesTooLarge(ChampError):
    """A volume does not fit on sticks of the size that was named."""

    id = "export.volumes-too-large"
    exit_code = ExitCode.USAGE
    message = (
        "Sticks of {size} are too small: one volume of {bundle} {version} takes {needed} with its"
        " parity, and of each stick {kept} and 2% are kept back for its file system and the"
        " documents. Volumes were cut when the bundle was signed, and stay as they are."
    )
    remedy = "Name sticks of at least {least} with --stick. Nothing was written."
