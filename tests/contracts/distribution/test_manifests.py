"""Pushing manifests: their exact bytes, what they name, their tags, their subject, their size."""

from __future__ import annotations

import json
import secrets
from typing import Any

import pytest

from tests.contracts.distribution.client import (
    CONFIG,
    IMAGE,
    INDEX,
    LAYER,
    Repository,
    Response,
    descriptor,
    digest_of,
)

DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
NOT_DISTRIBUTED = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
ABSENT = descriptor(b"absent", LAYER)


def put(repository: Repository, data: bytes, reference: str = "1", **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return repository.send("PUT", f"manifests/{reference}", data, named)


def changed(data: bytes, **fields: Any) -> bytes:
    return json.dumps({**json.loads(data), **fields}).encode()


def index_of(*manifests: dict[str, Any], **more: Any) -> bytes:
    document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": list(manifests), **more}
    return json.dumps(document).encode()


def test_by_tag(repository: Repository) -> None:
    """MUST, Pushing Manifests: a manifest that is taken is answered with 201 and its Location."""
    data = repository.image_bytes()
    found = put(repository, data, content_type=IMAGE)
    assert (found.status, found.body) == (201, b"")
    assert repository.registry.send("GET", found.location).body == data


def test_in_pieces(repository: Repository) -> None:
    """MUST, Pushing Manifests: a manifest whose length was not announced is taken as well."""
    data = repository.image_bytes()
    found = repository.send("PUT", "manifests/1", iter([data[:50], data[50:]]))
    assert found.status == 201
    assert repository.send("GET", "manifests/1").body == data


def test_by_digest(repository: Repository, algorithm: str) -> None:
    """MUST, Pushing Manifests: a digest as reference stores the manifest under it, untagged."""
    data = repository.image_bytes(algorithm)
    digest = digest_of(data, algorithm)
    found = put(repository, data, digest, content_type=IMAGE)
    assert (found.status, found.headers["docker-content-digest"]) == (201, digest)
    assert repository.registry.send("GET", found.location).body == data
    assert repository.send("GET", "tags/list").json["tags"] == []


def test_by_another_digest(repository: Repository, algorithm: str) -> None:
    """MUST, Pushing Manifests: a manifest of another digest than its reference is refused."""
    data = repository.image_bytes()
    digest = digest_of(data + b"  ", algorithm)
    found = put(repository, data, digest, content_type=IMAGE)
    assert (found.status, found.codes) == (400, ["DIGEST_INVALID"])
    assert repository.send("GET", f"manifests/{digest}").status == 404
    assert repository.send("GET", f"manifests/{digest_of(data)}").status == 404


def test_the_digest_that_is_told(repository: Repository) -> None:
    """MUST, Pushing Manifests: `Docker-Content-Digest` of the answer is the manifest's digest."""
    data = repository.image_bytes()
    assert put(repository, data).headers["docker-content-digest"] == digest_of(data)


@pytest.mark.parametrize("style", ["indent", "compact", "spaces", "fields", "data"])
def test_exact_bytes(repository: Repository, style: str) -> None:
    """MUST, Pushing Manifests: the manifest is stored in exactly the bytes the client sent."""
    document = json.loads(repository.image_bytes())
    if style == "fields":
        document["com.example.unknown"] = {"deep": [1, 2.5, None, "ü"]}
    if style == "data":
        empty = b"{}"
        repository.blob(empty)
        document["config"] = {**descriptor(empty, CONFIG), "data": "e30="}
    text = {
        "indent": lambda: json.dumps(document, indent=7),
        "compact": lambda: json.dumps(document, separators=(",", ":")),
        "spaces": lambda: json.dumps(document) + "\n\n  ",
    }.get(style, lambda: json.dumps(document, ensure_ascii=False))()
    data = text.encode()
    put(repository, data, content_type=IMAGE)
    assert repository.send("GET", "manifests/1").body == data


def test_a_tag_moves(repository: Repository) -> None:
    """MUST, Pushing Manifests: a tag leads to the manifest pushed last; the former one stays."""
    first, second = repository.image("1"), repository.image("1")
    assert repository.send("HEAD", "manifests/1").headers["docker-content-digest"] == second
    assert repository.send("HEAD", f"manifests/{first}").status == 200


def test_several_tags(repository: Repository) -> None:
    """MUST, Pushing Manifests: one manifest may have any number of tags."""
    data = repository.image_bytes()
    for tag in ("1", "1.0", "latest"):
        assert put(repository, data, tag).status == 201
    assert repository.send("GET", "tags/list").json["tags"] == ["1", "1.0", "latest"]


def test_tags_with_a_digest(repository: Repository, algorithm: str) -> None:
    """MAY, Pushing Manifests: `?tag=` with a digest sets those tags and `OCI-Tag` names each."""
    data = repository.image_bytes(algorithm)
    digest = digest_of(data, algorithm)
    tags = [f"t{number}" for number in range(10)]
    path = f"manifests/{digest}?" + "&".join(f"tag={tag}" for tag in tags)
    found = repository.send("PUT", path, data, {"content-type": IMAGE})
    assert (found.status, sorted(found.every("oci-tag"))) == (201, tags)
    for tag in tags:
        told = repository.send("HEAD", f"manifests/{tag}").headers["docker-content-digest"]
        assert told == digest


def test_tags_with_another_digest(repository: Repository) -> None:
    """MAY, Pushing Manifests: a manifest that is refused sets none of its tags."""
    data = repository.image_bytes()
    found = repository.send("PUT", f"manifests/{digest_of(b'x')}?tag=a&tag=b", data)
    assert found.status == 400
    assert repository.send("GET", "manifests/a").status == 404


@pytest.mark.parametrize("kept", ["config", "layers"])
def test_unknown_blobs(repository: Repository, kept: str) -> None:
    """MUST, Pushing Manifests: a manifest refused for blobs it lacks gets MANIFEST_BLOB_UNKNOWN."""
    data = repository.image_bytes()
    lost = {"layers": [ABSENT]} if kept == "config" else {"config": ABSENT}
    found = put(repository, changed(data, **lost))
    assert (found.status, found.codes) == (400, ["MANIFEST_BLOB_UNKNOWN"])
    assert ABSENT["digest"] in found.json["errors"][0]["message"]
    assert repository.send("GET", "manifests/1").status == 404


def test_each_unknown_blob(repository: Repository) -> None:
    """MUST, Pushing Manifests: one error for each blob that is missing."""
    layers = [descriptor(bytes([number]), LAYER) for number in range(3)]
    found = put(repository, changed(repository.image_bytes(), layers=layers))
    assert found.codes == ["MANIFEST_BLOB_UNKNOWN"] * 3


def test_blobs_of_another_repository(repository: Repository, other: Repository) -> None:
    """MUST, Pushing Manifests: blobs count that this repository has, not those of another."""
    found = put(repository, other.image_bytes())
    assert set(found.codes) == {"MANIFEST_BLOB_UNKNOWN"}


def test_blobs_of_another_size(repository: Repository) -> None:
    """MUST, Error Codes: a manifest that gives a blob another size is MANIFEST_INVALID."""
    data = json.loads(repository.image_bytes())
    data["layers"][0]["size"] += 1
    found = put(repository, json.dumps(data).encode())
    assert (found.status, found.codes) == (400, ["MANIFEST_INVALID"])


def test_no_layers(repository: Repository) -> None:
    """MUST, Pushing Manifests: the list of blobs may be empty."""
    data = changed(repository.image_bytes(), layers=[])
    assert put(repository, data, content_type=IMAGE).status == 201
    assert repository.send("GET", "manifests/1").body == data


@pytest.mark.parametrize("media_type", [NOT_DISTRIBUTED, FOREIGN])
def test_layers_that_are_elsewhere(repository: Repository, media_type: str) -> None:
    """MUST, Pushing Manifests: layers that may not be distributed need not be in the registry."""
    layer = {**descriptor(b"absent", media_type), "urls": ["https://store.example.com/x"]}
    assert put(repository, changed(repository.image_bytes(), layers=[layer])).status == 201


def test_an_index(repository: Repository, algorithm: str) -> None:
    """MUST, Pushing Manifests: an index of manifests that are here is taken, nested ones too."""
    image = repository.image_bytes(algorithm)
    repository.manifest(image, algorithm=algorithm)
    platform = {"os": "linux", "architecture": "amd64"}
    inner = index_of({**descriptor(image, IMAGE, algorithm), "platform": platform})
    repository.manifest(inner, media_type=INDEX, algorithm=algorithm)
    outer = index_of(descriptor(inner, INDEX, algorithm))
    repository.manifest(outer, "1", INDEX)
    found = repository.send("GET", "manifests/1")
    assert (found.body, found.headers["content-type"]) == (outer, INDEX)


def test_an_empty_index(repository: Repository) -> None:
    """MUST, Pushing Manifests: an index may name no manifest."""
    assert put(repository, index_of(), content_type=INDEX).status == 201


def test_an_index_of_what_is_not_here(repository: Repository) -> None:
    """MUST, Pushing Manifests: an index refused for its manifests gets MANIFEST_BLOB_UNKNOWN."""
    found = put(repository, index_of(descriptor(b"absent", IMAGE)), content_type=INDEX)
    assert (found.status, found.codes) == (400, ["MANIFEST_BLOB_UNKNOWN"])


@pytest.mark.parametrize(("image", "index"), [(IMAGE, INDEX), (DOCKER, DOCKER_LIST)])
def test_media_types(repository: Repository, image: str, index: str) -> None:
    """MUST, Pushing Manifests: Docker's manifests and lists keep their type, as OCI's do."""
    data = changed(repository.image_bytes(), mediaType=image)
    repository.manifest(data, "image", image)
    many = changed(index_of(descriptor(data, image)), mediaType=index)
    repository.manifest(many, "index", index)
    assert repository.send("GET", "manifests/image").headers["content-type"] == image
    assert repository.send("GET", "manifests/index").headers["content-type"] == index


def test_an_artifact(repository: Repository) -> None:
    """MUST, Pushing Manifests: what an artifact is for does not matter to a registry."""
    repository.blob(b"{}")
    empty = descriptor(b"{}", "application/vnd.oci.empty.v1+json")
    data = changed(
        repository.image_bytes(), artifactType="application/x.any", config=empty, layers=[empty]
    )
    assert put(repository, data, content_type=IMAGE).status == 201


def test_content_type_with_parameters(repository: Repository) -> None:
    """SHOULD, Pushing Manifests: parameters of the Content-Type are ignored."""
    data = repository.image_bytes()
    assert put(repository, data, content_type=f"{IMAGE}; charset=utf-8").status == 201
    assert repository.send("GET", "manifests/1").headers["content-type"] == IMAGE


def test_content_type_that_differs(repository: Repository) -> None:
    """MUST, Pushing Manifests: Content-Type and mediaType agree; else the manifest is refused."""
    for said in (INDEX, DOCKER, "application/json"):
        found = put(repository, repository.image_bytes(), content_type=said)
        assert (found.status, found.codes) == (400, ["MANIFEST_INVALID"])


def test_a_manifest_without_media_type(repository: Repository) -> None:
    """SHOULD, Pushing Manifests: a manifest that does not name its type has its Content-Type's."""
    document = json.loads(repository.image_bytes())
    del document["mediaType"]
    data = json.dumps(document).encode()
    assert put(repository, data, content_type=IMAGE).status == 201
    found = repository.send("GET", "manifests/1")
    assert (found.body, found.headers["content-type"]) == (data, IMAGE)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"schemaVersion":1}',
        b'{"schemaVersion":2}',
        b'{"schemaVersion":2,"mediaType":"text/plain"}',
        b'{"schemaVersion":2,"mediaType":"%s","manifests":{}}' % INDEX.encode(),
        b'{"schemaVersion":2,"manifests":[],"layers":[],"config":{}}',
        b'{"schemaVersion":2,"manifests":[{"digest":"sha256:x","size":1,"mediaType":"a/b"}]}',
        b'{"schemaVersion":2,"manifests":[],"manifests":[]}',
    ],
)
def test_what_is_no_manifest(repository: Repository, data: bytes) -> None:
    """MUST, Error Codes: bytes that are no manifest are MANIFEST_INVALID, and nothing is kept."""
    found = put(repository, data)
    assert (found.status, found.codes) == (400, ["MANIFEST_INVALID"])
    assert repository.send("GET", "manifests/1").status == 404


def test_a_large_manifest(repository: Repository) -> None:
    """SHOULD, Pushing Manifests: manifests of up to 4 MiB are taken."""
    notes = {f"note-{number}": "A" * 10_000 for number in range(390)}
    data = changed(repository.image_bytes(), annotations=notes)
    data += b" " * (4 * 1024**2 - len(data))
    assert put(repository, data, content_type=IMAGE).status == 201
    assert repository.send("GET", "manifests/1").body == data


def test_too_large_a_manifest(repository: Repository) -> None:
    """SHOULD, Pushing Manifests: a manifest above the registry's limit is answered with 413."""
    data = repository.image_bytes()
    for body in (data + b" " * 4 * 1024**2, iter([data, *([b" " * 1024**2] * 5)])):
        assert repository.send("PUT", "manifests/1", body).status == 413
    assert repository.send("GET", "manifests/1").status == 404


def test_a_subject_that_is_not_here(repository: Repository) -> None:
    """MUST, Push: a manifest whose subject does not exist is taken all the same."""
    subject = descriptor(secrets.token_bytes(9), IMAGE)
    data = repository.image_bytes(subject=subject)
    assert put(repository, data, content_type=IMAGE).status == 201
    assert repository.send("GET", "manifests/1").body == data


def test_the_subject_was_seen(repository: Repository, algorithm: str) -> None:
    """MUST, Pushing Manifests with Subject: the answer's `OCI-Subject` is the subject's digest."""
    image = repository.image_bytes(algorithm)
    repository.manifest(image, algorithm=algorithm)
    subject = descriptor(image, IMAGE, algorithm)
    found = put(repository, repository.image_bytes(subject=subject), content_type=IMAGE)
    assert found.headers["oci-subject"] == subject["digest"]
    found = put(repository, index_of(subject=subject), content_type=INDEX)
    assert found.headers["oci-subject"] == subject["digest"]


def test_no_subject(repository: Repository) -> None:
    """MUST, Pushing Manifests with Subject: without a subject there is no `OCI-Subject`."""
    assert "oci-subject" not in put(repository, repository.image_bytes()).headers
