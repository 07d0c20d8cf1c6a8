"""Why a signing key or a signer program cannot be used.

Invariant: none of these texts or fields ever carries a passphrase or a byte of a private key.
"""

from __future__ import annotations

from champ_offline.errors import ChampError, ExitCode


class KeyUnreadable(ChampError):
    """A signing key's file cannot be used."""

    id = "trust.key-unreadable"
    exit_code = ExitCode.USAGE
    message = "The signing key {path} cannot be used: {reason}."
    remedy = "Name a folder made by `champ trust init` or `champ trust key new`, with its keys/."


class PublicKeyUnreadable(ChampError):
    """A file that should hold a public key does not."""

    id = "trust.public-key-unreadable"
    exit_code = ExitCode.USAGE
    message = "The public key {path} cannot be used: {reason}."
    remedy = "Name a PEM file with the public key, such as the audit.pub of `champ audit key`."


class KeyFileOpen(ChampError):
    """A private key that is not locked and that others may read or write."""

    id = "trust.key-file-open"
    exit_code = ExitCode.USAGE
    message = "{path} has mode {mode} and no passphrase: others than its owner may use the key."
    remedy = (
        "Run `chmod 600` on it; where others could log in, make another key and withdraw this one"
        " with `champ trust rotate`."
    )


class KeysExist(ChampError):
    """Keys would be overwritten."""

    id = "trust.keys-exist"
    exit_code = ExitCode.USAGE
    message = "{path} already holds a root or keys."
    remedy = "Choose an empty folder; existing keys are never overwritten."


class PassphraseNeeded(ChampError):
    """An encrypted key, and nobody to ask for its passphrase."""

    id = "trust.passphrase-needed"
    exit_code = ExitCode.USAGE
    message = "The keys in {folder} are encrypted, and there is no terminal to ask on."
    remedy = "Run the command on a terminal, or give --passphrase-file FILE."


class PassphraseWrong(ChampError):
    """A passphrase does not open a key."""

    id = "trust.passphrase-wrong"
    exit_code = ExitCode.USAGE
    message = "The passphrase does not open {path}."
    remedy = "Type it again. A lost passphrase cannot be recovered: see docs/key-drill.md."


class PassphraseEmpty(ChampError):
    """A passphrase without a character, or the two that were typed differ."""

    id = "trust.passphrase-empty"
    exit_code = ExitCode.USAGE
    message = "No passphrase was given for the keys in {folder}."
    remedy = "Choose one, or make keys for a lab with --unencrypted."


class SignerFailed(ChampError):
    """An external signer program gave no usable signature."""

    id = "trust.signer-failed"
    exit_code = ExitCode.PREFLIGHT
    message = "The signer {command} of {path} failed: {reason}."
    remedy = "Run that program by hand: the payload goes to its input, the signature to its output."


class SignerTimedOut(ChampError):
    """An external signer program did not answer in time."""

    id = "trust.signer-timed-out"
    exit_code = ExitCode.PREFLIGHT
    message = "The signer {command} of {path} did not answer within {seconds} seconds."
    remedy = "Check the token and its driver, or allow more with `seconds:` in that file."


class SignerWrong(ChampError):
    """What an external signer program gave is not a signature by its public key."""

    id = "trust.signer-wrong"
    exit_code = ExitCode.PREFLIGHT
    message = (
        "The signer {command} of {path} gave {size} bytes that its public key does not verify."
    )
    remedy = "Check key and mechanism: raw 64 bytes for Ed25519, DER for P-256 with SHA-256."


class HolderInvalid(ChampError):
    """A holder's name that a screen could not show."""

    id = "trust.holder-invalid"
    exit_code = ExitCode.USAGE
    message = "“{holder}” cannot be the name of a key holder."
    remedy = "Use one to 64 visible characters, such as a person's name."


class NotSigningFolder(ChampError):
    """A folder that was named to sign with, and lacks what that needs."""

    id = "trust.not-a-signing-folder"
    exit_code = ExitCode.USAGE
    message = "{path} is no signing folder: {reason}."
    remedy = "Name a folder made by `champ trust init` or `champ trust key new`."


class NoRootsHere(ChampError):
    """A holder's folder of keys where the roots are wanted."""

    id = "trust.no-roots-here"
    exit_code = ExitCode.USAGE
    message = "{path} holds a holder's keys and no roots."
    remedy = (
        "Name the folder with roots/ in it: to change the root instead of this one, to pack besides"
        " it with another --signing."
    )


class PublicFileUnreadable(ChampError):
    """A holder's public file is not what `champ trust key new` wrote."""

    id = "trust.public-file-unreadable"
    exit_code = ExitCode.USAGE
    message = "{path} is not a holder's public file: {reason}."
    remedy = "Name the public.json that the holder's `champ trust key new` wrote."


class KeysMissing(ChampError):
    """The folders given cannot reach a role's threshold."""

    id = "trust.keys-missing"
    exit_code = ExitCode.USAGE
    message = "{role} needs {needed} signatures; the folders given can make {found}."
    remedy = "Give the folder of one more holder with --signing; keys are held by: {holders}."


class ImagesKeyMissing(ChampError):
    """None of several signing folders can sign images."""

    id = "trust.images-key-missing"
    exit_code = ExitCode.USAGE
    message = "None of the folders given holds the key for image signatures."
    remedy = "Give the folder that has images.pub and keys/images.pem with --signing as well."


class AuditKeyMissing(ChampError):
    """A folder without a key for exported audit chains."""

    id = "trust.audit-key-missing"
    exit_code = ExitCode.USAGE
    message = "{path} holds no key for exported records: it has no keys/audit.pem."
    remedy = "Name the folder that `champ audit key` made, or make one with it."


class RootsDiffer(ChampError):
    """Two signing folders with roots that do not follow one from the other."""

    id = "trust.roots-differ"
    exit_code = ExitCode.USAGE
    message = "{path} and {other} hold different roots of version {version}."
    remedy = "Find out which one the zones trust, and copy its roots/ into the other folder."


class KeyUnknown(ChampError):
    """A key or holder to be removed that the root does not know."""

    id = "trust.key-unknown"
    exit_code = ExitCode.USAGE
    message = "Root {version} knows no key and no holder “{key}”."
    remedy = (
        "Name a holder, or at least eight digits of a key id, as `champ trust show` lists them."
    )


class DraftExists(ChampError):
    """A draft of the next root would be overwritten."""

    id = "trust.draft-exists"
    exit_code = ExitCode.USAGE
    message = "{path} already waits for signatures."
    remedy = "Have it signed with `champ trust sign`, or remove the file and start again."


class DraftStale(ChampError):
    """A draft that is not the next root of its folder."""

    id = "trust.draft-stale"
    exit_code = ExitCode.USAGE
    message = "{path} has version {found}; the next root of {folder} is {wanted}."
    remedy = "Remove the draft, and make one from the newest root with `champ trust rotate`."


class NothingToSign(ChampError):
    """A folder none of whose keys the draft asks for."""

    id = "trust.nothing-to-sign"
    exit_code = ExitCode.USAGE
    message = "No root key in {folder} is asked for by {path}."
    remedy = "Sign with the folder of a holder of the old or the new root."


class NoSuchFolder(ChampError):
    """Media that are not there."""

    id = "trust.no-such-folder"
    exit_code = ExitCode.NOT_FOUND
    message = "{path} does not exist."
    remedy = "Check the path, and whether the stick is plugged in and mounted."


class RootsMissing(ChampError):
    """Media without roots."""

    id = "trust.roots-missing"
    exit_code = ExitCode.NOT_FOUND
    message = "{path} holds no roots: champ/trust/ is missing there."
    remedy = "Write them with `champ trust export` on the connected side."


class RootsUnconnected(ChampError):
    """Roots from which none follows the root of the zone."""

    id = "trust.roots-unconnected"
    exit_code = ExitCode.TRUST_REFUSED
    message = "{path}: no root there follows root {version} of this zone; the newest is {newest}."
    remedy = "Have all roots exported again, without gaps, with `champ trust export`."
