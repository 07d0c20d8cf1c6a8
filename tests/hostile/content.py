"""The OCI content below index.json: signed, hashed, and not what it says it is."""

from __future__ import annotations

import json
from typing import Any

from champ_offline.catalog.artifact import TITLE
from champ_offline.oci import media_types
from champ_offline.oci.manifest import encode
from tests.hostile.catalogue import HARMLESS, Cases
from tests.hostile.forge import Forge, Json

case = Cases()
APP_ENTRY: Json = {
    "format": 1, "name": "a", "version": "1", "title": {"en": "a", "zh": "a"},
    "summary": {"en": "a", "zh": "a"}, "category": "a",
    "chart": {"mediaType": "a", "digest": "sha256:" + "0" * 64, "size": 1},
    "images": {"champ.local/a:1": "sha256:" + "0" * 64}, "components": {"a": "champ.local/a:1"},
    "form": "a", "hints": "a", "values": "a", "readme": {"en": "a", "zh": "a"},
}  # fmt: skip
FAULTY, INCOMPLETE = "media.layout-faulty", "media.bundle-incomplete"
MANIFEST, DESCRIPTOR = "oci.invalid-manifest", "oci.invalid-descriptor"
DIGEST, REFERENCE = "oci.invalid-digest", "oci.invalid-reference"
NAME = "champ.local/x:1"
AWAY = {"mediaType": media_types.LAYER_TAR, "digest": "sha256:" + "e" * 64, "size": 5}


@case(INCOMPLETE, AWAY, {**AWAY, "mediaType": media_types.IMAGE_MANIFEST})
def missing_blobs(forge: Forge, variant: Json) -> None:
    forge.image(NAME, layers=[variant])
    forge.write()


@case(FAULTY)
def extra_blobs(forge: Forge) -> None:
    forge.put(b"nothing leads here")
    forge.write()


@case(
    DIGEST,
    {"digest": "sha512:" + "a" * 128},
    {"digest": "sha256:" + "A" * 64},
    {"digest": "sha256:" + "a" * 65},
    {"digest": "sha256:../../../../etc/passwd"},
    {"digest": None},
    {"digest": ["sha256"]},
)
def digests(forge: Forge, variant: Json) -> None:
    forge.image(NAME, layers=[{**AWAY, **variant}])
    forge.write()


@case(
    DESCRIPTOR,
    {"size": -1},
    {"size": "5"},
    {"size": True},
    {"size": 5.0},
    {"mediaType": 5},
    {"annotations": "x"},
    {"annotations": ["x"]},
    {"platform": "linux"},
    {"platform": [1]},
)
def descriptors(forge: Forge, variant: Json) -> None:
    forge.image(NAME, layers=[{**AWAY, **variant}])
    forge.write()


@case(DESCRIPTOR, None, "x", 5, [[]])
def what_is_no_descriptor(forge: Forge, variant: object) -> None:
    forge.image(NAME, layers=[variant])
    forge.write()


@case(INCOMPLETE, 0, 11, 2**40, 10**400)
def sizes_of_other_content(forge: Forge, variant: int) -> None:
    layer = forge.put(b"ten bytes.")
    forge.image(NAME, layers=[layer, {**layer, "size": variant}])
    forge.write()


def _app(forge: Forge, config: bytes, *titles: str) -> None:
    files = [
        {**forge.put(b"x", media_types.APP_FILE), "annotations": {TITLE: title}} for title in titles
    ]
    own = forge.put(config, media_types.APP_CONFIG)
    forge.image(NAME, layers=files, config=own, artifactType=media_types.APP)
    forge.write()


@case(
    "catalog.app-malformed",
    b"",
    b"[" * 100_000,
    b'{"format":0}',
    json.dumps({**APP_ENTRY, "name": "../x"}).encode(),
    json.dumps({**APP_ENTRY, "form": "b"}).encode(),
)
def apps_that_nobody_can_use(forge: Forge, variant: bytes) -> None:
    _app(forge, variant, "a")


@case("store.blob-too-large")
def an_app_with_an_endless_entry(forge: Forge) -> None:
    _app(forge, b" " * (40 << 20), "a")


@case(HARMLESS, APP_ENTRY, {"format": 2}, {"format": 10**400})
def apps_that_can_be_used_here_or_by_a_newer_release(forge: Forge, variant: Json) -> None:
    _app(forge, json.dumps(variant).encode(), "a")


@case(FAULTY)
def an_index_declared_as_a_manifest(forge: Forge) -> None:
    index = forge.index(forge.manifest(b"a"))
    forge.lead({**index, "mediaType": media_types.IMAGE_MANIFEST}, NAME)
    forge.write()


@case(FAULTY)
def a_manifest_declared_as_an_index(forge: Forge) -> None:
    forge.lead({**forge.manifest(b"a"), "mediaType": media_types.IMAGE_INDEX}, NAME)
    forge.write()


@case(MANIFEST, {"manifests": []}, {"mediaType": media_types.IMAGE_INDEX, "manifests": []})
def a_manifest_and_an_index_at_once(forge: Forge, variant: Json) -> None:
    forge.image(NAME, b"a", **variant)
    forge.write()


@case(FAULTY, media_types.LAYER_TAR, "", "application/json", media_types.HELM_CHART)
def a_name_for_what_is_no_manifest(forge: Forge, variant: str) -> None:
    forge.lead(forge.put(b"not a manifest", variant), NAME)
    forge.write()


@case(INCOMPLETE)
def an_index_that_was_taken_for_a_layer_before(forge: Forge) -> None:
    """Its children are missing; as a layer it is there whole."""
    manifest = forge.manifest(layers=[AWAY])
    forge.image(NAME, layers=[{**manifest, "mediaType": media_types.LAYER_TAR}])
    forge.lead(manifest, "champ.local/y:1")
    forge.write()


@case(HARMLESS)
def a_layer_that_is_the_config(forge: Forge) -> None:
    """Odd, but whole: what runs it says no."""
    config = forge.put(b"{}", media_types.LAYER_GZIP)
    forge.image(NAME, config=config, layers=[config])
    forge.write()


@case(FAULTY, 9, 20, 1500)
def deep_chains_of_indexes(forge: Forge, variant: int) -> None:
    found = forge.manifest(b"a")
    for _level in range(variant):
        found = forge.index(found)
    forge.lead(found, NAME)
    forge.write()


@case(INCOMPLETE)
def an_index_that_leads_to_itself(forge: Forge) -> None:
    """No index can name its own digest; it can name its size and kind under another one."""
    forge.lead(forge.index({**AWAY, "mediaType": media_types.IMAGE_INDEX}), NAME)
    forge.write()


@case(HARMLESS)
def wide_indexes_that_share_everything(forge: Forge) -> None:
    """Eight levels of a hundred ways each to the same content: followed once."""
    found = [forge.manifest(b"a")]
    for _level in range(5):
        found = [forge.index(*found * 100, annotations={"n": str(n)}) for n in range(3)]
    forge.lead(forge.index(*found), NAME)
    forge.write()


@case(
    MANIFEST,
    b"",
    b"{}",
    b"[]",
    b"null",
    b'"x"',
    b'{"schemaVersion":1}',
    b"[" * 9999,
    b'{"schemaVersion":2,"annotations":5}',
    b'{"schemaVersion":2,"layers":5,"config":{}}'[:20],
    b'{"schemaVersion":2,"schemaVersion":2,"manifests":[]}',
    b'\xef\xbb\xbf{"schemaVersion":2}',
    b'{"schemaVersion":2,"manifests":[],"x":"\\ud800"}',
    b'{"schemaVersion":2,"manifests":[],"x":NaN}',
    b'{"schemaVersion":2,"manifests":[],"x":1e999}',
    b'{"schemaVersion":2,"x":' + b"9" * 5000 + b"}",
    b'{"schemaVersion":2,"manifests":{}}',
    b'{"schemaVersion":2,"mediaType":["x"],"manifests":[]}',
    b'{"schemaVersion":2,"mediaType":"text/plain","manifests":[]}',
    b'{"schemaVersion":2,"x":[' + b"{}," * 1_000_000 + b"{}]}",
)
def the_text_of_a_manifest(forge: Forge, variant: bytes) -> None:
    forge.lead(forge.put(variant, media_types.IMAGE_MANIFEST), NAME)
    forge.write()


@case("store.blob-too-large")
def a_manifest_of_many_mib(forge: Forge) -> None:
    forge.lead(forge.put(b" " * 5 * 1024 * 1024, media_types.IMAGE_MANIFEST), NAME)
    forge.write()


@case("store.blob-too-large")
def an_index_json_of_many_mib(forge: Forge) -> None:
    forge.raw_layout_index = lambda data: data + b" " * 5 * 1024 * 1024
    forge.write()


@case(FAULTY)
def an_index_json_that_is_a_manifest(forge: Forge) -> None:
    document = {"schemaVersion": 2, "mediaType": media_types.IMAGE_MANIFEST, "config": AWAY}
    forge.raw_layout_index = lambda _data: encode({**document, "layers": []})
    forge.write()


@case("media.document-malformed")
def no_index_json(forge: Forge) -> None:
    rows = forge.plan()
    forge.volumes = [[one for one in rows if one[0][0] != "index.json"]]
    forge.write()


@case(FAULTY)
def an_empty_index_json(forge: Forge) -> None:
    forge.entries.clear()
    forge.write()


@case(
    REFERENCE,
    "../../etc/passwd:1",
    "/etc/passwd",
    "champ.local/../x:1",
    "champ.local/x:..\u2215y",
    "champ.local/x:\x1b[2J",
    "champ.local/X:1",
    "champ.local/\u0445:1",
    "champ.local/x:" + "a" * 129,
    "champ.local/" + "a/" * 200 + "a:1",
    "champ.local/x:1\n",
    "champ.local/x y:1",
    "champ.local//x:1",
    "champ.local\\x:1",
)
def names_of_images(forge: Forge, variant: str) -> None:
    forge.edit_document = lambda document: document.update(images=[])
    forge.image(variant, b"a")
    forge.write()


@case(FAULTY, NAME, "champ.local/x:1@sha256:" + "a" * 64)
def a_name_for_two_contents(forge: Forge, variant: str) -> None:
    forge.image(NAME, b"a")
    forge.image(variant, b"b")
    forge.write()


@case(HARMLESS)
def names_that_differ_by_case_alone(forge: Forge) -> None:
    """Tags are case-sensitive (distribution-spec 1.1) and never become files."""
    forge.image("champ.local/x:Tag", b"a")
    forge.image("champ.local/x:tag", b"b")
    forge.write()


@case(INCOMPLETE)
def a_subject_from_outside(forge: Forge) -> None:
    subject = {**AWAY, "mediaType": media_types.IMAGE_MANIFEST}
    forge.image("", b"a", subject=subject, artifactType="x/y")
    forge.write()


@case(DESCRIPTOR, "x", 5, [], False)
def a_subject_that_is_none(forge: Forge, variant: object) -> None:
    forge.image("", b"a", subject=variant)
    forge.write()


@case(FAULTY)
def a_manifest_without_name_or_subject(forge: Forge) -> None:
    forge.image("", b"a")
    forge.write()


@case(HARMLESS)
def a_subject_that_is_a_referrer_itself(forge: Forge) -> None:
    subject: Any = forge.manifest(b"first")
    forge.lead(subject, NAME)
    for _level in range(30):
        subject = forge.manifest(b"a", subject=subject, artifactType="x/y")
        forge.lead(subject)
    forge.write()


@case(HARMLESS)
def layers_that_are_bombs(forge: Forge) -> None:
    """No layer is unpacked in a zone; its bytes are stored and served as they are."""
    zstd = bytes.fromhex("28b52ffd") + b"\xff" * 64
    gzip = bytes.fromhex("1f8b0800000000000003") + b"\xff" * 64
    layers = [forge.put(zstd, media_types.LAYER_ZSTD), forge.put(gzip, media_types.LAYER_GZIP)]
    forge.image(NAME, layers=layers)
    forge.write()
