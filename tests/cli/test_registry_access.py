"""docs/registry-access.md, command by command; what the verbs of clients and audit print."""

from __future__ import annotations

import json
import re
import shlex
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from tests.architecture.source import ROOT
from tests.cli.test_key_drill import champ

PAGE = (ROOT / "docs" / "registry-access.md").read_text(encoding="utf-8")
REFUSED = re.compile(r"# refused: ([a-z.-]+)$")
PASSWORD = "correct horse battery staple"


def lines() -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    done = champ(tmp_path, ["trust", "init", "shared", "--holder", "Anna", "--unencrypted"])
    assert done.returncode == 0, done.stderr
    (tmp_path / "root.json").write_bytes((tmp_path / "shared" / "root.json").read_bytes())
    return tmp_path


@pytest.fixture
def zone(folder: Path) -> Path:
    made = ["--zone", "zone", "zone", "init", "--name", "core", "--root", "root.json"]
    assert champ(folder, made).returncode == 0
    secret(folder / "password", PASSWORD)
    return folder


def secret(path: Path, text: str, mode: int = 0o600) -> None:
    path.write_text(f"{text}\n", encoding="utf-8")
    path.chmod(mode)


def ask(folder: Path, line: str, code: int = 0) -> str:
    done = champ(folder, ["--zone", "zone", *shlex.split(line)])
    assert done.returncode == code, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout if code == 0 else done.stderr


def test_the_page_goes_as_it_is_written(folder: Path) -> None:
    refused = []
    for line in lines():
        if not line.startswith("champ "):
            subprocess.run(["bash", "-ec", line], cwd=folder, check=True)
            continue
        done = champ(folder, shlex.split(line, comments=True)[1:])
        expected = REFUSED.search(line)
        if expected is None:
            assert done.returncode == 0, f"{line}\n{done.stderr}"
        else:
            assert done.returncode != 0, line
            assert f"[{expected.group(1)}]" in done.stderr, line
            refused.append(expected.group(1))
    assert len(refused) == 4
    shown = json.loads(ask(folder, "audit show --json"))
    assert [row["act"] for row in shown["rows"]] == [
        "zone.init",
        "client.add",
        "access.anonymous",
        "client.add",
        "access.anonymous",
        "audit.export",
        "client.remove",
    ]
    assert [row["name"] for row in json.loads(ask(folder, "registry client list --json"))] == [
        "nodes"
    ]


def test_what_is_shown_of_a_client(zone: Path) -> None:
    line = "registry client add ci --push team/* --pull * --password-file password"
    added = json.loads(ask(zone, f"{line} --json"))
    assert added["roles"] == [
        {"pattern": "*", "actions": ["pull"]},
        {"pattern": "team/*", "actions": ["pull", "push"]},
    ]
    everything = [
        json.dumps(added),
        ask(zone, "registry client list"),
        ask(zone, "registry client list -o yaml"),
        ask(zone, "audit show --json"),
        ask(zone, "audit show"),
    ]
    for text in everything:
        assert "ci" in text
        assert PASSWORD not in text
        assert "argon2" not in text
    assert PASSWORD.encode() not in (zone / "zone" / "champ.db").read_bytes()
    chinese = champ(zone, ["--zone", "zone", "--lang", "zh", "registry", "client", "list"]).stdout
    assert "客户端" in chinese
    assert "拉取,推送 team/*" in chinese


@pytest.mark.parametrize(
    ("options", "text", "mode", "error"),
    [
        ("--push a", PASSWORD, 0o644, "cli.passphrase-file-open"),
        ("--push a", "short", 0o600, "registry.password-unfit"),
        ("--push a", "x" * 2000, 0o600, "registry.password-unfit"),
        ("--push 'a b'", PASSWORD, 0o600, "registry.invalid-pattern"),
        ("", PASSWORD, 0o600, "Say what the client may"),
    ],
)
def test_clients_that_are_not_added(
    zone: Path, options: str, text: str, mode: int, error: str
) -> None:
    secret(zone / "password", text, mode)
    line = f"registry client add ci {options} --password-file password"
    assert error in ask(zone, line, 2)
    assert json.loads(ask(zone, "registry client list --json")) == []


def test_without_a_terminal_a_password_wants_a_file(zone: Path) -> None:
    assert "cli.password-needed" in ask(zone, "registry client add ci --push a", 2)
    assert "cli.not-there" in ask(
        zone, "registry client add ci --push a --password-file missing", 14
    )


def test_a_chain_that_was_tampered_with(zone: Path) -> None:
    for name in ("ci", "night"):
        ask(zone, f"registry client add {name} --push a --password-file password")
    noted = json.loads(ask(zone, "audit verify --json"))
    assert noted["rows"] == 3
    assert noted["head"] == json.loads(ask(zone, "audit show --json"))["head"]
    found = json.loads(ask(zone, "doctor --json"))
    assert next(one for one in found if one["check"] == "audit")["message"] == noted["head"]
    with closing(sqlite3.connect(zone / "zone" / "champ.db")) as connection:
        connection.executescript("DROP TRIGGER audit_stays; DELETE FROM audit WHERE seq = 3")
    ask(zone, "audit verify")
    assert "journal.audit-truncated" in ask(zone, f"audit verify --head {noted['head']}", 12)
    with closing(sqlite3.connect(zone / "zone" / "champ.db")) as connection:
        connection.executescript("DROP TRIGGER audit_is_kept; UPDATE audit SET actor = 'x'")
    assert "journal.audit-broken" in ask(zone, "audit verify", 11)
    done = champ(zone, ["--zone", "zone", "doctor"])
    assert done.returncode == 4
    assert "row 1" in done.stdout


def test_since(zone: Path) -> None:
    ask(zone, "registry access --anonymous none")
    assert json.loads(ask(zone, "audit show --since 2100-01-01 --json"))["rows"] == []
    assert len(json.loads(ask(zone, "audit show --since 2020-01-01T00:00:00 --json"))["rows"]) == 2
    assert "--since" in ask(zone, "audit show --since yesterday", 2)
    assert "journal.head-invalid" in ask(zone, "audit verify --head x", 2)
