"""`champ form --release`: the answers that a release has, and where each comes from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from champ_offline.helm.faults import ReleaseUnknown
from tests.cli.command import loaded_champ
from tests.cli.test_data import Notes, made
from tests.cli.test_recover import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return made(tmp_path, "", Notes())


def test_the_answers_of_a_release_are_told_without_its_secrets(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    code, fields = site.json(capsys, "form", "greeter", "--version", "2.0", "--release", "pacs")
    told = {one["path"]: one for one in fields}
    assert code == 0
    assert (told["site"]["value"], told["site"]["source"]) == ("Ward", "last time")
    assert (told["greeting"]["value"], told["greeting"]["source"]) == ("hello", "last time")
    assert (told["port"]["value"], told["port"]["source"]) == (None, "none")
    assert (told["databasePassword"]["value"], told["databasePassword"]["source"]) == (
        None, "kept",
    )  # fmt: skip
    assert told["users"]["value"] == [{"name": "admin"}]
    code, table = site.champ(capsys, "form", "greeter", "--release", "pacs")
    assert code == 0
    rows = {line.split()[0]: line for line in table.splitlines()[1:]}
    assert "last time" in rows["site"]
    assert "kept from last time" in rows["databasePassword"]
    last = site.world.open(site.zone).releases.earlier("pacs", "pacs", site.kubeconfig)
    assert last is not None
    assert last.answers["databasePassword"] not in table
    assert last.answers["users"][0]["password"] not in table


def test_a_release_of_another_name_has_no_answers(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    for more in ((), ("--namespace", "elsewhere")):
        name = "pacs" if more else "other"
        with pytest.raises(ReleaseUnknown):
            site.champ(capsys, "form", "greeter", "--release", name, *more)


SITE = """\
format: 1
defaults:
  greeter: {version: "1.0", answers: {greeting: good day}}
zones:
  core-business:
    clusters:
      main:
        apps:
          pacs: {app: greeter, answers: {site: North, storage: {size: 1Gi}}}
          clinic: {app: greeter, answers: {site: South}, secrets_file: secrets.yaml}
"""


def test_what_the_document_of_the_site_says_is_told_with_its_lines(site: Site) -> None:
    folder = site.zone.parent
    document = folder / "site.yaml"
    document.write_text(SITE)
    (folder / "secrets.yaml").write_text("databasePassword: not-a-secret-at-all\n")
    (folder / "secrets.yaml").chmod(0o600)

    def says(*words: str) -> tuple[int, str, str]:
        done = loaded_champ("--zone", str(site.zone), "form", "greeter", "--site", *words)
        return done.returncode, done.stdout, done.stderr

    code, out, _err = says(str(document), "--release", "pacs", "--json")
    told = {one["path"]: one for one in json.loads(out)}
    assert code == 0
    assert told["greeting"]["value"] == "good day"
    assert (told["greeting"]["source"], told["greeting"]["place"]) == ("site", f"{document}:3")
    [size] = told["storage"]["items"]
    assert (size["value"], size["place"]) == ("1Gi", f"{document}:9")
    assert (told["secure"]["source"], told["secure"]["place"]) == ("default", "")
    assert told["databasePassword"]["source"] == "made"
    code, out, _err = says(str(document), "--release", "clinic")
    assert code == 0
    rows = {line.split()[0]: line for line in out.splitlines()}
    assert f"the site's document {document}:10" in rows["site"]
    assert "the site's document" in rows["databasePassword"]
    assert "not-a-secret" not in out
    for more in ((), ("--release", "elsewhere")):
        code, _out, err = says(str(document), *more)
        assert (code, "[site.entry-not-clear]" in err) == (14, True)
        assert "clinic, pacs" in err
    code, _out, err = says(str(folder / "gone.yaml"))
    assert code == 14


def test_the_catalog_tells_which_release_runs_which_version(site: Site) -> None:
    def says(*words: str) -> str:
        return loaded_champ("--zone", str(site.zone), "catalog", *words).stdout

    runs = {
        one["version"]: [run["release"] for run in one["releases"]]
        for one in json.loads(says("--json"))
    }
    assert runs == {"2.0": [], "1.0": ["pacs"]}
    [run] = json.loads(says("greeter", "--json"))["releases"]
    assert (run["release"], run["version"], run["step"], run["refused"]) == (
        "pacs", "1.0", "up", None,
    )  # fmt: skip
    assert "pacs (namespace pacs, cluster uid-1) runs 1.0 and can go to this" in says("greeter")
