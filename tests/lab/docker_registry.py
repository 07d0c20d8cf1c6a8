"""Somebody else's OCI registry: Debian's docker-registry over a folder, recorded.

Invariant: it listens on one address and nowhere else, and ends with the lab.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import yaml

from tests.lab import network, processes, resources
from tests.lab.certificates import Authority
from tests.lab.errors import LabError, TookTooLong
from tests.lab.records import Record, Records

Result = TypeVar("Result")


class DockerRegistry:
    """A registry that can be started and stopped; what was pushed stays in `folder`.

    Without a `namespace` it speaks plain HTTP on this machine's loopback; in one it speaks HTTPS
    on `address` with a certificate of its own authority, which `ca` names.
    """

    def __init__(
        self, records: Records, folder: Path, *, namespace: str = "", address: str = "127.0.0.1",
        port: int = 0,
    ) -> None:  # fmt: skip
        self.folder = folder
        # Apart from the keys: skopeo takes every *.key beside it for a client's.
        self.ca = folder / "trust" / "ca.crt"
        self._records = records
        self._namespace = namespace
        self._address = address
        self._port = port or self._within(lambda: _free_port(address))
        self._running: tuple[subprocess.Popen[str], Record] | None = None

    @property
    def host(self) -> str:
        """HOST:PORT, as image references name it."""
        return f"{self._address}:{self._port}"

    @property
    def url(self) -> str:
        """The registry's URL."""
        return f"{'https' if self._namespace else 'http'}://{self.host}"

    def start(self) -> None:
        """Start and wait until it answers; raises LabError."""
        (self.folder / "data").mkdir(parents=True, exist_ok=True)
        config = self.folder / "config.yml"
        config.write_text(yaml.safe_dump(self._config()))
        enter = network.enter(self._namespace) if self._namespace else []
        command = [*enter, "docker-registry", "serve", str(config)]
        with (self.folder / "registry.log").open("ab") as log:
            self._running = processes.start(self._records, command, stdout=log, stderr=log)
        if not processes.wait_until(self._answers, 15, pause=0.1):
            self.stop()
            raise TookTooLong(f"docker-registry at {self.url} does not answer.")

    def stop(self) -> None:
        """End it; the data stays."""
        if self._running is None:
            return
        resources.remove(self._records, self._running[1])
        self._running = None

    def _answers(self) -> bool:
        if self._running is not None and self._running[0].poll() is not None:
            raise LabError(f"docker-registry ended at once; see {self.folder / 'registry.log'}.")
        return self._within(self._ask)

    def _ask(self) -> bool:
        connection: http.client.HTTPConnection
        if self._namespace:
            context = ssl.create_default_context(cafile=str(self.ca))
            connection = http.client.HTTPSConnection(self._address, self._port, context=context)
        else:
            connection = http.client.HTTPConnection(self._address, self._port)
        try:
            connection.request("GET", "/v2/")
            return connection.getresponse().status == http.HTTPStatus.OK
        except OSError:
            return False
        finally:
            connection.close()

    def _within(self, act: Callable[[], Result]) -> Result:
        return network.inside(self._namespace, act) if self._namespace else act()

    def _config(self) -> dict[str, object]:
        http_part: dict[str, object] = {"addr": self.host}
        if self._namespace:
            authority = Authority(self.folder / "tls", "a registry of the lab")
            self.ca.parent.mkdir(exist_ok=True)
            self.ca.write_bytes(authority.certificate.read_bytes())
            certificate, key = authority.issue("registry", "registry", addresses=[self._address])
            http_part["tls"] = {"certificate": str(certificate), "key": str(key)}
        return {
            "version": "0.1",
            "log": {"level": "warn", "accesslog": {"disabled": True}},
            "storage": {
                "filesystem": {"rootdirectory": str(self.folder / "data")},
                "delete": {"enabled": True},
            },
            "http": http_part,
        }


def _free_port(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])
