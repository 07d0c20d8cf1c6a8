"""The child process: its protocol, and every way it can fail."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from champ_offline.errors import ChampError
from champ_offline.helm import faults
from champ_offline.helm.remote import SdkEngine
from champ_offline.helm.worker import Worker

NOWHERE = """\
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://127.0.0.1:9"}}]
users: [{name: u, user: {}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
"""


def worker(code: str) -> Worker:
    """A worker whose child is this program instead."""
    return Worker(Path("unused"), [sys.executable, "-c", code])


def test_a_result_comes_back() -> None:
    echo = worker(
        "import sys, json\nfor line in sys.stdin:\n"
        " print(json.dumps({'result': json.loads(line)['arguments']}), flush=True)"
    )
    assert echo.call("any", {"a": 1}, 10) == {"a": 1}
    assert echo.call("any", {"a": "x" * 300_000}, 10) == {"a": "x" * 300_000}
    echo.close()


def test_a_panic_is_told_with_its_reason() -> None:
    dying = worker(
        "import sys, os\nsys.stdin.readline()\n"
        "sys.stderr.write('panic: nil map\\n\\ngoroutine 1:\\n'); sys.stderr.flush(); os.abort()"
    )
    with pytest.raises(faults.EngineCrashed, match=r"signal 6.*panic: nil map"):
        dying.call("install", {}, 10)
    dying.close()


def test_a_silent_child_is_ended() -> None:
    silent = worker("import time; time.sleep(60)")
    started = time.monotonic()
    with pytest.raises(faults.EngineStuck):
        silent.call("install", {}, 0.3)
    assert time.monotonic() - started < 5
    silent.close()


def test_cancelling_ends_the_call() -> None:
    silent = worker("import time; time.sleep(60)")
    threading.Timer(0.3, silent.cancel).start()
    with pytest.raises(faults.EngineCancelled):
        silent.call("install", {}, 20)
    silent.close()


def test_after_a_death_the_next_call_has_a_new_child() -> None:
    once = worker(
        "import sys, json\nline = sys.stdin.readline()\n"
        "print(json.dumps({'result': 1}), flush=True)"
    )
    assert once.call("a", {}, 10) == 1
    time.sleep(0.3)
    assert once.call("a", {}, 10) == 1
    once.close()


def test_an_engine_that_is_not_there_is_named() -> None:
    with pytest.raises(faults.EngineMissing, match="/nowhere/helm"):
        Worker(Path("unused"), ["/nowhere/helm"]).call("a", {}, 1)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[SdkEngine]:
    path = tmp_path / "kubeconfig"
    path.write_text(NOWHERE, encoding="utf-8")
    engine = SdkEngine(path)
    yield engine
    engine.close()


def test_the_real_child_translates_what_the_sdk_raises(engine: SdkEngine) -> None:
    with pytest.raises(faults.HelmUnreachable, match=r"127\.0\.0\.1:9"):
        engine.releases()


def test_the_real_child_ends_with_its_parent_and_leaves_nothing(
    engine: SdkEngine, tmp_path: Path
) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom champ_offline.helm.remote import SdkEngine\n"
        "from champ_offline.errors import ChampError\n"
        f"engine = SdkEngine(Path({str(tmp_path / 'kubeconfig')!r}))\n"
        "try:\n engine.releases()\nexcept ChampError:\n pass\n"
        "print(engine._worker._process.pid, flush=True)\n"
        "print(engine._worker._kinds.name, flush=True)\nsys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = Path("/proc") / parent.stdout.readline().strip()
        kinds = Path(parent.stdout.readline().strip())
        assert child.exists()
        assert kinds.is_dir()
        parent.kill()
    deadline = time.monotonic() + 5
    while child.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not child.exists()
    assert not kinds.exists()


@pytest.mark.parametrize(
    ("code", "detail", "error"),
    [
        ("RELEASE", '"x" has no deployed releases', faults.ReleaseUnknown),
        ("", "release: not found", faults.ReleaseUnknown),
        ("NOT_FOUND", "", faults.ReleaseUnknown),
        ("RELEASE", "cannot reuse a name that is still in use", faults.ReleaseNameTaken),
        ("RELEASE", 'secrets is forbidden: User "a" cannot list', faults.HelmForbidden),
        ("CHART_LOAD", "unexpected EOF", faults.ChartInvalid),
        ("RELEASE", "context deadline exceeded", faults.ReleaseFailed),
        ("", "", faults.ReleaseFailed),
    ],
)
def test_helms_words_become_errors(code: str, detail: str, error: type[ChampError]) -> None:
    found = faults.fault(code, detail, release="r", namespace="n")
    assert type(found) is error
    assert str(found)
    assert found.advice
