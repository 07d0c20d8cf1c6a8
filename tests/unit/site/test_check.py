"""A document is read whole: every problem with its line, with and without a catalog."""

from __future__ import annotations

from pathlib import Path

from champ_offline.errors import ExitCode
from champ_offline.site.check import Checked, check
from tests.unit.site.conftest import Zone
from tests.unit.site.test_applying import FOUR
from tests.unit.site.test_document import TEXT

WRONG = """\
format: 2
colour: red
zones:
  core:
    clusters:
      main:
        prune: perhaps
        apps:
          db: {app: postgres, version: 16.4, wants: [x], needs: [nobody]}
          pacs: {version: "1", release: Pacs, namespace: no_good}
          second: {version: "1", release: db, namespace: db}
          third: {version: "1", release: db, namespace: db}
          odd: 7
      ed_ge: {}
  other:
    clusters:
      main:
        apps:
          a: {version: "1", needs: [b]}
          b: {version: "1", needs: [a], answers_file: none.yaml}
"""


def found(checked: Checked) -> list[tuple[int, str]]:
    return [(one.line, one.error.id) for one in checked.problems]


def test_every_problem_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(WRONG)
    checked = check(path)
    assert found(checked) == [
        (0, "site.needs-in-circle"),
        (1, "yaml.wrong-value"),
        (2, "yaml.unknown-key"),
        (7, "yaml.wrong-value"),
        (9, "yaml.unknown-key"),
        (9, "yaml.wrong-value"),
        (9, "yaml.wrong-value"),
        (10, "yaml.wrong-value"),
        (10, "yaml.wrong-value"),
        (11, "yaml.wrong-value"),
        (12, "yaml.wrong-value"),
        (13, "yaml.wrong-value"),
        (14, "yaml.wrong-value"),
        (0, "yaml.file-unreadable"),
    ]
    assert checked.exit_code is ExitCode.USAGE
    assert (checked.zones, checked.held) == (2, 0)


def test_a_good_document_and_no_document(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(TEXT)
    (tmp_path / "more.yaml").write_text("title: x\n")
    assert check(path) == Checked((), 2, 4, 0)
    path.write_text("{")
    assert found(check(path)) == [(1, "yaml.not-yaml")]
    assert check(tmp_path / "none").exit_code is ExitCode.NOT_FOUND


def test_answers_are_held_against_the_forms_of_the_zone(zone: Zone) -> None:
    assert zone.sites.check(zone.write(FOUR)) == Checked((), 1, 4, 4)
    wrong = FOUR.replace("greeting: hello}", "greeting: hello, port: 1}")
    wrong = wrong.replace("db: {app: greeter,", "db: {app: nothing, version: '1',")
    wrong = wrong.replace("alone: {app: greeter}", "alone: {app: greeter, answers: {colour: 1}}")
    checked = zone.sites.check(zone.write(wrong))
    assert found(checked) == [
        (3, "yaml.wrong-value"),
        (9, "catalog.app-unknown"),
        (11, "yaml.unknown-key"),
    ]
    assert checked.held == 4
    elsewhere = FOUR + "  other:\n    clusters: {main: {apps: {x: {version: '1'}}}}\n"
    assert zone.sites.check(zone.write(elsewhere)) == Checked((), 2, 5, 4)
    renamed = zone.write(FOUR.replace("core-business", "core"))
    assert found(zone.sites.check(renamed)) == [(0, "site.zone-not-named")]


def test_secrets_are_told_without_being_shown(zone: Zone) -> None:
    shown = FOUR.replace("greeting: hello", "databasePassword: seen-by-all-of-us")
    checked = zone.sites.check(zone.write(shown))
    assert found(checked) == [(3, "site.secret-in-document")]
    assert "seen-by" not in str(checked.problems[0].error)
    lost = FOUR.replace("alone: {app: greeter}", "alone: {app: greeter, secrets_file: none.yaml}")
    assert found(zone.sites.check(zone.write(lost))) == [(0, "yaml.file-unreadable")]
