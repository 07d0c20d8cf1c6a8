"""How much of this machine one client, or all of them, may take.

Invariant: one value; every number that bounds a request is here, with its unit.
"""

from __future__ import annotations

from dataclasses import dataclass

from champ_offline.oci.manifest import LIMIT

_MIB = 1024**2


@dataclass(frozen=True)
class Limits:
    """Sizes in bytes, times in seconds; docs/registry-limits.md says what each is for.

    `body` bounds what one request brings of a blob, `manifest` a whole manifest (at least 4 MiB:
    distribution-spec 1.1, "Pushing Manifests"). A body may be silent for `silence`, and after
    `patience` it must have come at `slowest` bytes a second on the whole. What is sent must be
    taken at that rate too, over every `patience`. A connection without a whole head of a request
    ends after `head`, be it in its handshake or between two requests; what it may send or leave
    untaken in memory is `buffer`.
    An upload to which nothing was written for `idle` ends; after `spare` already when its client
    begins one too many. `piece` is what is held in memory of a blob on its way in, `pieces` of all
    blobs on their way out, in equal shares (while many begin at once what earlier ones hold counts
    too: at worst it is 4.4 times as much), `drained` what is read of a body that nobody wants, so
    that its client gets to hear why. Of larger blobs, `files` are sent at a time; whoever asks for
    one more waits for `turn`.
    Of passwords, so many are checked at a time, each in 32 MiB, and so many more may wait; `form`
    bounds a request for a token, `forms` how many of those come at a time, of all and of one
    address.
    """

    manifest: int = LIMIT
    body: int = 1024 * 1024 * _MIB
    headers: int = 32 * 1024
    uploads_per_client: int = 64
    uploads: int = 512
    bodies: int = 64
    bodies_per_client: int = 48
    idle: int = 3600
    spare: int = 60
    silence: float = 30.0
    patience: float = 60.0
    slowest: int = 4 * 1024
    piece: int = 256 * 1024
    drained: int = 8 * _MIB
    connections: int = 3072
    connections_per_address: int = 2048
    head: float = 30.0
    buffer: int = 64 * 1024
    files: int = 256
    files_per_address: int = 192
    turn: float = 120.0
    pieces: int = 16 * _MIB
    form: int = 16 * 1024
    forms: int = 32
    forms_per_address: int = 8
    passwords: int = 2
    passwords_waiting: int = 32
