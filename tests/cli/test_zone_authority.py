"""A zone whose pki went: what `champ` says of it, refuses, and does when it is told to."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.source import ROOT
from tests.cli.test_key_drill import champ

ZONE = ["--zone", "zone"]
AWAY = "registry.authority-away"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    done = champ(tmp_path, ["trust", "init", "shared", "--holder", "Anna", "--unencrypted"])
    assert done.returncode == 0, done.stderr
    made = ["zone", "init", "--name", "core", "--root", "shared/root.json"]
    assert champ(tmp_path, [*ZONE, *made]).returncode == 0
    return tmp_path


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[int]:
    """The registry of the zone, while requests are answered; gives its port."""
    port = free_port()
    words = [*ZONE, "registry", "serve", "--port", str(port), *options, "--progress", "none"]
    process = subprocess.Popen(
        [sys.executable, "-m", "installer", *words], cwd=folder, stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stdout is not None
    with process:
        try:
            assert process.stdout.readline(), "it does not serve"
            yield port
        finally:
            process.terminate()


def health(port: int) -> tuple[int, Any]:
    context = ssl._create_unverified_context()  # noqa: S323 - the authority is what is away
    connection = HTTPSConnection("127.0.0.1", port, context=context)
    connection.request("GET", "/healthz")
    answer = connection.getresponse()
    found = answer.status, json.loads(answer.read())
    connection.close()
    return found


def refused(folder: Path, *words: str) -> tuple[int, str]:
    """Exit code, and the error's id."""
    done = champ(folder, [*ZONE, *words, "-o", "json"])
    return done.returncode, json.loads(done.stderr)["id"]


def findings(folder: Path) -> dict[str, tuple[str, str | None]]:
    found = json.loads(champ(folder, [*ZONE, "doctor", "--json"]).stdout)
    return {one["check"]: (one["state"], one["id"]) for one in found}


def shown(folder: Path) -> Any:
    return json.loads(champ(folder, [*ZONE, "registry", "authority", "show", "--json"]).stdout)


def test_a_lost_authority_is_told_everywhere_and_replaced_on_purpose(folder: Path) -> None:
    pki, kept = folder / "zone" / "pki", folder / "backup"
    assert champ(folder, [*ZONE, "registry", "authority", "show"]).returncode == 0
    with serving(folder) as port:
        first = shown(folder)["fingerprint"]
        assert findings(folder)["authority"] == ("ok", None)
        shutil.move(pki, kept)
        # Requests are answered all the same; what wants a person is said beside.
        status, told = health(port)
        assert (status, told["status"]) == (200, "ok")
        assert "away" in told["mind"]
    assert refused(folder, "registry", "serve", "--port", "5999") == (6, AWAY)
    assert not pki.exists()
    assert findings(folder)["authority"] == ("bad", AWAY)
    assert findings(folder)["certificate"] == ("not looked at", None)
    show = champ(folder, [*ZONE, "registry", "authority", "show"])
    assert show.returncode == 6
    assert first in show.stdout
    assert f"[{AWAY}]" in show.stderr
    replace = ["registry", "authority", "replace"]
    assert refused(folder, *replace) == (7, "cli.confirmation-missing")
    assert refused(folder, *replace, "--confirm", "other") == (7, "cli.confirmation-differs")
    assert not pki.exists()
    done = champ(folder, [*ZONE, *replace, "--confirm", "core"])
    assert done.returncode == 0, done.stderr
    assert "champ node trust" in done.stderr
    assert shown(folder)["fingerprint"] not in {first, ""}
    with serving(folder) as port:
        assert health(port) == (200, {"status": "ok"})
    audit = champ(folder, [*ZONE, "audit", "show"]).stdout
    assert "how=made" in audit
    assert f"before={first} how=replaced" in audit


def test_a_backup_and_another_authority(folder: Path) -> None:
    pki, kept = folder / "zone" / "pki", folder / "backup"
    with serving(folder):
        pass
    first = shown(folder)["fingerprint"]
    shutil.copytree(pki, kept)
    done = champ(folder, [*ZONE, "registry", "authority", "replace", "--confirm", "core"])
    assert done.returncode == 0
    shutil.rmtree(pki)
    shutil.copytree(kept, pki)
    serve = ["registry", "serve", "--port", "5999"]
    assert refused(folder, *serve) == (6, "registry.authority-other")
    accept = ["registry", "authority", "accept"]
    assert refused(folder, *accept) == (7, "cli.confirmation-missing")
    assert champ(folder, [*ZONE, *accept, "--confirm", "core"]).returncode == 0
    assert shown(folder)["fingerprint"] == first
    with serving(folder) as port:
        assert health(port) == (200, {"status": "ok"})


def test_a_second_registry_with_other_names_is_refused(folder: Path) -> None:
    with serving(folder, "--name", "a.zone"):
        certificate = (folder / "zone" / "pki" / "registry.crt").read_bytes()
        second = ["registry", "serve", "--port", str(free_port())]
        assert refused(folder, *second, "--name", "b.zone") == (4, "registry.names-in-use")
        with serving(folder, "--name", "a.zone") as port:
            assert health(port) == (200, {"status": "ok"})
        assert (folder / "zone" / "pki" / "registry.crt").read_bytes() == certificate
    with serving(folder, "--name", "b.zone") as port:
        assert health(port) == (200, {"status": "ok"})
