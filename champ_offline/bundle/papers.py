"""A bundle's papers: the signed documents and indexes that came with its content, byte for byte.

With them and the store the media can be written again for another zone, where no key is to sign
anything (FORMAT.md, "Papers"). Invariant: they change only in the transaction that changes the
bundle's own row; nothing here is trusted, whoever reads them verifies them as if from a medium.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from champ_offline.bundle import media
from champ_offline.bundle.verify import VerifiedBundle
from champ_offline.bundle.volume import INDEX_FILE
from champ_offline.durable.database import Database
from champ_offline.oci.digest import Digest

_SCHEMA = (
    """
    CREATE TABLE papers (
        bundle TEXT NOT NULL,
        path TEXT NOT NULL,
        content BLOB NOT NULL,
        PRIMARY KEY (bundle, path)
    ) STRICT
    """,
)


class Papers:
    """The papers of the bundles that a zone holds, by path in a bundle's folder.

    `index.json`, which a volume carries, is among them under its own name.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        database.migrate("papers", _SCHEMA)

    def of(self, bundle: Digest) -> dict[str, bytes]:
        """All papers of a bundle, unchecked; none where it was imported before they were kept."""
        rows = self._database.query(
            "SELECT path, content FROM papers WHERE bundle = ? ORDER BY path", (str(bundle),)
        )
        return {row["path"]: bytes(row["content"]) for row in rows}

    def roots(self) -> list[bytes]:
        """The roots among the papers of all bundles, each once, unchecked."""
        rows = self._database.query(
            "SELECT DISTINCT content FROM papers WHERE path LIKE ?",
            (f"{media.METADATA}/%.root.json",),
        )
        return [bytes(row["content"]) for row in rows]

    def lacks(self, bundle: VerifiedBundle) -> bool:
        """Whether any paper of the bundle is not here as its media have it."""
        kept = self.of(bundle.trusted.digest)
        expected = wanted(bundle, b"")
        index = Digest.of(kept.get(INDEX_FILE, b""))
        del expected[INDEX_FILE]
        differs = any(kept.get(path) != content for path, content in expected.items())
        return differs or index != bundle.document.index.digest

    def keep(
        self, connection: sqlite3.Connection, bundle: Digest, papers: Mapping[str, bytes]
    ) -> None:
        """Keep a bundle's papers, inside the caller's transaction; a root once kept is not lost."""
        connection.executemany(
            "INSERT OR REPLACE INTO papers VALUES (?, ?, ?)",
            [(str(bundle), path, content) for path, content in papers.items()],
        )

    def forget(self, connection: sqlite3.Connection, bundle: Digest) -> None:
        """Let go of a bundle's papers, inside the caller's transaction."""
        connection.execute("DELETE FROM papers WHERE bundle = ?", (str(bundle),))


def wanted(bundle: VerifiedBundle, index: bytes) -> dict[str, bytes]:
    """The papers of a bundle of which all volume indexes are known; `index` is its index.json.

    Roots behind the one it was signed under came along from elsewhere and are not its own.
    """
    newest = bundle.trusted.announced or bundle.trusted.root_version
    own = {f"{media.METADATA}/{media.root_name(number)}" for number in range(1, newest + 1)}
    files = {
        path: content
        for path, content in bundle.files.items()
        if path in own or not path.endswith(".root.json")
    }
    indexes = {found.name: found.to_bytes() for _volume, found in bundle.readable}
    return files | indexes | {INDEX_FILE: index}


def size_of(bundle: VerifiedBundle) -> int:
    """Bytes that the papers of a bundle take."""
    document = bundle.document
    indexes = sum(entry.index_size for entry in document.volumes)
    return indexes + document.index.size + sum(len(data) for data in bundle.files.values())
