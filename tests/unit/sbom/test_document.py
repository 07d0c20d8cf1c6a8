"""The form a document is packed in, and the ways a document can be none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from champ_offline.bundle.sbom.document import SbomMalformed, canonical, components, generator
from champ_offline.oci.digest import Digest

IMAGE = Digest.of(b"image")
TOOLS = {"components": [{"type": "application", "name": "syft", "version": "1.18.1"}]}


def package(name: str, **more: Any) -> dict[str, Any]:
    reference = f"pkg:npm/{name}@1"
    found = {"type": "library", "bom-ref": reference, "name": name, "version": "1"}
    return {**found, "purl": reference, **more}


def document(*packages: dict[str, Any], **more: Any) -> bytes:
    found = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
        "metadata": {"timestamp": "2026-03-01T12:00:00Z", "tools": TOOLS},
        "components": list(packages),
        **more,
    }
    return json.dumps(found).encode()


def packed(*packages: dict[str, Any], **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(canonical(document(*packages, **more), IMAGE))
    return found


def test_order_time_and_serial_number_do_not_matter() -> None:
    one, two = package("a"), package("b")
    first = canonical(document(one, two), IMAGE)
    metadata = {"timestamp": "2031-01-01T00:00:00Z", "tools": TOOLS}
    assert canonical(document(two, one, serialNumber="x", metadata=metadata), IMAGE) == first
    assert canonical(first, IMAGE) == first


def test_the_document_is_of_the_image_and_of_the_generator() -> None:
    found = packed(package("a"))
    assert found["metadata"]["component"]["name"] == str(IMAGE)
    other = json.loads(canonical(document(package("a")), Digest.of(b"other")))
    assert found["serialNumber"] != other["serialNumber"]
    newer = {"tools": {"components": [{"name": "syft", "version": "2.0.0"}]}}
    assert packed(package("a"), metadata=newer)["serialNumber"] != found["serialNumber"]
    assert generator(canonical(document(), IMAGE), "x") == "1.18.1"


def test_only_packages_stay_and_what_identifies_them() -> None:
    place = {"name": "syft:location:0:path", "value": "/app/a"}
    guess = {"name": "syft:cpe23", "value": "cpe:2.3:a:x:x:1:*:*:*:*:*:*:*"}
    found = packed(
        package("a", properties=[guess, place], description="long", publisher="somebody"),
        {"type": "file", "bom-ref": "f", "name": "/etc/passwd"},
        dependencies=[
            {"ref": "pkg:npm/a@1", "dependsOn": ["f"]},
            {"ref": "f", "dependsOn": ["pkg:npm/a@1"]},
        ],
    )
    (one,) = found["components"]
    assert one == package("a", properties=[place])
    assert found["dependencies"] == []


def test_dependencies_among_packages_stay() -> None:
    edge = {"ref": "pkg:npm/a@1", "dependsOn": ["pkg:npm/b@1"]}
    assert packed(package("a"), package("b"), dependencies=[edge])["dependencies"] == [edge]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"license": {"id": "MIT"}}, {"license": {"id": "MIT"}}),
        ({"license": {"name": "verbatim"}}, {"license": {"name": "verbatim"}}),
        ({"expression": "MIT OR Apache-2.0"}, {"expression": "MIT OR Apache-2.0"}),
        ({"license": {"name": "Title\n" + "text " * 9000}}, {"license": {"name": "Title"}}),
        ({"license": {"name": "x" * 9000}}, {"license": {"name": "x" * 200}}),
    ],
)
def test_licences_are_named_not_quoted(given: dict[str, Any], kept: dict[str, Any]) -> None:
    assert packed(package("a", licenses=[given]))["components"][0]["licenses"] == [kept]


def test_packages_are_read_as_their_users_name_them() -> None:
    maven = package("log4j-core", group="org.apache", purl="pkg:maven/org.apache/log4j-core@1")
    scoped = package("core", group="@babel", purl="pkg:npm/%40babel/core@1")
    upstream = "pkg:deb/debian/libc6@2.36?arch=amd64&upstream=glibc%402.36-9"
    system = {"type": "operating-system", "bom-ref": "os", "name": "debian"}
    found = components(document(maven, scoped, package("libc6", purl=upstream), system), "x")
    assert [(one.name, one.source, one.kind) for one in found] == [
        ("org.apache:log4j-core", "", "maven"),
        ("@babel/core", "", "npm"),
        ("libc6", "glibc", "deb"),
    ]


def test_half_a_character_can_be_shown() -> None:
    (one,) = components(document({"type": "library", "name": "a\ud800b"}), "x")
    assert one.name.encode() == b"a?b"


def test_documents_of_other_tools_may_say_less() -> None:
    (one,) = components(document({"type": "library", "name": "plain"}), "x")
    assert (one.name, one.version, one.kind, one.paths) == ("plain", "", "library", ())


def test_fields_of_a_wrong_type_count_as_missing() -> None:
    odd = {"type": [], "name": "odd", "purl": {}, "version": 1, "group": 5, "licenses": "MIT"}
    (one,) = components(document({**odd, "properties": [1, {"name": []}]}), "x")
    assert (one.name, one.version, one.kind, one.purl, one.licences) == ("odd", "", "", "", ())
    assert generator(document(metadata={"tools": [{"name": "older form"}]}), "x") == ""


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        b'{"bomFormat": "SPDX"}',
        document()[:-1],
        document(components=5),
        document(components=["x"]),
        document({"type": "library"}),
        document({"type": "library", "name": 5}),
    ],
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(SbomMalformed, match=r"an-image"):
        components(data, "an-image")


def test_a_document_must_name_its_tool() -> None:
    nothing: tuple[Any, ...] = (None, [], {"tools": []}, {"tools": {"components": [{"name": 1}]}})
    for metadata in nothing:
        with pytest.raises(SbomMalformed, match="which tool"):
            canonical(document(metadata=metadata), IMAGE)
