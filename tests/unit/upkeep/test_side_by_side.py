"""Collections while clients push, pull and delete the very same content: no promise is broken."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

from champ_offline.appliance import Appliance
from champ_offline.events import ignore
from champ_offline.registry.access import Open
from champ_offline.registry.asgi import registry
from champ_offline.store.blobs import BlobStore
from tests.contracts.distribution.client import (
    CONFIG,
    IMAGE,
    LAYER,
    Response,
    descriptor,
    digest_of,
)
from tests.crash.zones import commission
from tests.simulators.asgi import ask
from tests.unit.bundle.conftest import NOW, Signing, signing

__all__ = ["signing"]
ROUNDS = 60
NAME = "/v2/team/app"
LAYERS = tuple(bytes([n]) * 2000 for n in range(4))


def push(send: Callable[..., Response], layers: tuple[bytes, ...]) -> bytes:
    """An image of all layers, each sent only where the registry has it not."""
    for layer in (b"{}", *layers):
        if send("HEAD", f"{NAME}/blobs/{digest_of(layer)}").status != 200:
            sent = send("POST", f"{NAME}/blobs/uploads/?digest={digest_of(layer)}", layer)
            assert sent.status == 201
    listed = [descriptor(layer, LAYER) for layer in layers]
    document = {"schemaVersion": 2, "mediaType": IMAGE, "config": descriptor(b"{}", CONFIG)}
    data = json.dumps({**document, "layers": listed}).encode()
    assert send("PUT", f"{NAME}/manifests/1", data).status == 201
    return data


def test_what_was_promised_is_there(signing: Signing, tmp_path: Path) -> None:
    zone = tmp_path / "zone"
    commission(zone, signing.root)
    collected, ended, went_wrong = 0, threading.Event(), list[BaseException]()

    def collect() -> None:
        nonlocal collected
        appliance = Appliance(zone, lambda: NOW)
        with closing(appliance._database):
            while not ended.is_set():
                try:
                    plan = appliance.upkeep.collection()
                    collected += appliance.upkeep.collect(plan, ignore).blobs
                except BaseException as error:  # noqa: BLE001 - the test shall show it
                    went_wrong.append(error)
                    return

    thread = threading.Thread(target=collect)
    appliance = Appliance(zone, lambda: NOW)
    blobs = BlobStore(zone / "store")
    with closing(appliance._database) as database:
        send = partial(ask, registry(database, blobs, zone / "uploads", lambda: NOW, Open()))
        thread.start()
        try:
            for number in range(ROUNDS):
                layers = LAYERS[: 1 + number % len(LAYERS)]
                data = push(send, layers)
                assert send("GET", f"{NAME}/manifests/1").body == data
                for layer in layers:
                    assert send("GET", f"{NAME}/blobs/{digest_of(layer)}").body == layer
                for rest in (f"manifests/{digest_of(data)}", f"blobs/{digest_of(layers[0])}"):
                    assert send("DELETE", f"{NAME}/{rest}").status == 202
        finally:
            ended.set()
            thread.join()
    assert went_wrong == []
    assert collected > 0
