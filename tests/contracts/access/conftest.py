"""One server with three clients over TLS; the certificate's names are localhost and 127.0.0.1."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from champ_offline.clock import now_utc
from champ_offline.durable.database import Database
from champ_offline.journal.audit import Audit, Row
from champ_offline.registry.accounts import Accounts
from champ_offline.registry.asgi import RegistryApp
from champ_offline.registry.asgi import registry as make
from champ_offline.registry.challenge import Called
from champ_offline.registry.clients import Clients, roles
from champ_offline.registry.limits import Limits
from champ_offline.registry.passwords import hashed
from champ_offline.registry.pki import ensure_certificates
from champ_offline.store.blobs import BlobStore
from tests.contracts.distribution.client import Registry, Repository, Response, serving

PASSWORD = "correct: horse, battery & staple é"
NAMES = ("localhost", "127.0.0.1")
_FIELD = re.compile(r'([a-z]+)="([^"]*)"')


def basic(name: str = "ci", password: str = PASSWORD) -> dict[str, str]:
    pair = base64.b64encode(f"{name}:{password}".encode()).decode()
    return {"authorization": f"Basic {pair}"}


def challenge(found: Response) -> dict[str, str]:
    """The fields of the Bearer challenge in a 401."""
    assert found.status == 401, found
    header = found.headers["www-authenticate"]
    assert header.startswith("Bearer ")
    return dict(_FIELD.findall(header))


@dataclass
class Zone:
    """A running registry, and its tables as a `champ` beside it has them."""

    registry: Registry
    clients: Clients
    audit: Audit
    app: RegistryApp

    def repository(self, prefix: str = "team") -> Repository:
        return Repository(self.registry, f"{prefix}/{self.registry.repository().name}")

    def token(
        self, challenge: Mapping[str, str], credentials: Mapping[str, str] | None = None
    ) -> Response:
        """As the Token Authentication Specification has it, from what a challenge says."""
        query = urlencode({"service": challenge["service"], "scope": challenge.get("scope", "")})
        path = urlsplit(challenge["realm"]).path
        return self.registry.send("GET", f"{path}?{query}", headers=credentials)

    def bearer(
        self, challenge: Mapping[str, str], credentials: Mapping[str, str] | None = None
    ) -> dict[str, str]:
        found = self.token(challenge, credentials)
        assert found.status == 200, found
        return {"authorization": f"Bearer {found.json['token']}"}

    def rows(self, act: str, subject: str) -> list[dict[str, object]]:
        self.app.refusals.write(every=True)
        rows: list[Row] = self.audit.rows()
        return [
            {"actor": row.actor, **json.loads(row.detail)}
            for row in rows
            if (row.act, row.subject) == (act, subject)
        ]


@pytest.fixture(scope="package")
def zone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zone]:
    folder: Path = tmp_path_factory.mktemp("zone")
    certificates = ensure_certificates(folder / "pki", NAMES, now_utc())
    with closing(Database.create(folder / "champ.db")) as database:
        clients = Clients(database, now_utc)
        kept = hashed(PASSWORD.encode())
        clients.add("ci", kept, roles(push=["team/*"], delete=["team/*"]), "anna")
        clients.add("pusher", kept, roles(push=["team/*"]), "anna")
        clients.add("reader", kept, roles(pull=["*"]), "anna")
        doors = Accounts(database, Called(NAMES, 5443), now_utc)
        blobs, uploads = BlobStore(folder / "store"), folder / "uploads"
        app = make(database, blobs, uploads, now_utc, doors, Limits(body=100_000))
        with serving(app, certificates) as registry:
            yield Zone(registry, clients, Audit(database, now_utc), app)
