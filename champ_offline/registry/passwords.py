"""Passwords of clients as Argon2id hashes (RFC 9106), in the PHC string format.

Invariant: nothing from which a password could be read is kept. Checking one takes the same work
whether or not its client exists, and no hash can ask for more work than the bounds below.
"""

from __future__ import annotations

import re
import secrets

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from champ_offline.errors import ChampError, ExitCode

# 32 MiB, three passes, one lane: above the least that OWASP's cheat sheet names (19 MiB, two), some
# 60 ms of one core; the two that a registry checks at a time take 64 MiB.
_KIBIBYTES, _PASSES, _LANES = 32 * 1024, 3, 1
_MOST_KIBIBYTES, _MOST_PASSES, _MOST_LANES = 256 * 1024, 10, 4
_SALT_BYTES, _HASH_BYTES = 16, 32
_SHORTEST, _LONGEST = 12, 1024
_FORM = re.compile(
    r"\$argon2id\$v=19\$m=(?P<memory>[1-9][0-9]{0,6}),t=(?P<passes>[1-9][0-9]?)"
    r",p=(?P<lanes>[1-9])\$[A-Za-z0-9+/]{22,86}\$[A-Za-z0-9+/]{22,86}"
)
# The hash of no password anybody knows: a client that does not exist is checked against it.
_NOBODY = f"$argon2id$v=19$m={_KIBIBYTES},t={_PASSES},p={_LANES}${'A' * 22}${'A' * 43}"


class PasswordUnfit(ChampError):
    """A password that is too short to be safe, or longer than any client sends."""

    id = "registry.password-unfit"
    exit_code = ExitCode.USAGE
    message = "The password has {size} bytes; between {least} and {most} are taken."
    remedy = "Choose another, for example what `openssl rand -base64 24` prints."


def hashed(password: bytes) -> str:
    """The PHC string to keep; raises PasswordUnfit."""
    if not _SHORTEST <= len(password) <= _LONGEST:
        raise PasswordUnfit(size=len(password), least=_SHORTEST, most=_LONGEST)
    salt = secrets.token_bytes(_SALT_BYTES)
    kdf = Argon2id(
        salt=salt,
        length=_HASH_BYTES,
        iterations=_PASSES,
        lanes=_LANES,
        memory_cost=_KIBIBYTES,
    )
    return kdf.derive_phc_encoded(password)


def fits(password: bytes, kept: str | None) -> bool:
    """Whether the password is that of the hash `kept`; None, for nobody's, takes as long.

    A hash that is not in our form or beyond the bounds fits nothing. Takes some 60 ms and 32 MiB.
    """
    usable = kept if kept is not None and _bounded(kept) else None
    try:
        Argon2id.verify_phc_encoded(password[:_LONGEST], usable or _NOBODY)
    except InvalidKey:
        return False
    return usable is not None and len(password) <= _LONGEST


def _bounded(kept: str) -> bool:
    match = _FORM.fullmatch(kept)
    return (
        match is not None
        and 8 * int(match["lanes"]) <= int(match["memory"]) <= _MOST_KIBIBYTES
        and int(match["passes"]) <= _MOST_PASSES
        and int(match["lanes"]) <= _MOST_LANES
    )
