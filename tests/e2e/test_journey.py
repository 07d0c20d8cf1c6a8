"""The journey of `make demo`, step by step, with stock tools looking on.

The tests of this module build on each other, in order, on one sealed zone.
"""

from __future__ import annotations

import json
import re
import shutil
import tarfile
from pathlib import Path

import pytest

from tests.e2e.commands import run
from tests.e2e.journey import NEWER, OLDER, PACKED, RELEASE, STEPS, Journey
from tests.lab.lab import Lab

UP, INSTALLED = 8, 11


def walk(journey: Journey, first: int, last: int) -> None:
    for title, step in STEPS[first:last]:
        print(title)
        step(journey)


def test_the_connected_side_packs_onto_a_fat32_stick(journey: Journey) -> None:
    walk(journey, 0, PACKED)
    kind = run(["file", "-s", journey.stick.image]).stdout
    assert "FAT (32 bit)" in kind
    assert len(list((journey.build / "media").glob("*.tar"))) > 1


def test_all_volumes_untarred_are_a_layout_that_skopeo_reads(
    journey: Journey, tmp_path: Path
) -> None:
    layout = tmp_path / "layout"
    for volume in sorted((journey.build / "media").glob("*.tar")):
        with tarfile.open(volume) as tar:
            tar.extractall(layout, filter="data")
    manifests = json.loads((layout / "index.json").read_bytes())["manifests"]
    images = [
        name
        for manifest in manifests
        if (name := manifest.get("annotations", {}).get("org.opencontainers.image.ref.name"))
        and not any(part in name for part in ("/charts/", "/apps/", ":sha256-"))
    ]
    assert images == [f"champ.local/orthanc:{OLDER}", "champ.local/postgresql:15"]
    for image in images:
        shown = json.loads(run(["skopeo", "inspect", f"oci:{layout}:{image}"]).stdout)
        assert shown["Os"] == "linux"
        copy = tmp_path / "copy"
        run(["skopeo", "copy", f"oci:{layout}:{image}", f"dir:{copy}"])
        shutil.rmtree(copy)


def test_the_zone_comes_up_from_the_stick_alone(journey: Journey) -> None:
    walk(journey, PACKED, UP)


def test_importing_the_same_media_again_changes_nothing_and_says_so(journey: Journey) -> None:
    before = store(journey)
    folder = journey.stick.plug() / "champ" / f"orthanc-{OLDER}"
    again = journey.zone.json("import", folder)
    assert (again["changed"], again["new_blobs"]) == (False, 0)
    assert "nothing" in journey.zone("import", folder).stdout
    assert store(journey) == before


def test_nothing_outside_answers_from_inside_the_zone(journey: Journey) -> None:
    routes = run(["ip", "route"], enter=journey.ground.enter).stdout
    assert "default" not in routes
    for words in (["ping", "-c", "1", "-W", "1", "192.0.2.1"], ["getent", "hosts", "example.org"]):
        assert run(words, enter=journey.ground.enter, expect=None).returncode != 0


def test_orthanc_is_installed_and_a_study_found(journey: Journey) -> None:
    walk(journey, UP, INSTALLED)


def test_stock_tools_show_the_release(journey: Journey, lab: Lab) -> None:
    kubeconfig = ["--kubeconfig", str(journey.ground.kubeconfig)]
    pods = run(
        [
            lab.binaries() / "kube",
            "kubectl",
            *kubeconfig,
            "get",
            "pods",
            "-n",
            RELEASE,
            "-o",
            "wide",
        ],
        enter=journey.ground.enter,
    ).stdout
    assert len(re.findall(r"\b1/1\s+Running\b", pods)) == 2
    releases = json.loads(
        run([lab.binaries() / "helm", *kubeconfig, "list", "-n", RELEASE, "-o", "json"],
            enter=journey.ground.enter).stdout
    )  # fmt: skip
    assert [(r["name"], r["status"], r["app_version"]) for r in releases] == [
        (RELEASE, "deployed", OLDER)
    ]


def test_an_edited_plan_is_refused(journey: Journey, tmp_path: Path) -> None:
    plan = json.loads((journey.build / f"plan-{OLDER}.json").read_bytes())
    plan["actions"][0]["reason"] = "nothing to see here"
    edited = tmp_path / "plan.json"
    edited.write_text(json.dumps(plan, sort_keys=True, separators=(",", ":"), ensure_ascii=False))
    cluster = ("--kubeconfig", journey.ground.kubeconfig)
    refused = journey.zone("apply", edited, "--confirm", RELEASE, *cluster, expect=4)
    assert "zone.plan-not-ours" in refused.stderr


def test_containerd_pulled_from_the_zone_registry_by_digest(journey: Journey, lab: Lab) -> None:
    wanted = ["--kubeconfig", str(journey.ground.kubeconfig), "get", "pods", "-n", RELEASE]
    shown = run(
        [lab.binaries() / "kube", "kubectl", *wanted, "-o", "json"], enter=journey.ground.enter
    )
    images = {
        container["image"]
        for pod in json.loads(shown.stdout)["items"]
        for container in pod["spec"]["containers"]
    }
    assert images
    for image in images:
        assert re.fullmatch(r"champ\.local/\w+:[\w.]+@sha256:[0-9a-f]{64}", image)
    log = (journey.build / "registry.log").read_text()
    for image in images:
        assert image.partition("@")[2] in log


def test_the_upgrade_and_the_way_back_keep_the_study(journey: Journey) -> None:
    walk(journey, INSTALLED, len(STEPS) - 1)
    rows = journey.zone.json("history", RELEASE)
    assert [(row["operation"], row["version"], row["outcome"]) for row in rows] == [
        ("install", OLDER, "deployed"),
        ("upgrade", NEWER, "deployed"),
        ("rollback", OLDER, "deployed"),
    ]


def test_removal_leaves_no_release(journey: Journey, lab: Lab) -> None:
    walk(journey, len(STEPS) - 1, len(STEPS))
    words = ["--kubeconfig", str(journey.ground.kubeconfig), "list", "-A", "-o", "json"]
    listed = run([lab.binaries() / "helm", *words], enter=journey.ground.enter).stdout
    assert json.loads(listed) == []


def store(journey: Journey) -> list[str]:
    return sorted(path.name for path in (journey.zone_folder / "store/sha256").iterdir())


@pytest.mark.parametrize("secret", ["password", "PRIVATE KEY"])
def test_no_secret_reached_logs_or_plans(journey: Journey, secret: str) -> None:
    for name in (f"plan-{OLDER}.json", f"plan-{NEWER}.json", "registry.log"):
        text = (journey.build / name).read_text()
        assert not re.search(rf"{secret}\W+[A-Za-z0-9+/]{{16,}}", text)
