"""`champ logs`: what it shows, in which forms, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click import Abort, UsageError

from champ_offline.appliance import Appliance
from champ_offline.cluster.interface import ClusterUnreachable, LogUnavailable
from champ_offline.events import ignore
from champ_offline.helm.faults import ReleaseUnknown
from champ_offline.release.hiding import HIDDEN
from champ_offline.release.logs import ContainerUnknown, NeverRestarted
from champ_offline.release.records.vault import Vault
from tests.cli.command import loaded_champ
from tests.cli.test_recover import UNREACHABLE, Site
from tests.tui.sample_app import ZONE, make_media
from tests.tui.simulated import World

POD = "pacs-work-0"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """The sample app runs in one pod, which has written three lines."""
    media = make_media(tmp_path, ("1.0",))
    Appliance.create(tmp_path / "zone", ZONE, media.root, media.fingerprint)
    Appliance.open(tmp_path / "zone").import_media([media.stick / "champ/greeter-1.0"], ignore)
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(UNREACHABLE)
    site = Site(tmp_path / "zone", World(), kubeconfig)
    site.apply("1.0")
    site.world.cluster.logs[POD, "work"] = (
        "\x1b[32mready\x1b[0m\tnow\n\x1b]0;owned\x07 \u202egnirts\nlast\n"
    )
    return site


def test_lines_are_shown_without_what_drives_a_terminal(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out = site.champ(capsys, "logs", "pacs")
    assert code == 0
    assert out == "ready   now\n\\x1b]0;owned\\x07 \\u202egnirts\nlast\n"
    assert site.champ(capsys, "logs", "pacs", "--tail", "1") == (0, "last\n")
    late = ("--since", "2026-01-01T10:00:02")
    assert site.champ(capsys, "logs", "pacs", *late) == (0, "last\n")


def test_with_json_each_line_is_an_object(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = site.champ(capsys, "--json", "logs", "pacs", "--tail", "2")
    assert code == 0
    assert out.isascii()
    found = [json.loads(line) for line in out.splitlines()]
    where = {"pod": POD, "container": "work"}
    assert found == [
        {**where, "time": "2026-01-01T10:00:01.000000Z", "line": "\x1b]0;owned\x07 \u202egnirts"},
        {**where, "time": "2026-01-01T10:00:02.000000Z", "line": "last"},
    ]


def test_lines_of_several_containers_say_whose_they_are(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = site.world.cluster
    pod = cluster.get("v1", "Pod", "pacs", POD)
    assert pod is not None
    pod["metadata"]["name"] = "pacs-work-1"
    cluster.edit(pod, "kubelet")
    cluster.logs["pacs-work-1", "work"] = "beside\n"
    code, out = site.champ(capsys, "logs", "pacs", "--tail", "1")
    assert (code, out) == (0, f"pacs-work-1/work: beside\n{POD}/work: last\n")
    alone = site.champ(capsys, "logs", "pacs", "--pod", POD, "--container", "work", "--tail", "1")
    assert alone == (0, "last\n")
    with pytest.raises(ContainerUnknown, match="“other”"):
        site.champ(capsys, "logs", "pacs", "--container", "other")


def test_no_secret_is_shown(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    appliance = site.world.open(site.zone)
    inputs = appliance.releases.history("pacs", "pacs")[-1].inputs
    assert inputs is not None
    password = Vault(appliance._database, str).inputs(inputs).answers["databasePassword"]
    site.world.cluster.logs[POD, "work"] = f"no login with {password}\n"
    for form in ("table", "json", "yaml"):
        code, out = site.champ(capsys, "--output", form, "logs", "pacs")
        assert (code, str(password) in out, HIDDEN in out) == (0, False, True)


def test_what_is_written_is_followed_until_somebody_ends_it(
    site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        site.world.cluster.logs[POD, "work"] += f"line {len(slept)}\n"
        if len(slept) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("installer.cli.commands.logs.time.sleep", sleep)
    with pytest.raises(Abort):
        site.champ(capsys, "logs", "pacs", "--follow", "--tail", "1")
    assert capsys.readouterr().out == "last\nline 1\nline 2\n"
    with pytest.raises(UsageError, match="leave out --previous or --follow"):
        site.champ(capsys, "logs", "pacs", "--follow", "--previous")


def test_a_restart_is_told_beside_the_lines(
    site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = site.world.cluster
    with pytest.raises(NeverRestarted):
        site.champ(capsys, "logs", "pacs", "--previous")

    def restart(_seconds: float) -> None:
        if cluster.logs.before:
            raise KeyboardInterrupt
        cluster.logs.before[POD, "work"] = cluster.logs[POD, "work"] + "no database\n"
        cluster.logs[POD, "work"] = "again\n"
        pod = cluster.get("v1", "Pod", "pacs", POD)
        assert pod is not None
        pod["status"]["containerStatuses"] = [
            {"name": "work", "restartCount": 1, "state": {"running": {}}}
        ]
        cluster.edit(pod, "kubelet")

    monkeypatch.setattr("installer.cli.commands.logs.time.sleep", restart)
    with pytest.raises(Abort):
        site.champ(capsys, "logs", "pacs", "--follow", "--tail", "1")
    told = capsys.readouterr()
    assert told.out.splitlines() == ["last", "no database", "again"]
    assert f"--- {POD}/work was started anew ---" in told.err
    code, out = site.champ(capsys, "logs", "pacs", "--previous", "--tail", "1")
    assert (code, out) == (0, "no database\n")


def test_a_log_that_cannot_be_had_is_told(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    cluster = site.world.cluster
    pod = cluster.get("v1", "Pod", "pacs", POD)
    assert pod is not None
    del cluster.logs[POD, "work"]
    status = {"name": "work", "restartCount": 1, "state": {"running": {}}}
    pod["status"]["containerStatuses"] = [status]
    cluster.edit(pod, "kubelet")
    with pytest.raises(LogUnavailable, match=POD):
        site.champ(capsys, "logs", "pacs", "--previous")


def test_what_is_not_there_ends_with_its_code(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ReleaseUnknown):
        site.champ(capsys, "logs", "nobody")
    site.world.cluster.reachable = False
    with pytest.raises(ClusterUnreachable):
        site.champ(capsys, "logs", "pacs")
    away = ("--zone", str(site.zone), "logs", "pacs", "--kubeconfig", str(site.kubeconfig))
    done = loaded_champ(*away)
    assert (done.returncode, done.stdout) == (4, "")
    assert "cluster.unreachable" in done.stderr
    done = loaded_champ("--zone", str(site.zone), "--lang", "zh", "logs", "pacs", "--tail", "0")
    assert done.returncode == 2
