"""How applying a plan can end when it does not end well; each says how the release stands now."""

from __future__ import annotations

from champ_offline.errors import ChampError, ExitCode


class ChangeInterrupted(ChampError):
    """A change's process was ended, by a signal or otherwise, before the change was."""

    id = "release.interrupted"
    exit_code = ExitCode.INTERRUPTED
    message = "The change was interrupted."
    remedy = "`champ history {release}` says how it came out."


class ApplyPutBack(ChampError):
    """The change failed and the release is as it was before."""

    id = "release.put-back"
    exit_code = ExitCode.PUT_BACK
    message = "{release} could not be changed and was put back as it was: {cause}."
    remedy = "Nothing is left of the attempt. Remove the cause named above, then plan again."


class VolumesStay(ChampError):
    """A first install failed and was taken away, but volumes that it was given stay."""

    id = "release.volumes-stay"
    exit_code = ExitCode.PUT_BACK
    message = (
        "{release} could not be installed and was taken away again: {cause}."
        " Claims with volumes stay: {claims}."
    )
    remedy = (
        "Remove the cause named above, then plan again: the next install uses these claims as they"
        " are. To give them another storage class, delete them first, if nothing in them is needed."
    )


class ApplyUnclear(ChampError):
    """The change failed and could not be put back."""

    id = "release.needs-person"
    exit_code = ExitCode.NEEDS_PERSON
    message = "{release} could not be changed, nor put back: {cause}."
    remedy = (
        "See `champ status {release}`, remove the cause, then run `champ recover` (with"
        " `--without-hooks` where a hook never succeeds), and `champ rollback {release}` where that"
        " finds nothing to do."
    )


class ApplyTakenOver(ChampError):
    """The change failed, and somebody else changed the release meanwhile."""

    id = "release.taken-over"
    exit_code = ExitCode.NEEDS_PERSON
    message = (
        "{release} could not be changed ({cause}), and somebody changed it with another tool"
        " meanwhile: it was left as it is."
    )
    remedy = "See `helm history {release}` for what was done, then plan again from there."


class ApplyLeftOpen(ChampError):
    """The change was cut off, and the cluster could not be asked how the release stands."""

    id = "release.left-open"
    exit_code = ExitCode.NEEDS_PERSON
    message = "Changing {release} was cut off, and how it stands is not known: {cause}."
    remedy = (
        "Run `champ recover` once the cluster answers; every command that plans or changes"
        " something does so first."
    )
