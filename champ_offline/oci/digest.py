"""Content digests (OCI image-spec 1.1, descriptor.md, "Digests").

Invariant: a `Digest` is always 64 (SHA-256) or 128 (SHA-512) lower-case hexadecimal digits; text
from outside becomes one only through `Digest.parse` or, where both algorithms that the image-spec
registers are accepted, `Digest.parse_registered`, so it can safely name a file. Bundles and
everything that is signed know SHA-256 alone.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from champ_offline.errors import ChampError, ExitCode

_FORM = re.compile(r"sha256:([0-9a-f]{64})")
_REGISTERED = re.compile(r"sha256:([0-9a-f]{64})|sha512:([0-9a-f]{128})")
_ALGORITHMS = {64: "sha256", 128: "sha512"}
ALGORITHMS = tuple(_ALGORITHMS.values())
"""The algorithms content may be named by, the usual one first."""


class InvalidDigest(ChampError):
    """Text that should be a digest is not one."""

    id = "oci.invalid-digest"
    exit_code = ExitCode.CORRUPT
    message = "“{text}” is not a digest of the form sha256:<64 hexadecimal digits>."
    remedy = "Write the digest in full; other algorithms than sha256 are not accepted."


@dataclass(frozen=True, order=True)
class Digest:
    """The SHA-256 or SHA-512 of some bytes, in lower-case hexadecimal digits."""

    hex: str

    @classmethod
    def parse(cls, text: object) -> Digest:
        """Read `sha256:<hex>`; raises InvalidDigest on anything else."""
        match = _FORM.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise InvalidDigest(text=str(text)[:100])
        return cls(match[1])

    @classmethod
    def parse_registered(cls, text: object) -> Digest:
        """Read `sha256:<hex>` or `sha512:<hex>`; raises InvalidDigest on anything else."""
        match = _REGISTERED.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise InvalidDigest(text=str(text)[:200])
        return cls(match[1] or match[2])

    @classmethod
    def of(cls, data: bytes, algorithm: str = "sha256") -> Digest:
        """The digest of `data`; `algorithm` is one of ALGORITHMS."""
        return cls(hashlib.new(algorithm, data).hexdigest())

    @property
    def algorithm(self) -> str:
        """One of ALGORITHMS; the number of digits tells which."""
        return _ALGORITHMS[len(self.hex)]

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"

    @property
    def short(self) -> str:
        """The first 12 digits, for tables."""
        return self.hex[:12]
