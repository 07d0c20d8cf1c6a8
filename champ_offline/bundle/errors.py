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


class BundleBelow(NoBundle):
    """A folder holds no bundle, but folders in it do: it is where sticks were packed to."""

    id = "media.bundle-below"
    message = "{path} is no medium; there are media in it: {names}."
    remedy = "Name these folders instead, in one command, or the one that is meant."


class DocumentMissing(ChampError):
    """A bundle's folder lacks one of the documents that say what it is."""

    id = "media.document-missing"
    exit_code = ExitCode.DOCUMENT_ALTERED
    message = "{path} is missing: the copy of this bundle is not complete."
    remedy = (
        "Plug in another copy as well, or mend this one with `champ media repair --from COPY`, or"
        " with --zone of a zone that holds the bundle; volumes that are here stay."
    )


class MediumUnreadable(ChampError):
    """A medium reports an error where no volume is concerned."""

    id = "media.unreadable"
    exit_code = ExitCode.MEDIUM_MISSING
    message = "{path} cannot be read: {reason}."
    remedy = "Plug the medium in again; if it fails again, use another copy of it."


class SeveralBundles(ChampError):
    """A folder holds more bundles than the verb can take."""

    id = "media.several-bundles"
    exit_code = ExitCode.USAGE
    message = "{path} holds several bundles: {names}."
    remedy = (
        "Name the folder of one of them; or let `champ verify --all` check, and `champ import"
        " --all` take, one after the other."
    )


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


class SoundButMissing(VolumeMissing):
    """The same, and every byte of what is on this media was read and is as it was signed."""

    id = "media.sound-but-missing"
    message = (
        "What is here is whole. {where} lacks {missing} of {total} volumes: {names} (first blob"
        " {blob})."
    )
    remedy = (
        "To check all of the bundle, name its other media in the same command. If a volume belongs"
        " here, copy it here again."
    )


class VolumeFault(ChampError):
    """Something is wrong with a volume on media; `volume`, `blob` and `offset` (bytes) say where.

    Never raised itself; the classes below are what can be wrong.
    """

    @property
    def volume(self) -> str:
        """The file it was found in."""
        return str(self.fields["volume"])


class VolumeTruncated(VolumeFault):
    """A volume is shorter than it was packed."""

    id = "media.volume-truncated"
    exit_code = ExitCode.TRUNCATED
    message = "Volume {volume} has {offset} bytes instead of {size}: cut off in {blob}."
    remedy = "Copy this volume again from the original; the stick may have been pulled too early."


class VolumeCorrupt(VolumeFault):
    """Bytes of a volume are not the ones that were signed."""

    id = "media.volume-corrupt"
    exit_code = ExitCode.CORRUPT
    message = "Volume {volume} is damaged: {blob} at byte {offset} does not match its digest."
    remedy = (
        "Plug in another copy as well and run the command again, or mend this one with"
        " `champ media repair`; if it happens again, replace the stick."
    )


class VolumeForeign(VolumeFault):
    """Another volume, of this bundle or another one, lies under a volume's name.

    `number` is the volume's own number if it says that it belongs to this pack, else 0.
    """

    id = "media.volume-foreign"
    exit_code = ExitCode.CORRUPT
    message = "Volume {volume} holds {found} in the place of {expected}; it begins with {blob}."
    remedy = "Put the volumes under their own names, or copy the right one from the original."

    @property
    def number(self) -> int:
        """Which volume of this pack it says it is; 0 for none."""
        return int(str(self.fields["number"]))


class VolumeStale(VolumeFault):
    """A volume of another pack of the same bundle and version."""

    id = "media.volume-stale"
    exit_code = ExitCode.CORRUPT
    message = (
        "Volume {volume} is left over from another pack of {bundle}; it begins with {blob} and"
        " does not belong to the pack signed on {created}."
    )
    remedy = "Copy this volume from the medium whose bundle.json is dated {created}."


class VolumeNoFile(ChampError):
    """What has a volume's name on a medium is no ordinary file, and is not opened."""

    id = "media.volume-no-file"
    exit_code = ExitCode.CORRUPT
    message = "{path} is a folder, link, pipe or device; a volume should be there as a file."
    remedy = "Remove it and copy the volume there from the original, or plug in another copy."


class Unused(ChampError):
    """One of the media named has nothing to do with the bundle; nothing is wrong with it.

    Never raised itself; the classes below say why.
    """


class NothingOfBundle(Unused):
    """One of the media named holds no part of the bundle."""

    id = "media.nothing-of-bundle"
    exit_code = ExitCode.NOT_FOUND
    message = "{path} holds nothing of {bundle}."
    remedy = "Check the path; if it is right, leave it out."


class AnotherPack(Unused):
    """One of the media named carries another pack of the bundle."""

    id = "media.another-pack"
    exit_code = ExitCode.USAGE
    message = (
        "{path} belongs to another pack of {bundle}, signed on {found}; it was not looked at"
        " together with the pack signed on {created}."
    )
    remedy = "Leave it out; to check that pack, name it alone."


class VolumeUnreadable(VolumeFault):
    """The medium reports an error while a volume is read."""

    id = "media.volume-unreadable"
    exit_code = ExitCode.CORRUPT
    message = "Volume {volume} cannot be read at byte {offset}, in {blob}: {reason}."
    remedy = (
        "Plug the medium in again; if it fails at the same place, plug in another copy as well or"
        " mend this one with `champ media repair`."
    )


class MediumGone(VolumeFault):
    """A medium answers nothing any more."""

    id = "media.gone"
    exit_code = ExitCode.MEDIUM_MISSING
    message = "The medium of volume {volume} stopped answering at byte {offset} ({reason})."
    remedy = "Plug it in again and run the command again: it continues where it was."


class MediaDamaged(ChampError):
    """More than one place on the media is damaged, in `volumes`; `places` are sentences, one each.

    The number of places that are listed is bounded.
    """

    id = "media.damaged"
    exit_code = ExitCode.CORRUPT
    message = (
        "{faults} places on the media are damaged, in {volumes}; the first: volume {volume},"
        " {blob}, at byte {offset}."
    )
    remedy = "Mend the media with `champ media repair`."


class SeveralTroubles(ChampError):
    """Media are wrong in more than one way: documents, volumes that are damaged, and missing.

    `troubles` are the errors that stand for each way; `places` are sentences, one for each place.
    """

    id = "media.several-troubles"
    exit_code = ExitCode.CORRUPT
    message = "More than one thing is wrong with the media ({troubles})."
    remedy = (
        "Mend what is damaged with `champ media repair`, plug in or copy there what is missing, and"
        " run the command again."
    )


class BlobsLost(ChampError):
    """Some of what an import needs cannot be read from any copy."""

    id = "media.blobs-lost"
    exit_code = ExitCode.CORRUPT
    message = (
        "Blobs that no copy gives: {blobs}. {faults} places on the media are damaged, in {volumes};"
        " the first: volume {volume}, {blob}, at byte {offset}."
    )
    remedy = (
        "Everything else was read and is kept. Plug in another copy as well, or have the missing"
        " blobs packed: `champ media repair --list FILE`, then `champ pack --only FILE`."
    )


class BundleIncomplete(ChampError):
    """A bundle's own documents point at content that it does not carry."""

    id = "media.bundle-incomplete"
    exit_code = ExitCode.CORRUPT
    message = "Bundle {bundle} does not carry {blob}, which {parent} needs."
    remedy = "The bundle was packed by a faulty tool; ask whoever packed it."


class BlobGone(ChampError):
    """A blob the zone had when an import began is no longer there at its end."""

    id = "intake.blob-gone"
    exit_code = ExitCode.PREFLIGHT
    message = "Blob {blob} of bundle {bundle} was found damaged while it was imported."
    remedy = "Import the bundle again: what was lost is read from the media."


class PiecesMisfit(ChampError):
    """Signed pieces of a blob do not make up the blob."""

    id = "media.pieces-misfit"
    exit_code = ExitCode.CORRUPT
    message = "The pieces of blob {blob} in bundle {bundle} do not make up that blob."
    remedy = "The bundle was packed by a faulty tool; ask whoever packed it."


class NoSpace(ChampError):
    """The zone's file system is too small for what is to come."""

    id = "intake.no-space"
    exit_code = ExitCode.PREFLIGHT
    message = (
        "{path} has {free} free; this bundle needs {needed}, of which {reserve} are kept for the"
        " zone's database."
    )
    remedy = (
        "Free some space or give the zone a larger disk; `champ zone discard` lets go of what"
        " unfinished imports left. Nothing was changed."
    )


class NoSpaceToHeal(ChampError):
    """The zone's file system has no room for healing a volume on the way."""

    id = "intake.no-space-to-heal"
    exit_code = ExitCode.PREFLIGHT
    message = (
        "{path} has {free} free; healing the damaged volume {volume} from its parity takes up to"
        " {needed} there for a while."
    )
    remedy = (
        "Free some space and run the command again, it continues; or plug in another copy as well,"
        " or mend this one first with `champ media repair`."
    )


class ZoneUnwritable(ChampError):
    """The zone's own disk refuses bytes while an import runs."""

    id = "intake.zone-unwritable"
    exit_code = ExitCode.PREFLIGHT
    message = "The zone's disk refuses bytes under {path}: {reason}."
    remedy = (
        "Free some space, mend the disk or move away what is in the way, then run the command"
        " again: it continues."
    )


class LayoutFaulty(ChampError):
    """Signed content does not make up the OCI layout that FORMAT.md describes."""

    id = "media.layout-faulty"
    exit_code = ExitCode.CORRUPT
    message = "Bundle {bundle} is put together wrongly at {where}: {reason}."
    remedy = "The bundle was packed by a faulty tool; ask whoever packed it."
