"""Content digests (OCI image-spec 1.1, descriptor.md, "Digests").

Invariant: a `Digest` is always a well-formed `sha256:<64 lower-case hex>`; text from outside
becomes one only through `Digest.parse`, so it can safely name a file.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from champ_offline.errors import ChampError, ExitCode

_FORM = re.compile(r"sha256:([0-9a-f]{64})")


class InvalidDigest(ChampError):
    """Text that should be a digest is not one."""

    id = "oci.invalid-digest"
    exit_code = ExitCode.CORRUPT
    message = "“{text}” is not a digest of the form sha256:<64 hexadecimal digits>."
    remedy = "Write the digest in full; other algorithms than sha256 are not accepted."


@dataclass(frozen=True, order=True)
class Digest:
    """The SHA-256 of some bytes, as 64 lower-case hexadecimal digits."""

    hex: str

    @classmethod
    def parse(cls, text: object) -> Digest:
        """Read `sha256:<hex>`; raises InvalidDigest on anything else."""
        match = _FORM.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise InvalidDigest(text=str(text)[:100])
        return cls(match[1])

    @classmethod
    def of(cls, data: bytes) -> Digest:
        """The digest of `data`."""
        return cls(hashlib.sha256(data).hexdigest())

    def __str__(self) -> str:
        return f"sha256:{self.hex}"

    @property
    def short(self) -> str:
        """The first 12 digits, for tables."""
        return self.hex[:12]
