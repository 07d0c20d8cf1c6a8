"""Why a bundle is not trusted.

Invariant: each cause has its own class, so that a script can tell a stranger's signature from a
changed document and from an old one.
"""

from __future__ import annotations

from champ_offline.errors import ChampError, ExitCode


class OtherRoot(ChampError):
    """The documents are signed by keys the pinned root does not know."""

    id = "trust.other-root"
    exit_code = ExitCode.TRUST_REFUSED
    message = "{where}: {role} is signed by keys that the root of this zone does not know."
    remedy = "This bundle comes from somebody else, or for another site; do not use it here."


class TooFewSignatures(ChampError):
    """Some known keys signed, fewer than the root demands."""

    id = "trust.too-few-signatures"
    exit_code = ExitCode.TRUST_REFUSED
    message = "{where}: {role} has {found} valid signatures of the {needed} that the root demands."
    remedy = "Have the missing key holders sign, then carry the media again."


class DocumentAltered(ChampError):
    """A trust document's bytes are not the ones that were signed."""

    id = "trust.document-altered"
    exit_code = ExitCode.DOCUMENT_ALTERED
    message = "{where}: {role} was changed after it was signed ({reason})."
    remedy = "Copy the media again from the original; if it happens again, report it as tampering."


class DocumentUnreadable(ChampError):
    """A trust document is not of the form it must have."""

    id = "trust.document-unreadable"
    exit_code = ExitCode.DOCUMENT_ALTERED
    message = "{where}: {role} is not a readable trust document ({reason})."
    remedy = "Copy the media again from the original; if it happens again, report it as tampering."


class Expired(ChampError):
    """A signature's time is over."""

    id = "trust.expired"
    exit_code = ExitCode.TRUST_REFUSED
    message = "{where}: {role} expired on {expires}; this machine's clock says {now}."
    remedy = "Check the clock of this machine; if it is right, ask for a bundle signed anew."


class Replayed(ChampError):
    """An older version of a bundle than the zone already accepted."""

    id = "trust.replayed"
    exit_code = ExitCode.TRUST_REFUSED
    message = "{where}: bundle {bundle} has version {found}; this zone already accepted {floor}."
    remedy = "This is an old copy. To go back to older content, have it packed and signed anew."


class WrongZone(ChampError):
    """The bundle was signed for other zones."""

    id = "trust.wrong-zone"
    exit_code = ExitCode.TRUST_REFUSED
    message = "{where}: bundle {bundle} is for {zones}; this zone is {zone}."
    remedy = "Carry the bundle to the zone it is meant for, or have one packed for this zone."


class FingerprintDiffers(ChampError):
    """The root file is not the one whose fingerprint was read out."""

    id = "trust.fingerprint-differs"
    exit_code = ExitCode.TRUST_REFUSED
    message = "{where} has the fingerprint {found}, not {expected}."
    remedy = "Compare the fingerprint again with the release engineer before you go on."


class RootUnreadable(ChampError):
    """The file of the public root cannot be read."""

    id = "trust.root-unreadable"
    exit_code = ExitCode.USAGE
    message = "The root {path} cannot be read: {reason}."
    remedy = "Name the root.json that the release engineer handed over."


class KeyUnreadable(ChampError):
    """A signing key's file cannot be used."""

    id = "trust.key-unreadable"
    exit_code = ExitCode.USAGE
    message = "The signing key {path} cannot be used: {reason}."
    remedy = "Name the folder that `champ trust init` made, with its keys/ inside."


class KeysExist(ChampError):
    """Keys would be overwritten."""

    id = "trust.keys-exist"
    exit_code = ExitCode.USAGE
    message = "{path} already holds a root and keys."
    remedy = "Choose an empty folder; existing keys are never overwritten."
