"""The rules of trust over documents made by hand: chains, thresholds, strangers, dates."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from securesystemslib.signer import Signature
from tuf.api.metadata import Metadata, Root
from tuf.api.serialization.json import JSONSerializer

from champ_offline.errors import ExitCode
from champ_offline.oci.digest import Digest
from champ_offline.trust.documents import Documents, make_documents, signed_bytes
from champ_offline.trust.errors import (
    DocumentAltered,
    DocumentUnreadable,
    Expired,
    OtherRoot,
    RevokedKey,
    RootFileDamaged,
    RootMissing,
    RootUnreadable,
    TooFewSignatures,
)
from champ_offline.trust.roots import fingerprint, read_root_file
from champ_offline.trust.rotation import Change, draft_root, sign_draft
from champ_offline.trust.trusted import evaluate
from tests.unit.trust.signing import Holder, Signers, first_root, next_root, signers_of

NOW = datetime(2026, 3, 1, tzinfo=UTC)
BUNDLE = b'{"format":1}'
ROOT_ONLY = Holder("the next holder", ["root"])


@pytest.fixture(scope="module")
def holder() -> Holder:
    return Holder("Release team")


@pytest.fixture(scope="module")
def signers(holder: Holder) -> Signers:
    return signers_of(holder)


@pytest.fixture(scope="module")
def root(holder: Holder) -> bytes:
    return first_root([holder], NOW)


@pytest.fixture(scope="module")
def documents(signers: Signers, root: bytes) -> Documents:
    return make_documents((root,), signers, BUNDLE, 7, NOW)


def test_the_chain_leads_to_the_bundle_and_says_who_signed(
    root: bytes, documents: Documents
) -> None:
    found = evaluate(root, documents, NOW, "stick")
    assert (found.version, found.size, found.digest) == (7, len(BUNDLE), Digest.of(BUNDLE))
    assert [signer.role for signer in found.signers] == ["timestamp", "snapshot", "targets"]
    assert found.signers[2].holder == "Release team"
    found.confirm(BUNDLE, "stick")
    with pytest.raises(DocumentAltered):
        found.confirm(BUNDLE + b" ", "stick")


def test_a_new_root_is_followed_when_the_old_key_signed_it(
    root: bytes, documents: Documents, holder: Holder
) -> None:
    second = next_root(root, Change(added=[ROOT_ONLY.public]), [holder], NOW)
    found = evaluate(root, replace(documents, roots=(root, second)), NOW, "stick")
    assert (found.root_version, found.root) == (2, second)


def test_a_new_root_without_the_old_signature_is_refused(root: bytes, documents: Documents) -> None:
    second = next_root(root, Change(added=[ROOT_ONLY.public]), [ROOT_ONLY], NOW)
    with pytest.raises(OtherRoot):
        evaluate(root, replace(documents, roots=(root, second)), NOW, "stick")


def test_a_root_that_skips_a_version_is_not_followed(
    root: bytes, documents: Documents, holder: Holder
) -> None:
    second = next_root(root, Change(), [holder], NOW)
    third = next_root(second, Change(), [holder], NOW)
    with pytest.raises(DocumentUnreadable, match="version 3 follows 1"):
        evaluate(root, replace(documents, roots=(root, third)), NOW, "stick")


def test_a_chain_of_seven_roots_with_new_keys_each_time_is_followed(documents: Documents) -> None:
    holders = [Holder(f"holder {number}") for number in range(7)]
    roots = [first_root(holders[:1], NOW)]
    for before, after in pairwise(holders):
        change = Change(added=[after.public], removed=[before.name])
        roots.append(next_root(roots[-1], change, [before, after], NOW))
    last = make_documents(tuple(roots), signers_of(holders[-1]), BUNDLE, 8, NOW)
    assert evaluate(roots[0], last, NOW, "stick").root_version == 7
    assert evaluate(roots[4], last, NOW, "stick").root == roots[6]
    with pytest.raises(DocumentUnreadable, match="version 5 follows 3"):
        evaluate(roots[0], replace(last, roots=(*roots[:3], *roots[4:])), NOW, "stick")


def test_a_threshold_of_two_needs_two(holder: Holder) -> None:
    other = Holder("second", ["targets"])
    root = first_root([holder, other], NOW, {"targets": 2})
    alone = make_documents((root,), signers_of(holder), BUNDLE, 7, NOW)
    with pytest.raises(TooFewSignatures) as caught:
        evaluate(root, alone, NOW, "stick")
    assert (caught.value.fields["found"], caught.value.fields["needed"]) == (1, 2)
    both = make_documents((root,), signers_of(holder, other), BUNDLE, 7, NOW)
    found = evaluate(root, both, NOW, "stick").signers
    assert {one.holder for one in found if one.role == "targets"} == {"Release team", "second"}


def test_signatures_of_a_stranger_and_of_the_wrong_role_are_refused(
    root: bytes, signers: Signers
) -> None:
    strangers = signers_of(Holder("stranger"))
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


def test_unknown_fields_of_signed_documents_are_kept(root: bytes, holder: Holder) -> None:
    metadata = Metadata[Root].from_bytes(root)
    metadata.signed.unrecognized_fields["x-site"] = "kept"
    metadata.signatures.clear()
    changed = signed_bytes(metadata, signers_of(holder)["root"])
    second = Metadata[Root].from_bytes(next_root(changed, Change(), [holder], NOW))
    assert second.signed.unrecognized_fields == {"x-site": "kept"}


def test_the_fingerprint_is_of_what_a_root_says_whoever_signed_it(holder: Holder) -> None:
    draft = draft_root(None, Change(added=[holder.public]), NOW, "draft")
    signed = sign_draft(draft, signers_of(holder)["root"], "draft")
    assert signed != draft
    assert fingerprint(signed) == fingerprint(draft)
    groups = fingerprint(draft).split(" ")
    assert [len(group) for group in groups] == [5] * 12
    assert "".join(groups).isdigit()
    later = draft_root(None, Change(added=[holder.public]), NOW + timedelta(days=1), "draft")
    assert fingerprint(later) != fingerprint(draft)


def test_unusable_root_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(RootUnreadable):
        read_root_file(tmp_path / "none.json")
    (tmp_path / "other.json").write_text(json.dumps({"signed": {}}))
    with pytest.raises(RootFileDamaged):
        read_root_file(tmp_path / "other.json")


def test_a_bundle_of_before_the_keys_were_withdrawn_is_told_from_one_of_strangers(
    root: bytes, documents: Documents, holder: Holder
) -> None:
    heir = Holder("heir")
    second = next_root(
        root, Change(added=[heir.public], removed=[holder.name]), [holder, heir], NOW
    )
    third = next_root(second, Change(), [heir], NOW)
    with pytest.raises(RevokedKey):
        evaluate(second, documents, NOW, "stick")
    with pytest.raises(RevokedKey):
        evaluate(third, replace(documents, roots=(root, second)), NOW, "stick")
    stranger = Holder("stranger")
    theirs = first_root([stranger], NOW)
    strange = make_documents((theirs,), signers_of(stranger), BUNDLE, 7, NOW)
    with pytest.raises(OtherRoot):
        evaluate(second, strange, NOW, "stick")


def test_a_stranger_with_a_key_under_our_keys_id_is_a_stranger(root: bytes, holder: Holder) -> None:
    second = next_root(root, Change(), [holder], NOW)
    stranger = Holder("stranger")
    data = json.loads(first_root([stranger], NOW))
    (theirs,) = data["signed"]["roles"]["root"]["keyids"]
    ours = holder.signers["root"].public_key.keyid
    data["signed"]["roles"]["root"]["keyids"] = [ours]
    data["signed"]["keys"][ours] = data["signed"]["keys"].pop(theirs)
    metadata = Metadata[Root].from_dict(data)
    signature = stranger.signers["root"].sign(metadata.signed_bytes)
    metadata.signatures = {ours: Signature(ours, signature.signature)}
    first = metadata.to_bytes(JSONSerializer(compact=False))
    strange = make_documents((first,), signers_of(stranger), BUNDLE, 7, NOW)
    assert evaluate(first, strange, NOW, "stick").root == first
    with pytest.raises(OtherRoot):
        evaluate(second, strange, NOW, "stick")


def test_the_documents_say_under_which_root_they_were_made(
    root: bytes, signers: Signers, holder: Holder
) -> None:
    second = next_root(root, Change(), [holder], NOW)
    made = make_documents((root, second), signers, BUNDLE, 7, NOW)
    assert evaluate(root, made, NOW, "stick").announced == 2
    assert evaluate(second, replace(made, roots=(root,)), NOW, "stick").root_version == 2
    with pytest.raises(RootMissing) as caught:
        evaluate(root, replace(made, roots=(root,)), NOW, "stick")
    assert (caught.value.fields["missing"], caught.value.fields["announced"]) == (2, 2)
