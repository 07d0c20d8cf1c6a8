"""One setting of many apps: the text changes where it must, and only if every form takes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from champ_offline.durable.yaml_edit import NotEditable
from champ_offline.site.document import Site
from champ_offline.site.setting import (
    Choice,
    Edited,
    NothingChosen,
    Setting,
    SettingRefused,
    SettingUnreadable,
)
from tests.unit.site.conftest import Zone
from tests.unit.site.test_applying import FOUR

ALL = Choice(("greeter",), ())
# Two entries have the default, one a file and one an answer of its own.
MIXED = FOUR.replace(
    "alone: {app: greeter}", "alone: {app: greeter, answers: {greeting: moin}}  # as they like"
).replace("pacs: {app: greeter,", "pacs: {app: greeter, answers_file: own.yaml,")


def edited(zone: Zone, text: str, *settings: str, choice: Choice = ALL) -> Edited:
    (zone.folder.parent / "own.yaml").write_text("greeting: servus\n")
    return zone.sites.edited(zone.write(text), [Setting.parse(one) for one in settings], choice)


def greetings(path: Path) -> dict[str, object]:
    answers = {one.name: one.answers.plain() for one in Site.from_file(path).apps}
    return {n: all_["greeting"] for n, all_ in answers.items() if isinstance(all_, dict)}


def test_a_default_changes_where_it_is_everyones(zone: Zone) -> None:
    found = edited(zone, FOUR, "greeting=servus")
    assert found.after == FOUR.replace("greeting: hello", "greeting: servus")
    assert len(found.changed) == 4
    assert [line for line in found.diff.splitlines() if line[0] in "+-"][2:] == [
        '-  greeter: {version: "1.0", answers: {site: North, greeting: hello}}',
        '+  greeter: {version: "1.0", answers: {site: North, greeting: servus}}',
    ]
    assert found.path.read_text() == FOUR
    found.path.chmod(0o640)
    found.write()
    assert found.path.read_text() == found.after
    assert found.path.stat().st_mode & 0o777 == 0o640
    again = edited(zone, found.after, "greeting=servus")
    assert (again.changed, len(again.same), again.diff) == ((), 4, "")


def test_what_is_answered_by_itself_changes_by_itself(zone: Zone) -> None:
    found = edited(zone, MIXED, "greeting=hi")
    assert "greeting: hi}}\n" in found.after.splitlines(keepends=True)[2]
    assert "alone: {app: greeter, answers: {greeting: hi}}  # as they like\n" in found.after
    assert "needs: [db], answers: {greeting: hi}}\n" in found.after
    found.write()
    assert set(greetings(found.path).values()) == {"hi"}


def test_others_keep_their_default(zone: Zone) -> None:
    choice = Choice((), ("core-business/edge/*", "*/db"))
    found = edited(zone, FOUR, "greeting=hi", choice=choice)
    assert found.changed == ("core-business/main/db", "core-business/edge/viewer")
    found.write()
    assert greetings(found.path) == {
        "main/db": "hi", "main/pacs": "hello", "main/alone": "hello", "edge/viewer": "hi",
    }  # fmt: skip


def test_refusals_name_the_app_and_write_nothing(zone: Zone) -> None:
    with pytest.raises(SettingRefused, match=r"greeter 1\.0: .*“colour” is not known"):
        edited(zone, FOUR, "colour=red")
    with pytest.raises(SettingRefused, match=r"main/db.*“port”"):
        edited(zone, FOUR, "port=1", choice=Choice((), ("*/db",)))
    with pytest.raises(SettingRefused, match="databasePassword") as raised:
        edited(zone, FOUR, "databasePassword=seen-by-all-of-us")
    assert "seen-by" not in str(raised.value)
    with pytest.raises(NothingChosen, match=r"site\.yaml has no entry") as nothing:
        edited(zone, FOUR, "greeting=hi", choice=Choice(("orthanc",), ()))
    assert "core-business/main/db (greeter)" in nothing.value.advice
    assert (zone.folder.parent / "site.yaml").read_text() == FOUR


def test_a_place_that_cannot_be_edited_alone_is_left_to_people(zone: Zone) -> None:
    folded = FOUR.replace("{app: greeter, namespace: imaging}", '{app: greeter, "answers": {}}')
    assert edited(zone, folded, "greeting=hi", choice=Choice((), ("*/db",))).changed
    listed = FOUR.replace(
        "          alone: {app: greeter}\n",
        "          alone:\n            app: greeter\n            answers:\n"
        "              greeting:\n              - hello\n",
    )
    with pytest.raises(NotEditable, match="greeting"):
        edited(zone, listed, "greeting=hi", choice=Choice((), ("*/alone",)))


@pytest.mark.parametrize("given", ["greeting", "=x", "a b=1", "x={a: 1}", "x=", "x=[{}]", "x={"])
def test_what_is_no_setting_is_refused(given: str) -> None:
    with pytest.raises(SettingUnreadable, match="is not of the form"):
        Setting.parse(given)


def test_the_value_of_what_is_no_setting_is_not_repeated() -> None:
    with pytest.raises(SettingUnreadable) as caught:
        Setting.parse("users=[{name: ada, password: hugo-12345}]")
    assert caught.value.fields == {"key": "users"}


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("a=Europe/Berlin", "Europe/Berlin"), ("a=1", "1"), ('a="1"', '"1"'), ("a=no", '"no"'),
        ("a=true", "true"), ("a=[a, 2, 'b c']", '[a, 2, "b c"]'), ("a=x: y", None),
    ],
)  # fmt: skip
def test_values_are_written_so_that_they_read_back(given: str, text: str | None) -> None:
    if text is None:
        with pytest.raises(SettingUnreadable):
            Setting.parse(given)
    else:
        assert Setting.parse(given).text == text
