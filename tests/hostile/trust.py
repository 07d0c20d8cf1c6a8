"""Signatures, roots and dates: forged, replayed, mixed; unsigned changes to signed documents."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from tuf.api.metadata import Metadata, Root
from tuf.api.serialization.json import JSONSerializer

from champ_offline.trust.documents import Documents
from champ_offline.trust.rotation import Change, draft_root, sign_draft
from tests.hostile.catalogue import Cases, plain
from tests.hostile.forge import Forge, Json, Keys
from tests.unit.trust.signing import Holder, first_root, next_root, signers_of

case = Cases()
ALTERED, UNREADABLE = "trust.document-altered", "trust.document-unreadable"
OTHER, FEW = "trust.other-root", "trust.too-few-signatures"
ROLES = ("timestamp", "snapshot", "targets")
Text = Callable[[bytes], bytes]


def resign(forge: Forge, role: str, change: Callable[[Json], None], by: str = "") -> bytes:
    """Change a role's document and sign it anew with the keys of the role `by`."""
    path = forge.folder / f"metadata/{role}.json"
    document = json.loads(path.read_bytes())
    change(document["signed"])
    metadata: Metadata[Any] = Metadata.from_dict(document)
    metadata.signatures.clear()
    for signer in forge.keys.signers[by or role.removeprefix("1.")]:
        metadata.sign(signer, append=True)
    data = metadata.to_bytes(JSONSerializer(compact=False))
    path.write_bytes(data)
    return data


def rewrite(forge: Forge, role: str, text: Text) -> None:
    path = forge.folder / f"metadata/{role}.json"
    path.write_bytes(text(path.read_bytes()))


def spoil(change: Callable[[Any], object]) -> Text:
    def text(data: bytes) -> bytes:
        document = json.loads(data)
        change(document)
        return json.dumps(document, indent=1, sort_keys=True).encode()

    return text


FORMS: tuple[Text, ...] = (
    lambda data: data + b"\n",
    lambda data: b" " + data,
    lambda data: data.replace(b"\n", b"\r\n"),
    lambda data: json.dumps(json.loads(data)).encode(),
    spoil(lambda d: d["signatures"][0].update(sig=d["signatures"][0]["sig"].upper())),
    spoil(lambda d: d.update(x=1)),
    spoil(lambda d: d["signatures"][0].update(x=1)),
    spoil(lambda d: d["signatures"].append({"keyid": "f" * 64, "sig": "ab"})),
    spoil(lambda d: d["signed"].update(x=1)),
)
NONSENSE: tuple[Text, ...] = (
    lambda data: b"",
    lambda data: b"null",
    lambda data: b"[" * 100_000,
    lambda data: data[:-1],
    lambda data: b"\xff" + data,
    spoil(lambda d: d["signatures"].append(d["signatures"][0])),
    spoil(lambda d: d["signed"].update(version=-1)),
    spoil(lambda d: d["signed"].update(version="1")),
    spoil(lambda d: d["signed"].update(expires="never")),
    spoil(lambda d: d["signed"].update(spec_version="9.0")),
    spoil(lambda d: d["signed"].update(x=1.5)),
    spoil(lambda d: d["signed"].update(x="\ud800")),
    spoil(lambda d: d["signed"].pop("_type")),
    spoil(lambda d: d.pop("signatures")),
    lambda data: data.replace(
        b'"signed"', b'"signed": {"version": ' + b"9" * 5000 + b'}, "signed"'
    ),
)


@case(ALTERED, *FORMS)
def the_form_of_the_head(forge: Forge, variant: Text) -> None:
    forge.write()
    rewrite(forge, "timestamp", variant)


@case(ALTERED, *FORMS)
def the_form_of_a_root_the_zone_has(forge: Forge, variant: Text) -> None:
    forge.write()
    rewrite(forge, "1.root", variant)


@case(UNREADABLE, *NONSENSE)
def a_head_of_nonsense(forge: Forge, variant: Text) -> None:
    forge.write()
    rewrite(forge, "timestamp", variant)


@case(UNREADABLE, *NONSENSE)
def a_root_of_nonsense(forge: Forge, variant: Text) -> None:
    forge.write()
    rewrite(forge, "1.root", variant)


@case(ALTERED, *[(role, text) for role in ROLES[1:] for text in (FORMS[0], NONSENSE[0])])
def what_the_head_vouches_for(forge: Forge, variant: tuple[str, Text]) -> None:
    forge.write()
    rewrite(forge, *variant)


@case(ALTERED, *ROLES[1:])
def one_role_of_an_earlier_pack(forge: Forge, variant: str) -> None:
    old = _pack(forge, "old", forge.now - timedelta(days=1))
    forge.write()
    (forge.folder / f"metadata/{variant}.json").write_bytes(getattr(old, variant))


@case(ALTERED)
def a_head_of_a_later_pack(forge: Forge) -> None:
    new = _pack(forge, "new", forge.now + timedelta(hours=1))
    forge.write()
    (forge.folder / "metadata/timestamp.json").write_bytes(new.timestamp)


@case(ALTERED)
def documents_of_another_bundle(forge: Forge) -> None:
    other = _pack(forge, "other", forge.now, name="other")
    forge.write()
    forge.write_trust(other)


@case("trust.replayed", first=plain)
def an_earlier_pack_again(forge: Forge) -> None:
    forge.now -= timedelta(hours=1)
    forge.write()


@case("trust.replayed", first=plain)
def the_same_moment_with_other_content(forge: Forge) -> None:
    forge.image("champ.local/other:1", b"other")
    forge.write()


@case("trust.expired")
def a_frozen_head(forge: Forge) -> None:
    forge.now -= timedelta(days=366)
    forge.write()


@case("trust.packed-in-future")
def a_pack_of_the_future(forge: Forge) -> None:
    forge.now += timedelta(days=3)
    forge.write()


@case("trust.wrong-zone", ["other"], ["cor"], ["core2"], ["core.core"], ["co-re"])
def other_zones(forge: Forge, variant: list[str]) -> None:
    forge.edit_document = lambda document: document.update(zones=variant)
    forge.write()


@case(UNREADABLE, 2**63, 2**63 - 1, 10**30, 253_402_300_800_000)
def versions_that_are_no_time(forge: Forge, variant: int) -> None:
    forge.write()
    resign(forge, "timestamp", lambda signed: signed.update(version=variant))


@case("trust.packed-in-future")
def the_last_moment_there_is(forge: Forge) -> None:
    forge.write()
    resign(forge, "timestamp", lambda signed: signed.update(version=253_402_300_799_999))


@case("", "9999-12-31T23:59:59Z")
def a_head_that_never_ends(forge: Forge, variant: str) -> None:
    forge.write()
    resign(forge, "timestamp", lambda signed: signed.update(expires=variant))


@case(OTHER, *[(role, by) for role in ROLES for by in ("root", *ROLES) if role != by][:3])
def signed_by_another_role(forge: Forge, variant: tuple[str, str]) -> None:
    forge.write()
    resign(forge, variant[0], lambda signed: None, variant[1])


@case(UNREADABLE, *ROLES[1:])
def another_role_as_the_head(forge: Forge, variant: str) -> None:
    forge.write()
    path = forge.folder / "metadata"
    (path / "timestamp.json").write_bytes((path / f"{variant}.json").read_bytes())


def _two(forge: Forge) -> Holder:
    """A root in which targets need two holders."""
    second = Holder("second", ["targets"])
    root = first_root([forge.keys.holder, second], forge.now, {"targets": 2})
    forge.keys = replace(forge.keys, root=root)
    forge.medium.parent.joinpath("root.json").write_bytes(root)
    return second


@case(FEW)
def one_signature_of_two(forge: Forge) -> None:
    _two(forge)
    forge.write()


@case(UNREADABLE)
def one_signature_twice(forge: Forge) -> None:
    """tuf reads no document with one key id twice; here it is the head."""
    forge.write()
    rewrite(forge, "timestamp", spoil(lambda d: d["signatures"].append(d["signatures"][0])))


def _next(forge: Forge, change: Callable[[Json], None]) -> None:
    """A root 2 that its own keys and those before signed, whatever it says."""
    document = json.loads(draft_root(forge.keys.root, Change(), forge.now, "x"))
    change(document["signed"])
    metadata: Metadata[Any] = Metadata.from_dict({**document, "signatures": []})
    for signer in forge.keys.signers["root"]:
        metadata.sign(signer, append=True)
    forge.roots = [forge.keys.root, metadata.to_bytes(JSONSerializer(compact=False))]
    forge.write()


def _reuse(signed: Json) -> None:
    signed["roles"]["timestamp"]["keyids"] += signed["roles"]["targets"]["keyids"]


@case("trust.key-reused")
def one_key_for_two_roles(forge: Forge) -> None:
    _next(forge, _reuse)


@case("trust.threshold-impossible", 0, -1, 2, 2**63)
def thresholds(forge: Forge, variant: int) -> None:
    def change(signed: Json) -> None:
        signed["roles"]["targets"]["threshold"] = variant

    path = forge.medium.parent / "threshold"
    path.mkdir()
    _next(forge, nothing_of_it)
    rewrite(forge, "2.root", spoil(lambda d: change(d["signed"])))


def nothing_of_it(_signed: Json) -> None:
    """Leave a root as it is."""


@case("trust.roles-unknown")
def a_role_too_many(forge: Forge) -> None:
    _next(forge, nothing_of_it)
    rewrite(
        forge,
        "2.root",
        spoil(lambda d: d["signed"]["roles"].update(x=d["signed"]["roles"]["root"])),
    )


@case(UNREADABLE, 3, 2**63, 10_000)
def a_root_that_is_not_the_next(forge: Forge, variant: int) -> None:
    _next(forge, lambda signed: signed.update(version=variant))


@case(UNREADABLE, 1, 2)
def a_chain_with_a_gap(forge: Forge, variant: int) -> None:
    roots = _chain(forge, 4)
    forge.roots = [*roots[:variant], *roots[variant + 1 :]]
    forge.write()


@case("trust.other-root")
def a_root_signed_by_new_keys_alone(forge: Forge) -> None:
    _half_signed(forge, by_old=False)


@case(OTHER)
def a_root_signed_by_old_keys_alone(forge: Forge) -> None:
    _half_signed(forge, by_old=True)


def _half_signed(forge: Forge, *, by_old: bool) -> None:
    new = Holder("new")
    change = Change(added=[new.public], removed=["Release team"])
    draft = draft_root(forge.keys.root, change, forge.now, "x")
    holder = forge.keys.holder if by_old else new
    root = sign_draft(draft, signers_of(holder)["root"], "x")
    forge.roots = [forge.keys.root, root]
    forge.keys = replace(forge.keys, holder=new, signers=signers_of(new))
    forge.write()


@case("trust.revoked-key")
def signed_by_keys_that_were_withdrawn(forge: Forge) -> None:
    new = Holder("new")
    change = Change(added=[new.public], removed=["Release team"])
    second = next_root(forge.keys.root, change, [forge.keys.holder, new], forge.now)
    forge.roots = [forge.keys.root, second]
    forge.write()


@case("")
def a_thousand_roots(forge: Forge) -> None:
    forge.roots = _chain(forge, 300)
    forge.write()
    path = forge.folder / "metadata/300.root.json"
    assert path.is_file()


@case(UNREADABLE)
def roots_without_end(forge: Forge) -> None:
    forge.write()
    for number in range(2, 1500):
        with (forge.folder / f"metadata/{number}.root.json").open("wb") as file:
            file.truncate(1024 * 1024)


@case(OTHER)
def another_root_under_the_same_number(forge: Forge) -> None:
    forge.roots = [Keys.make().root]
    forge.write()


def _chain(forge: Forge, length: int) -> list[bytes]:
    roots = [forge.keys.root]
    while len(roots) < length:
        roots.append(next_root(roots[-1], Change(), [forge.keys.holder], forge.now))
    assert Metadata[Root].from_bytes(roots[-1]).signed.version == length
    return roots


def _pack(forge: Forge, folder: str, now: Any, name: str = "demo") -> Documents:
    other = Forge(forge.medium.parent / folder, forge.keys, name=name, now=now)
    other.write()
    return other.sign((other.folder / "bundle.json").read_bytes())
