"""Logs over HTTP: what is asked, what an answer becomes, and which containers there are."""

from __future__ import annotations

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from champ_offline.cluster.interface import ClusterForbidden, LogUnavailable
from champ_offline.cluster.kube import KubeCluster
from champ_offline.cluster.logs import LOG_BYTES, Container, LogLine, containers, lines
from tests.simulators.api_server import api_server, kubeconfig
from tests.unit.cluster.documents import deployment, ended, pod, ready, running, waiting


class Answer:
    """Answers requests for logs, and keeps their parameters."""

    def __init__(self, of: Callable[[dict[str, str]], tuple[int, bytes]]) -> None:
        self._of, self.asked, self.paths = of, list[dict[str, str]](), list[str]()

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        self.paths.append(parts.path)
        self.asked.append(dict(parse_qsl(parts.query)))
        status, body = self._of(self.asked[-1])
        handler.send_response(status)
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)


def tail(answer: Answer, tmp_path: Path, lines: int = 10, since: str = "") -> tuple[LogLine, ...]:
    with api_server("one", answer) as address:
        cluster = KubeCluster(kubeconfig(tmp_path / "kubeconfig", address))
        try:
            return cluster.log_tail(
                "pacs", "web-0", "web", previous=False, lines=lines, since=since
            )
        finally:
            cluster.close()


def test_a_log_is_asked_for_with_its_times_and_within_bounds(tmp_path: Path) -> None:
    answer = Answer(lambda _asked: (200, b"2026-03-02T09:30:00.5Z moin\n"))
    assert tail(answer, tmp_path, since="2026-03-02T09:00:00Z") == (
        LogLine("2026-03-02T09:30:00.500000Z", "moin"),
    )
    assert answer.paths == ["/api/v1/namespaces/pacs/pods/web-0/log"]
    assert answer.asked == [
        {"container": "web", "tailLines": "10", "limitBytes": str(LOG_BYTES), "previous": "false",
         "timestamps": "true", "sinceTime": "2026-03-02T09:00:00Z"}
    ]  # fmt: skip


def test_of_a_log_that_is_too_long_the_newest_lines_are_kept(tmp_path: Path) -> None:
    whole = [b"2026-03-02T09:30:%02dZ %s\n" % (n, bytes([97 + n]) * 100_000) for n in range(20)]

    def cut(asked: dict[str, str]) -> tuple[int, bytes]:
        return 200, b"".join(whole[-int(asked["tailLines"]) :])[: int(asked["limitBytes"])]

    answer = Answer(cut)
    found = tail(answer, tmp_path, lines=20)
    assert [one["tailLines"] for one in answer.asked] == ["20", "10"]
    assert [one.text[0] for one in found] == list("klmnopqrst")
    assert all(len(one.text) == 100_000 for one in found)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, b'{"message": "container web is waiting to start"}', LogUnavailable),
        (404, b'{"message": "pods web-0 not found"}', LogUnavailable),
        (500, b'{"message": "Get https://10.0.0.1:10250: connect: refused"}', LogUnavailable),
        (403, b'{"message": "pods/log is forbidden"}', ClusterForbidden),
    ],
)
def test_a_log_that_cannot_be_had_says_why(
    tmp_path: Path, status: int, body: bytes, kind: type[Exception]
) -> None:
    with pytest.raises(kind, match=r"waiting|not found|refused|forbidden"):
        tail(Answer(lambda _asked: (status, body)), tmp_path)


def test_times_of_any_time_zone_compare_as_times_do() -> None:
    data = (
        b"2026-03-02T17:30:00.123456789+08:00 from a node in China\n"
        b"2026-03-02T09:30:00.2Z with\ttab\r\n"
        b"2026-03-02T09:30:01Z \n"
        b"unable to retrieve container logs for containerd://abc\n"
        b"2026-03-02T09:30:02Z \xff\xfe"
    )
    assert lines(data) == (
        LogLine("2026-03-02T09:30:00.123456Z", "from a node in China"),
        LogLine("2026-03-02T09:30:00.200000Z", "with\ttab"),
        LogLine("2026-03-02T09:30:01.000000Z", ""),
        LogLine("", "unable to retrieve container logs for containerd://abc"),
        LogLine("2026-03-02T09:30:02.000000Z", "\ufffd\ufffd"),
    )
    assert lines(b"") == ()


def test_containers_are_told_in_the_order_of_their_start() -> None:
    web = deployment()
    crashed = pod(web, "web-1-b", **waiting("CrashLoopBackOff", "", 2, **ended(1)))
    crashed["spec"]["initContainers"] = [{"name": "migrate"}]
    done = {"name": "migrate", "ready": True, "state": {"terminated": {"exitCode": 0}}}
    crashed["status"]["initContainerStatuses"] = [done]
    fresh, slow = ready(web, "web-1-a"), pod(web, "web-1-c", **running())
    assert containers([crashed, slow, fresh]) == (
        Container("web-1-a", "web", "waiting"),
        Container("web-1-b", "migrate", "ended", well=True),
        Container("web-1-b", "web", "waiting", "CrashLoopBackOff", restarts=2, before=True),
        Container("web-1-c", "web", "running"),
    )
