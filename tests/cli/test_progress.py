"""Progress is never silent for two seconds, on a terminal, in a log and as JSON."""

from __future__ import annotations

import io
import json
import time
from dataclasses import replace

import pytest

from champ_offline.cluster.causes.words import CrashLoop
from champ_offline.events import Cause, ObjectState, Progress, StepFinished, StepStarted
from installer.cli.progress import JsonLines, PlainLines, RepaintedLine, StepsOnly, subscribed
from installer.meter import Meter
from installer.quantities import NO_BREAK
from installer.terminal_text import wrapped


class Clock:
    """A time that moves when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def joined(text: str) -> str:
    return text.replace("_", NO_BREAK)


def test_a_log_has_a_line_every_two_seconds_and_one_at_the_end() -> None:
    stream, clock = io.StringIO(), Clock()
    shown = PlainLines(stream, clock)
    shown(StepStarted("import", "a.tar"))
    for done in range(0, 1001, 100):
        shown(Progress("import", done * 10**6, 10**9, subject="a.tar"))
        clock.now += 0.5
    shown(StepFinished("import", "a.tar"))
    lines = stream.getvalue().splitlines()
    assert len(lines) == 3
    assert lines[0] == joined("Importing a.tar  40 %  400_MB of 1.00_GB  200_MB/s  3.0_s to go")
    assert lines[-1] == joined("Importing a.tar: done in 5.5_s")


def test_a_log_speaks_when_no_event_comes() -> None:
    stream, clock = io.StringIO(), Clock()
    shown = PlainLines(stream, clock)
    shown(StepStarted("apply", "orthanc"))
    for _ in range(12):
        clock.now += 0.5
        shown.tick()
    assert stream.getvalue().splitlines() == [
        joined(f"Applying orthanc  {seconds}.0_s") for seconds in (2, 4, 6)
    ]


def test_a_terminal_repaints_one_line() -> None:
    stream, clock = io.StringIO(), Clock()
    shown = RepaintedLine(stream, clock)
    shown(StepStarted("verify", "影像.tar"))
    for done in range(100):
        clock.now += 0.01
        shown(Progress("verify", done, 100, unit="files", subject="影像.tar"))
    shown.close()
    assert "\n" not in stream.getvalue()
    assert 8 <= stream.getvalue().count("\r") <= 14


def test_objects_are_named_with_their_reason() -> None:
    stream = io.StringIO()
    shown = PlainLines(stream, Clock())
    shown(ObjectState("Pod", "orthanc-0", ready=False, reason="ImagePullBackOff"))
    shown(ObjectState("Pod", "orthanc-0", ready=True))
    assert stream.getvalue() == "Pod orthanc-0: ImagePullBackOff\nPod orthanc-0: ready\n"


def test_json_lines_thin_out_readings_and_show_life() -> None:
    stream, clock = io.StringIO(), Clock()
    shown = JsonLines(stream, clock)
    for done in range(101):
        clock.now += 0.001
        shown(Progress("verify", done, 100))
    clock.now += 3
    shown.tick()
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert len(events) <= 4
    assert (events[-2]["done"], events[-1]["event"]) == (100, "Alive")


def test_a_subscriber_ticks_by_itself() -> None:
    stream = io.StringIO()
    with subscribed("plain", stream) as notify:
        notify(StepStarted("plan", "orthanc"))
        time.sleep(2.7)
    assert stream.getvalue().startswith("Planning orthanc  2.")


def test_nothing_is_said_while_nothing_is_under_way() -> None:
    for kind in (PlainLines, JsonLines):
        stream, clock = io.StringIO(), Clock()
        shown = StepsOnly(kind(stream, clock))

        def minutes(shown: StepsOnly = shown, clock: Clock = clock) -> None:
            for _ in range(100):
                clock.now += 0.6
                shown.tick()

        minutes()
        assert stream.getvalue() == ""
        shown(StepStarted("ferry", "a"))
        shown(StepStarted("import", "a"))
        shown(StepFinished("import", "a"))
        minutes()
        assert len(stream.getvalue().splitlines()) > 20
        shown(StepFinished("ferry", "a"))
        said = stream.getvalue()
        minutes()
        assert stream.getvalue() == said


def test_none_is_silent() -> None:
    stream = io.StringIO()
    with subscribed("none", stream) as notify:
        notify(StepStarted("plan", "orthanc"))
        notify(StepFinished("plan", "orthanc"))
    assert stream.getvalue() == ""


def test_the_rate_is_of_the_last_seconds() -> None:
    meter = Meter()
    for second in range(10):
        meter.add(second, second * 100, 2000)
    assert meter.rate == pytest.approx(100)
    for second in range(10, 20):
        meter.add(second, 900 + (second - 9) * 10, 2000)
    assert meter.rate == pytest.approx(10)
    assert meter.remaining == pytest.approx(100)


def test_a_meter_without_readings_says_nothing() -> None:
    meter = Meter()
    assert (meter.rate, meter.remaining) == (None, None)
    meter.add(0, 0, 100)
    assert (meter.rate, meter.remaining) == (None, None)


def crash() -> Cause:
    error = CrashLoop(
        kind="Pod", name="web-1", container="web", code=3, restarts=2, said="no \x1b[31mdatabase"
    )
    return Cause(
        error, "Pod", "web-1", "2026-01-01T10:00:00Z", log=("starting", "no \x1b[31mdatabase")
    )


def test_a_cause_is_told_with_the_containers_last_words() -> None:
    stream = io.StringIO()
    shown = PlainLines(stream)
    shown(crash())
    shown(replace(crash(), over=True))
    first, *log, last = stream.getvalue().splitlines()
    assert first.startswith("! Pod web-1: container web ended with exit code 3, restarts: 2;")
    assert first.endswith("[cause.crash-loop]")
    assert log == ["    | starting", "    | no \\x1b[31mdatabase"]
    assert last.startswith("No longer: Pod web-1")
    assert "\x1b" not in stream.getvalue()


def test_a_cause_is_a_document_for_programs() -> None:
    stream = io.StringIO()
    JsonLines(stream)(crash())
    document = json.loads(stream.getvalue())
    assert (document["event"], document["id"]) == ("Cause", "cause.crash-loop")
    assert (document["kind"], document["name"]) == ("Pod", "web-1")
    assert document["log"] == ["starting", "no \x1b[31mdatabase"]
    assert (document["hopeless"], document["over"]) == (False, False)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("short", ["short"]),
        ("one two three four", ["one two", "    three", "    four"]),
        ("没有节点剩余足够的", ["没有节点剩", "    余足够", "    的"]),
        ("x" * 15, ["x" * 10, "    xxxxx"]),
    ],
)
def test_long_sentences_are_wrapped(text: str, lines: list[str]) -> None:
    assert wrapped(text, 10) == lines
