"""Which certificate authority the zone's nodes trust: its fingerprint, in the zone's database.

Invariant: the row is written once, for the authority that is made first or found in a zone older
than the row, and changed by a person alone, who is named in the audit chain. While there is a row
no other authority is made or used, whatever has become of the files. Who makes or renews files
does so inside a transaction begun IMMEDIATE; a certificate for other names is made only while no
other registry of the zone uses the one that is there.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from champ_offline.durable.database import Database
from champ_offline.durable.lock import FolderUse
from champ_offline.durable.owner import telling_owner
from champ_offline.durable.write import make_directory
from champ_offline.errors import ChampError
from champ_offline.journal.acts import Act, done
from champ_offline.journal.audit import Audit
from champ_offline.registry.pki import (
    Certificates,
    authority_end,
    authority_fingerprint,
    certified_names,
    check_authority,
    check_hosts,
    ensure_certificates,
    names_differ,
    renewal_due,
    replace_authority,
)
from champ_offline.registry.pki_errors import AuthorityMissing, NamesInUse

_SCHEMA = (
    """
    CREATE TABLE authority (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        fingerprint TEXT NOT NULL,
        since TEXT NOT NULL
    ) STRICT
    """,
)


@dataclass(frozen=True)
class Standing:
    """The zone's authority: SHA-256 of its DER form (hex with colons), since when it is the zone's.

    `found` is the one whose certificate is in `path`, empty where none is, and `not_after` its end.
    """

    fingerprint: str
    since: str
    path: Path
    found: str
    not_after: datetime | None


class Authority:
    """The authority of one zone: the row, and the files in the folder `pki`."""

    def __init__(self, database: Database, pki: Path, now: Callable[[], datetime]) -> None:
        self._database, self._pki, self._now = database, pki, now
        self._audit = Audit(database, now)
        database.migrate("authority", _SCHEMA)

    def known(self) -> str:
        """The fingerprint of the authority that nodes trust; empty before there was one."""
        rows = self._database.query("SELECT fingerprint FROM authority")
        return str(rows[0]["fingerprint"]) if rows else ""

    def standing(self) -> Standing:
        """What is known and what is there; raises FileStrayed, FileForbidden."""
        rows = self._database.query("SELECT * FROM authority")
        known = (str(rows[0]["fingerprint"]), str(rows[0]["since"])) if rows else ("", "")
        with telling_owner():
            found, end = authority_fingerprint(self._pki), authority_end(self._pki)
        return Standing(*known, self._pki / "ca.crt", found, end)

    def check(self) -> None:
        """Whether the zone's authority is there and can sign; nothing where it never had one.

        Raises AuthorityAway, AuthorityOther, AuthorityEnded, AuthorityUnusable, FileStrayed,
        FileForbidden.
        """
        with telling_owner():
            known = self.known() or authority_fingerprint(self._pki)
            if known:
                check_authority(self._pki, self._now(), known)

    def due(self, names: Sequence[str]) -> bool:
        """Whether the registry's certificate is to be renewed; raises as `certified`."""
        with telling_owner():
            return renewal_due(self._pki, names, self._now(), self.known())

    @contextmanager
    def certified(self, names: Sequence[str]) -> Iterator[Certificates]:
        """The registry's certificate for `names`, in use until the end of the `with` block.

        Raises NamesInUse, InvalidHost, NamesMissing, and as `check`; nothing was changed then.
        """
        check_hosts(names)
        with telling_owner():
            use, found = self._in_place(names) or self._settled(names)
        with use:
            yield found

    def accept(self) -> Standing:
        """Take on the authority that is in the folder; nodes must trust it then.

        Raises AuthorityMissing, AuthorityEnded, AuthorityUnusable, FileStrayed, FileForbidden.
        """
        with telling_owner(), self._database.transaction() as connection:
            found = authority_fingerprint(self._pki)
            if not found:
                raise AuthorityMissing(path=self._pki)
            check_authority(self._pki, self._now(), found)
            if found != self.known():
                self._keep(connection, found, "accepted")
        return self.standing()

    def replace(self) -> Standing:
        """Make another authority in place of what is or was there; nodes must trust it then."""
        with telling_owner(), self._database.transaction() as connection:
            self._keep(connection, replace_authority(self._pki, self._now()), "replaced")
        return self.standing()

    def _in_place(self, names: Sequence[str]) -> tuple[FolderUse, Certificates] | None:
        """Where nothing is to be made or remembered: also on a disk that takes nothing."""
        now, known = self._now(), self.known()
        if not known or renewal_due(self._pki, names, now, known):
            return None
        use = FolderUse(self._pki)
        try:
            if not renewal_due(self._pki, names, now, known):
                return use, ensure_certificates(self._pki, names, now, known)
        except (ChampError, OSError):
            use.close()
            raise
        use.close()  # somebody changed it before it was in use
        return None

    def _settled(self, names: Sequence[str]) -> tuple[FolderUse, Certificates]:
        with self._database.transaction() as connection:
            now, known = self._now(), self.known()
            if known:
                check_authority(self._pki, now, known)
            before = authority_fingerprint(self._pki)
            make_directory(self._pki, 0o700)
            use = FolderUse(self._pki)
            try:
                self._refuse_taking(use, names)
                made = ensure_certificates(self._pki, names, now, known)
                if not known:
                    how = "found" if before else "made"
                    self._keep(connection, authority_fingerprint(self._pki), how)
            except BaseException:
                use.close()
                raise
        return use, made

    def _refuse_taking(self, use: FolderUse, names: Sequence[str]) -> None:
        """Raise NamesInUse where another registry has a certificate for other names in use."""
        if names_differ(self._pki, names) and not use.alone():
            found = ", ".join(certified_names(self._pki))
            raise NamesInUse(found=found, asked=", ".join(names))

    def _keep(self, connection: sqlite3.Connection, fingerprint: str, how: str) -> None:
        before, since = self.known(), self._now().isoformat(timespec="seconds")
        sql = (
            "INSERT INTO authority VALUES (1, ?, ?) ON CONFLICT (one) DO UPDATE"
            " SET fingerprint = excluded.fingerprint, since = excluded.since"
        )
        connection.execute(sql, (fingerprint, since))
        detail = {"how": how, "before": before} if before else {"how": how}
        self._audit.append(connection, done(Act.AUTHORITY, fingerprint, **detail))


def minding(pki: Path) -> Callable[[], str]:
    """What whoever serves with the authority that is in `pki` now has to mind later, in words.

    Empty while it is there. For health: two small files are looked at, no table is read.
    """
    served = authority_fingerprint(pki)

    def told() -> str:
        try:
            found = authority_fingerprint(pki) if (pki / "ca.key").exists() else ""
        except OSError:
            found = ""
        if not found:
            return "the zone's certificate authority is away: no certificate can be renewed"
        return "" if found == served else "the zone has another certificate authority by now"

    return told
