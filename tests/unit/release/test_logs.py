"""Logs of a release: what comes, what came since, and what never does."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from champ_offline.cluster.interface import LogUnavailable
from champ_offline.helm.faults import ReleaseUnknown
from champ_offline.release.hiding import HIDDEN
from champ_offline.release.logs import (
    Break,
    ContainerUnknown,
    Line,
    NeverRestarted,
    NoContainers,
    Read,
    ReleaseLogs,
    Wanted,
    logs_of,
)
from tests.unit.release.conftest import NAME, PLACE, World

FIRST, SECOND = f"{NAME}-work-0", f"{NAME}-work-1"
IN_SECRET = "Kommt-Zeit-kommt-Rat-7"


@pytest.fixture
def logs(world: World) -> Iterator[ReleaseLogs]:
    """Those of a release of two pods."""
    world.apply(world.plan(password=IN_SECRET, replicas=2))
    for pod in (FIRST, SECOND):
        world.cluster.logs[pod, "work"] = ""
    opened = logs_of(world.cluster, PLACE, NAME, world.history, world.vault)
    yield opened
    opened.close()


def restarted(world: World, pod: str, times: int) -> None:
    """What kubelet tells of a container that was started anew so often."""
    found = world.cluster.get("v1", "Pod", PLACE, pod)
    assert found is not None
    status: dict[str, Any] = {"name": "work", "ready": True, "restartCount": times}
    found["status"]["containerStatuses"] = [{**status, "state": {"running": {}}}]
    world.cluster.edit(found, "kubelet")


def texts(read: Read) -> list[str]:
    return [f"{one.pod[-1]} {one.line}" for one in read.lines]


def test_lines_of_all_containers_come_by_time_and_then_what_is_new(
    world: World, logs: ReleaseLogs
) -> None:
    written = world.cluster.logs
    written[FIRST, "work"], written[SECOND, "work"] = "a\nb\n", "c\n"
    more = logs.follow(Wanted())
    assert texts(more()) == ["0 a", "1 c", "0 b"]
    assert texts(more()) == []
    written[FIRST, "work"] += "b\n"  # the same words in another second
    written[SECOND, "work"] += "d\ne\n"
    read = more()
    assert texts(read) == ["1 d", "0 b", "1 e"]
    assert read.breaks == ()
    assert [one.label for one in read.containers] == [f"{FIRST}/work", f"{SECOND}/work"]


def test_what_is_wanted_is_chosen(world: World, logs: ReleaseLogs) -> None:
    written = world.cluster.logs
    written[FIRST, "work"], written[SECOND, "work"] = "a\nb\nc\n", "d\n"
    assert texts(logs.follow(Wanted(lines=2))()) == ["1 d", "0 b", "0 c"]
    assert texts(logs.follow(Wanted(pod=SECOND))()) == ["1 d"]
    since = "2026-01-01T10:00:02Z"
    assert texts(logs.follow(Wanted(container="work", since=since))()) == ["0 c"]
    for wrong in (Wanted(pod="elsewhere"), Wanted(pod=FIRST, container="elsewhere")):
        with pytest.raises(ContainerUnknown, match=f"it has: {FIRST}/work, {SECOND}/work"):
            logs.follow(wrong)()


def test_no_secret_is_in_what_is_given(world: World, logs: ReleaseLogs) -> None:
    """Neither an answer, nor what stands in a Secret of the namespace, however new it is."""
    coded = base64.b64encode(IN_SECRET.encode()).decode()
    world.cluster.logs[FIRST, "work"] = f"login s3cret-word\nAuthorization: Basic {coded}\n"
    more = logs.follow(Wanted(pod=FIRST))
    assert texts(more()) == [f"0 login {HIDDEN}", f"0 Authorization: Basic {HIDDEN}"]
    made = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "later"}}
    world.cluster.apply({**made, "stringData": {"key": "line-one-of-it\nno 2\nend"}}, PLACE)
    world.cluster.logs[FIRST, "work"] += "key line-one-of-it\nno 2\nend\nwhole\n"
    assert texts(more()) == [f"0 key {HIDDEN}", f"0 {HIDDEN}", f"0 {HIDDEN}", "0 whole"]
    world.cluster.delete({**made, "metadata": {"name": "later"}}, PLACE)
    world.cluster.logs[FIRST, "work"] += "key line-one-of-it\n"
    assert texts(more()) == [f"0 key {HIDDEN}"]


def test_names_of_the_release_are_no_secrets(world: World, logs: ReleaseLogs) -> None:
    made = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "account"}}
    world.cluster.apply({**made, "stringData": {"user": f"{NAME}-work"}}, PLACE)
    world.cluster.logs[FIRST, "work"] = f"I am {NAME}-work\n"
    assert texts(logs.follow(Wanted(pod=FIRST))()) == [f"0 I am {NAME}-work"]


def test_a_container_that_is_started_anew_says_its_last_words(
    world: World, logs: ReleaseLogs
) -> None:
    world.cluster.logs[FIRST, "work"] = "begun\n"
    more = logs.follow(Wanted(pod=FIRST))
    assert texts(more()) == ["0 begun"]
    world.cluster.logs.before[FIRST, "work"] = "begun\nno database\n"
    world.cluster.logs[FIRST, "work"] = "begun again\n"
    restarted(world, FIRST, 1)
    read = more()
    assert texts(read) == ["0 no database", "0 begun again"]
    assert [type(one) for one in read.in_order] == [Line, Break, Line]
    [anew] = read.breaks
    assert (anew.pod, anew.container, anew.anew) == (FIRST, "work", True)
    read = more()
    assert (texts(read), read.breaks) == ([], ())
    before = logs.follow(Wanted(previous=True))
    assert texts(before()) == ["0 begun", "0 no database"]


def test_without_a_restart_there_is_nothing_before(logs: ReleaseLogs) -> None:
    with pytest.raises(NeverRestarted, match=NAME):
        logs.follow(Wanted(previous=True))()


def test_where_lines_may_be_missing_that_is_said_once(world: World, logs: ReleaseLogs) -> None:
    world.cluster.logs[FIRST, "work"] = "a\nb\n"
    more = logs.follow(Wanted(pod=FIRST))
    more()
    world.cluster.logs[FIRST, "work"] = "\n".join(f"line {number}" for number in range(9))
    [gap] = more().breaks
    assert (gap.pod, gap.anew) == (FIRST, False)
    assert more().breaks == ()


def test_a_pod_that_comes_later_is_shown_from_its_beginning(
    world: World, logs: ReleaseLogs
) -> None:
    more = logs.follow(Wanted(lines=1))
    more()
    world.apply(world.plan(password=IN_SECRET, replicas=3))
    world.cluster.logs[f"{NAME}-work-2", "work"] = "x\ny\nz\n"
    assert texts(more()) == ["2 x", "2 y", "2 z"]


def test_a_log_that_cannot_be_had_hinders_no_other(world: World, logs: ReleaseLogs) -> None:
    restarted(world, FIRST, 1)
    restarted(world, SECOND, 1)
    world.cluster.logs.before[SECOND, "work"] = "last words\n"
    read = logs.follow(Wanted(previous=True))()
    assert texts(read) == ["1 last words"]
    [trouble] = read.trouble
    assert isinstance(trouble, LogUnavailable)
    assert trouble.fields["pod"] == FIRST


def test_a_release_without_pods_and_one_that_never_was(world: World) -> None:
    with pytest.raises(ReleaseUnknown):
        logs_of(world.cluster, PLACE, NAME, world.history, world.vault)
    world.apply(world.plan(replicas=0))
    with pytest.raises(NoContainers, match=NAME):
        logs_of(world.cluster, PLACE, NAME, world.history, world.vault).follow(Wanted())()


def test_closing_waits_for_a_reading_and_nothing_is_read_after(
    world: World, logs: ReleaseLogs
) -> None:
    order: list[str] = []
    inside, go_on = threading.Event(), threading.Event()
    tail = world.cluster.logs.tail

    def slow(*args: Any, **how: Any) -> Any:
        inside.set()
        assert go_on.wait(10)
        order.append("read")
        return tail(*args, **how)

    world.cluster.logs.tail = slow  # type: ignore[method-assign]
    world.cluster.close = lambda: order.append("closed")  # type: ignore[method-assign]
    more = logs.follow(Wanted(pod=FIRST))
    reading = threading.Thread(target=more)
    closing = threading.Thread(target=logs.close)
    reading.start()
    assert inside.wait(10)
    closing.start()
    go_on.set()
    reading.join(10)
    closing.join(10)
    assert order == ["read", "closed"]
    assert more() == Read((), ())
