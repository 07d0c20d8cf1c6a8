"""Killed before every durable step of imports: nothing unverified, nothing lost, and on it goes."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from champ_offline.bundle.divide import Limits
from champ_offline.bundle.errors import VolumeMissing
from champ_offline.bundle.layout import Contents
from champ_offline.bundle.pack import Packer
from champ_offline.events import ignore
from champ_offline.store.blobs import BlobStore
from tests.contracts.distribution.client import digest_of
from tests.crash import kills
from tests.crash.counts import check_count
from tests.crash.test_push import manifest, open_zone
from tests.crash.zones import Held, commission, held, take
from tests.simulators.asgi import ask
from tests.unit.bundle.conftest import NOW, Pack, Signing, contents, image, pack, signing

__all__ = ["contents", "pack", "signing"]
KIB = 1024
PUSHED = "/v2/champ.local/first"
LATER = NOW + timedelta(days=2)

Media = Sequence[Path]


def named(found: Held) -> tuple[tuple[str, ...], ...]:
    """What one transaction changes."""
    given = (found.refs, found.referrers, found.bundles, found.accepted, found.papers)
    return (*given, found.pushed, found.told)


class Field:
    """Zones made from one template, each killed once while it takes `first` and then `rest`."""

    def __init__(self, folder: Path, template: Path, plugs: Sequence[Media], now: datetime) -> None:
        self._folder, self._template = folder, template
        self._plugs, self._now = plugs, now
        self._before = held(template)

    def _act(self, zone: Path, plugs: Sequence[Media]) -> Callable[[], object]:
        def act() -> None:
            for media in plugs:
                with suppress(VolumeMissing):
                    take(zone, media, self._now)

        return act

    def kill_everywhere(self) -> int:
        """Kill before every step and let each zone go on; returns how many kills there were."""
        whole = self._copy("whole")
        steps = kills.run(self._act(whole, self._plugs)).steps
        after = held(whole)
        assert after != self._before
        for last in range(1, steps + 1):
            zone = self._copy("zone")
            assert kills.run(self._act(zone, self._plugs), last).killed
            self._goes_on(zone, after)
            shutil.rmtree(zone)
        return steps

    def _goes_on(self, zone: Path, after: Held) -> None:
        found = held(zone)
        assert found.blobs >= self._before.blobs
        assert named(found) in {named(self._before), named(after)}
        # Somebody plugs in what comes last, alone, and then everything there is.
        with suppress(VolumeMissing):
            take(zone, self._plugs[-1], self._now)
        everything = [path for media in self._plugs for path in media]
        take(zone, everything, self._now)
        assert held(zone) == after
        assert not [path for path in (zone / "incoming").rglob("*") if path.is_file()]
        assert not list(zone.rglob(".partial-*"))
        assert not take(zone, everything, self._now).changed

    def _copy(self, name: str) -> Path:
        return Path(shutil.copytree(self._template, self._folder / name))


@pytest.fixture
def empty(signing: Signing, tmp_path: Path) -> Path:
    zone = tmp_path / "template"
    commission(zone, signing.root)
    return zone


def test_one_medium(pack: Pack, empty: Path, tmp_path: Path) -> None:
    check_count(
        "import: one medium", Field(tmp_path, empty, [[pack().folder]], NOW).kill_everywhere()
    )


def test_pieces_over_several_media_that_come_one_after_the_other(
    pack: Pack, empty: Path, tmp_path: Path
) -> None:
    sticks = pack(limit=24 * KIB, medium=80 * KIB).folders
    assert len(sticks) >= 3
    plugs = [[stick] for stick in (*sticks[1:], sticks[0])]
    check_count(
        "import: pieces over several media", Field(tmp_path, empty, plugs, NOW).kill_everywhere()
    )


def test_a_newer_bundle_in_the_place_of_an_older_one(
    pack: Pack,
    contents: tuple[BlobStore, Contents],
    signing: Signing,
    empty: Path,
    tmp_path: Path,
) -> None:
    take(empty, [pack().folder], NOW)
    blobs, what = contents
    noise = random.Random(11)
    moved = image(blobs, "champ.local/first:1", [noise.randbytes(50 * KIB) for _ in range(3)])
    newer = replace(what, version="2", descriptors=(moved, *what.descriptors[1:]))
    packer = Packer(blobs, (signing.root,), signing.signers)
    stick = packer.pack(
        newer, tmp_path / "newer", Limits(40 * KIB), NOW + timedelta(days=1), ignore
    )
    check_count(
        "import: in the place of an older one",
        Field(tmp_path, empty, [[stick.folder]], LATER).kill_everywhere(),
    )


def test_over_what_clients_had_pushed(pack: Pack, empty: Path, tmp_path: Path) -> None:
    """It goes, and is told, in the transaction that gives the name to the bundle."""
    with open_zone(empty) as app:
        for data in (b"{}", b"pushed"):
            path = f"{PUSHED}/blobs/uploads/?digest={digest_of(data)}"
            assert ask(app, "POST", path, data).status == 201
        for tag in ("1", "1.0.1"):
            pushed = ask(app, "PUT", f"{PUSHED}/manifests/{tag}", manifest(b"pushed"))
            assert pushed.status == 201
    before = held(empty)
    assert before.pushed[:2] == ("champ.local/first:1", "champ.local/first:1.0.1")
    assert not before.told
    steps = Field(tmp_path, empty, [[pack().folder]], NOW).kill_everywhere()
    after = held(tmp_path / "whole")
    assert (after.pushed, len(after.told)) == ((), 1)
    check_count("import: over what was pushed", steps)


def test_what_a_killed_import_had_verified_is_not_read_again(
    pack: Pack, empty: Path, tmp_path: Path
) -> None:
    media = pack().folder
    assert kills.run(lambda: take(empty, [media], NOW), 32).killed
    waiting = {
        path.name: path.stat().st_ino for path in (empty / "incoming/sha256").glob("[0-9a-f]*")
    }
    index = json.loads((media / "bundle.json").read_bytes())["index"]["digest"]
    waiting.pop(index.removeprefix("sha256:"), None)  # the layout's own index is no blob
    assert waiting
    take(empty, [media], NOW)
    for name, inode in waiting.items():
        assert (empty / "store/sha256" / name).stat().st_ino == inode
