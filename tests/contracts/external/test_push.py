"""What any target must show after a push: all of it, by digest, under its tags, with referrers."""

from __future__ import annotations

import hashlib
import http.client
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from champ_offline.events import Event, Progress, StepFinished, StepStarted, ignore
from champ_offline.external.errors import ImagesNotPushed
from champ_offline.external.push import PutBack
from champ_offline.oci import media_types
from champ_offline.oci.digest import Digest
from champ_offline.store.refs import Ref
from tests.contracts.external.conftest import REGISTRIES, external
from tests.simulators.brought import APP, BUNDLE, JOB, ODD, WEB, Brought, bring
from tests.simulators.relay import relay

EVERY = ", ".join(sorted(media_types.DOCUMENTS))
# Neither release of CNCF Distribution has the API.
WITHOUT_REFERRERS = {"docker-registry", "distribution"}


def get(port: int, path: str) -> tuple[int, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("GET", f"/v2/champ/{path}", headers={"Accept": EVERY})
        found = connection.getresponse()
        return found.status, found.read()


def manifest(port: int, name: str, reference: object) -> Any:
    status, body = get(port, f"{name}/manifests/{reference}")
    assert status == 200, (name, reference, body)
    if isinstance(reference, Digest):
        assert Digest.of(body) == reference
    return json.loads(body)


def whole(port: int, name: str, reference: object) -> int:
    """Pull everything below a manifest, hashing it; how many blobs that were."""
    document = manifest(port, name, reference)
    below = [
        whole(port, name, Digest.parse(one["digest"])) for one in document.get("manifests", [])
    ]
    if below:
        return sum(below)
    blobs = [document["config"], *document["layers"]]
    for blob in blobs:
        status, body = get(port, f"{name}/blobs/{blob['digest']}")
        assert status == 200
        assert f"sha256:{hashlib.sha256(body).hexdigest()}" == blob["digest"]
    return len(blobs)


def referrers(kind: str, port: int, name: str, subject: Digest) -> dict[str, str]:
    """What clients find that refers to it: digests, and their kinds."""
    status, body = get(port, f"{name}/referrers/{subject}")
    if kind in WITHOUT_REFERRERS:
        assert status == 404
        status, body = get(port, f"{name}/manifests/sha256-{subject.hex}")
    assert status == 200
    return {one["digest"]: one["artifactType"] for one in json.loads(body)["manifests"]}


def test_everything_is_there_afterwards(kind: str, port: int, brought: Brought) -> None:
    done = external(brought, port).push((), "anna", ignore)
    assert {one.name for one in done.names} == {WEB, JOB, ODD, APP}
    web = brought.digests["web"]
    for tag in ("1.27", "latest", web):
        assert whole(port, WEB, tag) == 6
    assert whole(port, JOB, "2") == whole(port, JOB, brought.digests["older"]) == 2
    assert whole(port, "localhost_5000/odd", "1") == 2
    assert manifest(port, APP, "1")["artifactType"] == media_types.APP
    for subject, expected in brought.referrers.items():
        found = referrers(kind, port, WEB, subject)
        assert set(found) == {str(digest) for digest in expected}
        assert set(found.values()) == {"application/vnd.example.signature"}
        for digest in expected:
            whole(port, WEB, digest)


def test_what_is_there_is_not_sent_again(port: int, brought: Brought) -> None:
    with relay(port) as between:
        verbs = external(brought, between.port)
        first = verbs.push((), "anna", ignore)
        assert between.sent > first.size > 125_000
        # A layer and a config are in two names each, and are sent once.
        assert sum(one.mounted for one in first.names) == 2
        between.forget()
        again = verbs.push((), "anna", ignore)
        assert again.size == again.sent == 0
        assert sum(one.put for one in again.names) == 0
        assert between.sent < 40_000


def test_only_what_came_since_is_sent(port: int, brought: Brought) -> None:
    verbs = external(brought, port)
    verbs.push((), "anna", ignore)
    assert verbs.view().waiting == 0
    data = json.loads(brought.blobs.read(brought.digests["odd"]))
    changed = json.dumps(data | {"annotations": {"org.example.is": "newer"}}).encode()
    at = brought.blobs.add(changed)
    descriptor = next(one.descriptor for one in brought.refs.all() if one.name == ODD)
    newer = type(descriptor)(descriptor.media_type, at, len(changed))
    with brought.database.transaction() as connection:
        brought.refs.put(connection, [Ref(ODD, "1", newer, BUNDLE)])
    assert verbs.view().waiting == 1
    done = verbs.push([ODD], "anna", ignore)
    assert [(one.name, one.put, one.sent) for one in done.names] == [(ODD, 1, 0)]
    assert manifest(port, "localhost_5000/odd", "1") == json.loads(changed)
    assert verbs.view().waiting == 0


def test_a_tag_that_was_moved_is_put_back(port: int, brought: Brought) -> None:
    verbs = external(brought, port)
    verbs.push((), "anna", ignore)
    assert verbs.push((), "anna", ignore).put_back == 0
    older = brought.blobs.read(brought.digests["older"])
    with closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
        kind = {"Content-Type": media_types.DOCKER_MANIFEST}
        connection.request("PUT", f"/v2/champ/{JOB}/manifests/2", older, kind)
        assert connection.getresponse().status == 201
    [done] = verbs.push([JOB], "anna", ignore).names
    assert done.put_back == (PutBack("2", brought.digests["older"], brought.digests["job"]),)
    assert manifest(port, JOB, "2") == manifest(port, JOB, brought.digests["job"])


def test_plans_are_held_to_what_is_there(port: int, brought: Brought) -> None:
    verbs = external(brought, port)
    images = {f"{WEB}:1.27": brought.digests["web"], f"{JOB}:2": brought.digests["job"]}
    with pytest.raises(ImagesNotPushed) as caught:
        verbs.refuse_missing(images)
    assert caught.value.fields["count"] == 2
    verbs.push([WEB], "anna", ignore)
    with pytest.raises(ImagesNotPushed, match=f"1 image.*{JOB}:2"):
        verbs.refuse_missing(images)
    verbs.push([JOB], "anna", ignore)
    verbs.refuse_missing(images)
    with closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
        path = f"/v2/champ/{JOB}/manifests/{brought.digests['job']}"
        connection.request("DELETE", path)
        assert connection.getresponse().status == 202
    with pytest.raises(ImagesNotPushed, match=f"{JOB}:2"):
        verbs.refuse_missing(images)


def test_progress_is_told_for_each_name(port: int, brought: Brought) -> None:
    told: list[Event] = []
    external(brought, port).push((), "anna", told.append)
    names = sorted([WEB, JOB, ODD, APP])
    assert [one.subject for one in told if isinstance(one, StepStarted)] == names
    assert [one.subject for one in told if isinstance(one, StepFinished)] == names
    readings = [one for one in told if isinstance(one, Progress) and one.subject == WEB]
    assert readings[-1].done == readings[-1].total > 120_000
    assert [one.done for one in readings] == sorted(one.done for one in readings)


def test_a_broken_connection_does_not_end_a_push(kind: str, tmp_path: Path) -> None:
    """Layers of 60 MB: the connection breaks within chunks, twice in the same one."""
    big = bring(tmp_path / "zone", scale=1000)
    with closing(big.database), REGISTRIES[kind](tmp_path / "target") as port:
        with relay(port) as between:
            between.cuts = [30_000_000, 4_000_000, 10_000_000]
            verbs = external(big, between.port)
            done = verbs.push([JOB], "anna", ignore)
            assert between.broken == 3
            assert done.size > 65_000_000
            extra = between.sent - done.size
            print(kind, "sent again", extra)
            # Where a registry goes on where it was, only what was under way is sent again: what
            # the system buffers for a connection, three times. All of it would be 44 MB.
            assert extra < (30_000_000 if kind == "ours" else 60_000_000)
        assert whole(port, JOB, "2") == 2
