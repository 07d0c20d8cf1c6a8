"""Health and metrics of a registry, asked as a load balancer and Prometheus ask."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from champ_offline import __version__
from champ_offline.clock import now_utc
from champ_offline.events import FaultFound
from champ_offline.oci.manifest import image_index
from champ_offline.registry import metrics
from champ_offline.registry.access import Open
from champ_offline.registry.asgi import registry
from champ_offline.registry.exposition import CONTENT_TYPE, Metric
from champ_offline.registry.metrics import Looked, Metrics
from champ_offline.registry.requests import BlobRequest, HealthRequest
from champ_offline.registry.routes import parse
from champ_offline.store.mark import Mark
from tests.architecture.source import ROOT
from tests.contracts.distribution.client import (
    Registry,
    Repository,
    Response,
    digest_of,
    serving,
)
from tests.unit.registry.conftest import LAYER, NAME, Zone

PAGE = (ROOT / "docs" / "registry-operations.md").read_text(encoding="utf-8")
NOTHING = Looked(0, 0, 0, 0, 0, 0, 0, 0)


@pytest.fixture
def running(zone: Zone, tmp_path: Path) -> Iterator[Registry]:
    zone.app = registry(zone.database, zone.blobs, tmp_path / "pushed", now_utc, Open())
    with serving(zone.app) as found:
        yield found
    zone.database.close()


def read(found: Response) -> dict[tuple[str, ...], float]:
    """Values by name and labels, as `("name", "label=value")`."""
    assert (found.status, found.headers["content-type"]) == (200, CONTENT_TYPE)
    return {
        (one.name, *(f"{key}={value}" for key, value in sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(found.body.decode())
        for one in family.samples
    }


def test_health_while_all_is_well(running: Registry) -> None:
    found = running.send("GET", "/healthz")
    assert (found.status, found.json) == (200, {"status": "ok"})
    assert found.headers["cache-control"] == "no-store"
    head = running.send("HEAD", "/healthz")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(len(found.body))
    other = running.send("POST", "/healthz")
    assert (other.status, other.headers["allow"]) == (405, "GET, HEAD")


def lose_database(zone: Zone) -> None:
    zone.database.path.rename(zone.database.path.with_name("elsewhere"))


def lose_store(zone: Zone) -> None:
    zone.blobs.root.rename(zone.blobs.root.with_name("elsewhere"))


def lose_refs(zone: Zone) -> None:
    with zone.database.transaction() as connection:
        connection.execute("DROP TABLE refs")


def stop(zone: Zone) -> None:
    zone.app.leave(ending=True)


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (lose_database, "the zone's database cannot be read"),
        (lose_refs, "the zone's database cannot be read"),
        (lose_store, "the zone's store cannot be read"),
        (stop, "the registry is being stopped"),
    ],
)
def test_health_says_why_not(
    running: Registry, zone: Zone, tmp_path: Path, harm: Callable[[Zone], None], reason: str
) -> None:
    assert running.send("GET", "/healthz").status == 200
    harm(zone)
    found = running.send("GET", "/healthz")
    assert (found.status, found.json) == (503, {"status": "unavailable", "reason": reason})
    assert str(tmp_path).encode() not in found.body


def test_another_store_in_the_place_of_the_zones(running: Registry, zone: Zone) -> None:
    """Of the same content: nothing of it is sent, nothing is written to it."""
    own = Mark.made_for("core")
    own.put(zone.blobs.root)
    zone.blobs.hold_to(own.identity)
    repository, layer = running.repository(), f"/v2/{NAME}/blobs/{zone.layer.digest}"
    begun = repository.begin()
    away = zone.blobs.root.with_name("away")
    shutil.copytree(zone.blobs.root, away)
    Mark.made_for("edge").put(zone.blobs.root)
    found = running.send("GET", "/healthz")
    reason = "another store is in the place of the zone's"
    assert (found.status, found.json["reason"]) == (503, reason)
    before = sorted(zone.blobs.root.rglob("*"))
    data = b"a layer"
    for refused in (
        running.send("GET", layer),
        running.send("GET", f"/v2/{NAME}/manifests/1"),
        repository.follow("PUT", begun, data, digest=digest_of(data)),
        repository.send("POST", f"blobs/uploads/?digest={digest_of(data)}", data),
        repository.send(
            "POST", f"blobs/uploads/?mount={zone.layer.digest}&from={NAME.replace('/', '%2F')}"
        ),
        repository.send("PUT", "manifests/1", image_index([])),
    ):
        assert (refused.status, refused.codes) == (503, ["UNAVAILABLE"])
    assert sorted(zone.blobs.root.rglob("*")) == before
    shutil.rmtree(zone.blobs.root)
    away.rename(zone.blobs.root)
    assert running.send("GET", "/healthz").status == 200
    assert running.send("GET", layer).body == LAYER
    # What came before the refusal waits beside the store.
    assert repository.follow("PUT", begun, digest=digest_of(data)).status == 201


WITHOUT_RIGHTS = """
import sys
from pathlib import Path
from champ_offline.clock import now_utc
from champ_offline.durable.database import Database
from champ_offline.registry.asgi import registry
from champ_offline.store.blobs import BlobStore

folder = Path(sys.argv[1])
blobs = BlobStore(folder / "blobs")
app = registry(Database(folder / "zone.db"), blobs, folder / "pushed", now_utc)
for folder, mode in (("sha256", 0), ("sha256", 0o444), ("sha256", 0o311), ("sha512", 0)):
    (blobs.root / folder).mkdir(exist_ok=True)
    (blobs.root / folder).chmod(mode)
    print(app.monitor.health().status)
    (blobs.root / folder).chmod(0o755)
    print(app.monitor.health().status)
"""


def test_health_where_blobs_cannot_be_opened(zone: Zone, tmp_path: Path) -> None:
    zone.database.close()
    less = "--bounding-set=-dac_override,-dac_read_search"
    words = ["setpriv", less, sys.executable, "-c", WITHOUT_RIGHTS, str(tmp_path)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["503", "200"] * 4, done.stderr


def test_a_database_that_is_removed_takes_no_push_and_is_not_made_anew(
    running: Registry, zone: Zone
) -> None:
    path, blob = zone.database.path, b"a push after that"
    backup = path.with_name("backup")
    shutil.copy(path, backup)
    for file in path.parent.glob(f"{path.name}*"):
        file.rename(path.with_name(f"elsewhere{file.name.removeprefix(path.name)}"))
    repository = Repository(running, "team/z")
    for restored in (False, True):
        if restored:
            shutil.copy(backup, path)
        for _ in range(3):
            refused = repository.send("POST", f"blobs/uploads/?digest={digest_of(blob)}", blob)
            assert (refused.status, refused.codes) == (503, ["UNAVAILABLE"])
            assert "database is gone" in refused.body.decode()
            assert running.send("GET", "/healthz").status == 503
        assert repository.send("HEAD", f"blobs/{digest_of(blob)}").status in {404, 503}
        assert path.exists() == restored
    for file in path.parent.glob("elsewhere*"):
        file.rename(path.with_name(f"{path.name}{file.name.removeprefix('elsewhere')}"))
    assert running.send("GET", "/healthz").status == 200
    pushed = repository.send("POST", f"blobs/uploads/?digest={digest_of(blob)}", blob)
    assert pushed.status == 201


def test_after_a_hand_over_clients_are_sent_away_and_nothing_is_wrong(
    running: Registry, zone: Zone
) -> None:
    zone.app.leave(ending=False)
    found = running.send("GET", "/healthz")
    assert (found.status, found.headers["connection"]) == (200, "close")


def test_asking_about_health_reads_no_table_where_nothing_changed(zone: Zone) -> None:
    asked: list[str] = []
    zone.app.monitor.health()
    zone.database._connection().set_trace_callback(asked.append)
    for _ in range(3):
        assert zone.app.monitor.health().status == 200
    assert set(asked) == {"PRAGMA data_version"}


def test_requests_are_counted(running: Registry, zone: Zone) -> None:
    blob = f"/v2/{NAME}/blobs/{zone.layer.digest}"
    for method in ("GET", "GET", "HEAD"):
        assert running.send(method, blob).status == 200
    assert running.send("GET", f"/v2/{NAME}/manifests/none").status == 404
    assert running.send("PROPFIND", "/v2/").status == 405
    begun = running.repository().begin()
    found = read(running.send("GET", "/metrics"))
    total = "champ_registry_requests_total"
    assert found[(total, "kind=blob", "method=GET", "status=2xx")] == 2
    assert found[(total, "kind=blob", "method=HEAD", "status=2xx")] == 1
    assert found[(total, "kind=manifest", "method=GET", "status=4xx")] == 1
    assert found[(total, "kind=other", "method=other", "status=4xx")] == 1
    assert found[(total, "kind=upload", "method=POST", "status=2xx")] == 1
    sent = zone.layer.size * 2
    assert found[("champ_registry_answered_bytes_total", "kind=blob")] == sent
    assert found[("champ_registry_first_byte_seconds_count", "kind=blob")] == 3
    assert 0 < found[("champ_registry_first_byte_seconds_sum", "kind=blob")] < 60
    assert found[("champ_registry_uploads_in_progress",)] == 1
    assert found[("champ_registry_audit_rows_total",)] == 1
    assert found[("champ_registry_connections",)] == 1
    assert found[("champ_registry_requests_in_progress",)] == 1
    assert found[("champ_registry_store_free_bytes",)] > 0
    assert found[("champ_build_info", f"version={__version__}")] == 1
    assert running.send("DELETE", begun).status == 204
    assert read(running.send("GET", "/metrics"))[("champ_registry_uploads_in_progress",)] == 0


def test_a_damaged_blob_is_counted(running: Registry, zone: Zone) -> None:
    path = zone.blobs.path(zone.layer.digest)
    path.chmod(0o644)
    path.write_bytes(b"x" * zone.layer.size)
    assert running.send("GET", f"/v2/{NAME}/blobs/{zone.layer.digest}").status == 404
    found = read(running.send("GET", "/metrics"))
    assert found[("champ_registry_damaged_blobs_total",)] == 1
    assert found[("champ_registry_blobs_aside",)] == 1


def test_a_lost_blob_is_counted_once(running: Registry, zone: Zone) -> None:
    zone.blobs.remove(zone.layer.digest)
    for _ in range(2):
        assert running.send("GET", f"/v2/{NAME}/blobs/{zone.layer.digest}").status == 404
        found = read(running.send("GET", "/metrics"))
        assert found[("champ_registry_missing_blobs_total",)] == 1
        assert found[("champ_registry_damaged_blobs_total",)] == 0
        assert found[("champ_registry_blobs_aside",)] == 0
    zone.blobs.add(LAYER)
    assert running.send("GET", f"/v2/{NAME}/blobs/{zone.layer.digest}").status == 200
    zone.blobs.remove(zone.layer.digest)
    assert running.send("GET", f"/v2/{NAME}/blobs/{zone.layer.digest}").status == 404
    assert read(running.send("GET", "/metrics"))[("champ_registry_missing_blobs_total",)] == 2


def test_blobs_that_somebody_else_set_aside(running: Registry, zone: Zone) -> None:
    def aside() -> float:
        return read(running.send("GET", "/metrics"))[("champ_registry_blobs_aside",)]

    assert aside() == 0
    zone.blobs.set_aside(zone.layer.digest, zone.blobs.stamp(zone.layer.digest))
    assert aside() == 1
    zone.blobs.add(LAYER)
    assert aside() == 0


def test_no_name_is_in_a_label(running: Registry, zone: Zone) -> None:
    for name in (NAME, "secret/project"):
        running.send("GET", f"/v2/{name}/tags/list?ns=secret.example", headers={"x-a": "secret"})
    text = running.send("GET", "/metrics").body
    assert b"secret" not in text
    assert NAME.encode() not in text


def test_health_comes_without_a_database_and_metrics_tell_what_they_can(
    running: Registry, zone: Zone
) -> None:
    with zone.database.transaction() as connection:
        connection.execute("DROP TABLE uploads")
    found = read(running.send("GET", "/metrics"))
    assert ("champ_registry_uploads_in_progress",) not in found
    assert ("champ_registry_store_free_bytes",) in found


def every_metric() -> list[Metric]:
    return [value for value in vars(metrics).values() if isinstance(value, Metric)]


def test_the_page_has_every_metric() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \| (\w+) \| ([^|]*) \| (.*) \|$", PAGE, re.MULTILINE)
    expected = [
        (one.name, str(one.type), ", ".join(f"`{label}`" for label in one.labels), one.help)
        for one in every_metric()
    ]
    assert rows == expected


def test_every_metric_is_told() -> None:
    end = datetime(2027, 1, 1, tzinfo=UTC)
    counted = Metrics(now_utc(), end)
    counted.answered("GET", BlobRequest("x", digest=None), 200, 5, 0.01)  # type: ignore[arg-type]
    told = re.findall(r"^# TYPE (\S+) (\S+)$", counted.text(NOTHING).decode(), re.MULTILINE)
    assert sorted(told) == sorted((one.name, str(one.type)) for one in every_metric())
    without = Metrics(now_utc()).text(NOTHING).decode()
    assert metrics.CERTIFICATE.name not in without


def test_a_fault_heard_is_counted_and_passed_on(zone: Zone) -> None:
    heard: list[object] = []
    fault = FaultFound("store.blob-damaged", "x", "y", -1)
    zone.app.monitor.counting(heard.append)(fault)
    assert heard == [fault]
    assert zone.app.monitor.metrics.damaged == 1


def test_the_routes() -> None:
    assert parse("HEAD", "/healthz", "") == HealthRequest()
    for path in ("/healthz/", "/metrics/x", "/v2/healthz"):
        assert not isinstance(parse("GET", path, ""), HealthRequest)
