"""What every way to a container's log must do. Subclasses give `cluster` and `place`.

In the container of `place` there is a sh that runs the script below; it writes to the log.
"""

from __future__ import annotations

import re

import pytest

from champ_offline.cluster.commands import Place
from champ_offline.cluster.interface import Cluster, LogUnavailable
from champ_offline.cluster.logs import LogLine
from tests.contracts.helm_engine import eventually

WRITING = "echo first > /proc/1/fd/1; sleep 1; echo second > /proc/1/fd/1"
TIME = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")


class LogContract:
    """The suite."""

    def test_what_a_container_wrote_comes_line_by_line_with_the_times(
        self, cluster: Cluster, place: Place
    ) -> None:
        where = place.namespace, place.pod, place.container
        with cluster.run_in(*where, ["sh", "-c", WRITING]) as running:
            running.wait()

        def written(lines: int = 10, since: str = "") -> tuple[LogLine, ...]:
            return cluster.log_tail(*where, previous=False, lines=lines, since=since)

        assert eventually(lambda: [one.text for one in written()] == ["first", "second"])
        first, second = written()
        assert TIME.fullmatch(first.time)
        assert TIME.fullmatch(second.time)
        assert first.time < second.time
        assert written(lines=1) == (second,)
        assert written(since=f"{second.time[:19]}Z") == (second,)
        assert written(since="2100-01-01T00:00:00Z") == ()

    def test_what_was_never_written_cannot_be_had(self, cluster: Cluster, place: Place) -> None:
        for pod, previous in (("no-such-pod", False), (place.pod, True)):
            with pytest.raises(LogUnavailable, match=place.container) as refused:
                cluster.log_tail(place.namespace, pod, place.container, previous=previous, lines=1)
            assert refused.value.fields["reason"]
