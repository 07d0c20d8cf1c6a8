"""Kill real `champ registry push` commands at moments of chance; the next one sends the rest."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from champ_offline.durable.database import Database
from champ_offline.external.selection import Consignment, Selection
from champ_offline.store.blobs import BlobStore
from champ_offline.store.refs import Refs
from tests.contracts.external.conftest import ours
from tests.field.conftest import filled, packed, site
from tests.field.site import Site, ended
from tests.simulators.relay import Relay, relay
from tests.simulators.target import Asked, FakeTarget, fake_target

__all__ = ["filled", "packed", "site"]
KILLS = 10
NAME = "champ.local/demo"
# Requests without bodies, a chunk's in flight when the process was killed, and manifests.
BESIDE = 200_000


@pytest.fixture
def between(tmp_path: Path) -> Iterator[Relay]:
    with ours(tmp_path / "target") as port, relay(port) as found:
        yield found


def wanted(zone: Path) -> Consignment:
    with closing(Database(zone / "champ.db")) as database:
        [one] = Selection(Refs(database), BlobStore(zone / "store")).of([NAME])
        return one


def missing(between: Relay, repository: str, one: Consignment) -> int:
    """Bytes of the blobs that the target has not."""
    size = 0
    with closing(http.client.HTTPConnection("127.0.0.1", between.port)) as connection:
        for blob in one.blobs.values():
            connection.request("HEAD", f"/v2/{repository}/blobs/{blob.digest}")
            answer = connection.getresponse()
            answer.read()
            size += blob.size if answer.status == 404 else 0
    return size


def tagged(between: Relay, repository: str) -> set[str]:
    with closing(http.client.HTTPConnection("127.0.0.1", between.port)) as connection:
        connection.request("GET", f"/v2/{repository}/tags/list")
        answer = connection.getresponse()
        found = json.loads(answer.read())
        return set(found["tags"]) if answer.status == 200 else set()


class Holding:
    """A target that lets a push wait before its first blob."""

    def __init__(self, fake: FakeTarget) -> None:
        self.reached, self.go_on = threading.Event(), threading.Event()
        fake.fault = self._wait

    def _wait(self, asked: Asked) -> None:
        if asked.method == "POST":
            self.reached.set()
            self.go_on.wait(60)


@pytest.mark.parametrize("killed", [False, True])
def test_what_is_retired_and_collected_meanwhile_stays_while_it_is_pushed(
    site: Site, packed: Path, tmp_path: Path, *, killed: bool
) -> None:
    zone = site.zone(tmp_path / "zone")
    assert site.take(zone, packed).code == 0
    with fake_target() as fake:
        place, waiting = f"{fake.host}/champ", Holding(fake)
        site.does("--zone", zone, "registry", "external", "set", place, "--plain-http")
        push = site.start("--zone", zone, "registry", "push")
        try:
            assert waiting.reached.wait(60)
            retired = site.does("--zone", zone, "zone", "retire", "demo", "1", "--confirm", "demo")
            [stays] = site.does("--zone", zone, "store", "gc")["staying"]
            assert (stays["why"], stays["size"]) == ("under way", retired["size"])
            assert [run["reader"] for run in stays["runs"]] == ["push"]
            assert collect(site, zone)["blobs"] == 0
            if killed:
                push.kill()
                push.communicate()
        finally:
            waiting.go_on.set()
        if not killed:
            said = ended(push)
            assert (said.code, said.result["names"][0]["name"]) == (0, NAME)
            assert ("champ/champ.local/demo", "1") in fake.manifests
        assert collect(site, zone)["size"] == retired["size"]


def collect(site: Site, zone: Path) -> dict[str, Any]:
    return dict(site.does("--zone", zone, "store", "gc", "--apply", "--confirm", "core"))


def test_pushes_that_are_killed_are_completed_by_the_next(
    site: Site, filled: Path, between: Relay
) -> None:
    zone, chance = filled, random.Random(11)
    one, killed, halfway = wanted(zone), 0, 0
    for number in range(3 * KILLS):
        place, repository = f"127.0.0.1:{between.port}/n{number}", f"n{number}/{NAME}"
        site.does("--zone", zone, "registry", "external", "set", place, "--plain-http")
        process = site.start("--zone", zone, "registry", "push")
        assert process.stderr is not None
        process.stderr.readline()
        time.sleep(chance.uniform(0, chance.choice([0.1, 0.4, 1.0])))
        process.kill()
        process.communicate()
        killed += process.returncode == -9
        left = missing(between, repository, one)
        halfway += 0 < left < one.size
        # A tag leads to nothing that is not whole.
        assert left == 0 or not tagged(between, repository)
        between.forget()
        done = site.does("--zone", zone, "registry", "push")
        # What was on its way when the process was killed may have come in since.
        assert 0 <= left - sum(name["size"] for name in done["names"]) < BESIDE
        assert between.sent < left + BESIDE
        assert missing(between, repository, one) == 0
        assert tagged(between, repository) == set(one.tags)
        if killed >= KILLS and halfway >= 3:
            break
    assert killed >= KILLS
    assert halfway >= 3
    rows = site.does("--zone", zone, "audit", "show")["rows"]
    begun = [row for row in rows if row["act"] == "external.push.begin"]
    ended = [row for row in rows if row["act"] == "external.push.end"]
    assert killed - 3 <= len(begun) - len(ended) <= killed  # some had ended but for their answer
