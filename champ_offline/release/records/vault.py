"""What a release needs and nobody may read: sealed charts, values and answers, by digest.

Invariant: contents are only in the zone's database (file mode 0600), never among the blobs that the
registry serves; each is checked against its digest when it is read.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from champ_offline.durable.database import Database
from champ_offline.errors import ChampError, ExitCode
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import encode
from champ_offline.release.plan import Plan, PlanUnreadable
from champ_offline.release.records.recorded import recorded

_SCHEMA = (
    """
    CREATE TABLE vault (
        digest TEXT PRIMARY KEY,
        content BLOB NOT NULL
    ) STRICT;
    CREATE TABLE salts (
        namespace TEXT NOT NULL,
        release TEXT NOT NULL,
        salt TEXT NOT NULL,
        PRIMARY KEY (namespace, release)
    ) STRICT
    """,
    # Version 1 knew no clusters: its salts have none, and go on with whichever asks for them.
    """
    ALTER TABLE salts RENAME TO salts_before;
    CREATE TABLE salts (
        cluster TEXT NOT NULL,
        namespace TEXT NOT NULL,
        release TEXT NOT NULL,
        salt TEXT NOT NULL,
        PRIMARY KEY (cluster, namespace, release)
    ) STRICT;
    INSERT INTO salts SELECT '', namespace, release, salt FROM salts_before;
    DROP TABLE salts_before
    """,
)


# What every plan has in it; what else has it is told apart when it is read.
_PLAN = b'"actions":['


class VaultMissing(ChampError):
    """A sealed chart or values that a plan or revision names are not here, or are damaged."""

    id = "release.vault-missing"
    exit_code = ExitCode.NOT_FOUND
    message = "What the plan names as {digest} is not in this zone."
    remedy = "Plan again in this zone; plans cannot be applied in another one."


@dataclass(frozen=True)
class Inputs:
    """What a person gave for a release, and what of it is secret."""

    answers: Mapping[str, Any] = field(repr=False, hash=False)
    values: Mapping[str, Any] = field(repr=False, hash=False)
    secrets: tuple[str, ...] = field(repr=False)
    salt: str = field(repr=False)

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        return encode(
            {
                "answers": dict(self.answers),
                "salt": self.salt,
                "secrets": list(self.secrets),
                "values": dict(self.values),
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Inputs:
        """Read what `to_bytes` gave."""
        found = json.loads(data)
        return cls(found["answers"], found["values"], tuple(found["secrets"]), found["salt"])


class Vault:
    """`token` gives unguessable text for salts."""

    def __init__(self, database: Database, token: Callable[[], str]) -> None:
        database.migrate("vault", _SCHEMA)
        self._database = database
        self._token = token

    def put(self, data: bytes) -> Digest:
        """Keep `data`; the same twice is kept once."""
        digest = Digest.of(data)
        row = (str(digest), zlib.compress(data))
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO vault VALUES (?, ?) ON CONFLICT (digest) DO NOTHING", row
            )
        return digest

    def get(self, digest: Digest) -> bytes:
        """What was kept; raises VaultMissing."""
        rows = self._database.query("SELECT content FROM vault WHERE digest = ?", (str(digest),))
        data = zlib.decompress(rows[0]["content"]) if rows else b""
        if Digest.of(data) != digest:
            raise VaultMissing(digest=digest)
        return data

    def inputs(self, digest: Digest) -> Inputs:
        """The inputs kept under `digest`; raises VaultMissing."""
        return Inputs.from_bytes(self.get(digest))

    def salt(self, cluster: str, namespace: str, release: str) -> str:
        """The release's salt, made once: without it a digest would let short secrets be guessed."""
        find = "SELECT salt FROM salts WHERE cluster = ? AND namespace = ? AND release = ?"
        if rows := self._database.query(find, (cluster, namespace, release)):
            return str(rows[0]["salt"])
        with self._database.transaction() as connection:
            earlier = connection.execute(find, ("", namespace, release)).fetchone()
            salt = earlier["salt"] if earlier else self._token()
            connection.execute(
                "INSERT INTO salts VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (cluster, namespace, release, salt),
            )
            return str(connection.execute(find, (cluster, namespace, release)).fetchone()["salt"])

    def plans(self) -> Iterator[tuple[Digest, Plan]]:
        """Every plan that is kept and can be read, applied or not; one that is damaged is not."""
        for row in self._database.query("SELECT digest FROM vault ORDER BY digest"):
            digest = Digest.parse(row["digest"])
            try:
                data = self.get(digest)
                if _PLAN in data:
                    yield digest, recorded(data)
            except (VaultMissing, PlanUnreadable, ValueError):
                continue

    def sizes(self, digests: Iterable[Digest]) -> dict[Digest, int]:
        """Bytes that each of those that are here takes, by digest."""
        sizes = {
            row["digest"]: row["size"]
            for row in self._database.query("SELECT digest, length(content) AS size FROM vault")
        }
        return {one: sizes[str(one)] for one in sorted(digests) if str(one) in sizes}

    def forget(self, digests: Iterable[Digest]) -> int:
        """Let go of these; how many there were."""
        gone = [(str(digest),) for digest in digests]
        with self._database.transaction() as connection:
            return connection.executemany("DELETE FROM vault WHERE digest = ?", gone).rowcount
