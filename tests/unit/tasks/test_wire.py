"""What a task wrote is read again as what it was, in the reader's language."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from champ_offline.errors import (
    Bytes,
    ChampError,
    Phrase,
    Phrases,
    Quoted,
    Said,
    Several,
)
from champ_offline.events import (
    Cause,
    Estimate,
    Event,
    FaultFound,
    ObjectState,
    Progress,
    StepFinished,
    StepStarted,
)
from champ_offline.release.apply.failures import ApplyPutBack, ChangeInterrupted
from champ_offline.tasks.errors import TaskNotYours
from champ_offline.tasks.wire import (
    ErrorTold,
    document,
    error_document,
    error_of,
    event_of,
)
from installer.error_text import sentences
from installer.language import activate
from tests.architecture.source import product_errors

EVENTS: list[Event] = [
    StepStarted("read", "images-001.tar"),
    Progress("read", 5, 10, "bytes", "images-001.tar"),
    StepFinished("read", "images-001.tar", 1.5),
    ObjectState("Deployment", "web", ready=False, reason="1 of 2 ready"),
    FaultFound("media.volume-corrupt", "images-001.tar", "sha256:1", 512),
    Estimate("read", 10**9, 3.5e7, 10**10),
]


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    yield
    activate("en")


def through(error: ChampError) -> ChampError:
    return error_of(json.loads(json.dumps(error_document(error), ensure_ascii=False)))


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_comes_back_as_it_was(event: Event) -> None:
    assert event_of(json.loads(json.dumps(document(event)))) == event


def test_a_cause_comes_back_with_its_error_and_log() -> None:
    error = ChangeInterrupted(release="pacs")
    cause = Cause(error, "Pod", "web-1", "2026-05-01T10:00:00Z", hopeless=True, log=("a", "b"))
    back = event_of(json.loads(json.dumps(document(cause))))
    assert isinstance(back, Cause)
    assert (back.key, back.log, back.hopeless) == (cause.key, ("a", "b"), True)
    assert type(back.error) is ChangeInterrupted


def test_an_event_that_a_later_release_has_is_left_out() -> None:
    assert event_of({"event": "NotYetKnown", "words": "x"}) is None


@pytest.mark.parametrize("kind", product_errors(), ids=lambda kind: kind.id)
def test_every_error_says_the_same_on_the_other_side_in_both_languages(
    kind: type[ChampError],
) -> None:
    named = {
        part
        for text in (kind.message, kind.remedy)
        for _text, part, _spec, _conversion in Formatter().parse(text)
        if part
    }
    fields: dict[str, object] = {name: f"the {name}" for name in named - {"reason"}}
    if "reason" in named:
        fields["reason"] = Phrase("{what} is no folder", what="it")
    error = kind(**fields)  # type: ignore[arg-type]
    back = through(error)
    assert type(back) is kind
    for language in ("en", "zh"):
        activate(language)
        assert sentences(back) == sentences(error)


def test_fields_keep_what_their_kind_means_to_a_reader() -> None:
    inner = ChangeInterrupted(release="pacs")
    error = ApplyPutBack(
        release=Phrase("{a} and {b}", a=Bytes(10**9), b=Said({"en": "two", "zh": "二"})),
        cause=inner,
        several=Several([inner, inner]),
        phrases=Phrases([Phrase("none yet"), Phrase("{a}", a=1)]),
        quoted=Quoted("as it came"),
        path=Path("/media/stick"),
        list=(1, Bytes(2), None, True, 0.5),
    )
    back = through(error)
    for language in ("en", "zh"):
        activate(language)
        assert sentences(back) == sentences(error)
    kinds = {name: type(value) for name, value in back.fields.items()}
    assert kinds == {
        "release": Phrase, "cause": ChangeInterrupted, "several": Several, "phrases": Phrases,
        "quoted": Quoted, "path": str, "list": tuple,
    }  # fmt: skip
    assert back.fields["list"] == (1, 2, None, True, 0.5)
    assert type(back.fields["list"][1]) is Bytes


@pytest.mark.parametrize(
    "changed",
    [
        {"kind": "NotYetKnown"},
        {"module": "champ_offline.not_yet_there"},
        {"module": "os", "kind": "system"},
        {"kind": "Path"},
        {"id": "another.id"},
        {"fields": {}},
    ],
    ids=str,
)
def test_an_error_that_is_not_known_here_says_what_was_said(changed: dict[str, object]) -> None:
    error = TaskNotYours(number=12, user="anna", own="bert")
    back = error_of({**error_document(error), **changed})
    assert isinstance(back, ErrorTold)
    assert str(error) in str(back)
    assert error.advice in back.advice
