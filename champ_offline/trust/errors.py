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
    message = "{where}: {role} needs {needed} valid signatures by its root; valid here: {found}."
    remedy = "Have the missing key holders sign, then carry the media again."


_MEND = (
    "Plug in another copy as well, or mend this one with `champ media repair` (where it has no"
    " parity with --from COPY, or --zone of a zone that holds the bundle). If it happens again,"
    " report it as tampering."
)


class DocumentAltered(ChampError):
    """A trust document's bytes are not the ones that were signed."""

    id = "trust.document-altered"
    exit_code = ExitCode.DOCUMENT_ALTERED
    message = "{where}: {role} was changed after it was signed ({reason})."
    remedy = _MEND


class DocumentUnreadable(ChampError):
    """A trust document is not of the form it must have."""

    id = "trust.document-unreadable"
    exit_code = ExitCode.DOCUMENT_ALTERED
    message = "{where}: {role} is not a readable trust document ({reason})."
    remedy = _MEND


class RootFileDamaged(ChampError):
    """A file that was named as a root is none, or not as it was signed."""

    id = "trust.root-file-damaged"
    exit_code = ExitCode.DOCUMENT_ALTERED
    message = "{where} is no root, or was changed after it was signed ({reason})."
    remedy = (
        "Get the file anew from the release engineer, and compare the fingerprint that `champ trust"
        " show --root FILE` gives by telephone."
    )


class SigningFolderDamaged(ChampError):
    """A root in a signing folder is not as it was signed."""

    id = "trust.signing-folder-damaged"
    exit_code = ExitCode.DOCUMENT_ALTERED
    message = "{where}: a root of this signing folder was changed after it was signed ({reason})."
    remedy = (
        "Put roots/ and root.json back from a backup of the folder, or copy them from another"
        " holder's. Its keys are not affected."
    )


class ExportedRootsDamaged(ChampError):
    """A root that travelled without a bundle is not as it was signed."""

    id = "trust.exported-roots-damaged"
    exit_code = ExitCode.DOCUMENT_ALTERED
    message = "{where} is not the root that was signed ({reason})."
    remedy = (
        "Use another copy, or have the roots written again with `champ trust export`. If it happens"
        " again, report it as tampering."
    )


class RootUnsigned(ChampError):
    """A root that its own holders have not signed yet, or too few of them."""

    id = "trust.root-unsigned"
    exit_code = ExitCode.TRUST_REFUSED
    message = "{path} is the draft of a root: it waits for signatures."
    remedy = (
        "See who is missing with `champ trust show --root`, and have them sign it with `champ trust"
        " sign`."
    )


class RootMissing(ChampError):
    """The root that a bundle was signed under is not on its media."""

    id = "trust.root-missing"
    exit_code = ExitCode.DOCUMENT_ALTERED
    message = (
        "{where}: root {missing} is missing; the bundle was signed under root {announced}, which"
        " may withdraw keys."
    )
    remedy = (
        "Plug in another copy of the media, or give the root back with `champ media repair` from"
        " one (--from)."
    )


class Expired(ChampError):
    """A signature's time is over."""

    id = "trust.expired"
    exit_code = ExitCode.TRUST_REFUSED
    message = "{where}: {role} expired on {expires}; this machine's clock says {now}."
    remedy = "Check this clock; else have it signed anew, or use --accept-expired REASON."


class RootExpired(Expired):
    """The time of a root itself is over, so that nothing signed under it is fresh."""

    id = "trust.root-expired"
    exit_code = ExitCode.TRUST_REFUSED
    message = "{where}: the root expired on {expires}; this machine's clock says {now}."
    remedy = (
        "Check this clock. If it is right, ask the release engineer for a newer root; to go on"
        " without one, use --accept-expired REASON."
    )


class Replayed(ChampError):
    """An older version of a bundle than the zone already accepted."""

    id = "trust.replayed"
    exit_code = ExitCode.TRUST_REFUSED
    message = (
        "{where}: {bundle} was packed on {found}; this zone already accepted the pack of {floor}."
    )
    remedy = "This is an old copy. To go back to older content, have it packed and signed anew."


class WrongZone(ChampError):
    """The bundle was signed for other zones."""

    id = "trust.wrong-zone"
    exit_code = ExitCode.TRUST_REFUSED
    message = "{where}: bundle {bundle} is for {zones}; this zone is {zone}."
    remedy = "Carry the bundle to the zone it is meant for, or have one packed for this zone."


class FingerprintDiffers(ChampError):
    """The root file is not the one whose fingerprint was read out.

    Its own is not told: whoever typed that would have compared nothing.
    """

    id = "trust.fingerprint-differs"
    exit_code = ExitCode.TRUST_REFUSED
    message = "{where} does not have the fingerprint {expected}."
    remedy = (
        "Have it read out once more by the release engineer; do not copy it from what lies beside"
        " the file. If it differs again, do not use this file."
    )


class RootUnreadable(ChampError):
    """The file of the public root cannot be read."""

    id = "trust.root-unreadable"
    exit_code = ExitCode.USAGE
    message = "The root {path} cannot be read: {reason}."
    remedy = "Name the root.json that the release engineer handed over."


class RootsGap(ChampError):
    """A folder of roots lacks one of those before its newest."""

    id = "trust.roots-gap"
    exit_code = ExitCode.TRUST_REFUSED
    message = "{path}: root {missing} is missing, though root {newest} was made; it may matter."
    remedy = (
        "Copy all roots there again from another copy of the signing folder, or export them again"
        " with `champ trust export`. Nothing was changed."
    )


class RevokedKey(ChampError):
    """The documents are signed by keys that a newer root took out."""

    id = "trust.revoked-key"
    exit_code = ExitCode.TRUST_REFUSED
    message = "{where}: {role} is signed by keys that root {version} of this zone no longer knows."
    remedy = "Those keys were withdrawn; ask for this bundle packed anew with keys of today."


class ClockBehind(ChampError):
    """The clock is behind a packing time that the zone already accepted."""

    id = "trust.clock-behind"
    exit_code = ExitCode.TRUST_REFUSED
    message = "{where}: this clock says {now}; a bundle packed on {latest} was already accepted."
    remedy = "Set the clock of this machine. If it cannot be set, use --accept-clock REASON."


class PackedInFuture(ChampError):
    """The bundle was packed at a time that has not come yet."""

    id = "trust.packed-in-future"
    exit_code = ExitCode.TRUST_REFUSED
    message = "{where}: the bundle was packed on {packed}; this machine's clock says {now}."
    remedy = "Check this clock; if it is right, ask who packed. Else use --accept-clock REASON."


class ReasonEmpty(ChampError):
    """An override without a reason."""

    id = "trust.reason-empty"
    exit_code = ExitCode.USAGE
    message = "{option} wants a reason."
    remedy = "Say in a few words why, for example who decided it."


class RolesUnknown(ChampError):
    """A root with roles that it must not have, or without one that it must."""

    id = "trust.roles-unknown"
    exit_code = ExitCode.TRUST_REFUSED
    message = "{where}: a root has the roles root, targets, snapshot and timestamp, not {found}."
    remedy = "Ask the release engineers for the root that they made with `champ trust`."


class ThresholdImpossible(ChampError):
    """A role that wants no signature, or more than it has keys."""

    id = "trust.threshold-impossible"
    exit_code = ExitCode.TRUST_REFUSED
    message = "{where}: the threshold of role {role} is {threshold}; keys that it has: {keys}."
    remedy = "Give the role at least as many keys as signatures, and at least one."


class KeyReused(ChampError):
    """One key in two roles."""

    id = "trust.key-reused"
    exit_code = ExitCode.TRUST_REFUSED
    message = "{where}: key {key} stands in the roles {roles}; each role needs keys of its own."
    remedy = "Make a key for each role; a stolen release key must not be able to change the root."


class KeyTwice(ChampError):
    """One key counted twice in a role."""

    id = "trust.key-twice"
    exit_code = ExitCode.TRUST_REFUSED
    message = "{where}: key {key} stands twice in the roles {roles}."
    remedy = "List each key once; two signatures must be those of two keys."
