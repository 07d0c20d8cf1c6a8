"""Debian's docker-registry with passwords and its containerd, in folders of their own.

Invariant: each is ended by the process that started it, by its own handle, and leaves no mounts.
"""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_READY_SECONDS = 30.0


def free_port() -> int:
    """A TCP port of loopback that nobody had a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(port: int) -> bool:
    """Whether something listens on that port of loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def output(*command: str | Path) -> str:
    """What a command writes; its stderr is part of the failure."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


@contextmanager
def daemon(
    command: Sequence[str | Path], ready: Callable[[], bool], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a daemon until the block ends; it gets SIGTERM, and SIGKILL after 20 seconds."""
    with (
        log.open("wb") as file,
        subprocess.Popen(list(map(str, command)), stdout=file, stderr=file) as process,
    ):
        try:
            deadline = time.monotonic() + _READY_SECONDS
            while not ready():
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def registry_with_password(directory: Path, htpasswd: str) -> Iterator[str]:
    """The address of a registry on loopback that only gives to users named in `htpasswd`."""
    directory.mkdir(parents=True)
    port = free_port()
    (directory / "htpasswd").write_text(htpasswd)
    settings = directory / "config.yml"
    settings.write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {directory}/data}}}}\n"
        f'http: {{addr: "127.0.0.1:{port}"}}\nlog: {{level: warn}}\n'
        f"auth: {{htpasswd: {{realm: lab, path: {directory}/htpasswd}}}}\n"
    )
    command: list[str | Path] = ["docker-registry", "serve", settings]
    with daemon(command, lambda: answers(port), directory / "log"):
        yield f"127.0.0.1:{port}"


@contextmanager
def containerd(directory: Path) -> Iterator[Path]:
    """The socket of a containerd that runs no containers."""
    directory.mkdir(parents=True)
    sock = directory / "sock"
    settings = directory / "config.toml"
    settings.write_text(
        f'version = 2\nroot = "{directory}/root"\nstate = "{directory}/state"\n'
        'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
        f'[grpc]\naddress = "{sock}"\n'
    )

    def ready() -> bool:
        probe = ["ctr", "--address", str(sock), "version"]
        done = subprocess.run(probe, capture_output=True, check=False)
        return done.returncode == 0

    with daemon(["containerd", "--config", settings], ready, directory / "log"):
        yield sock
