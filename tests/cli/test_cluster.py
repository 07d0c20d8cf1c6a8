"""`champ cluster`, and verbs that go by a cluster's name."""

from __future__ import annotations

import json
import re
import shlex
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.source import ROOT
from tests.cli.command import loaded_champ
from tests.simulators.api_server import api_server, kubeconfig


@pytest.fixture
def zone(tmp_path: Path) -> Path:
    keys, folder = tmp_path / "keys", tmp_path / "zone"
    says("trust", "init", keys, "--holder", "Team", "--unencrypted")
    says("--zone", folder, "zone", "init", "--name", "core", "--root", keys / "root.json")
    return folder


def says(*words: object, code: int = 0, **environment: str) -> str:
    done = loaded_champ(*map(str, words), KUBECONFIG="", **environment)
    assert done.returncode == code, f"{words}\n{done.stdout}{done.stderr}"
    assert "hidden-token" not in done.stdout + done.stderr
    return done.stdout + done.stderr if code == 0 else done.stderr


def told(zone: Path, *words: object) -> Any:
    return json.loads(says("--zone", zone, *words, "--json"))


def test_a_cluster_gets_a_name_and_loses_it(zone: Path, tmp_path: Path) -> None:
    with api_server("one-uid") as address:
        way = kubeconfig(tmp_path / "main.conf", address)
        made = told(zone, "cluster", "add", "main", "--kubeconfig", way)
        assert (made["name"], made["identity"]) == ("main", "one-uid")
        assert (made["address"], made["kubeconfig"]) == (address, str(way))
    assert told(zone, "cluster", "list") == [made]
    assert told(zone, "cluster", "show", "main") == made
    assert "main" in says("--zone", zone, "cluster", "list")
    assert told(zone, "cluster", "remove", "main") == {"removed": "main"}
    assert told(zone, "cluster", "list") == []
    assert "cluster.unknown" in says("--zone", zone, "cluster", "show", "main", "--json", code=14)
    acts = [row["act"] for row in told(zone, "audit", "show")["rows"]]
    assert acts[-2:] == ["cluster.add", "cluster.remove"]
    with closing(sqlite3.connect(zone / "champ.db")) as database:
        assert not any("hidden-token" in line for line in database.iterdump())


def test_a_file_that_others_may_read_is_minded(zone: Path, tmp_path: Path) -> None:
    with api_server("one-uid") as address:
        way = kubeconfig(tmp_path / "main.conf", address)
        way.chmod(0o640)
        assert "chmod 600" in says("--zone", zone, "cluster", "add", "main", "--kubeconfig", way)


def test_a_name_goes_to_the_cluster_it_was_given(zone: Path, tmp_path: Path) -> None:
    way = tmp_path / "main.conf"
    with api_server("one-uid") as address:
        says("--zone", zone, "cluster", "add", "main", "--kubeconfig", kubeconfig(way, address))
        assert told(zone, "status", "--cluster", "main") == []
        assert told(zone, "status") == []
    with api_server("another-uid") as address:
        kubeconfig(way, address)
        words = ("--zone", zone, "remove", "app", "--json")
        for given in ((), ("--cluster", "main"), ("--kubeconfig", way)):
            error = json.loads(says(*words, *given, code=4))
            assert error["id"] == "cluster.exchanged"
            assert error["fields"]["found"] == "another-uid"
        error = json.loads(
            says(*words[:2], "cluster", "add", "main", "--kubeconfig", way, "--json", code=4)
        )
        assert error["id"] == "cluster.name-taken"
        found = loaded_champ("--zone", str(zone), "doctor", "--json", KUBECONFIG="")
        findings = json.loads(found.stdout)
        bad = [one["id"] for one in findings if one["where"] == "main" and one["state"] == "bad"]
        assert bad == ["cluster.exchanged"]


def test_one_of_several_must_be_named(zone: Path, tmp_path: Path) -> None:
    with api_server("one-uid") as first, api_server("two-uid") as second:
        for name, address in (("main", first), ("edge", second)):
            way = kubeconfig(tmp_path / f"{name}.conf", address)
            says("--zone", zone, "cluster", "add", name, "--kubeconfig", way)
        error = json.loads(says("--zone", zone, "remove", "app", "--json", code=2))
        assert (error["id"], error["fields"]["known"]) == ("zone.cluster-not-named", "edge, main")
        both = ("--cluster", "main", "--kubeconfig", tmp_path / "edge.conf")
        assert "--kubeconfig" in says("--zone", zone, "status", *both, code=2)
        # A kubeconfig of the environment does not stand in the way of a name.
        nowhere = str(tmp_path / "nowhere")
        assert (
            loaded_champ(
                "--zone", str(zone), "status", "--cluster", "main", KUBECONFIG=nowhere
            ).returncode
            == 0
        )
    error = json.loads(says("--zone", zone, "status", "--cluster", "x", "--json", code=14))
    assert error["id"] == "cluster.unknown"


def test_the_page_names_a_cluster_as_it_is_written(zone: Path, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "clusters.md").read_text(encoding="utf-8")
    block = re.search(r"^```sh\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert block is not None
    with api_server("one-uid") as address:
        way = kubeconfig(tmp_path / "main.conf", address)
        for line in block[1].splitlines():
            _champ, option, _zone, *words = shlex.split(
                line.replace("/etc/champ/main.conf", str(way))
            )
            says(option, zone, *words)
    assert [one["name"] for one in told(zone, "cluster", "list")] == ["main"]
