"""The real PACS with its database, for kills: instances come in all the time and none may be lost.

Invariant: an instance counts once the PACS said it is stored; it must then come back byte for byte
over HTTP, its study be found by DICOM, and the rows of the database about it never change.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any

from tests.e2e.commands import PROJECT
from tests.e2e.killed_apps import complete
from tests.e2e.one_zone import OneZone
from tests.e2e.platform import platform_recipe
from tests.e2e.study import MODALITY, STUDY, Modality, make_file
from tests.lab import network

AE_TITLE, DICOM_PORT, HTTP_PORT = "PACS", 31242, 31842
_USER, _PASSWORD = "admin", "only-for-the-lab-1"
_AUTHORIZATION = {
    "Authorization": "Basic " + base64.b64encode(f"{_USER}:{_PASSWORD}".encode()).decode()
}
_NAME = "pacs-orthanc"
_DATABASE = f"{_NAME}-postgresql"
_PAUSE_SECONDS = 0.5
_ANSWER_SECONDS = 10.0
_PATIENCE_SECONDS = 60.0
# Every instance with the attachment that holds its pixels: where it lies, how large, its MD5.
_ROWS = (
    "SELECT r.publicid, a.uuid, a.uncompressedsize, a.uncompressedhash FROM resources r"
    " JOIN attachedfiles a ON a.id = r.internalid WHERE r.resourcetype = 3 AND a.filetype = 1"
    " ORDER BY r.publicid"
)


class Pacs:
    """Orthanc and PostgreSQL from the catalog, in the two versions that the bundles have."""

    app, release, versions = "orthanc", "pacs", ("1.10.1", "1.12.7")

    def __init__(self, zone: OneZone) -> None:
        self._zone = zone
        ground = zone.ground
        self._namespace = zone.zone.host_namespace
        self._folder = zone.build / "studies"
        self._modality = Modality(ground.enter, ground.node_address, DICOM_PORT, AE_TITLE)
        self._digests: dict[str, str] = {}
        self._rows: dict[str, str] = {}
        self._made = 0

    @property
    def kept(self) -> int:
        """How many instances the PACS took."""
        return len(self._digests)

    def recipes(self, binaries: Path, build: Path) -> list[Path]:
        own = [
            PROJECT / "bundles" / name / "bundle.yaml" for name in ("orthanc-1.10", "orthanc-1.12")
        ]
        return [platform_recipe(binaries, build), *own]

    def answers(self, text: str) -> dict[str, Any]:
        return {
            "name": text,
            "aeTitle": AE_TITLE,
            "users": [{"name": _USER, "password": _PASSWORD}],
            "dicomNodePort": DICOM_PORT,
            "httpNodePort": HTTP_PORT,
            "modalities": [
                {"name": "ct-1", "aeTitle": MODALITY, "host": self._zone.ground.registry_address}
            ],
            "imageStorage": "1Gi",
            "databaseStorage": "1Gi",
        }

    def said(self) -> str | None:
        path = f"/api/v1/namespaces/{self.release}/configmaps/{_NAME}"
        if not self._zone.node.api.exists(path):
            return None
        document = json.loads(self._zone.node.api.get(path)["data"]["orthanc.json"])
        return str(document["Name"])

    def serves(self) -> bool:
        api = self._zone.node.api
        return complete(api, "deployments", self.release, _NAME, 1) and complete(
            api, "statefulsets", self.release, _DATABASE, 1
        )

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Instances are sent one after the other; while nobody takes them they do not count."""
        over = threading.Event()

        def send() -> None:
            while not over.wait(_PAUSE_SECONDS):
                self._send(self._make())

        thread = threading.Thread(target=lambda: network.inside(self._namespace, send))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def keep(self) -> None:
        self._folder.mkdir(exist_ok=True)
        self._modality.echo()
        self._modality.store(make_file(self._folder))
        file = self._make()
        assert network.inside(self._namespace, lambda: self._send(file)), "nothing was stored"

    def forget(self) -> None:
        """Delete every study, as somebody at the PACS can."""

        def delete() -> list[int]:
            _, said = self._exchange("GET", "/studies")
            return [self._exchange("DELETE", f"/studies/{key}")[0] for key in json.loads(said)]

        assert set(network.inside(self._namespace, delete)) == {int(HTTPStatus.OK)}

    def lost(self) -> list[str]:
        self._modality.echo()
        found = [] if self._modality.find(STUDY) == ["TEST^STUDY"] else [f"study {STUDY}"]
        found += network.inside(self._namespace, self._changed)
        rows = self._asked()
        found += [f"row of {key}" for key, row in self._rows.items() if rows.get(key) != row]
        found += [f"row of {key}" for key in self._digests if key not in rows]
        self._rows |= rows
        return found

    def _make(self) -> bytes:
        """Another instance of another study, as a file."""
        self._made += 1
        folder = self._folder / str(self._made)
        folder.mkdir(parents=True)
        return make_file(folder, study=f"{STUDY}.{self._made}").read_bytes()

    def _send(self, content: bytes) -> bool:
        """Whether the PACS said that it has it now; it is then to be found."""
        with suppress(OSError, http.client.HTTPException):
            status, text = self._exchange("POST", "/instances", content)
            if status == HTTPStatus.OK:
                key = str(json.loads(text)["ID"])
                self._digests[key] = hashlib.sha256(content).hexdigest()
                return True
        return False

    def _changed(self) -> list[str]:
        return [key for key, digest in self._digests.items() if self._digest(key) != digest]

    def _digest(self, key: str) -> str:
        """Of the file that the PACS gives back; it may be a moment until its port is open."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                status, content = self._exchange("GET", f"/instances/{key}/file")
            except (OSError, http.client.HTTPException):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
                continue
            return hashlib.sha256(content).hexdigest() if status == HTTPStatus.OK else str(status)

    def _exchange(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        address = self._zone.ground.node_address
        connection = http.client.HTTPConnection(address, HTTP_PORT, timeout=_ANSWER_SECONDS)
        try:
            connection.request(method, path, body, _AUTHORIZATION)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _asked(self) -> dict[str, str]:
        """What the database says of every instance."""
        said = self._zone.kubectl(
            "exec", "--namespace", self.release, f"{_DATABASE}-0", "--",
            "psql", "-h", "/run/postgresql", "-U", "champ", "-d", "orthanc", "-Atqc", _ROWS,
        )  # fmt: skip
        rows = [line.partition("|") for line in said.splitlines()]
        return {key: rest for key, _, rest in rows}
