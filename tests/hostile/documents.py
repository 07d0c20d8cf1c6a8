"""bundle.json and volume indexes: signed, and not what they should be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.hostile.catalogue import Cases
from tests.hostile.forge import Forge, Json

case = Cases()
MALFORMED, NEWER = "media.document-malformed", "media.newer-format"
MIB = 1024 * 1024
HALF = '"\\ud800"'


def swap(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def swapped(data: bytes) -> bytes:
        assert old in data
        return data.replace(old, new, 1)

    return swapped


TEXTS = (
    lambda data: data + b" ",
    lambda data: b"\xef\xbb\xbf" + data,
    lambda data: data.decode().encode("utf-16"),
    lambda data: data[:-1],
    lambda data: data + data,
    lambda data: b"",
    lambda data: b"null",
    lambda data: b"[" * 100_000,
    lambda data: b'{"a":' * 100_000,
    lambda data: b"[" + b"{}," * 4_000_000 + b"{}]",
    lambda data: b"\xff\xfe\x00",
    swap(b'"format":1', b'"format":1,"format":1'),
    swap(b'"format":1', b'"format": 1'),
    swap(b'"format":1', b'"format":NaN'),
    swap(b'"format":1', b'"format":1e999'),
    swap(b'"format":1', b'"format":-Infinity'),
    swap(b'"format":1', b'"format":' + b"9" * 5000),
    swap(b'"version":"1"', f'"version":{HALF}'.encode()),
    swap(b'"version":"1"', b'"version":"1","x":' + HALF.encode()),
    swap(b'"version":"1"', b'"version":"1","x":"\\u001b[2J'),
    swap(b'"version":"1"', b'"version":"\xe2\x80\xae1"'),
)
FORMATS: tuple[object, ...] = (0, -1, "1", 1.5, True, None, [], 10**400)


@case(MALFORMED, *TEXTS)
def the_text_of_the_document(forge: Forge, variant: Callable[[bytes], bytes]) -> None:
    forge.raw_document = variant
    forge.write()


@case(MALFORMED, *TEXTS)
def the_text_of_an_index(forge: Forge, variant: Callable[[bytes], bytes]) -> None:
    forge.raw_index = variant
    forge.write()


@case(MALFORMED, *FORMATS)
def formats_of_the_document_that_never_were(forge: Forge, variant: object) -> None:
    forge.edit_document = lambda document: document.update(format=variant)
    forge.write()


@case(MALFORMED, *FORMATS)
def formats_of_an_index_that_never_were(forge: Forge, variant: object) -> None:
    forge.edit_index = lambda document: document.update(format=variant)
    forge.write()


@case(NEWER)
def a_newer_document(forge: Forge) -> None:
    forge.edit_document = lambda document: document.update(format=2)
    forge.write()


@case(NEWER)
def a_newer_index(forge: Forge) -> None:
    forge.edit_index = lambda document: document.update(format=2)
    forge.write()


@case(
    MALFORMED,
    {"name": "../../etc"},
    {"name": "/etc"},
    {"name": "demo/../x"},
    {"name": "Demo"},
    {"name": "d\u0435mo"},
    {"name": "con."},
    {"name": "demo\x00"},
    {"name": "demo\n"},
    {"name": "a" * 65},
    {"name": ["demo"]},
    {"version": ".."},
    {"version": "1/../../x"},
    {"version": "1\\x"},
    {"version": "1 "},
    {"version": "1\x1b]0;x\x07"},
    {"version": 1},
    {"created": "\x1b[2Jnow"},
    {"created": 5},
    {"created": "2026-03-01"},
    {"zones": "core"},
    {"zones": ["core", 1]},
    {"zones": ["core", "CORE\x1b[0m"]},
    {"zones": {"core": True}},
    {"zones": None},
    {"blobs": -1},
    {"blobs": 1.0},
    {"blobs": True},
    {"blobs": 2**63},
    {"size": 2**70},
    {"size": "1"},
    {"images": ["x\x1b[31m"]},
    {"images": ["x" * 2001]},
    {"images": "x"},
    {"apps": [{"name": "x\x07", "version": "1", "title": {}}]},
    {"apps": [{"name": "x", "version": "1", "title": "x"}]},
    {"apps": [{"name": "x", "version": "1", "title": {"en": ["x"]}}]},
    {"apps": [["x"]]},
    {"apps": 1},
    {"set": "sha256:" + "A" * 64},
    {"set": "sha512:" + "a" * 128},
    {"set": "sha256:" + "a" * 63},
    {"set": "sha256:" + "a" * 64},
    {"volumes": []},
    {"volumes": {}},
    {"volumes": [[1, 2, 3]]},
    {"volumes": [[n, 0, 0, "sha256:" + "a" * 64, "sha256:" + "a" * 64] for n in range(1, 10_001)]},
    {"index": {"mediaType": "x", "digest": "sha256:" + "a" * 64, "size": 1}},
    {"index": "index.json"},
    {"image_key": "../../key.pem"},
    {"image_key": "-----BEGIN PUBLIC KEY-----\n\x1b[2J\n-----END PUBLIC KEY-----\n"},
    {"parity": 51},
    {"parity": "10"},
    {"parity": -1},
)
def values_of_the_document(forge: Forge, variant: Json) -> None:
    forge.edit_document = lambda document: document.update(variant)
    forge.write()


def _row(*values: Any) -> Callable[[Json], None]:
    return lambda document: document["volumes"].__setitem__(
        0, [*values, *document["volumes"][0][len(values) :]]
    )


@case(
    MALFORMED,
    _row(0),
    _row(2),
    _row(-1),
    _row("1"),
    _row(True),
    _row(1, -5),
    _row(1, 2**80),
    _row(1, 1, 2**40),
    _row(1, 1, 33 * MIB),
    lambda d: d["volumes"].append(d["volumes"][0]),
    lambda d: d["volumes"][0].append(1),
    lambda d: d["volumes"][0].__setitem__(4, "sha256:" + "b" * 64),
)
def rows_of_volumes(forge: Forge, variant: Callable[[Json], None]) -> None:
    forge.edit_document = variant
    forge.write()


NAMES = (
    "../../../../etc/cron.d/x",
    "/etc/passwd",
    "blobs/sha256/../../x",
    "blobs/sha256/" + "A" * 64,
    "blobs/sha512/" + "a" * 64,
    "blobs/sha256/" + "a" * 64 + ".0000",
    "index.json/",
    "./index.json",
    "INDEX.JSON",
    "volumes/0001.json",
    "C:\\x",
    "CON",
    "nul",
    "x\x00y",
    "blobs/sha256/" + "a" * 64 + ".1",
    "blobs//sha256/" + "a" * 64,
    "",
    "é",
    "index\u2024json",
)


@case(MALFORMED, *NAMES)
def names_of_members(forge: Forge, variant: str) -> None:
    forge.plan()
    forge.edit_index = lambda document: document["members"][-1].__setitem__(0, variant)
    forge.write()


@case(
    MALFORMED,
    (1, -1),
    (1, 8**11),
    (1, 1.5),
    (1, True),
    (1, "3"),
    (1, None),
    (2, "sha256:" + "a" * 64),
    (2, "sha512:" + "a" * 128),
    (2, "SHA256:" + "a" * 64),
    (2, "sha256:" + "F" * 64),
    (2, "md5:" + "a" * 32),
    (2, 7),
)
def rows_of_members(forge: Forge, variant: tuple[int, object]) -> None:
    forge.plan()
    forge.edit_index = lambda document: document["members"][-1].__setitem__(*variant)
    forge.write()


@case(
    MALFORMED,
    lambda d: d["members"].append(d["members"][0]),
    lambda d: d.update(members={}),
    lambda d: d.update(members="x"),
    lambda d: d.update(members=[[]]),
    lambda d: d.update(members=[["index.json"] * 6]),
    lambda d: d.update(members=[]),
    lambda d: d.update(number=2),
    lambda d: d.update(number="1"),
    lambda d: d.update(number=1.0),
    lambda d: d.update(number=2**63),
    lambda d: d.update(bundle="other"),
    lambda d: d.update(bundle="../x"),
    lambda d: d.update(version="2"),
    lambda d: d.update(set="sha256:" + "0" * 64),
    lambda d: d.update(x=1),
    lambda d: d.pop("members"),
    lambda d: d.update(
        members=[["blobs/sha256/" + f"{n:064x}", 1, "sha256:" + f"{n:064x}"] for n in range(95_000)]
    ),
    lambda d: d.update(members=[["x", 1, "sha256:" + "a" * 64]] * 200_000),
)
def an_index_of_other_members(forge: Forge, variant: Callable[[Json], None]) -> None:
    forge.edit_index = variant
    forge.write()
