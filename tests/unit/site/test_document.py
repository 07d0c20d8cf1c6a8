"""site.yaml is read whole, and refused with file, line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from champ_offline.durable.typed_yaml import FileUnreadable, MissingKey, UnknownKey, WrongValue
from champ_offline.errors import ChampError
from champ_offline.site.document import Site, Wanted
from champ_offline.site.graph import NeedsInCircle, waves

TEXT = """\
format: 1
defaults:
  orthanc:
    version: "1.12.7"
    namespace: imaging
    answers: {title: Default, web: {port: 1, tls: true}}
zones:
  core:
    clusters:
      main:
        apps:
          db: {app: postgres, version: "16.4", namespace: imaging}
          pacs:
            app: orthanc
            answers: {title: North, web: {port: 2}}
            needs: [db]
      edge:
        prune: true
        apps:
          pacs: {app: orthanc, version: "1.12.8", release: second, answers_file: more.yaml}
          viewer: {app: ohif, version: "3", needs: [pacs, main/pacs]}
  other:
    clusters: {main: {}}
"""


def read(folder: Path, text: str = TEXT) -> Site:
    path = folder / "site.yaml"
    path.write_text(text, encoding="utf-8")
    (folder / "more.yaml").write_text("title: From a file\n", encoding="utf-8")
    return Site.from_file(path)


def apps(site: Site) -> dict[str, Wanted]:
    return {one.name: one for wave in site.order("core") for one in wave}


def test_defaults_lie_under_what_an_entry_says(tmp_path: Path) -> None:
    found = apps(read(tmp_path))
    pacs = found["main/pacs"]
    assert (pacs.version, pacs.namespace, pacs.release) == ("1.12.7", "imaging", "pacs")
    assert pacs.answers.plain() == {"title": "North", "web": {"port": 2, "tls": True}}
    second = found["edge/pacs"]
    assert (second.version, second.release) == ("1.12.8", "second")
    assert second.answers.plain() == {"title": "From a file", "web": {"port": 1, "tls": True}}
    assert (found["edge/viewer"].release, found["edge/viewer"].namespace) == ("viewer", "viewer")
    assert [at.prune for at in read(tmp_path).zones["core"]] == [False, True]


def test_answers_know_their_line_and_their_place_in_the_form(tmp_path: Path) -> None:
    answers = apps(read(tmp_path))["main/pacs"].answers
    assert isinstance(answers.content, dict)
    web = answers.content["web"]
    assert isinstance(web.content, dict)
    assert (web.content["port"].line, web.content["port"].key) == (15, "web.port")
    assert (web.content["tls"].line, web.content["tls"].key) == (6, "web.tls")


def test_needs_give_the_order_across_clusters(tmp_path: Path) -> None:
    site = read(tmp_path)
    order = [[one.name for one in wave] for wave in site.order("core")]
    assert order == [["edge/pacs", "main/db"], ["main/pacs"], ["edge/viewer"]]
    assert site.order("other") == ()
    assert site.order("nowhere") == ()
    assert site.digest == read(tmp_path).digest


@pytest.mark.parametrize(
    ("old", "new", "error", "said"),
    [
        ("format: 1", "format: 2", WrongValue, "line 1, “format”"),
        ("needs: [db]", "wants: [db]", UnknownKey, "line 16: “zones.core.clusters.main.apps.pacs"),
        ("needs: [db]", "needs: [pg]", WrongValue, "line 16, .*needs"),
        ("needs: [db]", "needs: [pacs]", WrongValue, "line 16, .*needs"),
        ("needs: [pacs, main/pacs]", "needs: [other/main/x]", WrongValue, "line 21"),
        ("release: second", "release: Second", WrongValue, "line 20, .*release"),
        ("release: second", "release: viewer, namespace: viewer", WrongValue, "line 21"),
        ('version: "16.4"', "version: 16.4", WrongValue, r"line 12, .*version.*in quotes"),
        ('app: ohif, version: "3"', "app: ohif", MissingKey, "line 21: .*version"),
        ("app: postgres", "app: ../x", WrongValue, "line 12, .*app"),
        ("  core:\n", "  Core!:\n", WrongValue, "line 8"),
        ("      edge:\n", "      ed_ge:\n", WrongValue, "line 17"),
        ("          db:", "          Db:", WrongValue, "line 12"),
        ("answers: {title: North, web: {port: 2}}", "answers: [1]", WrongValue, "line 15"),
        ("answers_file: more.yaml", "answers_file: none.yaml", FileUnreadable, "none.yaml"),
        ("  orthanc:\n", "  Orthanc:\n", WrongValue, "line 3"),
        ("prune: true", "prune: perhaps", WrongValue, "line 18, .*prune"),
        ("clusters: {main: {}}", "clusters: {main: {app: {}}}", UnknownKey, "line 23"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, error: type[ChampError], said: str
) -> None:
    assert old in TEXT
    with pytest.raises(error, match=said):
        read(tmp_path, TEXT.replace(old, new))


def test_a_circle_is_refused_by_its_names(tmp_path: Path) -> None:
    text = TEXT.replace(
        'db: {app: postgres, version: "16.4",',
        'db: {app: postgres, version: "16.4", needs: [edge/viewer],',
    )
    with pytest.raises(NeedsInCircle, match="edge/viewer → main/pacs → main/db → edge/viewer"):
        read(tmp_path, text)


def test_waves_are_as_early_as_can_be() -> None:
    needs = {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c"), "e": ()}
    assert waves(needs, "x") == (("a", "e"), ("b", "c"), ("d",))
    assert waves({}, "x") == ()
    with pytest.raises(NeedsInCircle, match="b → c → b"):
        waves({"a": ("b",), "b": ("c",), "c": ("b",)}, "x")
