"""The PACS's data on a real cluster: saved, lost by hand, and back byte for byte."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.killed_pacs import Pacs
from tests.e2e.one_zone import OneZone
from tests.lab.lab import Lab

RELEASE = Pacs.release
OLDER, NEWER = Pacs.versions


def test_studies_come_back_from_the_store(lab: Lab, tmp_path: Path) -> None:
    zone = OneZone(lab, "data", tmp_path)
    pacs = Pacs(zone)
    zone.bring_up(pacs.recipes(lab.binaries(), tmp_path))
    answers = pacs.answers("Data")
    zone.apply(zone.plan(pacs.app, OLDER, RELEASE, answers), RELEASE)

    empty = zone.champ.json("data", "save", RELEASE, *zone.cluster)
    assert [part["name"] for part in empty["parts"]] == ["index", "images"]
    pacs.keep()
    assert pacs.lost() == []
    saved = zone.champ.json("data", "save", RELEASE, *zone.cluster)
    assert (saved["state"], saved["number"]) == ("whole", 2)
    pacs.forget()
    assert len(pacs.lost()) > 1
    done = zone.champ.json(
        "data", "restore", RELEASE, "2", "--confirm", RELEASE, *zone.cluster
    )  # fmt: skip
    assert (done["backup"], done["saved"]) == (2, 3)
    assert pacs.lost() == []
    [status] = zone.champ.json("status", RELEASE, *zone.cluster)
    assert (status["health"], status["drift"]["found"]) == ("healthy", False)
    zone.node.stop()
