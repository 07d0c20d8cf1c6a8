"""The PACS's data on a real cluster: saved, lost by hand, and back byte for byte."""

from __future__ import annotations

import json
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
    done = zone.champ.json("data", "restore", RELEASE, "2", "--confirm", RELEASE, *zone.cluster)
    assert (done["backup"], done["saved"]) == (2, 3)
    assert pacs.lost() == []
    well(zone, OLDER)

    plan = zone.plan(pacs.app, NEWER, RELEASE, answers)
    data = json.loads(plan.read_bytes())["data"]
    assert [part["name"] for part in data["parts"]] == ["index", "images"]
    assert data["last"] > saved["size"] // 2
    zone.apply(plan, RELEASE)
    well(zone, NEWER)
    before = zone.champ.json("data", "list", RELEASE)[-1]
    assert (before["why"], before["state"], before["version"]) == ("before-change", "whole", OLDER)
    pacs.forget()
    assert len(pacs.lost()) > 1
    zone.champ("rollback", RELEASE, "--with-data", "--confirm", RELEASE, *zone.cluster)
    well(zone, OLDER)
    assert pacs.lost() == []
    assert zone.champ.json("data", "list", RELEASE)[-1]["version"] == NEWER
    assert [one["damaged"] for one in zone.champ.json("data", "verify")] == [[]] * 5
    zone.node.stop()


def well(zone: OneZone, version: str) -> None:
    """It runs that version, as sealed."""
    [status] = zone.champ.json("status", RELEASE, *zone.cluster)
    drift = status["drift"]
    assert (status["version"], status["health"]) == (version, "healthy")
    assert not any((drift["helm"], drift["objects"], drift["images"], drift["missing"])), drift
