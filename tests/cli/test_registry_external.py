"""docs/external-registry.md, command by command, against a registry with TLS and tokens."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from champ_offline.clock import now_utc
from champ_offline.durable.database import Database
from champ_offline.registry.accounts import Accounts
from champ_offline.registry.asgi import registry as make
from champ_offline.registry.challenge import Called
from champ_offline.registry.clients import Clients, roles
from champ_offline.registry.passwords import hashed
from champ_offline.registry.pki import ensure_certificates
from champ_offline.store.blobs import BlobStore
from tests.architecture.source import ROOT
from tests.cli.test_key_drill import champ
from tests.contracts.distribution.client import serving
from tests.field.conftest import packed, site
from tests.field.site import Site

__all__ = ["packed", "site"]
PAGE = (ROOT / "docs" / "external-registry.md").read_text(encoding="utf-8")
REFUSED = re.compile(r"# refused: ([a-z.-]+)$")
PASSWORD = "a robot's & long: secret"
THERE = "harbor.zone:8443"


def lines() -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines()]


@pytest.fixture
def folder(site: Site, packed: Path, tmp_path: Path) -> Path:
    (tmp_path / "stick").symlink_to(packed)
    (tmp_path / "root.json").write_bytes((site.keys / "root.json").read_bytes())
    secret = tmp_path / "robot.password"
    secret.write_text(f"{PASSWORD}\n", encoding="utf-8")
    secret.chmod(0o600)
    return tmp_path


@pytest.fixture
def target(folder: Path) -> Iterator[str]:
    """The address of a registry that lets one client push; its authority is in the folder."""
    root, names = folder / "harbor", ("localhost", "127.0.0.1")
    root.mkdir()
    certificates = ensure_certificates(root / "pki", names, now_utc())
    (folder / "harbor-ca.crt").write_bytes(certificates.authority.read_bytes())
    with closing(Database.create(root / "champ.db")) as database:
        clients = Clients(database, now_utc)
        clients.add("robot", hashed(PASSWORD.encode()), roles(push=["champ/*"]), "bo")
        doors = Accounts(database, Called(names, 5443), now_utc)
        app = make(database, BlobStore(root / "store"), root / "uploads", now_utc, doors)
        with serving(app, certificates) as found:
            yield f"localhost:{found.port}"


def ask(folder: Path, line: str, code: int = 0) -> Any:
    done = champ(folder, ["--zone", "zone", *shlex.split(line), "--json"])
    assert done.returncode == code, f"{line}\n{done.stdout}{done.stderr}"
    assert PASSWORD not in done.stdout + done.stderr
    return json.loads(done.stdout if code == 0 else done.stderr.splitlines()[-1])


def test_the_page_goes_as_it_is_written(folder: Path, target: str) -> None:
    refused, said = [], {}
    for line in lines():
        done = champ(folder, shlex.split(line.replace(THERE, target), comments=True)[1:])
        assert PASSWORD not in done.stdout + done.stderr
        expected = REFUSED.search(line)
        if expected is None:
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        else:
            assert done.returncode != 0, line
            assert f"[{expected.group(1)}]" in done.stderr, line
            refused.append(expected.group(1))
        said[line.partition("#")[0].strip()] = done.stdout
    assert len(refused) == 4
    assert f"{target}/champ" in said["champ --zone zone zone show"]
    assert "external registry" in said["champ --zone zone doctor"]
    every = ask(folder, "audit show")["rows"]
    rows = [row for row in every if row["act"].startswith("external.")]
    acts = [row["act"] for row in rows]
    assert acts == ["external.set", *["external.push.begin", "external.push.end"] * 3,
                    "external.remove"]  # fmt: skip
    assert rows[2]["detail"]["blobs"] > 24
    ended = {"blobs": 0, "bytes": 0, "ended": "done", "names": 1, "put_back": 0}
    assert rows[4]["detail"] == ended
    assert PASSWORD not in json.dumps(rows)
    assert PASSWORD.encode() not in (folder / "zone" / "champ.db").read_bytes()


def made(folder: Path) -> None:
    ask(folder, "zone init --name core --root root.json")
    ask(folder, "import stick")


def test_what_is_shown_and_kept(folder: Path, target: str) -> None:
    made(folder)
    assert ask(folder, "zone show")["registry"] == ""
    options = "--ca harbor-ca.crt --username robot --password-file robot.password"
    shown = ask(folder, f"registry external set {target}/champ {options}")
    assert (shown["pushed"], shown["waiting"], shown["last_push"]) == (0, 1, "")
    assert shown == ask(folder, "registry external show")
    assert (folder / "zone" / "champ.db").stat().st_mode & 0o777 == 0o600
    found = ask(folder, "doctor")
    assert [one["id"] for one in found if one["check"] == "external registry"] == [
        "external.push-waiting"
    ]
    assert "doctor.never-served" not in [one["id"] for one in found]
    pushed = ask(folder, "registry push")
    [name] = pushed["names"]
    assert name["repository"] == f"{target}/champ/champ.local/demo"
    assert name["sent"] == name["blobs"] > 24
    shown = ask(folder, "registry external show")
    assert (shown["pushed"], shown["waiting"]) == (1, 0)
    assert shown["last_push"] >= ask(folder, "audit show")["rows"][-2]["time"]
    zh = champ(folder, ["--zone", "zone", "--lang", "zh", "registry", "external", "show"])
    assert "证书颁发机构" in zh.stdout


def test_what_is_refused(folder: Path, target: str) -> None:
    made(folder)
    assert ask(folder, "registry external show", 14)["id"] == "external.none"
    (folder / "empty").touch(0o600)
    options = "--username robot --password-file robot.password"
    for line, error, code in (
        (f"set {target} --ca root.json", "external.ca-unreadable", 2),
        (f"set {target} --username a:b --password-file robot.password",
         "external.credentials-unfit", 2),
        (f"set {target} --username robot", "cli.password-needed", 2),
        (f"set {target} --username robot --password-file empty",
         "external.credentials-incomplete", 2),
        (f"set {target} --username '' --password-file robot.password", "cli.usage", 2),
        (f"set {target} --plain-http --ca harbor-ca.crt", "cli.usage", 2),
        (f"set {target} {options} --token-server http://x", "external.invalid-address", 2),
    ):  # fmt: skip
        assert ask(folder, f"registry external {line}", code)["id"] == error
    ask(folder, f"registry external set {target} {options}")
    assert ask(folder, "registry push", 4)["id"] == "external.tls-refused"
    ask(folder, f"registry external set {target} --ca harbor-ca.crt {options}")
    denied = ask(folder, "registry push", 4)
    assert denied["id"] == "external.denied"
    (folder / "robot.password").chmod(0o644)
    again = f"registry external set {target} {options}"
    assert ask(folder, again, 2)["id"] == "cli.passphrase-file-open"
    ends = [row["detail"]["ended"] for row in ask(folder, "audit show")["rows"]
            if row["act"] == "external.push.end"]  # fmt: skip
    assert ends == ["external.tls-refused", "external.denied"]
