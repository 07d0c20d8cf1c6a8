"""The bundle document, volumes and their indexes, and repair lists."""

from __future__ import annotations

from champ_offline.bundle.agreement import check_agreement
from champ_offline.bundle.document import BundleDocument, VolumeEntry
from champ_offline.bundle.errors import VolumeFault
from champ_offline.bundle.reader import VolumeReader, every_member
from champ_offline.bundle.repair_list import LostIndex, RepairList
from champ_offline.bundle.volume import VolumeIndex, header, padding, regions
from champ_offline.oci.digest import Digest
from tests.fuzz.mutation import json_mutator
from tests.fuzz.sample import packed
from tests.fuzz.target import Target, written


def read_document(data: bytes) -> None:
    document = BundleDocument.from_bytes(data, "input")
    assert BundleDocument.from_bytes(document.to_bytes(), "input") == document
    for entry in document.volumes:
        for name in (document.volume_name(entry), document.parity_name(entry)):
            assert not {"/", "\0"} & {*name}
            assert len(name) < 256
    check_agreement(document, [None] * len(document.volumes))


def read_volume(data: bytes) -> None:
    """A whole volume against its signed index: other bytes never pass."""
    sample = packed()
    entry = sample.document.volumes[0]
    reader = VolumeReader(written("volume.tar", data), "input", entry)
    faults: list[VolumeFault] = []
    index = reader.index(sample.document)
    assert index == sample.index(1)
    for _passed in reader.read(index, every_member, faults.append):
        pass
    if faults:
        raise faults[0]
    reader.check_length(index)
    assert data == sample.volume(1)


def read_volume_index(data: bytes) -> None:
    """An index that somebody signed, over the members of a volume as they are."""
    index = VolumeIndex.from_bytes(data, "input")
    assert index.to_bytes() == data
    assert sum(region.size for region in regions(index)) == index.size
    sample = packed()
    own, head = sample.index(1).to_bytes(), header(index.name, len(data))
    behind = sample.volume(1)[512 + len(own) + padding(len(own)) :]
    path = written("index.tar", head + data + bytes(padding(len(data))) + behind)
    first = index.members[0].digest if index.members else Digest.of(b"")
    entry = VolumeEntry(1, index.size, len(data), Digest.of(data), first)
    reader = VolumeReader(path, "input", entry)
    assert reader.index(sample.document) == index
    faults: list[VolumeFault] = []
    for _passed in reader.read(index, every_member, faults.append):
        pass
    check_agreement(sample.document, [index, *[None] * (len(sample.document.volumes) - 1)])


def read_repair_list(data: bytes) -> None:
    found = RepairList.from_file(written("repair.json", data))
    assert RepairList.from_file(written("again.json", found.to_bytes())) == found


def _documents() -> dict[str, bytes]:
    return {"bundle": packed().file("bundle.json")}


def _volumes() -> dict[str, bytes]:
    sample = packed()
    return {
        "good": sample.volume(1),
        "another-number": sample.volume(2),
        "another-version": packed(version="2").volume(1)[:4096],
        "stale": packed(filler="other").volume(1)[:4096],
    }


def _indexes() -> dict[str, bytes]:
    sample = packed()
    return {f"{n}": sample.index(n).to_bytes() for n in range(1, len(sample.document.volumes) + 1)}


def _repair_lists() -> dict[str, bytes]:
    sample = packed()
    document, index = sample.document, sample.index(2)
    lost = LostIndex(1, document.volumes[0].index_size, document.volumes[0].index_digest)
    members = tuple((index.number, member) for member in index.members)
    found = RepairList(document.name, document.version, document.volume_set, members, (lost,))
    return {"list": found.to_bytes()}


TARGETS = (
    Target("document", read_document, _documents, json_mutator()),
    Target("volume", read_volume, _volumes),
    Target("volume_index", read_volume_index, _indexes, json_mutator()),
    Target("repair_list", read_repair_list, _repair_lists, json_mutator()),
)
