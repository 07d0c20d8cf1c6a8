"""`champ plan --site` and `champ apply` of a site plan, as they are shown and as they end."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from champ_offline.appliance import Appliance
from champ_offline.oci.digest import Digest
from champ_offline.releases import Releases
from champ_offline.site.carried import Carried
from installer.cli.errors import ConfirmationDiffers, PlanDigestDiffers
from installer.cli.gitops_view import export_plan
from installer.cli.plan_view import approved, keep, read
from installer.cli.session import Session
from installer.cli.site_view import carry_out_site, plan_site, show_site
from tests.cli.command import loaded_champ
from tests.unit.site.conftest import Zone, media, zone
from tests.unit.site.test_applying import FOUR

__all__ = ["media", "zone"]


class _Appliance(Appliance):
    """The zone, on its simulated clusters."""

    simulated: Zone

    @property
    def releases(self) -> Releases:
        return self.simulated.releases


@pytest.fixture
def session(zone: Zone) -> Session:
    appliance = _Appliance(zone.folder)
    appliance.simulated = zone
    return Session(zone=zone.folder, _appliance=appliance)


def planned(session: Session, zone: Zone, *, differences: bool = False) -> tuple[bool, Path]:
    out = zone.folder.parent / "site.plan.json"
    made = plan_site(session, zone.write(FOUR), 2)
    keep(made, out)
    show_site(session, made, differences=differences)
    return made.plan.has_changes, out


def applied(session: Session, out: Path, name: str = "core-business") -> int:
    carried = read(out)
    assert isinstance(carried, Carried)
    return carry_out_site(session, carried.plan, name, 2)


def test_a_plan_is_shown_in_waves_kept_and_applied(
    session: Session, zone: Zone, capsys: pytest.CaptureFixture[str]
) -> None:
    changes, out = planned(session, zone)
    shown = capsys.readouterr().out
    assert changes
    lines = shown.splitlines()
    assert lines[0].split() == ["WAVE", "NAME", "WHAT", "VERSION", "OBJECTS", "AFTER"]
    assert lines[4].split()[:4] == ["3", "edge/viewer", "install", "1.0"]
    assert "unchanged: 0" in shown
    with pytest.raises(ConfirmationDiffers):
        applied(session, out, "pacs")
    assert applied(session, out) == 0
    assert capsys.readouterr().out.count("applied") == 4
    assert applied(session, out) == 0
    assert capsys.readouterr().out.count("done before") == 4
    changes, _out = planned(session, zone)
    assert not changes
    assert "unchanged: 4" in capsys.readouterr().out


def test_a_failure_is_told_with_its_remedy_and_code(
    session: Session, zone: Zone, capsys: pytest.CaptureFixture[str]
) -> None:
    _changes, out = planned(session, zone)
    zone.places["main"].helm.broken = {"db"}
    capsys.readouterr()
    assert applied(session, out) == 5
    told = capsys.readouterr()
    assert told.out.count("not begun") == 2
    assert "main/db: " in told.err
    assert "plan again" in told.err


def test_differences_show_every_plan_whole(
    session: Session, zone: Zone, capsys: pytest.CaptureFixture[str]
) -> None:
    planned(session, zone, differences=True)
    assert capsys.readouterr().out.count("+  greeting: hello") == 4


def test_an_export_names_what_is_left_to_people(
    session: Session, zone: Zone, capsys: pytest.CaptureFixture[str]
) -> None:
    _changes, out = planned(session, zone)
    capsys.readouterr()
    folder = zone.folder.parent / "out"
    export_plan(session, out, "argocd", "https://git.zone/site.git", folder)
    told = capsys.readouterr()
    assert ["applications", "4"] in [line.split() for line in told.out.splitlines()]
    assert "Secret pacs-secret in imaging on main, with password." in told.err
    assert "viewer.viewer on edge comes after main/imaging.db, main/imaging.pacs." in told.err
    session.form = "json"
    export_plan(session, out, "argocd", "https://git.zone/site.git", folder)
    shown = json.loads(capsys.readouterr().out)
    assert (shown["applications"], len(shown["secrets"])) == (4, 4)


def test_an_export_wants_to_know_what_for(zone: Zone) -> None:
    def refused(*words: str) -> str:
        done = loaded_champ("--zone", str(zone.folder), "export", *words, KUBECONFIG="")
        assert done.returncode == 2
        return done.stderr

    assert "--source URL" in refused("--gitops", "argocd", "x", "--out", "y")
    assert "PLANFILE" in refused("--gitops", "flux", "x", "z", "--out", "y")
    assert "PLANFILE" in refused("--gitops", "flux", "x", "--for", "other", "--out", "y")
    assert "--for ZONE" in refused("x")
    assert "--gitops" in refused("x", "--for", "other", "--out", "y")


def test_json_is_the_whole_site_plan(
    session: Session, zone: Zone, capsys: pytest.CaptureFixture[str]
) -> None:
    session.form = "json"
    _changes, out = planned(session, zone)
    found = json.loads(capsys.readouterr().out)
    digest = found.pop("digest")
    plans = found.pop("plans")
    assert [found, *plans] == [json.loads(line) for line in out.read_bytes().splitlines()]
    assert {one["release"] for one in plans} == {"alone", "db", "pacs", "viewer"}
    carried = read(out)
    assert isinstance(carried, Carried)
    approved(carried.plan, digest)
    with pytest.raises(PlanDigestDiffers):
        approved(carried.plan, "sha256:" + "0" * 64)
    assert applied(session, out) == 0
    assert {one["ending"] for one in json.loads(capsys.readouterr().out)} == {"applied"}


def test_what_is_wrong_is_told_before_a_cluster_is_asked(zone: Zone) -> None:
    def refused(text: str, *more: str) -> str:
        path = str(zone.write(text))
        done = loaded_champ(
            "--zone", str(zone.folder), "plan", "--site", path, *more, KUBECONFIG=""
        )
        assert done.returncode == 2
        return done.stderr

    assert "[yaml.unknown-key]" in refused(FOUR.replace("needs:", "wants:", 1))
    assert "[site.needs-in-circle]" in refused(
        FOUR.replace("db: {app: greeter,", "db: {app: greeter, needs: [pacs],")
    )
    assert "[site.zone-not-named]" in refused(FOUR.replace("core-business", "elsewhere"))
    assert "line 9, “port”" in refused(
        FOUR.replace("db: {app: greeter,", "db: {app: greeter, answers: {port: 1},")
    )
    assert "--site" in refused(FOUR, "greeter")
    done = loaded_champ("--zone", str(zone.folder), "plan", KUBECONFIG="")
    assert done.returncode == 2
    assert "--site FILE" in done.stderr


def test_the_document_is_checked_with_and_without_a_zone(zone: Zone) -> None:
    def checked(text: str, *zoned: str) -> tuple[int, str]:
        done = loaded_champ(*zoned, "site", "check", str(zone.write(text)), KUBECONFIG="")
        return done.returncode, done.stdout

    assert checked(FOUR)[0] == 0
    code, told = checked(FOUR, "--zone", str(zone.folder))
    assert (code, told.split()) == (
        0,
        ["zones", "1", "apps", "4", "held", "against", "their", "forms", "4"],
    )
    wrong = FOUR.replace("hello}", "hello, colour: red}").replace("needs: [db]", "wants: [db]")
    assert checked(wrong)[1].count("[yaml.unknown-key]") == 1
    code, told = checked(wrong, "--json", "--zone", str(zone.folder))
    problems = json.loads(told)["problems"]
    assert (code, [one["line"] for one in problems]) == (2, [3, 10])
    assert "“colour” is not known here" in problems[0]["message"]
    assert "Known here: " in problems[0]["remedy"]


def test_a_setting_is_changed_in_many_apps(zone: Zone) -> None:
    path = zone.write(FOUR)

    def changed(*words: str) -> tuple[int, str, str]:
        zoned = ("--zone", str(zone.folder), "site", "set", str(path))
        done = loaded_champ(*zoned, *words, KUBECONFIG="")
        return done.returncode, done.stdout, done.stderr

    code, told, _said = changed("greeting=hi", "--apps", "greeter,other", "--dry-run")
    assert (code, path.read_text()) == (0, FOUR)
    assert "greeting: hi}}" in told
    code, _told, said = changed("greeting=hi", "--apps", "greeter")
    assert (code, "Entries that change: 4." in said) == (0, True)
    assert path.read_text() == FOUR.replace("hello", "hi")
    code, told, _said = changed("greeting=hi", "--select", "*/main/*", "--json")
    assert (code, json.loads(told)["written"], len(json.loads(told)["same"])) == (0, False, 3)
    code, _told, said = changed("colour=red", "--apps", "greeter")
    assert (code, "[site.setting-refused]" in said, "greeter 1.0" in said) == (2, True, True)
    code, _told, said = changed("greeting=hi")
    assert (code, "--select" in said) == (2, True)


def test_a_site_plan_is_reviewed_where_neither_zone_nor_cluster_is(
    session: Session, zone: Zone, capsys: pytest.CaptureFixture[str]
) -> None:
    _changes, out = planned(session, zone)
    capsys.readouterr()
    carried = read(out)
    assert isinstance(carried, Carried)
    shown = loaded_champ("show", str(out), KUBECONFIG="")
    assert shown.returncode == 0
    assert all(f"main/{name}" in shown.stdout for name in ("db", "pacs", "alone"))
    assert shown.stdout.count("\nplan sha256:") == 5
    assert shown.stdout.endswith(f"\nThe whole of it is plan {carried.plan.digest}\n")
    told = json.loads(loaded_champ("show", str(out), "--json", KUBECONFIG="").stdout)
    assert {one["release"] for one in told["plans"]} == {"alone", "db", "pacs", "viewer"}
    out.write_bytes(b"greeted".join(out.read_bytes().rsplit(b"greeter", 1)))
    changed = loaded_champ("show", str(out), KUBECONFIG="")
    assert changed.returncode == 11
    assert "cannot be read" in changed.stderr


def test_a_plan_may_come_through_a_pipe(session: Session, zone: Zone, tmp_path: Path) -> None:
    _changes, out = planned(session, zone)
    carried = read(out)
    assert isinstance(carried, Carried)
    for data in (carried.to_bytes(), carried.lines[0]):
        pipe = tmp_path / Digest.of(data).hex
        os.mkfifo(pipe)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(pipe.write_bytes, data)
            assert read(pipe).to_bytes() == data
