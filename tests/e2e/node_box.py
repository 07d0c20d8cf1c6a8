"""A node for the tests: its own /etc, its own network without a way out, and a real containerd.

Invariant: nothing of this machine is changed; all of it goes with the process that holds it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.architecture.source import ROOT
from tests.e2e.daemons import daemon

CONFIG = Path("/etc/containerd/config.toml")
# $1: a folder. /etc becomes a copy that is written elsewhere; so does what containerd keeps, for
# overlays do not lie on overlays.
_PREPARE = r"""
set -eu
mount --make-rprivate /
mount -t tmpfs -o mode=755 node "$1"
mkdir "$1/etc" "$1/work" "$1/lib"
mount -t overlay -o "lowerdir=/etc,upperdir=$1/etc,workdir=$1/work" node /etc
rm -rf /etc/containerd /etc/systemd/system/containerd.service.d
mkdir -p /etc/containerd
ip link set lo up
touch "$1/ready"
exec sleep infinity
"""
_HOLD = ("unshare", "--mount", "--net", "sh", "-c", _PREPARE, "sh")


@dataclass
class Box:
    """A node that is there until its block ends; `folder` is on this machine, empty from here."""

    folder: Path
    pid: int

    def enter(self, *words: str | Path) -> list[str]:
        """The words that run a command on the node."""
        spaces = [f"--{kind}=/proc/{self.pid}/ns/{file}" for kind, file in _SPACES]
        return ["nsenter", *spaces, *map(str, words)]

    def run(self, *words: str | Path, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command on the node, in the folder of this project."""
        return subprocess.run(
            self.enter(*words), input=given, cwd=ROOT, capture_output=True, text=True, check=False
        )

    def champ(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """Run `champ` there."""
        return self.run(sys.executable, "-m", "installer", *words)

    def read(self, path: Path) -> str:
        """A file of the node."""
        done = self.run("cat", path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def write(self, path: Path, text: str) -> None:
        """Write a file of the node, with its folders."""
        done = self.run("sh", "-c", 'mkdir -p "${1%/*}" && cat > "$1"', "sh", path, given=text)
        assert done.returncode == 0, done.stderr

    def doctor(self, *words: str) -> list[dict[str, Any]]:
        """What `champ registry doctor` finds; its exit code must fit."""
        done = self.champ("registry", "doctor", *words, "--json")
        found: list[dict[str, Any]] = json.loads(done.stdout)
        stops = any(one["state"] == "bad" for one in found)
        assert done.returncode == (4 if stops else 0), done.stderr
        return found


_SPACES = (("mount", "mnt"), ("net", "net"))


@contextmanager
def box(folder: Path) -> Iterator[Box]:
    """A node; whatever still runs in it must have been ended before."""
    folder.mkdir()
    with ExitStack() as held:
        command = [*_HOLD, str(folder)]
        process = held.enter_context(daemon(command, lambda: True, folder.with_suffix(".log")))
        found = Box(folder, process.pid)
        ready = found.enter("test", "-e", folder / "ready")
        until(lambda: subprocess.run(ready, capture_output=True, check=False).returncode == 0)
        yield found


def until(met: Callable[[], bool]) -> None:
    """Wait for what is about to be."""
    import time

    deadline = time.monotonic() + 30
    while not met():
        assert time.monotonic() < deadline
        time.sleep(0.05)


class Runtime:
    """A containerd with its CRI on a node; `program` of the version that reads `settings`."""

    def __init__(self, node: Box, program: Path, cri: Path, settings: str) -> None:
        self._node, self._program, self._cri = node, program, cri
        self.sock = node.folder / "lib/sock"
        self.settings = settings.format(lib=node.folder / "lib", sock=self.sock)
        self._running = ExitStack()

    def start(self) -> None:
        """Start it, or start it again: what `systemctl restart containerd` does."""
        self.stop()
        command = self._node.enter(self._program, "--config", CONFIG)
        log = self._node.folder.with_suffix(".containerd")
        self._running.enter_context(daemon(command, self._answers, log))

    def stop(self) -> None:
        """End it."""
        self._running.close()

    def pull(self, image: str) -> subprocess.CompletedProcess[str]:
        """Pull as a kubelet does."""
        return self._node.run(self._cri, self.sock, image)

    def ctr(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """containerd's own client, in the namespace of Kubernetes."""
        return self._node.run("ctr", "--address", self.sock, "--namespace", "k8s.io", *words)

    def _answers(self) -> bool:
        return self.ctr("version").returncode == 0


TWO = """\
version = 2
root = "{lib}/root"
state = "{lib}/state"
[grpc]
address = "{sock}"
[plugins."io.containerd.grpc.v1.cri"]
restrict_oom_score_adj = true
"""
THREE = """\
version = 3
root = "{lib}/root"
state = "{lib}/state"
[grpc]
address = "{sock}"
[plugins.'io.containerd.cri.v1.runtime']
restrict_oom_score_adj = true
"""


def commands(finding: dict[str, Any]) -> Sequence[str]:
    """The `champ` commands in a finding's advice."""
    parts = str(finding["remedy"]).split("`")[1::2]
    return [part.removeprefix("champ ") for part in parts if part.startswith("champ ")]
