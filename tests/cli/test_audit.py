"""What the zone's own verbs leave in the audit chain, as `champ audit show` tells it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from champ_offline.journal.process import current_user
from champ_offline.store.blobs import BlobStore
from tests.architecture.source import ROOT
from tests.cli.command import loaded_champ
from tests.contracts.distribution.client import CONFIG, IMAGE, digest_of
from tests.crash.test_push import open_zone
from tests.field.site import Site
from tests.simulators.asgi import ask


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.does("trust", "init", made.keys, "--holder", "Team", "--unencrypted")
    made.does("lock", made.recipe)
    for stick in ("first", "second"):
        (tmp_path / stick).mkdir()
        assert made.pack(tmp_path / stick).code == 0
    made.zone(tmp_path / "zone")
    return made


def rows(site: Site) -> list[dict[str, Any]]:
    shown = site.does("--zone", site.folder / "zone", "audit", "show")
    return [dict(row) for row in shown["rows"]]


def shown(site: Site, language: str) -> str:
    """The table a person reads."""
    command = [sys.executable, "-m", "installer", "--zone", str(site.folder / "zone"), "audit"]
    done = subprocess.run(
        [*command, "show"],
        cwd=ROOT,
        env={**os.environ, "CHAMP_LANG": language},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_the_verbs_of_a_zone_are_told(site: Site) -> None:
    """Everything that changed the zone is there once, in order, with who did it."""
    zone = site.folder / "zone"
    assert site.take(zone, site.folder / "first").code == 0
    assert site.take(zone, site.folder / "first").code == 0
    assert site.take(zone, site.folder / "second").code == 0
    damaged = _damage(zone)
    assert site.run("--zone", zone, "store", "check", "--all").code == 11
    assert site.take(zone, site.folder / "second").code == 0
    site.does("--zone", zone, "zone", "retire", "demo", "1", "--confirm", "demo")
    site.does("--zone", zone, "store", "gc", "--apply", "--confirm", "core")
    found = rows(site)
    assert [(row["act"], row["subject"]) for row in found[1:]] == [
        ("bundle.import", "demo"),
        ("bundle.import", "demo"),
        ("store.check", "core"),
        ("bundle.import", "demo"),
        ("bundle.retire", "demo"),
        ("store.collect", "core"),
    ]
    assert {row["actor"] for row in found} == {current_user()}
    first, _, check, again, retired, collected = (row["detail"] for row in found[1:])
    assert (first["version"], first["blobs"] > 0, first["bytes"] > 0) == ("1", True, True)
    assert check == {"digests": [damaged], "set_aside": 1}
    assert (again["blobs"], again["digest"]) == (1, retired["digest"])
    assert collected["blobs"] > 0
    assert str(site.folder) not in json.dumps(found)


def test_commissioning_and_new_roots_are_told(site: Site) -> None:
    (row,) = rows(site)
    assert (row["act"], row["subject"], row["detail"]["root"]) == ("zone.init", "core", 1)
    assert len(row["detail"]["fingerprint"]) >= 64


def test_the_chain_stands_and_is_shown_in_both_languages(site: Site) -> None:
    assert site.take(site.folder / "zone", site.folder / "first").code == 0
    assert site.does("--zone", site.folder / "zone", "audit", "verify")["rows"] == 2
    for language, header in (("en", "WHO"), ("zh_CN", "操作人")):
        told = shown(site, language)
        assert "bundle.import" in told
        assert header in told


def test_what_clients_had_pushed_is_named_by_the_import_that_displaces_it(site: Site) -> None:
    zones = [site.folder / "zone", site.zone(site.folder / "other")]
    for zone in zones:
        _push(zone, "champ.local/demo", "1", "1.0.1")
    taken = site.take(zones[0], site.folder / "first")
    assert taken.code == 0
    counts = {"manifests": 2, "untagged": 1, "blobs": 1}
    gone = {"name": "champ.local/demo", "tags": ["1", "1.0.1"], **counts}
    assert taken.result["displaced"] == [gone]
    told = [row for row in rows(site) if row["act"] == "bundle.displace"]
    assert [(row["subject"], row["detail"]["tags"]) for row in told] == [
        ("champ.local/demo", ["1", "1.0.1"])
    ]
    shown = loaded_champ(
        "--zone", str(zones[1]), "--lang", "zh", "import", str(site.folder / "first")
    )
    assert shown.returncode == 0, shown.stderr
    assert "被清除的推送内容" in shown.stdout
    names = "champ.local/demo:1, champ.local/demo:1.0.1"
    assert f"{names} (清单：2 个，其中无标签：1 个，数据块：1 个)" in shown.stdout


def _push(zone: Path, name: str, *tags: str) -> None:
    """An image under these tags, and another manifest without one."""
    config = {"mediaType": CONFIG, "digest": digest_of(b"{}"), "size": 2}
    document = {"schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": []}
    image = json.dumps(document).encode()
    other = json.dumps({**document, "annotations": {"forged": "yes"}}).encode()
    with open_zone(zone) as app:
        blob = f"/v2/{name}/blobs/uploads/?digest={digest_of(b'{}')}"
        assert ask(app, "POST", blob, b"{}").status == 201
        for reference, data in [*((tag, image) for tag in tags), (digest_of(other), other)]:
            assert ask(app, "PUT", f"/v2/{name}/manifests/{reference}", data).status == 201


def _damage(zone: Path) -> str:
    """Change a byte of some blob; its digest."""
    blobs = BlobStore(zone / "store")
    digest = max(blobs, key=lambda one: (blobs.size(one), str(one)))
    path = blobs.path(digest)
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    return str(digest)
