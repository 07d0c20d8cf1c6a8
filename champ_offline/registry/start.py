"""Starts a zone's registry: certificate, clients, content and server put together.

Invariant: it wires the parts and decides nothing; every other module here is given what it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from champ_offline.durable.database import Database
from champ_offline.paths import ZonePaths
from champ_offline.registry.accounts import Accounts
from champ_offline.registry.asgi import registry
from champ_offline.registry.challenge import Called
from champ_offline.registry.pki import ensure_certificates
from champ_offline.registry.server import Listen, serve
from champ_offline.store.blobs import BlobStore


@dataclass(frozen=True)
class Address:
    """Where to listen, and the names that clients use for it: those go into the certificate."""

    address: str
    port: int
    names: Sequence[str]


def serve_zone(
    paths: ZonePaths,
    database: Database,
    clock: Callable[[], datetime],
    where: Address,
    on_ready: Callable[[], None] | None = None,
) -> None:
    """Serve a zone's store over TLS until SIGTERM.

    Raises AuthorityUnusable, InvalidHost, CannotListen, RegistryStopped.
    """
    certificates = ensure_certificates(paths.pki, where.names, clock())
    accounts = Accounts(database, Called(tuple(where.names), where.port), clock)
    app = registry(database, BlobStore(paths.store), paths.uploads, clock, accounts)
    serve(app, Listen(where.address, where.port, certificates), on_ready)
