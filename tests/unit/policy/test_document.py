"""A policy is read in one way, or refused at its line."""

from __future__ import annotations

from datetime import time, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from champ_offline.durable.typed_yaml import (
    LIMIT,
    FileUnreadable,
    MissingKey,
    TooLarge,
    UnknownKey,
    WrongValue,
)
from champ_offline.errors import ChampError
from champ_offline.oci.digest import Digest
from champ_offline.policy.document import Allowed, Policy, Rule, Step
from champ_offline.policy.hours import Hours, Window
from champ_offline.policy.versions import Kind
from tests.unit.policy.documents import LEAST, WHOLE, policy


def test_everything_that_can_be_said() -> None:
    read = policy()
    weekend = Window(frozenset({5, 6}), time(22), time(5))
    nightly = Window(frozenset(range(7)), time(2), time(3))
    assert read == Policy(
        digest=Digest.of(WHOLE.encode()),
        bundles=("orthanc-*", "viewer"),
        holders=("release engineering",),
        rules=(
            Rule(
                apps=("orthanc",),
                releases=("pacs*",),
                namespaces=("pacs*",),
                clusters=("8f0f-*", "second"),
                kinds=frozenset({Kind.PATCH, Kind.MINOR}),
                steps=(Step("1.12.*", "2.0.1"), Step("2.0.*", "1.12.7", down=True)),
                install=True,
                allow=Allowed(
                    replaced=("Job/pacs-*",),
                    deleted=("ConfigMap/*",),
                    volumes=("PersistentVolumeClaim/scratch",),
                    downtime=("StatefulSet/pacs-db",),
                ),
                warnings=("policy.troubled-before",),
            ),
            Rule(apps=("*",), kinds=frozenset({Kind.PATCH})),
        ),
        hours=Hours(timezone(timedelta(hours=8)), (weekend, nightly), waits=False),
        goes_on=True,
        minutes=90,
    )


def test_what_is_not_said_is_not_allowed() -> None:
    read = policy(LEAST + "rules: [{apps: [demo]}]\n")
    (rule,) = read.rules
    assert (rule.kinds, rule.steps, rule.install, rule.allow) == (frozenset(), (), False, Allowed())
    assert (rule.warnings, read.goes_on, read.minutes) == ((), False, 240)


def test_the_first_rule_decides_alone() -> None:
    read = policy()
    assert read.rule_for("orthanc", "pacs-2", "pacs") == read.rules[0]
    assert read.rule_for("orthanc", "viewer", "pacs") == read.rules[1]


def test_a_named_zone_and_the_end_of_the_day() -> None:
    text = (
        "format: 1\nbundles: [demo]\nhours:\n  zone: Asia/Shanghai\n  outside: wait\n"
        '  open: [{from: "00:00", to: "24:00"}]\n'
    )
    hours = policy(text).hours
    assert hours == Hours(
        ZoneInfo("Asia/Shanghai"), (Window(frozenset(range(7)), time(), time()),), waits=True
    )


HOURS = "format: 1\nbundles: [demo]\nhours:\n  zone: {zone}\n  outside: {out}\n  open: [{window}]\n"
GOOD = {"zone": "'+01:00'", "out": "end", "window": '{from: "01:00", to: "02:00"}'}


@pytest.mark.parametrize(
    ("key", "value", "where"),
    [
        ("zone", "+8", "hours.zone"),
        ("zone", "Mars/Olympus", "hours.zone"),
        ("zone", "../../etc/passwd", "hours.zone"),
        ("zone", "'+25:00'", "hours.zone"),
        ("out", "later", "hours.outside"),
        ("window", '{from: "1:00", to: "02:00"}', "hours.open[0].from"),
        ("window", '{from: "24:00", to: "02:00"}', "hours.open[0].from"),
        ("window", '{from: "01:00", to: "01:00"}', "hours.open[0].to"),
        ("window", '{from: "01:00", to: "25:00"}', "hours.open[0].to"),
        ("window", '{days: [monday], from: "01:00", to: "02:00"}', "hours.open[0].days[0]"),
        ("window", '{days: [], from: "01:00", to: "02:00"}', "hours.open[0].days"),
        ("window", "", "hours.open"),
    ],
)
def test_hours_that_could_be_misread_are_refused(key: str, value: str, where: str) -> None:
    with pytest.raises(WrongValue) as refused:
        policy(HOURS.format(**{**GOOD, key: value}))
    assert refused.value.fields["key"] == where


@pytest.mark.parametrize(
    ("text", "kind", "line", "key"),
    [
        ("bundles: [demo]\nhours: always\n", MissingKey, 1, "format"),
        ("format: 2\nbundles: [demo]\nhours: always\n", WrongValue, 1, "format"),
        ("format: 1\nhours: always\n", MissingKey, 1, "bundles"),
        ("format: 1\nbundles: []\nhours: always\n", WrongValue, 2, "bundles"),
        ("format: 1\nbundles: [demo]\n", MissingKey, 1, "hours"),
        ("format: 1\nbundles: [demo]\nhours: never\n", WrongValue, 3, "hours"),
        (LEAST + "failed: ignore\n", WrongValue, 4, "failed"),
        (LEAST + "minutes: 0\n", WrongValue, 4, "minutes"),
        (LEAST + "holders: []\n", WrongValue, 4, "holders"),
        (LEAST + "force: true\n", UnknownKey, 4, "force"),
        (LEAST + "rules:\n  - apps: [a]\n    step: [patch]\n", UnknownKey, 6, "rules[0].step"),
        (LEAST + "rules:\n  - steps: [patch]\n", MissingKey, 5, "rules[0].apps"),
        (LEAST + "rules:\n  - apps: [a]\n    steps: [any]\n", WrongValue, 6, "rules[0].steps[0]"),
        (LEAST + "rules:\n  - apps: [a]\n    steps: [{from: '1'}]\n", MissingKey, 6,
         "rules[0].steps[0].to"),
        (LEAST + "rules:\n  - apps: [a]\n    install: 'yes'\n", WrongValue, 6, "rules[0].install"),
        (LEAST + "rules:\n  - apps: [a]\n    allow: {all: ['*']}\n", UnknownKey, 6,
         "rules[0].allow.all"),
        (LEAST + "rules:\n  - apps: [a]\n    warnings: ignore\n", WrongValue, 6,
         "rules[0].warnings"),
        (LEAST + "rules:\n  - apps: [a]\n    releases: []\n", WrongValue, 6, "rules[0].releases"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line_and_key(
    text: str, kind: type[ChampError], line: int, key: str
) -> None:
    with pytest.raises(kind) as refused:
        policy(text)
    fields = refused.value.fields
    assert (fields["file"], fields["line"], fields["key"]) == ("policy.yaml", line, key)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable):
        Policy.from_file(tmp_path / "absent.yaml")
    (tmp_path / "large.yaml").write_bytes(b"#" * (LIMIT + 1))
    with pytest.raises(TooLarge):
        Policy.from_file(tmp_path / "large.yaml")
    (tmp_path / "policy.yaml").write_text(LEAST)
    assert Policy.from_file(tmp_path / "policy.yaml") == policy(LEAST)
