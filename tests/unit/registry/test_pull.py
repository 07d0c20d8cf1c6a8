"""What the registry says about a store, without any server."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from champ_offline.oci import media_types
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import image_manifest
from champ_offline.registry.access import READER
from champ_offline.registry.answers import Answer, FilePart
from champ_offline.registry.pull import answer
from champ_offline.registry.requests import Read
from champ_offline.registry.routes import parse
from tests.unit.registry.conftest import LAYER, NAME, Zone


def get(zone: Zone, path: str, query: str = "", headers: Mapping[str, str] | None = None) -> Answer:
    request = parse("GET", path, query)
    assert isinstance(request, Read)
    return answer(request, headers or {}, zone.content, READER)


def code(found: Answer) -> str:
    assert isinstance(found.body, bytes)
    return str(json.loads(found.body)["errors"][0]["code"])


def body(found: Answer) -> bytes:
    if isinstance(found.body, bytes):
        return found.body
    data = found.body.path.read_bytes()
    return data[found.body.start : found.body.start + found.body.length]


def test_manifest_by_tag_digest_and_mirror_query(zone: Zone) -> None:
    for path, query in (
        (f"/v2/{NAME}/manifests/1", ""),
        (f"/v2/{NAME}/manifests/{zone.image.digest}", ""),
        ("/v2/library/web/manifests/1", "ns=docker.io"),
    ):
        found = get(zone, path, query)
        assert found.status == 200
        assert found.headers["content-type"] == media_types.IMAGE_MANIFEST
        assert found.headers["docker-content-digest"] == str(zone.image.digest)
        assert found.headers["etag"] == f'"{zone.image.digest}"'
        assert Digest.of(body(found)) == zone.image.digest


def test_index_keeps_its_type(zone: Zone) -> None:
    assert get(zone, f"/v2/{NAME}/manifests/2").headers["content-type"] == media_types.IMAGE_INDEX


def test_a_ref_written_later_is_seen(zone: Zone) -> None:
    assert code(get(zone, f"/v2/{NAME}/manifests/3")) == "MANIFEST_UNKNOWN"
    zone.tag(NAME, "3", zone.image)
    assert get(zone, f"/v2/{NAME}/manifests/3").status == 200


def test_blob_whole(zone: Zone) -> None:
    found = get(zone, f"/v2/{NAME}/blobs/{zone.layer.digest}")
    path = zone.blobs.path(zone.layer.digest)
    assert found.body == FilePart(path, zone.layer.digest, 0, len(LAYER))
    assert found.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("bytes=0-9", LAYER[:10]),
        ("bytes=100-", LAYER[100:]),
        ("bytes=-7", LAYER[-7:]),
        (f"bytes=5-{len(LAYER) * 2}", LAYER[5:]),
        (f"bytes=-{len(LAYER) * 2}", LAYER),
    ],
)
def test_range(zone: Zone, asked: str, expected: bytes) -> None:
    found = get(zone, f"/v2/{NAME}/blobs/{zone.layer.digest}", headers={"range": asked})
    assert found.status == 206
    assert body(found) == expected
    start = len(LAYER) - len(expected) if asked != "bytes=0-9" else 0
    end = start + len(expected) - 1
    assert found.headers["content-range"] == f"bytes {start}-{end}/{len(LAYER)}"


@pytest.mark.parametrize("asked", ["bytes=-", "bytes=0-1,3-4", "lines=0-1", "x"])
def test_a_range_that_means_nothing_gives_the_whole(zone: Zone, asked: str) -> None:
    found = get(zone, f"/v2/{NAME}/blobs/{zone.layer.digest}", headers={"range": asked})
    assert (found.status, found.length) == (200, len(LAYER))


@pytest.mark.parametrize("asked", [f"bytes={len(LAYER)}-", "bytes=-0", "bytes=9-5"])
def test_range_outside(zone: Zone, asked: str) -> None:
    found = get(zone, f"/v2/{NAME}/blobs/{zone.layer.digest}", headers={"range": asked})
    assert (found.status, found.headers["content-range"]) == (416, f"bytes */{len(LAYER)}")


def test_if_range(zone: Zone) -> None:
    path = f"/v2/{NAME}/blobs/{zone.layer.digest}"
    etag = f'"{zone.layer.digest}"'
    assert get(zone, path, headers={"range": "bytes=0-1", "if-range": etag}).status == 206
    assert get(zone, path, headers={"range": "bytes=0-1", "if-range": '"other"'}).status == 200


@pytest.mark.parametrize("kind", ["manifests", "blobs"])
def test_if_none_match(zone: Zone, kind: str) -> None:
    digest = zone.image.digest if kind == "manifests" else zone.layer.digest
    path = f"/v2/{NAME}/{kind}/{digest}"
    for tag in (f'"{digest}"', f'W/"{digest}"', f'"a", "{digest}"', "*"):
        found = get(zone, path, headers={"if-none-match": tag})
        assert (found.status, found.length) == (304, 0)
    assert get(zone, path, headers={"if-none-match": '"other"'}).status == 200


def test_only_what_a_ref_leads_to_is_served(zone: Zone) -> None:
    stray = Digest.of(b"in the store, but of no repository")
    assert zone.blobs.has(stray)
    assert code(get(zone, f"/v2/{NAME}/blobs/{stray}")) == "BLOB_UNKNOWN"
    assert code(get(zone, f"/v2/other/blobs/{zone.layer.digest}")) == "NAME_UNKNOWN"
    assert code(get(zone, f"/v2/{NAME}/manifests/{zone.layer.digest}")) == "MANIFEST_UNKNOWN"


def _overwrite(zone: Zone, digest: Digest, data: bytes) -> None:
    path = zone.blobs.path(digest)
    path.unlink()
    path.write_bytes(data)


def test_a_blob_of_another_size_is_not_served(zone: Zone) -> None:
    _overwrite(zone, zone.layer.digest, LAYER[:-1])
    found = get(zone, f"/v2/{NAME}/blobs/{zone.layer.digest}")
    assert (found.status, code(found)) == (404, "BLOB_UNKNOWN")
    assert str(zone.layer.digest).encode() in body(found)


def test_an_altered_manifest_is_not_served_and_the_rest_is(zone: Zone) -> None:
    data = zone.blobs.read(zone.index.digest)
    _overwrite(zone, zone.index.digest, data.replace(b"amd64", b"arm64")[:-1] + b" ")
    assert get(zone, f"/v2/{NAME}/manifests/2").status == 404
    assert get(zone, f"/v2/{NAME}/manifests/1").status == 200
    assert get(zone, f"/v2/{NAME}/blobs/{zone.layer.digest}").status == 200


def test_a_missing_blob(zone: Zone) -> None:
    zone.blobs.remove(zone.layer.digest)
    assert get(zone, f"/v2/{NAME}/blobs/{zone.layer.digest}").status == 404


def test_tags_in_pages(zone: Zone) -> None:
    first = get(zone, f"/v2/{NAME}/tags/list", "n=1")
    assert json.loads(body(first)) == {"name": NAME, "tags": ["1"]}
    assert first.headers["link"] == f'</v2/{NAME}/tags/list?n=1&last=1>; rel="next"'
    rest = get(zone, f"/v2/{NAME}/tags/list", "n=5&last=1")
    assert json.loads(body(rest))["tags"] == ["2", f"sha256-{zone.image.digest.hex}.sig"]
    assert "link" not in rest.headers
    none = get(zone, f"/v2/{NAME}/tags/list", "n=0")
    assert json.loads(body(none))["tags"] == []
    assert "link" not in none.headers
    assert code(get(zone, "/v2/other/tags/list")) == "NAME_UNKNOWN"


def test_tags_of_a_mirrored_name_carry_the_name_that_was_asked(zone: Zone) -> None:
    found = get(zone, "/v2/library/web/tags/list", "ns=docker.io&n=1")
    assert json.loads(body(found))["name"] == "library/web"
    assert found.headers["link"] == (
        '</v2/library/web/tags/list?ns=docker.io&n=1&last=1>; rel="next"'
    )


def test_catalog(zone: Zone) -> None:
    found = get(zone, "/v2/_catalog")
    assert json.loads(body(found)) == {"repositories": ["champ.local/orthanc", NAME]}
    page = get(zone, "/v2/_catalog", "n=1")
    assert page.headers["link"] == '</v2/_catalog?n=1&last=champ.local%2Forthanc>; rel="next"'


def test_referrers(zone: Zone) -> None:
    found = get(zone, f"/v2/{NAME}/referrers/{zone.image.digest}")
    assert found.headers["content-type"] == media_types.IMAGE_INDEX
    entries = json.loads(body(found))["manifests"]
    assert [entry["digest"] for entry in entries] == [str(zone.signature.digest)]
    assert entries[0]["artifactType"] == "application/x-signature"
    path = f"/v2/{NAME}/referrers/{zone.image.digest}"
    other = get(zone, path, "artifactType=application%2Fx-other")
    assert json.loads(body(other))["manifests"] == []
    assert other.headers["oci-filters-applied"] == "artifactType"
    assert (
        json.loads(body(get(zone, f"/v2/other/referrers/{zone.layer.digest}")))["manifests"] == []
    )


def test_errors_have_the_specs_form(zone: Zone) -> None:
    found = get(zone, f"/v2/{NAME}/manifests/none")
    assert (found.status, found.headers["content-type"]) == (404, "application/json")
    assert isinstance(found.body, bytes)
    assert set(json.loads(found.body)["errors"][0]) == {"code", "message"}


def test_a_cycle_or_a_deep_index_ends(zone: Zone) -> None:
    current = zone.index
    for _ in range(50):
        data = image_manifest(current, [current])
        current = type(current)(media_types.IMAGE_MANIFEST, zone.blobs.add(data), len(data))
    zone.tag("deep", "1", current)
    assert get(zone, f"/v2/deep/blobs/{zone.layer.digest}").status == 200
