"""JSON, digests, descriptors, manifests, indexes and references."""

from __future__ import annotations

import json

from champ_offline.oci.descriptor import REF_NAME, Descriptor
from champ_offline.oci.manifest import Manifest, as_referrer, encode
from champ_offline.oci.reference import Reference
from champ_offline.oci.strict_json import NotStrict, bounded, canonical, parse
from tests.fuzz.mutation import json_mutator
from tests.fuzz.sample import packed
from tests.fuzz.target import Target


def read_strict_json(data: bytes) -> None:
    for reader in (bounded, parse, canonical):
        try:
            value = reader(data)
        except NotStrict:
            continue
        if reader is canonical:
            assert encode(value) == data
        elif reader is parse:
            assert parse(json.dumps(value).encode()) == value


def read_manifest(data: bytes) -> None:
    manifest = Manifest.from_bytes(data)
    assert manifest.kind is not None
    encode(as_referrer(data).to_document())
    for child in (*manifest.children, *([manifest.subject] if manifest.subject else [])):
        assert Descriptor.from_document(child.to_document()) == child
        encode(child.to_document())
        name = child.annotations.get(REF_NAME)
        if name:
            read_reference(name.encode())


def read_reference(data: bytes) -> None:
    reference = Reference.parse(data.decode("utf-8", "replace"))
    assert Reference.parse(str(reference)) == reference
    assert not {"..", "."} & {*reference.name.split("/")}


def _json_seeds() -> dict[str, bytes]:
    return {"values": '{"a":[1,-2.5,1e3,true,null,"\\u0000é"],"b":{"c":[]}}'.encode()}


def _manifest_seeds() -> dict[str, bytes]:
    sample = packed()
    found = {"index": _member(sample.document.index.digest.hex)}
    index = Manifest.from_bytes(found["index"])
    found["image"] = _member(index.manifests[0].digest.hex)
    subject = json.loads(found["image"]) | {
        "artifactType": "application/vnd.example",
        "subject": index.manifests[0].to_document(),
        "annotations": {"a": "b"},
    }
    return found | {"referrer": encode(subject)}


def _member(name: str) -> bytes:
    """The content of the volumes' member whose digest is `name`."""
    sample = packed()
    for number in range(1, len(sample.document.volumes) + 1):
        volume = sample.volume(number)
        for member, place in sample.index(number).places:
            if member.digest.hex == name:
                return volume[place + 512 :][: member.size]
    raise LookupError(name)


def _reference_seeds() -> dict[str, bytes]:
    return {
        "full": b"registry.example:5000/a/b:1.0@sha256:" + b"0" * 64,
        "short": b"nginx",
    }


TARGETS = (
    Target("strict_json", read_strict_json, _json_seeds, json_mutator()),
    Target("manifest", read_manifest, _manifest_seeds, json_mutator()),
    Target("reference", read_reference, _reference_seeds),
)
