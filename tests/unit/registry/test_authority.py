"""The authority of a zone: remembered once, missed when it is away, changed by a person alone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier, Event

import pytest
from cryptography import x509

from champ_offline.durable.database import Database
from champ_offline.errors import ChampError
from champ_offline.journal.audit import Audit
from champ_offline.registry.authority import Authority, minding
from champ_offline.registry.pki import (
    authority_fingerprint,
    certified_names,
    ensure_certificates,
)
from champ_offline.registry.pki_errors import (
    AuthorityAway,
    AuthorityMissing,
    AuthorityOther,
    AuthorityUnusable,
    NamesInUse,
)

NOW = datetime(2026, 5, 1, tzinfo=UTC)
NAMES = ["registry.zone", "10.0.0.5"]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database.create(tmp_path / "champ.db")) as found:
        yield found


@pytest.fixture
def pki(tmp_path: Path) -> Path:
    return tmp_path / "pki"


@pytest.fixture
def zone(database: Database, pki: Path) -> Authority:
    return Authority(database, pki, lambda: NOW)


def serve(zone: Authority, names: list[str] = NAMES) -> None:
    with zone.certified(names):
        pass


def told(database: Database) -> list[str]:
    """How each change of the authority came about, in order."""
    audit = Audit(database, lambda: NOW)
    audit.check()
    sql = "SELECT json_extract(detail, '$.how') FROM audit WHERE act = 'registry.authority'"
    return [row[0] for row in database.query(f"{sql} ORDER BY seq")]


def files(pki: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in pki.iterdir()} if pki.exists() else {}


def test_it_is_remembered_when_it_is_made(zone: Authority, database: Database, pki: Path) -> None:
    zone.check()
    assert zone.known() == ""
    serve(zone)
    kept = files(pki)
    assert zone.known() == authority_fingerprint(pki) != ""
    serve(zone)
    zone.check()
    assert told(database) == ["made"]
    assert files(pki) == kept


def test_nothing_is_made_in_place_of_one_that_is_away(
    zone: Authority, database: Database, pki: Path
) -> None:
    serve(zone)
    known = zone.known()
    aside = pki.rename(pki.with_name("aside"))
    for act in (lambda: serve(zone), zone.check, lambda: zone.due(NAMES)):
        with pytest.raises(AuthorityAway) as caught:
            act()
        assert (caught.value.fields["path"], caught.value.fields["known"]) == (pki, known)
    assert not pki.exists()
    with pytest.raises(AuthorityMissing):
        zone.accept()
    # The mount point of a disk that is away, and a key alone: it could sign, as somebody else.
    pki.mkdir()
    with pytest.raises(AuthorityAway):
        serve(zone)
    shutil.copy(aside / "ca.key", pki)
    with pytest.raises(AuthorityAway):
        serve(zone)
    assert sorted(files(pki)) == ["ca.key"]
    shutil.rmtree(pki)
    aside.rename(pki)
    serve(zone)
    assert told(database) == ["made"]


def test_a_zone_older_than_the_row_is_asked_once(
    zone: Authority, database: Database, pki: Path
) -> None:
    ensure_certificates(pki, NAMES, NOW)
    kept = files(pki)
    zone.check()  # looking remembers nothing
    assert zone.known() == ""
    serve(zone)
    serve(zone)
    assert (zone.known(), told(database)) == (authority_fingerprint(pki), ["found"])
    assert files(pki) == kept
    shutil.rmtree(pki)
    with pytest.raises(AuthorityAway):
        serve(zone)


def test_another_one_is_used_only_once_it_was_accepted(
    zone: Authority, database: Database, pki: Path, tmp_path: Path
) -> None:
    serve(zone)
    first = zone.known()
    shutil.rmtree(pki)
    ensure_certificates(pki, NAMES, NOW)
    kept = files(pki)
    other = authority_fingerprint(pki)
    for act in (lambda: serve(zone), zone.check, lambda: zone.due(NAMES)):
        with pytest.raises(AuthorityOther) as caught:
            act()
        assert (caught.value.fields["found"], caught.value.fields["known"]) == (other, first)
    assert files(pki) == kept
    assert zone.accept().fingerprint == other
    zone.accept()
    serve(zone)
    assert told(database) == ["made", "accepted"]
    (pki / "ca.key").unlink()
    with pytest.raises(AuthorityUnusable):
        zone.accept()


def test_a_certificate_that_may_not_sign_is_not_accepted(zone: Authority, pki: Path) -> None:
    serve(zone)
    known = zone.known()
    for kind in ("key", "crt"):
        (pki / f"registry.{kind}").rename(pki / f"ca.{kind}")
    with pytest.raises(AuthorityUnusable):
        zone.accept()
    assert zone.known() == known


@pytest.mark.parametrize("before", ["there", "gone", "damaged", "never", "half"])
def test_it_is_replaced_on_purpose(
    zone: Authority, database: Database, pki: Path, before: str
) -> None:
    if before != "never":
        serve(zone)
    kept, first = files(pki), zone.known()
    if before == "gone":
        shutil.rmtree(pki)
    elif before == "damaged":
        (pki / "ca.crt").write_bytes(b"x")
    elif before == "half":  # a crash in the middle of it: the old pair is aside, the new one is not
        (pki / "ca.crt").rename(pki / "ca.crt.before")
    found = zone.replace()
    assert found.fingerprint == found.found == zone.known() != first
    serve(zone)
    leaf = x509.load_pem_x509_certificate((pki / "registry.crt").read_bytes())
    leaf.verify_directly_issued_by(x509.load_pem_x509_certificate((pki / "ca.crt").read_bytes()))
    assert (pki / "ca.key").stat().st_mode & 0o777 == 0o600
    assert told(database)[-1] == "replaced"
    if before in {"there", "half"}:
        assert (pki / "ca.key.before").read_bytes() == kept["ca.key"]
        assert (pki / "ca.crt.before").read_bytes() == kept["ca.crt"]
    assert not list(pki.glob("*.next"))


def test_the_certificate_is_renewed_without_a_word(database: Database, pki: Path) -> None:
    serve(Authority(database, pki, lambda: NOW))
    later = Authority(database, pki, lambda: NOW + timedelta(days=380))
    assert later.due(NAMES)
    with Authority(database, pki, lambda: NOW).certified(NAMES), later.certified(NAMES) as found:
        assert found.not_after == NOW + timedelta(days=380 + 397)
    assert told(database) == ["made"]


def test_serving_on_writes_nothing(zone: Authority, database: Database, pki: Path) -> None:
    serve(zone)
    with closing(Database.create(database.path)) as other, other.hold():
        serve(zone)  # a writer would wait for the other, and give up


def test_a_second_one_with_other_names_is_refused(
    zone: Authority, database: Database, pki: Path
) -> None:
    second = Authority(database, pki, lambda: NOW)
    with zone.certified(NAMES):
        kept = files(pki)
        with pytest.raises(NamesInUse) as caught:
            serve(second, ["other.zone"])
        assert caught.value.fields == {"found": "10.0.0.5, registry.zone", "asked": "other.zone"}
        serve(second, NAMES[::-1])
        assert files(pki) == kept
        with pytest.raises(NamesInUse):
            serve(second, ["other.zone"])
    serve(second, ["other.zone"])
    assert certified_names(pki) == ["other.zone"]


def test_of_two_that_start_at_once_one_serves(database: Database, pki: Path) -> None:
    starting, decided = Barrier(2), Event()

    def start(name: str) -> str:
        starting.wait()
        try:
            with Authority(database, pki, lambda: NOW).certified([name]):
                decided.wait()
                return name
        except ChampError as error:
            decided.set()
            return error.id

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(start, ["a.zone", "b.zone"]))
    assert sorted(found)[1] == "registry.names-in-use"
    assert certified_names(pki) == [min(found)]
    assert told(database) == ["made"]


def test_who_serves_minds_what_became_of_it(zone: Authority, pki: Path) -> None:
    serve(zone)
    mind = minding(pki)
    assert mind() == ""
    key = (pki / "ca.key").rename(pki.parent / "key")
    assert "away" in mind()
    key.rename(pki / "ca.key")
    assert mind() == ""
    zone.replace()
    assert "another" in mind()
    shutil.rmtree(pki)
    assert "away" in mind()
