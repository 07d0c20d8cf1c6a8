"""A holder's public keys: the file that a person hands over, to be put into a root.

Invariant: it says whose the keys are and in which roles they are meant to sign; that they are
really theirs is shown by the holder's first signature and by comparing fingerprints.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.signer import Key, SSlibKey

from champ_offline.errors import Phrase
from champ_offline.oci.strict_json import parse
from champ_offline.trust.key_errors import HolderInvalid, PublicFileUnreadable
from champ_offline.trust.keys import ALGORITHMS, HOLDER, ROLES, algorithm_of, public_pem

_FORMAT = 1
_LONGEST_NAME = 64


@dataclass(frozen=True)
class PublicKeys:
    """One holder's public keys by role. Raises HolderInvalid."""

    holder: str
    keys: Mapping[str, Key]

    def __post_init__(self) -> None:
        name = self.holder
        if not name.isprintable() or name != name.strip() or not 0 < len(name) <= _LONGEST_NAME:
            raise HolderInvalid(holder=name[:_LONGEST_NAME])
        for key in self.keys.values():
            key.unrecognized_fields[HOLDER] = name

    def to_bytes(self) -> bytes:
        """The file: JSON with the holder and one PEM public key a role."""
        keys = {role: public_pem(key).decode() for role, key in self.keys.items()}
        document = {"format": _FORMAT, "holder": self.holder, "keys": keys}
        return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()

    @classmethod
    def from_bytes(cls, data: bytes, where: str) -> PublicKeys:
        """Read the file; raises PublicFileUnreadable, HolderInvalid."""
        try:
            document = parse(data)
            if document["format"] != _FORMAT or set(document) != {"format", "holder", "keys"}:
                raise PublicFileUnreadable(path=where, reason=Phrase("its format is not known"))
            holder, pems = str(document["holder"]), document["keys"]
        except (ValueError, TypeError, KeyError) as error:
            raise PublicFileUnreadable(path=where, reason=Phrase("it cannot be parsed")) from error
        if not isinstance(pems, dict):
            raise PublicFileUnreadable(path=where, reason=Phrase("its keys are no table"))
        return cls(holder, {role: _key(role, pem, where) for role, pem in pems.items()})


def holder_of(key: Key) -> str:
    """Whose key it is; its id where a root does not say."""
    return str(key.unrecognized_fields.get(HOLDER) or key.keyid[:16])


def _key(role: str, pem: object, where: str) -> Key:
    if role not in ROLES:
        raise PublicFileUnreadable(path=where, reason=Phrase("“{role}” is no role", role=role[:64]))
    try:
        key = SSlibKey.from_crypto(load_pem_public_key(str(pem).encode()))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise PublicFileUnreadable(
            path=where, reason=Phrase("its key of {role} is malformed", role=role)
        ) from error
    if algorithm_of(key) not in ALGORITHMS:
        reason = Phrase("its key of {role} is neither Ed25519 nor P-256", role=role)
        raise PublicFileUnreadable(path=where, reason=reason)
    return key
