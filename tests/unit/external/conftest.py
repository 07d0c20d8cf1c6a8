"""A zone with content, a registry that misbehaves when told to, pushes that wait for nobody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from champ_offline.clock import now_utc
from champ_offline.events import ignore
from champ_offline.external.push import Pushed
from champ_offline.external.target import Target
from champ_offline.external.verbs import External
from champ_offline.paths import ZonePaths
from tests.simulators.brought import Brought, bring
from tests.simulators.target import FakeTarget, fake_target


@pytest.fixture
def brought(tmp_path: Path) -> Iterator[Brought]:
    found = bring(tmp_path / "zone")
    with closing(found.database):
        yield found


@pytest.fixture
def fake() -> Iterator[FakeTarget]:
    with fake_target() as found:
        yield found


class Desk:
    """The verbs of one zone, led to the fake; `waited` are the pauses it asked for, in seconds."""

    def __init__(
        self,
        brought: Brought,
        fake: FakeTarget,
        root: Path,
        bundles: Mapping[str, set[str]] | None = None,
    ) -> None:
        self.waited: list[float] = []
        stored, known = (brought.database, brought.blobs, brought.refs), bundles or {}
        self.verbs = External(
            *stored,
            ZonePaths(root),
            lambda name: known.get(name, set()),
            now_utc,
            sleep=self.waited.append,
        )
        self.target = Target(fake.host, "champ", plain_http=True)
        self.use()

    def use(self, **changed: str | bool) -> None:
        self.target = replace(self.target, **changed)  # type: ignore[arg-type]
        self.verbs.use(self.target, "anna")

    def push(self, *names: str) -> Pushed:
        return self.verbs.push(names, "anna", ignore)


@pytest.fixture
def desk(brought: Brought, fake: FakeTarget, tmp_path: Path) -> Desk:
    return Desk(brought, fake, tmp_path)
