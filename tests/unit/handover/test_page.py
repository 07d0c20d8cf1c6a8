"""The page: well-formed, whole in itself, in both languages, and deaf to what records say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from html.parser import HTMLParser
from typing import Any

import pytest

from champ_offline.cluster.interface import ClusterUnreachable
from champ_offline.errors import Quoted
from champ_offline.handover.document import Ailing, Change, Handover
from champ_offline.journal.audit import AuditBroken
from champ_offline.oci.digest import Digest
from champ_offline.release.drift.values import (
    Drift,
    FieldDrift,
    HelmDrift,
    ObjectDrift,
    Standing,
)
from champ_offline.release.records.history import Outcome
from champ_offline.release.status import Health
from installer.language import activate
from installer.report import page
from installer.report.page import TemplateUnusable, mark_of_change, render, when
from tests.unit.handover.collected import TIME, small
from tests.unit.handover.sizes import of_size

VOID = {"meta", "br", "rect", "circle", "path"}
EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}{% raw %}</style>&\u202e"
REACHING = {"src", "href", "xlink:href", "action", "background", "poster", "srcset", "data"}


class Reader(HTMLParser):
    """Reads a page strictly: what is opened is closed, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self.headings: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        assert len({name for name, _ in attrs}) == len(attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in {"style", "title"} and data.strip():
            self.texts.append(data.strip())
            if self.open[-1] == "h2":
                self.headings.append(data.strip())


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


def in_language(found: Handover, language: str) -> str:
    activate(language)
    try:
        return render(found)
    finally:
        activate("en")


def troubled() -> Handover:
    """Everything that the page says only when something is wrong."""
    found = small()
    gone = ClusterUnreachable(address="one", reason=Quoted("no answer in time"))
    drift = Drift(
        HelmDrift(3, 2, "deployed", "Rollback to 1", TIME, "helm"),
        (ObjectDrift(Standing.CHANGED, "v1", "Service", "pacs", "web",
                     (FieldDrift("spec.type", "A", "B", ("kubectl",)),)),),
        missing=None,
    )  # fmt: skip
    [one] = found.releases
    ailing = Ailing("Pod", "web-0", TIME, gone)
    return replace(
        found,
        clusters=(replace(found.clusters[0], error=gone, nodes=None, ready=None, seen=""),),
        releases=(replace(one, health=Health.TROUBLED, causes=(ailing,), drift=drift),),
        chain=replace(found.chain, error=AuditBroken(seq=2)),
        checks=(replace(found.checks[0], state="bad", where="main", error=gone),),
        drift_asked=True,
    )


def empty() -> Handover:
    """A zone about which there is little to say."""
    found = small()
    return replace(
        found, brought=(), overridden=(), changes=(), timings=(), unattended=(), data=(),
        clusters=(), releases=(), backups=(), store=replace(found.store, last=None), offline=True,
        chain=replace(found.chain, acts={}, exports=()),
    )  # fmt: skip


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("found", [small(), troubled(), empty()], ids=["small", "ill", "empty"])
def test_it_is_well_formed_and_asks_for_nothing(found: Handover, language: str) -> None:
    text = in_language(found, language)
    reader = read(text)
    assert not {"script", "link", "iframe", "img", "object", "embed", "form"} & set(reader.tags)
    assert not REACHING & reader.attributes
    assert not [name for name in reader.attributes if name.startswith("on")]
    style = text[text.index("<style>") : text.index("</style>")]
    assert re.search(r"url\(|@import|expression|//", style) is None
    assert "default-src 'none'" in text
    assert "None" not in " ".join(reader.texts).replace("None.", "")


def test_sections_are_numbered_and_there_in_both_languages() -> None:
    for language, expected in (
        ("en", ["The zone", "What was brought", "What was changed", "What was checked",
                "How the releases are", "Saved data", "The audit chain", "Images", "Signatures"]),
        ("zh", ["网区", "导入的内容", "更改", "检查", "部署的状况", "数据备份", "审计链", "镜像",
                "签署"]),
    ):  # fmt: skip
        reader = read(in_language(small(), language))
        assert reader.headings == expected
        numbers = [text for text in reader.texts if re.fullmatch("[0-9]", text)]
        assert numbers[:1] == ["1"]


ENGLISH = [
    "from the commissioning of the zone, 2026-05-01 10:00:00 until the making of this report",
    "2026-05-01 10:00:00 by bo: 17 new blobs, 1.21\N{NO-BREAK SPACE}MB",
    "orthanc 1.0 (Image archive)",
    "sha256:" + Digest.of(b"plan").hex,
    "2026-05-01 10:00:00 by ann",
    "2026-05-01 10:00:00 by the policy sha256:bb",
    "1:05",
    "The pod did not start [release.interrupted]",
    "2026-05-01 10:00:00 by eve: put back",
    "Helm cut off · put right 2.0\N{NO-BREAK SPACE}s",
    "root of trust 1",
    "signatures whose time is over: root 2026-04-30",
    "Every row was hashed again, and follows from the one before it.",
    "Handed over by (field engineer)",
    "Changes that failed and were put back: 1",
]
CHINESE = [
    "自 本网区启用之时（2026-05-01 10:00:00） 至 本报告生成之时",
    "2026-05-01 10:00:00，bo：新增 17 个数据块，1.21\N{NO-BREAK SPACE}MB",
    "orthanc 1.0 (影像归档)",
    "sha256:" + Digest.of(b"plan").hex,
    "2026-05-01 10:00:00，ann",
    "2026-05-01 10:00:00，eve：已恢复原状",
    "Helm 已中断 · 恢复处理 2.0\N{NO-BREAK SPACE}s",
    "信任根 1",
    "已过期的签名: root 2026-04-30",
    "已对每一行重新计算哈希，各行均与前一行相衔接。",
    "交付人（现场工程师）",
    "失败并已恢复原状的更改：1 次",
]


@pytest.mark.parametrize(
    ("language", "parts"), [("en", ENGLISH), ("zh", CHINESE)], ids=["en", "zh"]
)
def test_what_the_records_say_stands_in_it(language: str, parts: list[str]) -> None:
    texts = read(in_language(small(), language)).texts
    assert [part for part in parts if part not in texts] == []


def test_concerns_that_were_accepted_stand_with_whoever_accepted_them() -> None:
    [told] = [text for text in read(render(small())).texts if "capacity.no-room" in text]
    assert told == (
        "A pod of Deployment web asks for 8 CPU; no node has that free. Lacking on how many nodes:"
        " CPU: 1. [capacity.no-room] – ann"
    )


def test_what_is_not_known_says_so() -> None:
    found = small()
    change = replace(found.changes[0], planned=None, accepted=None, images=None, steps=None)
    brought = replace(found.brought[0], roles=None)
    cluster = replace(found.clusters[0], nodes=None, ready=None, seen="", version="")
    standing = replace(found.releases[0], health=None)
    text = render(
        replace(found, changes=(change,), brought=(brought,), clusters=(cluster,),
                releases=(standing,))
    )  # fmt: skip
    texts = read(text).texts
    assert texts.count("not known: the plan is kept no more") == 2
    assert texts.count("not recorded") == 2
    assert "Who signed it is not recorded." in texts
    assert "nodes not known" in texts
    assert "○ not asked" in " ".join(texts)


def spoilt(value: Any) -> Any:
    """The value with every text in it made hostile; digests, enums and times stay."""
    if isinstance(value, Enum | Digest):
        return value
    if isinstance(value, str):
        return value if value in {"", TIME} else value + EVIL
    if isinstance(value, dict):
        return {key: spoilt(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(map(spoilt, value))
    if isinstance(value, ClusterUnreachable):
        return ClusterUnreachable(**{name: spoilt(one) for name, one in value.fields.items()})
    if is_dataclass(value) and not isinstance(value, type):
        changed = {one.name: spoilt(getattr(value, one.name)) for one in fields(value)}
        return replace(value, **changed)
    return value


@pytest.mark.parametrize("found", [small(), troubled()], ids=["small", "ill"])
def test_whatever_records_say_is_text_and_nothing_else(found: Handover) -> None:
    fine, foul = read(render(found)), read(render(spoilt(found)))
    assert set(foul.tags) <= set(fine.tags) | {"p"}
    assert foul.attributes <= fine.attributes
    assert sum(EVIL[:20] in text for text in foul.texts) > 40
    assert "\u202e" not in "".join(foul.texts)
    assert "{{ 7*7 }}" in "".join(foul.texts)


def test_a_page_of_a_thousand_releases_lists_each() -> None:
    found = of_size(small(), 6, 1000)
    texts = read(render(found)).texts
    assert [one.release for one in found.releases if one.release not in texts] == []


@pytest.mark.parametrize(
    ("outcome", "interrupted", "sort"),
    [
        (Outcome.DEPLOYED, False, "good"),
        (Outcome.REMOVED, False, "good"),
        (Outcome.PUT_BACK, False, "back"),
        (Outcome.FAILED, False, "bad"),
        (Outcome.TAKEN_OVER, False, "bad"),
        (Outcome.RUNNING, False, "open"),
        (Outcome.RUNNING, True, "bad"),
    ],
)
def test_signs_of_changes(outcome: Outcome, interrupted: bool, sort: str) -> None:
    change: Change = replace(small().changes[0], outcome=outcome, interrupted=interrupted)
    assert mark_of_change(change) == sort


def test_times_are_shown_in_utc_to_the_second() -> None:
    assert when("2026-05-01T10:00:00.5+08:00") == "2026-05-01 02:00:00"
    assert when("2026-05-01T10:00:00") == "2026-05-01 10:00:00"
    assert when("someday") == "someday"


def test_a_template_that_is_gone_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "TEMPLATE", "gone.html.j2")
    with pytest.raises(TemplateUnusable, match="gone"):
        render(small())


def test_the_page_names_no_person(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = list(_after(read(render(empty())).texts, "Signatures"))
    assert texts.count("Name") == texts.count("Signature") == texts.count("Stamp") == 3
    assert len(texts) == 3 * 5 + 1


def _after(texts: list[str], heading: str) -> Iterator[str]:
    yield from texts[texts.index(heading) + 1 :]
