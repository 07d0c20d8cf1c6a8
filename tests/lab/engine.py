"""A Docker engine for the docker-engine source: Debian's dockerd, apart from any other here.

Invariant: it runs in a network namespace of its own, without bridge and packet filter, and all its
files are in one folder; what it starts is in that namespace and ends with it.
"""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import tempfile
from pathlib import Path

from tests.lab import network, node_texts, processes, resources
from tests.lab.errors import LabError, TookTooLong
from tests.lab.records import Record, Records


class Engine:
    """A Docker engine; `socket` is its unix:// URL while it runs.

    It trusts registries that `ca` signed and no others; None leaves it this machine's trust.
    """

    def __init__(
        self, records: Records, folder: Path, prefix: str, *, ca: Path | None = None
    ) -> None:
        self.folder = folder
        self.namespace = f"{prefix}-engine"
        self._records = records
        self._ca = ca
        self._made: list[Record] = []
        self._process: subprocess.Popen[str] | None = None
        # A socket's path is limited to 107 characters; the state folder's is not.
        self._run = Path(tempfile.gettempdir()) / f"{prefix}-engine"

    @property
    def socket(self) -> str:
        """For DOCKER_HOST."""
        return f"unix://{self._run / 'docker.sock'}"

    def start(self) -> None:
        """Start and wait until it answers; raises LabError with the log's end if it does not."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "daemon.json").write_text("{}\n")  # not the machine's own settings
        self._made.append(self._records.made("folder", path=str(self.folder / "data")))
        self._made.append(self._records.made("namespace", name=self.namespace))
        network.make(self.namespace)
        self._made.append(self._records.made("folder", path=str(self._run)))
        self._run.mkdir(mode=0o700)
        with (self.folder / "dockerd.log").open("ab") as log:
            # Go's crypto/x509: the one file with all roots.
            env = {**os.environ, "SSL_CERT_FILE": str(self._ca)} if self._ca else None
            self._process, record = processes.start(
                self._records, self._command(), env=env, stdout=log, stderr=log
            )
        self._made.append(record)
        if not processes.wait_until(self._answers, 30, pause=0.1):
            self.stop()
            raise TookTooLong(f"The Docker engine does not answer; see {self.folder}/dockerd.log.")

    def stop(self) -> None:
        """End it and remove what it held; its images too."""
        if self._process is not None:
            processes.end(self._made[-1], grace=5)
        while self._made:
            resources.remove(self._records, self._made[-1])
            self._made.pop()
        self._process = None

    def _command(self) -> list[str]:
        # A mount namespace of its own: whatever it leaves mounted goes with it.
        entered = network.enter(self.namespace)
        script = f'{node_texts.LET_GO}exec "$@"'
        apart = ["unshare", "--mount", "--propagation=private", "sh", "-c", script, "sh"]
        return [
            *entered, *apart, "dockerd", f"--host={self.socket}", f"--data-root={self.folder}/data",
            f"--exec-root={self._run}/exec", f"--pidfile={self._run}/dockerd.pid",
            "--iptables=false", "--ip6tables=false", "--bridge=none", "--ip-forward=false",
            f"--config-file={self.folder}/daemon.json", "--log-level=warn",
        ]  # fmt: skip

    def _answers(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            lines = (self.folder / "dockerd.log").read_text(errors="replace").splitlines()
            raise LabError(f"The Docker engine ended: {' / '.join(lines[-2:])}")
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5)
            try:
                client.connect(str(self._run / "docker.sock"))
                client.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
                return str(http.HTTPStatus.OK.value).encode() in client.recv(64)
            except OSError:
                return False
