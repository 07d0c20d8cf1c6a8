"""The rules of trust over documents made by hand: chains, thresholds, strangers, dates."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, Root

from champ_offline.errors import ExitCode
from champ_offline.oci.digest import Digest
from champ_offline.trust import keys
from champ_offline.trust.documents import Documents, make_documents, make_root
from champ_offline.trust.errors import (
    DocumentAltered,
    DocumentUnreadable,
    Expired,
    KeyUnreadable,
    OtherRoot,
    RootUnreadable,
    TooFewSignatures,
)
from champ_offline.trust.trusted import evaluate, fingerprint, read_root_file

NOW = datetime(2026, 3, 1, tzinfo=UTC)
BUNDLE = b'{"format":1}'
Signers = dict[str, CryptoSigner]


@pytest.fixture(scope="module")
def signers() -> Signers:
    return {role: keys.generate(f"holder of {role}") for role in keys.ROLES}


@pytest.fixture(scope="module")
def root(signers: Signers) -> bytes:
    return make_root(signers, NOW)


@pytest.fixture(scope="module")
def documents(signers: Signers, root: bytes) -> Documents:
    return make_documents((root,), signers, BUNDLE, 7, NOW)


def next_root(old: bytes, by: Iterable[CryptoSigner], *, version: int = 2) -> tuple[bytes, Signers]:
    """A root that follows `old` with a new root key, signed by `by` and the new key."""
    metadata = Metadata[Root].from_bytes(old)
    signer = keys.generate("the next holder")
    for keyid in list(metadata.signed.roles["root"].keyids):
        metadata.signed.revoke_key(keyid, "root")
    metadata.signed.add_key(signer.public_key, "root")
    metadata.signed.version = version
    metadata.signatures.clear()
    for one in (*by, signer):
        metadata.sign(one, append=True)
    return metadata.to_bytes(), {"root": signer}


def test_the_chain_leads_to_the_bundle_and_says_who_signed(
    root: bytes, documents: Documents
) -> None:
    found = evaluate(root, documents, NOW, "stick")
    assert (found.version, found.size, found.digest) == (7, len(BUNDLE), Digest.of(BUNDLE))
    assert [signer.role for signer in found.signers] == ["timestamp", "snapshot", "targets"]
    assert found.signers[2].holder == "holder of targets"
    found.confirm(BUNDLE, "stick")
    with pytest.raises(DocumentAltered):
        found.confirm(BUNDLE + b" ", "stick")


def test_a_new_root_is_followed_when_the_old_key_signed_it(
    root: bytes, documents: Documents, signers: Signers
) -> None:
    second, _ = next_root(root, [signers["root"]])
    found = evaluate(root, replace(documents, roots=(root, second)), NOW, "stick")
    assert (found.root_version, found.root) == (2, second)


def test_a_new_root_without_the_old_signature_is_refused(root: bytes, documents: Documents) -> None:
    second, _ = next_root(root, [])
    with pytest.raises(OtherRoot):
        evaluate(root, replace(documents, roots=(root, second)), NOW, "stick")


def test_a_root_that_skips_a_version_is_not_followed(
    root: bytes, documents: Documents, signers: Signers
) -> None:
    third, _ = next_root(root, [signers["root"]], version=3)
    found = evaluate(root, replace(documents, roots=(root, third)), NOW, "stick")
    assert found.root_version == 1


def test_a_threshold_of_two_needs_two(documents: Documents, signers: Signers) -> None:
    metadata = Metadata[Root].from_bytes(make_root(signers, NOW))
    metadata.signed.add_key(keys.generate("second").public_key, "targets")
    metadata.signed.roles["targets"].threshold = 2
    metadata.sign(signers["root"])
    with pytest.raises(TooFewSignatures) as caught:
        evaluate(metadata.to_bytes(), documents, NOW, "stick")
    assert (caught.value.fields["found"], caught.value.fields["needed"]) == (1, 2)


def test_signatures_of_a_stranger_and_of_the_wrong_role_are_refused(
    root: bytes, signers: Signers
) -> None:
    strangers = {role: keys.generate("stranger") for role in keys.ROLES}
    with pytest.raises(OtherRoot):
        evaluate(root, make_documents((root,), strangers, BUNDLE, 7, NOW), NOW, "stick")
    swapped = signers | {"targets": signers["timestamp"]}
    with pytest.raises(OtherRoot) as caught:
        evaluate(root, make_documents((root,), swapped, BUNDLE, 7, NOW), NOW, "stick")
    assert caught.value.fields["role"] == "targets"


def test_mixed_documents_of_two_bundles_are_refused(
    root: bytes, documents: Documents, signers: Signers
) -> None:
    other = make_documents((root,), signers, b"another", 8, NOW)
    with pytest.raises(DocumentAltered):
        evaluate(root, replace(documents, targets=other.targets), NOW, "stick")
    with pytest.raises(DocumentAltered):
        evaluate(root, replace(documents, snapshot=other.snapshot), NOW, "stick")


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
def test_another_document_in_a_roles_place_is_refused(
    root: bytes, documents: Documents, role: str
) -> None:
    changed = Documents(**{**vars(documents), role: root})
    with pytest.raises((DocumentUnreadable, DocumentAltered)):
        evaluate(root, changed, NOW, "stick")


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b'{"signed":1}', b"\xff" * 9, b"[" * 200_000, b"1" * 2_000_000]
)
def test_garbage_is_refused_with_its_role(root: bytes, documents: Documents, data: bytes) -> None:
    with pytest.raises(DocumentUnreadable) as caught:
        evaluate(root, replace(documents, timestamp=data), NOW, "stick")
    assert caught.value.fields["role"] == "timestamp"
    assert caught.value.exit_code is ExitCode.DOCUMENT_ALTERED


@pytest.mark.parametrize(("days", "role"), [(366, "timestamp"), (3651, "root")])
def test_expired_documents_are_refused(
    root: bytes, documents: Documents, days: int, role: str
) -> None:
    with pytest.raises(Expired) as caught:
        evaluate(root, documents, NOW + timedelta(days=days), "stick")
    assert caught.value.fields["role"] == role


def test_unknown_fields_of_signed_documents_are_kept(signers: Signers) -> None:
    metadata = Metadata[Root].from_bytes(make_root(signers, NOW))
    metadata.signed.unrecognized_fields["x-site"] = "kept"
    metadata.sign(signers["root"])
    again = Metadata[Root].from_bytes(metadata.to_bytes())
    assert again.signed.unrecognized_fields == {"x-site": "kept"}


def test_the_fingerprint_has_eight_groups_of_eight(root: bytes) -> None:
    groups = fingerprint(root).split(" ")
    assert [len(group) for group in groups] == [8] * 8
    assert "".join(groups) == Digest.of(root).hex


def test_keys_are_private_files_and_survive_a_round_trip(tmp_path: Path) -> None:
    signer = keys.generate("somebody")
    keys.save(signer, tmp_path / "keys", "root")
    path = tmp_path / "keys/root.pem"
    assert path.stat().st_mode & 0o777 == 0o600
    assert keys.load(tmp_path / "keys", "root").public_key.keyid == signer.public_key.keyid


def test_unusable_key_and_root_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "root.pem").write_text("no key")
    for role in ("root", "targets"):
        with pytest.raises(KeyUnreadable) as caught:
            keys.load(tmp_path, role)
        assert f"{role}.pem" in str(caught.value)
    with pytest.raises(RootUnreadable):
        read_root_file(tmp_path / "none.json")
    (tmp_path / "other.json").write_text(json.dumps({"signed": {}}))
    with pytest.raises(DocumentUnreadable):
        read_root_file(tmp_path / "other.json")
