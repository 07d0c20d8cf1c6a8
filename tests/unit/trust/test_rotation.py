"""Roots: who must sign the next one, what a root must not say, what a folder keeps."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tuf.api.metadata import Key, Metadata, Root

from champ_offline import ceremony
from champ_offline.trust import keys
from champ_offline.trust.errors import (
    DocumentUnreadable,
    KeyReused,
    KeyTwice,
    RolesUnknown,
    SigningFolderDamaged,
    ThresholdImpossible,
)
from champ_offline.trust.folder import SigningFolder, bundle_signers, common_roots
from champ_offline.trust.holders import PublicKeys
from champ_offline.trust.key_errors import (
    DraftExists,
    DraftStale,
    HolderInvalid,
    KeysExist,
    KeysMissing,
    KeyUnknown,
    NoRootsHere,
    NothingToSign,
    NotSigningFolder,
    PublicFileUnreadable,
    RootsDiffer,
)
from champ_offline.trust.roots import fingerprint, read_root
from champ_offline.trust.rotation import Change, draft_root, tally
from tests.unit.trust.signing import Holder, first_root, next_root

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def three() -> list[Holder]:
    return [Holder("A"), Holder("B"), Holder("C")]


@pytest.fixture(scope="module")
def root(three: list[Holder]) -> bytes:
    return first_root(three, NOW, {"root": 2})


def altered(root: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    document = json.loads(root)
    change(document["signed"])
    return json.dumps(document).encode()


def test_a_draft_counts_signatures_of_the_old_and_of_the_new_root(
    root: bytes, three: list[Holder]
) -> None:
    change = Change(added=[Holder("D").public], removed=["C"])
    by_one = next_root(root, change, three[:1], NOW)
    old, new = tally(by_one, root, "draft")
    assert (old.version, old.needed, old.signed, old.missing) == (1, 2, ("A",), ("B", "C"))
    assert (new.version, new.needed, new.signed, new.missing) == (2, 2, ("A",), ("B", "D"))
    assert not old.complete
    by_two = next_root(root, change, three[:2], NOW)
    assert all(one.complete for one in tally(by_two, root, "draft"))


def test_keys_are_removed_by_holder_and_by_the_beginning_of_their_id(
    root: bytes, three: list[Holder]
) -> None:
    keyid = three[2].signers["targets"].public_key.keyid
    found = Metadata[Root].from_bytes(draft_root(root, Change(removed=[keyid[:8]]), NOW, "x"))
    assert keyid not in found.signed.keys
    assert len(found.signed.roles["snapshot"].keyids) == 3
    for name in ("nobody", keyid[:7], ""):
        with pytest.raises(KeyUnknown):
            draft_root(root, Change(removed=[name]), NOW, "x")


@pytest.mark.parametrize("threshold", [0, 4])
def test_a_threshold_that_nobody_can_meet_is_refused(root: bytes, threshold: int) -> None:
    with pytest.raises(ThresholdImpossible):
        draft_root(root, Change(thresholds={"targets": threshold}), NOW, "x")


def test_removing_below_the_threshold_is_refused(root: bytes) -> None:
    with pytest.raises(ThresholdImpossible):
        draft_root(root, Change(removed=["B", "C"]), NOW, "x")


def test_one_key_in_two_roles_is_refused_when_made_and_when_read(
    root: bytes, three: list[Holder]
) -> None:
    reused = PublicKeys("A", {"targets": three[0].signers["root"].public_key})
    with pytest.raises(KeyReused) as caught:
        draft_root(root, Change(added=[reused]), NOW, "x")
    assert "root, targets" in str(caught.value)

    def reuse(signed: dict[str, Any]) -> None:
        signed["roles"]["timestamp"]["keyids"].append(signed["roles"]["root"]["keyids"][0])

    with pytest.raises(KeyReused):
        read_root(altered(root, reuse), "x")


def test_one_key_under_two_ids_does_not_count_twice(root: bytes) -> None:
    def double(signed: dict[str, Any]) -> None:
        first = signed["roles"]["root"]["keyids"][0]
        copy = json.loads(json.dumps(signed["keys"][first]))
        copy["keyval"]["public"] = copy["keyval"]["public"].upper()
        signed["keys"]["f" * 64] = copy
        signed["roles"]["root"]["keyids"].append("f" * 64)

    with pytest.raises(KeyTwice):
        read_root(altered(root, double), "x")

    def repeat(signed: dict[str, Any]) -> None:
        signed["roles"]["root"]["keyids"] *= 2

    with pytest.raises(KeyTwice):
        read_root(altered(root, repeat), "x")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda s: s["roles"].pop("snapshot"), RolesUnknown),
        (lambda s: s["roles"].update(mirrors=s["roles"]["root"]), RolesUnknown),
        (lambda s: s["roles"]["root"].update(threshold=0), ThresholdImpossible),
        (lambda s: s["roles"]["root"].update(threshold=4), ThresholdImpossible),
        (lambda s: s["roles"]["root"].update(threshold="2"), DocumentUnreadable),
        (lambda s: s["roles"].update(root=[]), DocumentUnreadable),
        (lambda s: s["keys"].pop(s["roles"]["root"]["keyids"][0]), DocumentUnreadable),
        (
            lambda s: s["keys"][s["roles"]["root"]["keyids"][0]]["keyval"].update(public="zz"),
            DocumentUnreadable,
        ),
    ],
)
def test_roots_that_make_no_sense_are_refused_by_name(
    root: bytes, change: Callable[[dict[str, Any]], None], error: type[Exception]
) -> None:
    with pytest.raises(error):
        read_root(altered(root, change), "x")


def test_a_root_that_names_a_key_twice_is_refused(root: bytes) -> None:
    text = root.decode().replace('"keys": {', '"keys": {"a": 1, "a": 2, ', 1)
    with pytest.raises(DocumentUnreadable, match="there twice"):
        read_root(text.encode(), "x")


def test_public_files_survive_a_round_trip_and_nonsense_is_named(three: list[Holder]) -> None:
    public = three[0].public
    again = PublicKeys.from_bytes(public.to_bytes(), "x")
    assert {r: k.keyid for r, k in again.keys.items()} == {
        r: k.keyid for r, k in public.keys.items()
    }
    for data in (
        b"", b"[]", b'{"format":2,"holder":"A","keys":{}}', b"[" * 100_000,
        b'{"format":1,"holder":"A","keys":{"mirrors":"x"}}',
        b'{"format":1,"holder":"A","keys":{"root":"x"}}',
    ):  # fmt: skip
        with pytest.raises(PublicFileUnreadable):
            PublicKeys.from_bytes(data, "x")
    for name in ("", " A", "A\n", "x" * 65, "\x1b[2J"):
        with pytest.raises(HolderInvalid):
            PublicKeys(name, {})


class Site:
    """Signing folders on disk: one for the roots, one for each of three holders."""

    def __init__(self, path: Path) -> None:
        self.shared = path / "shared"
        self.holders = {name: path / name for name in "ABC"}
        for name, folder in self.holders.items():
            ceremony.new_keys(folder, name, keys.ROLES, keys.ED25519, keys.not_locked)
        publics = [folder / "public.json" for folder in self.holders.values()]
        ceremony.init_together(
            self.shared, publics, {"root": 2, "targets": 2}, keys.not_locked, NOW
        )
        self.sign("A", "B", version=1)

    def sign(self, *names: str, version: int) -> ceremony.DraftSummary:
        draft = self.shared / "draft" / f"{version}.root.json"
        return ceremony.sign(draft, [self.holders[name] for name in names], keys.nobody)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_draft_becomes_the_next_root_with_the_last_signature_it_needs(site: Site) -> None:
    before = (site.shared / "root.json").read_bytes()
    drafted = ceremony.rotate(site.shared, [], ["C"], {}, NOW)
    with pytest.raises(DraftExists):
        ceremony.rotate(site.shared, [], ["C"], {}, NOW)
    assert not site.sign("A", version=2).complete
    assert (site.shared / "root.json").read_bytes() == before
    done = site.sign("B", version=2)
    assert done.complete
    assert done.fingerprint == drafted.fingerprint
    assert not drafted.file.exists()
    roots = SigningFolder(site.shared).roots()
    assert (len(roots), roots[-1]) == (2, (site.shared / "root.json").read_bytes())
    assert fingerprint(roots[-1]) == drafted.fingerprint


def test_a_stranger_has_nothing_to_sign(site: Site, tmp_path: Path) -> None:
    ceremony.new_keys(tmp_path / "D", "D", keys.ROLES, keys.ED25519, keys.not_locked)
    draft = ceremony.rotate(site.shared, [], ["C"], {}, NOW).file
    with pytest.raises(NothingToSign):
        ceremony.sign(draft, [tmp_path / "D"], keys.nobody)


def test_a_draft_that_was_overtaken_is_refused(site: Site) -> None:
    draft = ceremony.rotate(site.shared, [], ["C"], {}, NOW).file
    stale = draft.read_bytes()
    site.sign("A", "B", version=2)
    draft.write_bytes(stale)
    with pytest.raises(DraftStale):
        site.sign("A", "B", version=2)


def test_a_draft_can_travel_and_come_home(site: Site, tmp_path: Path) -> None:
    draft = ceremony.rotate(site.shared, [], ["C"], {}, NOW).file
    away = tmp_path / "stick" / "2.root.json"
    away.parent.mkdir()
    away.write_bytes(draft.read_bytes())
    ceremony.sign(away, [site.holders["A"]], keys.nobody)
    ceremony.sign(away, [site.holders["B"]], keys.nobody)
    assert len(SigningFolder(site.shared).roots()) == 1
    draft.write_bytes(away.read_bytes())
    assert ceremony.sign(draft, [], keys.nobody).complete
    assert len(SigningFolder(site.shared).roots()) == 2


def test_who_is_missing_is_said_before_any_key_is_unlocked(site: Site) -> None:
    roots = common_roots([SigningFolder(site.shared)])
    root = read_root(roots[-1], "root")
    folders = [SigningFolder(site.shared), SigningFolder(site.holders["B"])]
    with pytest.raises(KeysMissing) as caught:
        bundle_signers(folders, root, keys.nobody)
    assert caught.value.fields["holders"] == "A, C"
    folders.append(SigningFolder(site.holders["C"]))
    signers = bundle_signers(folders, root, keys.nobody)
    assert {role: len(found) for role, found in signers.items()} == {
        "targets": 2, "snapshot": 2, "timestamp": 2,
    }  # fmt: skip


def test_withdrawn_keys_do_not_sign(site: Site) -> None:
    ceremony.rotate(site.shared, [], ["C"], {"targets": 1}, NOW)
    site.sign("A", "B", version=2)
    folders = [SigningFolder(site.shared), SigningFolder(site.holders["C"])]
    with pytest.raises(KeysMissing):
        bundle_signers(folders, read_root(common_roots(folders)[-1], "root"), keys.nobody)


def test_folders_whose_roots_differ_are_not_mixed(site: Site, tmp_path: Path) -> None:
    other = Site(tmp_path / "other")
    with pytest.raises(RootsDiffer):
        common_roots([SigningFolder(site.shared), SigningFolder(other.shared)])
    older = tmp_path / "older"
    SigningFolder(older).add_root((site.shared / "root.json").read_bytes())
    ceremony.rotate(site.shared, [], ["C"], {}, NOW)
    site.sign("A", "B", version=2)
    assert len(common_roots([SigningFolder(older), SigningFolder(site.shared)])) == 2


def test_folders_are_never_made_twice_and_gaps_are_named(site: Site) -> None:
    with pytest.raises(KeysExist):
        ceremony.init_alone(site.shared, "A", keys.ED25519, keys.not_locked, NOW)
    with pytest.raises(KeysExist):
        ceremony.new_keys(site.holders["A"], "A", keys.ROLES, keys.ED25519, keys.not_locked)
    with pytest.raises(NoRootsHere, match="holds a holder's keys and no roots"):
        SigningFolder(site.holders["A"]).roots()
    roots = site.shared / "roots"
    (roots / "2.root.json").write_bytes((roots / "1.root.json").read_bytes())
    with pytest.raises(NotSigningFolder, match="follow"):
        SigningFolder(site.shared).roots()


def test_a_key_for_images_is_made_in_no_strange_folder(site: Site, tmp_path: Path) -> None:
    with pytest.raises(NotSigningFolder, match="it does not exist"):
        ceremony.new_images_key(tmp_path / "mistyped", keys.not_locked)
    assert not (tmp_path / "mistyped").exists()
    (tmp_path / "strange").mkdir()
    with pytest.raises(NotSigningFolder):
        ceremony.new_images_key(tmp_path / "strange", keys.not_locked)
    (site.shared / "images.pub").unlink()
    (site.shared / "keys" / "images.pem").unlink()
    assert ceremony.new_images_key(site.shared, keys.not_locked).is_file()


def test_the_root_that_was_changed_is_named_in_a_signing_folder(site: Site) -> None:
    first = site.shared / "roots" / "1.root.json"
    first.write_bytes(first.read_bytes()[:-50])
    with pytest.raises(SigningFolderDamaged, match=str(first)):
        SigningFolder(site.shared).roots()


def test_fields_nobody_here_knows_are_carried_from_root_to_root(
    three: list[Holder], root: bytes
) -> None:
    metadata = Metadata[Root].from_bytes(root)
    metadata.signed.unrecognized_fields["x-site"] = {"kept": True}
    first: Key = next(iter(metadata.signed.keys.values()))
    first.unrecognized_fields["x-token"] = "7"
    second = Metadata[Root].from_bytes(draft_root(metadata.to_bytes(), Change(), NOW, "x"))
    assert second.signed.unrecognized_fields == {"x-site": {"kept": True}}
    assert second.signed.keys[first.keyid].unrecognized_fields["x-token"] == "7"
