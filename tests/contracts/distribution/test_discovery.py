"""Finding content: tags in pages, the referrers of a manifest, the catalog, mirrors' names."""

from __future__ import annotations

import json
import secrets
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.contracts.distribution.client import (
    CONFIG,
    IMAGE,
    INDEX,
    Registry,
    Repository,
    descriptor,
    digest_of,
)

SBOM, SIGNATURE = "application/x.sbom", "application/x.signature"


def tagged(repository: Repository, *tags: str) -> None:
    data = repository.image_bytes()
    for tag in tags:
        repository.manifest(data, tag)


def listed(repository: Repository, **query: str | int) -> list[str]:
    found = repository.send("GET", f"tags/list?{urlencode(query)}")
    assert found.status == 200
    tags: list[str] = found.json["tags"]
    return tags


def walked(repository: Repository, path: str, field: str) -> list[list[str]]:
    """Every page, by the Link of the one before."""
    pages, target = [], path
    while target:
        found = repository.registry.send("GET", target)
        pages.append(found.json[field])
        link = found.headers.get("link", "")
        assert not link or link.endswith('>; rel="next"')
        target = link.removeprefix("<").partition(">")[0]
    return pages


def test_tags(repository: Repository) -> None:
    """MUST, Listing Tags: 200 and a JSON object of the repository's name and its tags."""
    tagged(repository, "1", "2")
    found = repository.send("GET", "tags/list")
    assert (found.status, found.headers["content-type"]) == (200, "application/json")
    assert found.json == {"name": repository.name, "tags": ["1", "2"]}


def test_no_tags(repository: Repository) -> None:
    """MUST, Listing Tags: a repository without tags has an empty list."""
    repository.image()
    assert listed(repository) == []


def test_tags_of_no_repository(repository: Repository) -> None:
    """MUST, Error Codes: the tags of a repository that is not there are NAME_UNKNOWN, 404."""
    found = repository.send("GET", "tags/list")
    assert (found.status, found.codes) == (404, ["NAME_UNKNOWN"])


def test_tags_are_in_order(repository: Repository) -> None:
    """MUST, Listing Tags: tags come in the order of their bytes."""
    tags = ["b", "a", "B", "A", "1", "10", "2", "_x", "a.1", "a-1", "Z"]
    tagged(repository, *tags)
    assert listed(repository) == sorted(tags)


def test_a_page_of_tags(repository: Repository) -> None:
    """MUST, Listing Tags: with `n` there are exactly so many tags while there are more."""
    tagged(repository, "1", "2", "3", "4", "5")
    assert listed(repository, n=2) == ["1", "2"]
    assert listed(repository, n=5) == listed(repository, n=9) == ["1", "2", "3", "4", "5"]


def test_no_page_of_tags(repository: Repository) -> None:
    """MUST, Listing Tags: with `n=0` the list is empty and there is no Link."""
    tagged(repository, "1", "2")
    found = repository.send("GET", "tags/list", n=0)
    assert (found.status, found.json["tags"]) == (200, [])
    assert "link" not in found.headers


@pytest.mark.parametrize("number", ["-1", "x", "1.5"])
def test_a_number_that_is_none(repository: Repository, number: str) -> None:
    """MUST, Error Codes: an `n` that is no number is refused."""
    tagged(repository, "1")
    assert repository.send("GET", "tags/list", n=number).status == 400


def test_tags_after_one(repository: Repository) -> None:
    """MUST, Listing Tags: `last` gives the tags behind it, without it, whether it is one or not."""
    tagged(repository, "1", "2", "4")
    assert listed(repository, last="2") == ["4"]
    assert listed(repository, last="3") == ["4"]
    assert listed(repository, last="4") == []
    assert listed(repository, last="1", n=1) == ["2"]


def test_links_lead_through_all_tags(repository: Repository) -> None:
    """MAY, Listing Tags: the Link of a page leads to the next, the last page has none."""
    tags = sorted(f"v{number}" for number in range(7))
    tagged(repository, *tags)
    pages = walked(repository, f"/v2/{repository.name}/tags/list?n=3", "tags")
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [tag for page in pages for tag in page] == tags


def test_the_catalog(repository: Repository, other: Repository) -> None:
    """MAY, Endpoints: `_catalog` lists the repositories, in pages as tags are."""
    names = sorted([repository.name, other.name])
    repository.image()
    other.image("1")
    pages = walked(repository, "/v2/_catalog?n=1", "repositories")
    assert all(len(page) == 1 for page in pages)
    assert [name for page in pages for name in page if name in names] == names


def referrer(
    repository: Repository, subject: dict[str, Any], kind: str = "", **notes: str
) -> dict[str, Any]:
    """Push a manifest about `subject`; the descriptor it has to be listed with."""
    more: dict[str, Any] = {"subject": subject, "annotations": notes}
    if kind:
        more["artifactType"] = kind
    data = repository.image_bytes(**more)
    repository.manifest(data)
    found = {**descriptor(data, IMAGE), "artifactType": kind or CONFIG}
    return {**found, "annotations": notes} if notes else found


def referrers(repository: Repository, digest: str) -> list[dict[str, Any]]:
    found = repository.send("GET", f"referrers/{digest}")
    assert (found.status, found.headers["content-type"]) == (200, INDEX)
    document = found.json
    assert (document["schemaVersion"], document["mediaType"]) == (2, INDEX)
    manifests: list[dict[str, Any]] = document["manifests"]
    return manifests


def in_order(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(found, key=lambda one: str(one["digest"]))


def pushed(repository: Repository, algorithm: str = "sha256") -> dict[str, Any]:
    data = repository.image_bytes(algorithm)
    repository.manifest(data, algorithm=algorithm)
    return descriptor(data, IMAGE, algorithm)


def test_referrers(repository: Repository, algorithm: str) -> None:
    """MUST, Listing Referrers: an image index of all manifests whose subject is the digest."""
    subject = pushed(repository, algorithm)
    expected = [referrer(repository, subject, SBOM), referrer(repository, subject, SIGNATURE)]
    referrer(repository, pushed(repository), SBOM)
    found = referrers(repository, subject["digest"])
    assert in_order(found) == in_order(expected)


def test_no_referrers(repository: Repository, algorithm: str) -> None:
    """MUST, Listing Referrers: where nothing refers to it, the index is empty; there is no 404."""
    assert referrers(repository, pushed(repository, algorithm)["digest"]) == []
    assert referrers(repository, digest_of(b"unknown", algorithm)) == []


def test_referrers_in_no_repository(repository: Repository) -> None:
    """MUST NOT, Listing Referrers: a registry with this API never answers 404."""
    assert referrers(repository, digest_of(b"unknown")) == []


def test_referrers_of_no_digest(repository: Repository) -> None:
    """MUST, Listing Referrers: a digest of invalid form is answered with 400."""
    for text in ("sha256:x", "latest", "md5:00"):
        found = repository.send("GET", f"referrers/{text}")
        assert (found.status, found.codes) == (400, ["DIGEST_INVALID"])


def test_referrers_before_their_subject(repository: Repository) -> None:
    """MUST, Listing Referrers: a referrer pushed before its subject is listed, before and after."""
    data = repository.image_bytes()
    expected = referrer(repository, descriptor(data, IMAGE), SBOM)
    assert referrers(repository, digest_of(data)) == [expected]
    repository.manifest(data)
    assert referrers(repository, digest_of(data)) == [expected]


def test_the_artifact_type_of_a_referrer(repository: Repository) -> None:
    """MUST, Listing Referrers: artifactType is the manifest's, else its config's media type."""
    subject = pushed(repository)
    expected = [referrer(repository, subject, SBOM), referrer(repository, subject)]
    found = {one["digest"]: one["artifactType"] for one in referrers(repository, subject["digest"])}
    assert found == {one["digest"]: one["artifactType"] for one in expected}


def test_an_index_as_referrer(repository: Repository) -> None:
    """MUST, Listing Referrers: an index without artifactType is listed without one."""
    subject = pushed(repository)
    plain = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [], "subject": subject}
    typed = {**plain, "artifactType": SBOM, "annotations": {"a": "b"}}
    for document in (plain, typed):
        repository.manifest(json.dumps(document).encode(), media_type=INDEX)
    first, second = (json.dumps(document).encode() for document in (plain, typed))
    assert in_order(referrers(repository, subject["digest"])) == in_order(
        [
            descriptor(first, INDEX),
            {**descriptor(second, INDEX), "artifactType": SBOM, "annotations": {"a": "b"}},
        ]
    )


def test_the_annotations_of_a_referrer(repository: Repository) -> None:
    """MUST, Listing Referrers: the descriptor carries all annotations of the manifest."""
    subject = pushed(repository)
    expected = referrer(repository, subject, SBOM, created="2026-01-01", other="b")
    assert referrers(repository, subject["digest"]) == [expected]


def test_filtered_referrers(repository: Repository) -> None:
    """MUST, Listing Referrers: a filter that was applied is named in `OCI-Filters-Applied`."""
    subject = pushed(repository)
    expected = referrer(repository, subject, SBOM)
    referrer(repository, subject, SIGNATURE)
    path = f"referrers/{subject['digest']}"
    found = repository.send("GET", path, artifactType=SBOM)
    assert found.headers["oci-filters-applied"] == "artifactType"
    assert found.json["manifests"] == [expected]
    assert repository.send("GET", path, artifactType="a/b").json["manifests"] == []
    assert "oci-filters-applied" not in repository.send("GET", path).headers


def test_referrers_of_referrers(repository: Repository) -> None:
    """MUST, Listing Referrers: a manifest that refers to one may be referred to itself."""
    subject = pushed(repository)
    first = referrer(repository, subject, SBOM)
    named = {key: first[key] for key in ("mediaType", "digest", "size")}
    second = referrer(repository, named, SIGNATURE)
    assert referrers(repository, first["digest"]) == [second]


def test_referrers_of_another_repository(repository: Repository, other: Repository) -> None:
    """MUST, Listing Referrers: the manifests of this repository are listed, no other's."""
    subject = pushed(repository)
    referrer(other, subject, SBOM)
    assert referrers(repository, subject["digest"]) == []


def test_a_mirrors_name(registry: Registry) -> None:
    """MAY, Registry Proxying: `?ns=` is the host in front of the name; the answer names it."""
    name = f"library/{secrets.token_hex(6)}"
    digest = Repository(registry, f"mirrored.example/{name}").image("1")
    found = registry.send("GET", f"/v2/{name}/manifests/1?ns=mirrored.example")
    assert (found.status, found.headers["docker-content-digest"]) == (200, digest)
    assert found.headers["oci-namespace"] == "mirrored.example"
    assert registry.send("GET", f"/v2/{name}/manifests/1?ns=other.example").status == 404
    tags = registry.send("GET", f"/v2/{name}/tags/list?ns=mirrored.example").json
    assert tags == {"name": name, "tags": ["1"]}


def test_no_mirrors_name(repository: Repository) -> None:
    """SHOULD, Registry Proxying: `OCI-Namespace` is sent only where a request was scoped."""
    repository.image("1")
    assert "oci-namespace" not in repository.send("GET", "manifests/1").headers
