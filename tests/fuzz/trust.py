"""TUF documents, roots, keys and who holds them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from securesystemslib.exceptions import FormatError
from securesystemslib.formats import encode_canonical

from champ_offline.oci.digest import Digest
from champ_offline.trust import keys, roots
from champ_offline.trust.documents import Documents
from champ_offline.trust.holders import PublicKeys
from champ_offline.trust.media import TRUST_SHELF, read_roots
from champ_offline.trust.trusted import evaluate
from tests.fuzz import sample
from tests.fuzz.mutation import PART, indented, json_mutator
from tests.fuzz.target import Target, scratch, written

PASSPHRASE = b"fuzzing"
_NAMES = {b"1": "root 1", b"2": "root 2", b"t": "targets", b"s": "snapshot", b"n": "timestamp"}
_SIGNED = b"+"


def read_tuf(data: bytes) -> None:
    """One document of a bundle changed; signed anew by its keys where the first part ends in “+”.

    The first part is `1`, `2`, `t`, `s` or `n`, the second the document. What is not signed anew
    passes only as it was.
    """
    kind, _, document = data.partition(PART)
    name, signed_anew = _NAMES.get(kind[:1], "targets"), kind[1:] == _SIGNED
    good = _good()
    found = good | {name: _signed(document) if signed_anew else document}
    if signed_anew:
        _announce(found, name)
    documents = Documents(
        (found["root 1"], found["root 2"]), found["timestamp"], found["snapshot"], found["targets"]
    )
    trusted = evaluate(good["root 1"], documents, sample.NOW, "input")
    assert signed_anew or found == good
    assert len(trusted.signers) >= 3


def read_root(data: bytes) -> None:
    """Roots on a medium, followed from a pinned one; `+` before one signs it anew."""
    shelf = scratch() / "media" / TRUST_SHELF
    for old in shelf.glob("*"):
        old.unlink()
    for number, part in enumerate(data.split(PART)[:4], start=1):
        root = _signed(part[1:]) if part[:1] == _SIGNED else part
        written(f"media/{TRUST_SHELF}/{number}.root.json", root)
    found = read_roots(scratch() / "media")
    assert len(roots.fingerprint(found[0])) == 71
    newest, _root = roots.follow(sample.roots()[0], found, "input")
    assert newest in {sample.roots()[0], *found}
    assert roots.read_root(newest, "input").version >= 1


def read_public_keys(data: bytes) -> None:
    found = PublicKeys.from_bytes(data, "input")
    again = PublicKeys.from_bytes(found.to_bytes(), "input")
    assert {r: k.keyid for r, k in again.keys.items()} == {
        r: k.keyid for r, k in found.keys.items()
    }


def read_key_file(data: bytes) -> None:
    """A private key, and a signer file, of a signing folder."""
    folder = scratch() / "signing"
    for name in ("root.pem", "images.command.yaml"):
        written(f"signing/{keys.FOLDER}/{name}", data)
    signer = keys.load(folder, "root" if _pem(data) else "images", _unlock)
    assert keys.public_pem(signer.public_key)


def _pem(data: bytes) -> bool:
    return b"-----BEGIN" in data[:64]


def _unlock(_folder: Path) -> bytes:
    return PASSPHRASE


def _good() -> dict[str, bytes]:
    bundle = sample.packed()
    found = {name: bundle.file(f"metadata/{name}.json") for name in ("targets", "snapshot")}
    first, second = sample.roots()
    timestamp = bundle.file("metadata/timestamp.json")
    return found | {"timestamp": timestamp, "root 1": first, "root 2": second}


def _signed(document: bytes) -> bytes:
    """The document with a signature by the key of the role it says it is of, if it says so."""
    try:
        signed = json.loads(document)["signed"]
        return _sealed(signed)
    except (ValueError, TypeError, KeyError, IndexError, RecursionError, FormatError):
        return document


def _sealed(signed: dict[str, Any]) -> bytes:
    signer = sample.signers()[signed["_type"]]
    signature = signer.sign(str(encode_canonical(signed)).encode())
    return indented({"signatures": [signature.to_dict()], "signed": signed}).encode()


def _sealed_entry(document: bytes) -> dict[str, Any]:
    return {"hashes": {"sha256": Digest.of(document).hex}, "length": len(document)}


def _announce(found: dict[str, bytes], name: str) -> None:
    """Have the documents above a changed one name it as it is now."""
    for below, above in (("targets", "snapshot"), ("snapshot", "timestamp")):
        if name in {"targets", below}:
            signed = json.loads(found[above])["signed"]
            signed["meta"][f"{below}.json"] |= _sealed_entry(found[below])
            found[above] = _sealed(signed)


def _tuf_seeds() -> dict[str, bytes]:
    good = _good()
    return {
        f"{name.replace(' ', '-')}{'-signed' if sign else ''}": kind + sign + PART + good[name]
        for kind, name in _NAMES.items()
        for sign in (b"", _SIGNED)
    }


def _root_seeds() -> dict[str, bytes]:
    first, second = sample.roots()
    return {"two": PART.join((first, second)), "signed": PART.join((first, _SIGNED + second))}


def _public_seeds() -> dict[str, bytes]:
    public = {role: one.public_key for role, one in sample.signers().items()}
    return {"four": PublicKeys("Fuzzing", public).to_bytes()}


def _key_seeds() -> dict[str, bytes]:
    """Keys in the clear and a signer file; `corpus` has a locked one, whose salt is chance."""
    found = {role: one.pem(None) for role, one in sample.signers().items() if role != "root"}
    public = sample.key("root").public_key()
    spki = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    signer = {"format": 1, "public_key": spki, "command": ["sign"], "seconds": 5}
    return found | {"signer": indented(signer).encode()}


TARGETS = (
    Target("tuf", read_tuf, _tuf_seeds, json_mutator(indented)),
    Target("roots", read_root, _root_seeds, json_mutator(indented)),
    Target("public_keys", read_public_keys, _public_seeds, json_mutator()),
    Target("key_files", read_key_file, _key_seeds, json_mutator(indented)),
)
