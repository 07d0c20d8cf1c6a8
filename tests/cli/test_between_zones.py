"""docs/between-zones.md, command by command; what the next zone has then; what `export` says."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from champ_offline.durable.database import Database
from champ_offline.registry.content import Content
from champ_offline.store.blobs import BlobStore
from champ_offline.store.refs import Refs
from tests.architecture.source import ROOT
from tests.cli.test_key_drill import champ
from tests.cli.test_way_of_a_bundle import RECIPE, write_layout
from tests.unit.bundle.desk import tree

PAGE = (ROOT / "docs" / "between-zones.md").read_text(encoding="utf-8")
REFUSED = re.compile(r"# refused: ([a-z.-]+)$")
FOR_BOTH = RECIPE.replace("[core]", "[public-service, core-business]")


def lines() -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines()]


def does(folder: Path, line: str, code: int = 0) -> str:
    done = champ(folder, shlex.split(line, comments=True))
    assert done.returncode == code, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout if code == 0 else done.stderr


def gives(folder: Path, line: str) -> Any:
    return json.loads(does(folder, f"{line} --json"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A root, a stick with a bundle for both zones, and media to be written."""
    (tmp_path / "bundle.yaml").write_text(FOR_BOTH, encoding="utf-8")
    write_layout(tmp_path / "layout")
    more = FOR_BOTH.replace("name: demo\n", "name: more\n")
    (tmp_path / "more.yaml").write_text(more, encoding="utf-8")
    for name in ("stick", "stick-2", "ferry", "sticks"):
        (tmp_path / name).mkdir()
    does(tmp_path, "trust init shared --holder Anna --unencrypted")
    does(tmp_path, "lock bundle.yaml")
    does(tmp_path, "pack bundle.yaml --signing shared --out stick --parity 5%")
    does(tmp_path, "lock more.yaml --out more.lock")
    does(tmp_path, "pack more.yaml --lock more.lock --signing shared --out stick-2 --no-sbom")
    (tmp_path / "root.json").write_bytes((tmp_path / "shared" / "root.json").read_bytes())
    return tmp_path


@pytest.fixture
def zone(folder: Path) -> Path:
    does(folder, "--zone public zone init --name public-service --root root.json")
    does(folder, "--zone public import stick")
    return folder


def served(zone: Path) -> Iterator[str]:
    """All that the zone's registry has to give: names and digests, manifests, blobs, referrers."""
    with closing(Database(zone / "champ.db")) as database:
        content, refs = Content(database, BlobStore(zone / "store")), Refs(database)
        yield from (f"{ref} {ref.descriptor.digest}" for ref in refs.all())
        for name in content.names():
            found = content.of(name)
            yield from (f"{name} {digest}" for digest in sorted(map(str, found.blobs)))
            yield from (f"{name} {digest}" for digest in sorted(map(str, found.manifests)))
        yield from (f"{one.subject} {one.descriptor.digest}" for one in refs.all_referrers())


def test_the_page_goes_as_it_is_written(folder: Path) -> None:
    refused = []
    for line in lines():
        done = champ(folder, shlex.split(line, comments=True)[1:])
        expected = REFUSED.search(line)
        if expected is None:
            assert done.returncode == 0, f"{line}\n{done.stderr}"
        else:
            assert done.returncode != 0, line
            assert f"[{expected.group(1)}]" in done.stderr, line
            refused.append(expected.group(1))
    assert refused == ["export.nothing", "export.other-zones", "media.several-bundles"]
    assert tree(folder / "ferry") == tree(folder / "stick") | tree(folder / "stick-2")
    assert tree(folder / "sticks" / "stick-01") == tree(folder / "stick")
    public, core = list(served(folder / "public")), list(served(folder / "core"))
    assert public == core
    assert len(public) > 10
    assert gives(folder, "--zone public catalog") == gives(folder, "--zone core catalog")
    rows = gives(folder, "--zone public audit show")["rows"]
    rows = [row for row in rows if row["act"] == "bundle.export"]
    assert [row["subject"] for row in rows] == ["demo", "demo", "more"]
    assert rows[0]["detail"]["zone"] == "core-business"
    assert does(folder, "--zone public audit verify")


def test_what_the_verb_prints(zone: Path) -> None:
    shown = does(zone, "--zone public export --for core-business ferry --lang zh")
    assert "目标网区" in shown
    (again,) = gives(zone, "--zone public export --for core-business ferry")
    assert (again["bundle"], again["version"], again["written"]) == ("demo", "1", False)
    assert again["folders"] == ["ferry/champ/demo-1"]
    assert "export.not-held" in does(zone, "--zone public export --for x --bundle no ferry", 14)
    assert "zone.invalid-name" in does(zone, "--zone public export --for X/Y ferry", 2)
    assert "trust.no-such-folder" in does(zone, "--zone public export --for core-business no", 14)
    does(zone, "--zone public export --for core-business ferry sticks --stick 32GB", 2)
    does(zone, "--zone public export ferry", 2)


def test_the_command_for_the_next_zone_is_told(zone: Path) -> None:
    export = "--zone public export --for core-business ferry"
    told = "In the next zone: champ import "
    assert f"{told}ferry\n" in champ(zone, shlex.split(export)).stderr
    assert told not in champ(zone, shlex.split(f"{export} --json")).stderr
    does(zone, "--zone public import stick-2")
    assert f"{told}--all ferry\n" in champ(zone, shlex.split(f"{export} --bundle more")).stderr
    (zone / "for core").mkdir()
    done = champ(zone, shlex.split("--zone public export --for core-business 'for core'"))
    assert f"{told}--all 'for core'\n" in done.stderr


def test_what_is_wrong_with_one_bundle_keeps_no_other_back(zone: Path) -> None:
    does(zone, "--zone public import stick-2")
    does(zone, "--zone public export --for core-business ferry")
    volume = zone / "ferry/champ/demo-1/demo-1.0001.tar"
    volume.rename(zone / "elsewhere.tar")
    does(zone, "--zone core zone init --name core-business --root root.json")
    done = champ(zone, shlex.split("--zone core import --all ferry --json"))
    assert done.returncode == 9
    demo, more = json.loads(done.stdout)
    assert (demo["bundle"], demo["done"]) == ("demo", None)
    assert demo["refusal"]["id"] == json.loads(done.stderr.splitlines()[-1])["id"]
    assert (more["version"], more["done"]["changed"], more["refusal"]) == ("1", True, None)
    checked = champ(zone, shlex.split("verify --all ferry --root root.json"))
    assert checked.returncode == 9
    assert [line.split()[:3] for line in checked.stdout.splitlines()[1:]] == [
        ["demo", "1", "no"], ["more", "1", "yes"],
    ]  # fmt: skip
    (zone / "elsewhere.tar").rename(volume)
    demo, more = gives(zone, "--zone core import --all ferry")
    assert (demo["done"]["changed"], more["done"]["changed"]) == (True, False)
    rows = gives(zone, "--zone core audit show")["rows"]
    taken = [row["subject"] for row in rows if row["act"] == "bundle.import"]
    assert taken == ["more", "demo"]
    does(zone, "--zone core import --all ferry --wait", 2)


def test_bundles_for_other_zones_are_left_and_named(zone: Path) -> None:
    ours = FOR_BOTH.replace("name: demo\n", "name: ours\n").replace(", core-business", "")
    (zone / "ours.yaml").write_text(ours, encoding="utf-8")
    does(zone, "lock ours.yaml --out ours.lock")
    does(zone, "pack ours.yaml --lock ours.lock --signing shared --out stick --no-sbom")
    does(zone, "--zone core zone init --name core-business --root root.json")
    done = champ(zone, shlex.split("--zone core import --all stick"))
    assert done.returncode == 0, done.stderr
    assert [line.split()[:3] for line in done.stdout.splitlines()[1:]] == [
        ["ours-1", "no"], ["demo", "1", "yes"],
    ]  # fmt: skip
    assert "bundle ours is for public-service; this zone is core-business" in done.stderr
    assert "[trust.wrong-zone]" in does(zone, "--zone core import --all stick/champ/ours-1", 3)


def test_progress_is_told(zone: Path) -> None:
    line = "--zone public export --for core-business ferry --progress ndjson"
    done = champ(zone, shlex.split(line))
    events = [json.loads(line) for line in done.stderr.splitlines()]
    started = [event for event in events if event["event"] == "StepStarted"]
    assert [(event["name"], event["subject"]) for event in started] == [
        ("export", "demo-1.0001.tar"), ("parity", "demo-1.0001.tar"),
    ]  # fmt: skip
    ends = [event for event in events if event["event"] == "Progress" and event["name"] == "export"]
    assert ends[-1]["done"] == ends[-1]["total"]


def test_damage_is_put_right_as_the_page_says(zone: Path) -> None:
    export = "--zone public export --for core-business ferry"
    blobs = sorted((zone / "public/store/sha256").iterdir(), key=lambda path: path.stat().st_size)
    blobs[-1].chmod(0o644)
    blobs[-1].write_bytes(bytes(blobs[-1].stat().st_size - 1) + b"x")
    assert "[export.blob-damaged]" in does(zone, export, 11)
    does(zone, "--zone public store check", 11)
    does(zone, "--zone public import stick")
    does(zone, export)
    assert tree(zone / "ferry") == tree(zone / "stick")
