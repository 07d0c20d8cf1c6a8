"""The audit chain exported, signed, and checked away from the zone."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import loaded_champ

ANSWER = dict[str, Any]


def ask(*words: object, code: int = 0) -> str:
    done = loaded_champ(*map(str, words))
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A zone, and a folder with a key for its record."""
    ask("trust", "init", tmp_path / "keys", "--holder", "Team", "--unencrypted")
    root = tmp_path / "keys" / "root.json"
    ask("--zone", tmp_path / "zone", "zone", "init", "--name", "core", "--root", root)
    ask("audit", "key", tmp_path / "auditor", "--unencrypted")
    return tmp_path


def export(site: Path, name: str, *words: object) -> ANSWER:
    told = ask(
        "--zone", site / "zone", "audit", "export", "--out", site / name,
        "--sign", site / "auditor", "--json", *words,
    )  # fmt: skip
    found: ANSWER = json.loads(told)
    return found


def checked(site: Path, name: str, *words: object) -> ANSWER:
    key = site / "auditor" / "audit.pub"
    found: ANSWER = json.loads(ask("audit", "verify", site / name, "--key", key, "--json", *words))
    return found


def test_exported_and_checked(site: Path) -> None:
    made = export(site, "one.jsonl")
    assert checked(site, "one.jsonl") == made
    assert (made["zone"], made["rows"]) == ("core", 1)
    again = export(site, "two.jsonl", "--after", made["head"])
    assert (again["after"], again["rows"]) == (made["head"], 1)
    assert checked(site, "two.jsonl", "--head", made["head"])["head"] == again["head"]
    rows = json.loads(ask("--zone", site / "zone", "audit", "show", "--json"))["rows"]
    assert [row["act"] for row in rows] == ["zone.init", "audit.export", "audit.export"]
    told = rows[1]["detail"]
    assert told == {"rows": 1, "head": made["head"], "key": made["key"]}
    assert json.loads(ask("--zone", site / "zone", "audit", "verify", "--json"))["rows"] == 3


def test_what_was_edited_or_signed_by_another_is_refused(site: Path) -> None:
    export(site, "one.jsonl")
    key = site / "auditor" / "audit.pub"
    ask("audit", "key", site / "other", "--unencrypted", "--algorithm", "p256")
    wrong = ("audit", "verify", site / "one.jsonl", "--key", site / "other" / "audit.pub")
    assert "journal.audit-file-forged" in ask(*wrong, code=13)
    data = (site / "one.jsonl").read_bytes()
    (site / "edited.jsonl").write_bytes(data.replace(b"zone.init", b"zone.undo"))
    told = ask("audit", "verify", site / "edited.jsonl", "--key", key, code=11)
    assert "journal.audit-file-broken" in told
    assert "edited.jsonl" in told
    assert "champ.db" not in told
    (site / "cut.jsonl").write_bytes(data.splitlines(keepends=True)[0])
    assert "journal.audit-file-cut" in ask(
        "audit", "verify", site / "cut.jsonl", "--key", key, code=12
    )
    assert "cli.not-there" in ask("audit", "verify", site / "away.jsonl", "--key", key, code=14)


def test_keys(site: Path) -> None:
    assert "trust.keys-exist" in ask("audit", "key", site / "auditor", "--unencrypted", code=2)
    mode = (site / "auditor" / "keys" / "audit.pem").stat().st_mode
    assert mode & 0o777 == 0o600
    made = export(site, "one.jsonl")
    bad = site / "bad.pub"
    bad.write_text("no key")
    told = ask("audit", "verify", made["file"], "--key", bad, code=2)
    assert "trust.public-key-unreadable" in told
    assert "--key" in ask("audit", "verify", made["file"], code=2)
    other = ask(
        "--zone", site / "zone", "audit", "export", "--out", site / "x",
        "--sign", site / "keys", code=2,
    )  # fmt: skip
    assert "trust.audit-key-missing" in other
    assert not (site / "x").exists()


def test_a_locked_key_and_p256(site: Path) -> None:
    secret = site / "passphrase"
    secret.write_text("correct horse\n")
    secret.chmod(0o600)
    folder = site / "locked"
    ask("audit", "key", folder, "--algorithm", "p256", "--passphrase-file", secret)
    words = ("--zone", site / "zone", "audit", "export", "--out", site / "a", "--sign", folder)
    assert "trust.passphrase-needed" in ask(*words, code=2)
    ask(*words, "--passphrase-file", secret)
    ask("audit", "verify", site / "a", "--key", folder / "audit.pub")


def test_an_export_overwrites_nothing(site: Path) -> None:
    (site / "kept").write_bytes(b"mine")
    words = ("--zone", site / "zone", "audit", "export", "--sign", site / "auditor")
    assert "audit.file-there" in ask(*words, "--out", site / "kept", code=2)
    assert (site / "kept").read_bytes() == b"mine"
    assert "cli.file-there" in ask(
        "--zone", site / "zone", "support", "--out", site / "kept", code=2
    )
    assert (site / "kept").read_bytes() == b"mine"


def tamper(site: Path, script: str) -> None:
    """As somebody would who can write to the file."""
    with closing(sqlite3.connect(site / "zone" / "champ.db")) as connection:
        connection.executescript(f"DROP TRIGGER audit_stays; DROP TRIGGER audit_is_kept; {script}")


def test_an_emptied_chain_is_found(site: Path) -> None:
    tamper(site, "DELETE FROM audit")
    zone = ("--zone", site / "zone")
    assert "journal.audit-broken" in ask(*zone, "audit", "verify", code=11)
    words = ("audit", "export", "--out", site / "x", "--sign", site / "auditor")
    assert "journal.audit-broken" in ask(*zone, *words, code=11)
    assert not (site / "x").exists()
    findings = loaded_champ(*map(str, zone), "doctor", "--json")
    (chain,) = (one for one in json.loads(findings.stdout) if one["check"] == "audit")
    assert chain["state"] == "bad"


def test_a_row_that_was_tampered_with_is_shown_as_it_is(site: Path) -> None:
    tamper(site, "UPDATE audit SET detail = '{nojson' || char(27) || '[31m'")
    told = ask("--zone", site / "zone", "audit", "show")
    assert "! damaged" in told
    assert "{nojson\\x1b[31m" in told
    (row,) = json.loads(ask("--zone", site / "zone", "audit", "show", "--json"))["rows"]
    assert (row["damaged"], row["detail"]) == (True, "{nojson\x1b[31m")


def test_a_place_that_cannot_be_written(site: Path) -> None:
    told = ask(
        "--zone", site / "zone", "audit", "export", "--out", site / "nowhere" / "a",
        "--sign", site / "auditor", code=4,
    )  # fmt: skip
    assert "audit.file-not-written" in told
