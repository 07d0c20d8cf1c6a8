"""What is told while a release settles, what ends the wait, and what is read of logs."""

from __future__ import annotations

import json

import pytest

from champ_offline.cluster.causes import look as looking
from champ_offline.cluster.causes.containers import RESTARTS
from champ_offline.cluster.causes.judge import judge
from champ_offline.cluster.causes.look import cause, last_words, look
from champ_offline.cluster.causes.patience import GRACE, Patience
from champ_offline.cluster.causes.scene import Found, Place, Scene
from champ_offline.cluster.causes.told import Told
from champ_offline.cluster.causes.words import Trouble
from champ_offline.cluster.interface import ClusterForbidden
from champ_offline.cluster.logs import LogLine
from champ_offline.cluster.watch import HealthWatch
from champ_offline.errors import Quoted, every_error
from champ_offline.events import Cause, Event, as_document
from champ_offline.release.hiding import HIDDEN
from champ_offline.release.masks import Mask
from tests.simulators.cluster import SimulatedCluster
from tests.unit.cluster.documents import (
    RELEASE,
    Object,
    deployment,
    ended,
    event,
    item,
    node,
    pod,
    ready,
    replica_set,
    running,
    waiting,
)

WEB = deployment()
SET = replica_set(WEB)
GONE = pod(SET, **waiting("ErrImagePull", "not found"))


class Shown(SimulatedCluster):
    """Shows the given objects."""

    def __init__(self, *objects: Object) -> None:
        super().__init__()
        self.shown = objects
        self.hidden: set[str] = set()
        self.nodes_there: dict[str, Object] = {}

    def parts(self, namespace: str, release: str) -> tuple[Object, ...]:
        self._answer()
        return self.shown

    def troubles(self, namespace: str) -> tuple[Object, ...]:
        self._refuse("events")
        return super().troubles(namespace)

    def get(self, api_version: str, kind: str, namespace: str, name: str) -> Object | None:
        if kind == "Node":
            self._refuse("nodes")
            return self.nodes_there.get(name)
        return super().get(api_version, kind, namespace, name)

    def log_tail(
        self,
        namespace: str,
        pod: str,
        container: str,
        *,
        previous: bool,
        lines: int,
        since: str = "",
    ) -> tuple[LogLine, ...]:
        self._refuse("logs")
        where = (namespace, pod, container)
        return super().log_tail(*where, previous=previous, lines=lines, since=since)

    def _refuse(self, what: str) -> None:
        if what in self.hidden:
            raise ClusterForbidden(address=self.address, reason=Quoted(what))


def found(*objects: Object) -> tuple[Found, ...]:
    return judge(Scene([WEB, SET, *objects]))


def plain(one: Found) -> Cause:
    return cause(one, Shown(), RELEASE)


def loop(restarts: int, state: str = "CrashLoopBackOff") -> Object:
    return pod(SET, **waiting(state, "", restarts, **ended(1)))


def test_a_hopeless_cause_ends_the_wait_after_its_grace() -> None:
    patience, grace = Patience(()), GRACE["cause.image-not-found"]
    assert patience.ended(found(GONE), 100.0) is None
    assert patience.ended(found(GONE), 100.0 + grace - 1) is None
    given_up = patience.ended(found(GONE), 100.0 + grace)
    assert given_up is not None
    assert given_up.error.id == "cause.image-not-found"


def test_one_that_goes_away_begins_anew() -> None:
    patience, grace = Patience(()), GRACE["cause.image-not-found"]
    patience.ended(found(GONE), 0.0)
    patience.ended((), grace / 2)
    assert patience.ended(found(GONE), grace) is None
    assert patience.ended(found(GONE), 2 * grace) is not None


@pytest.mark.parametrize(
    "object_",
    [
        pod(SET, **waiting("ErrImagePull", "dial tcp 10.0.0.1:5443: connection refused")),
        pod(SET, **waiting("ContainerCreating")),
        pod(SET, **running()),
        loop(RESTARTS - 1),
    ],
)
def test_what_may_still_come_is_waited_for_to_the_end(object_: Object) -> None:
    patience = Patience(())
    assert patience.ended(found(object_), 0.0) is None
    assert patience.ended(found(object_), 10_000.0) is None


def test_what_was_so_before_the_change_never_ends_it() -> None:
    patience = Patience({one.key for one in found(GONE)})
    patience.ended(found(GONE), 0.0)
    assert patience.ended(found(GONE), 10_000.0) is None
    anew = {**GONE, "metadata": {**GONE["metadata"], "uid": "another"}}
    patience.ended(found(anew), 0.0)
    assert patience.ended(found(anew), 10_000.0) is not None


def test_every_grace_is_of_a_cause_that_exists() -> None:
    known = {error.id for error in every_error() if issubclass(error, Trouble)}
    assert set(GRACE) <= known
    assert all(5 <= seconds <= 60 for seconds in GRACE.values())


def test_a_cause_is_told_once_and_again_when_it_says_more_and_when_it_is_over() -> None:
    told: list[Event] = []
    ledger = Told(told.append)
    for objects in ((loop(1),), (loop(1),), (loop(2),), ()):
        ledger.take(found(*objects), plain)
    assert [(one.over, one.error.fields["restarts"]) for one in told if isinstance(one, Cause)] == [
        (False, 1),
        (False, 2),
        (True, 2),
    ]
    assert ledger.first is not None
    assert ledger.first.error.id == "cause.crash-loop"


def test_the_server_that_is_away_is_told_once_and_when_it_is_back() -> None:
    told: list[Event] = []
    cluster = Shown(WEB, SET, GONE)
    watch = HealthWatch(cluster, RELEASE, RELEASE, told.append, 0.01)
    cluster.reachable = False
    watch._look()
    watch._look()
    cluster.reachable = True
    watch.wait_for_server(5)
    causes = [one for one in told if isinstance(one, Cause)]
    assert [(one.error.id, one.over) for one in causes] == [
        ("cause.api-server-away", False),
        ("cause.api-server-away", True),
    ]
    assert "https://simulated:6443" in str(causes[0].error)


def test_the_watch_gives_up_once_and_names_the_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(GRACE, "cause.image-not-found", 0.0)
    given_up: list[str] = []
    cluster = Shown(WEB, SET)
    watch = HealthWatch(
        cluster, RELEASE, RELEASE, lambda _: None, 60.0, give_up=lambda: given_up.append("now")
    )
    with watch:
        cluster.shown = (WEB, SET, GONE)
        watch._look()
        watch._look()
    assert given_up == ["now"]
    assert watch.ended
    assert watch.first_cause is not None
    assert watch.first_cause.error.id == "cause.image-not-found"


def test_without_knowing_what_was_there_before_nothing_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(GRACE, "cause.image-not-found", 0.0)
    given_up: list[str] = []
    cluster = Shown(WEB, SET, GONE)
    cluster.reachable = False
    watch = HealthWatch(
        cluster, RELEASE, RELEASE, lambda _: None, 60.0, give_up=lambda: given_up.append("now")
    )
    with watch:
        cluster.reachable = True
        watch._look()
    assert given_up == []


def test_last_words_are_bounded_and_hide_secrets() -> None:
    cluster = Shown(WEB, SET, loop(1))
    cluster.logs["web-1-a", "web"] = (
        "".join(f"line {number}\n" for number in range(100))
        + f"{'x' * 5000}\n\n   \n"
        + "FATAL: password s3cret-word was refused.\n"
    )
    [one] = judge(look(cluster, RELEASE, RELEASE))
    told = cause(one, cluster, RELEASE, Mask(("s3cret-word",)).text)
    assert told.log[-1] == f"FATAL: password {HIDDEN} was refused."
    assert len(told.log) <= 12
    assert max(map(len, told.log)) <= 300
    assert str(told.error).endswith(f"its last words: FATAL: password {HIDDEN} was refused.")
    document = json.dumps(as_document(told))
    assert "s3cret-word" not in document
    assert json.loads(document)["id"] == "cause.crash-loop"


def test_a_container_that_said_nothing_is_no_riddle() -> None:
    assert str(plain(found(loop(1))[0]).error).endswith("its last words: -.")
    assert last_words(Shown(), RELEASE, Place("gone", "web"), str) == ()


def test_what_the_user_may_not_see_hinders_nobody() -> None:
    cluster = Shown(WEB, SET, loop(1))
    cluster.hidden = {"events", "nodes", "logs"}
    [one] = judge(look(cluster, RELEASE, RELEASE))
    assert cause(one, cluster, RELEASE).log == ()


def test_a_node_that_is_away_is_looked_for_where_pods_are_on_it() -> None:
    cluster = Shown(WEB, SET, GONE)
    cluster.nodes_there["one"] = node()
    [one] = judge(look(cluster, RELEASE, RELEASE))
    assert one.error.id == "cause.node-not-ready"
    cluster.nodes_there["one"] = node(ready="True")
    [one] = judge(look(cluster, RELEASE, RELEASE))
    assert one.error.id == "cause.image-not-found"


def test_a_configuration_that_came_meanwhile_is_no_cause() -> None:
    broken = pod(SET, **waiting("ContainerCreating"))
    cluster = Shown(WEB, SET, broken)
    said = 'MountVolume.SetUp failed for volume "tls" : secret "tls" not found'
    cluster.events = [event(broken, "FailedMount", said)]
    [one] = judge(look(cluster, RELEASE, RELEASE))
    assert one.error.fields["wanted"] == "tls"
    made = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "tls"}, "data": {}}
    cluster.apply(made, RELEASE)
    assert judge(look(cluster, RELEASE, RELEASE)) == ()


def test_what_is_well_costs_no_more_than_looking_at_it() -> None:
    claim = item("PersistentVolumeClaim", "data", status={"phase": "Bound"})
    well = {**WEB, "status": {"observedGeneration": 1, "updatedReplicas": 1, "readyReplicas": 1}}
    cluster = Shown(well, SET, ready(SET), claim)
    cluster.hidden = {"events", "nodes"}
    scene = looking.look(cluster, RELEASE, RELEASE)
    assert (scene.events, scene.nodes) == ((), ())
