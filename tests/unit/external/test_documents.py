"""The order of what is pushed, and lists of referrers where a target has no API for them."""

from __future__ import annotations

import json

import pytest

from champ_offline.external import errors
from champ_offline.external.documents import referrers_tag, with_entry
from champ_offline.external.selection import Selection
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import LIMIT, image_index
from champ_offline.oci.strict_json import NotStrict
from champ_offline.store.refs import Ref
from tests.simulators.brought import BUNDLE, JOB, SIGNATURE, WEB, Brought
from tests.simulators.target import FakeTarget, Told, fake_target
from tests.unit.external.conftest import Desk

ENTRY = Descriptor(media_types.IMAGE_MANIFEST, Digest.of(b"x"), 3, {"a": "b"}, SIGNATURE)


def test_children_come_before_parents_and_referrers_after_subjects(brought: Brought) -> None:
    [one] = Selection(brought.refs, brought.blobs).of([WEB])
    order = list(one.manifests)
    assert len(order) == 6
    for digest, entry in one.manifests.items():
        below = json.loads(brought.blobs.read(digest)).get("manifests", [])
        for child in below:
            assert order.index(Digest.parse(child["digest"])) < order.index(digest)
        if entry.subject:
            assert order.index(entry.subject) < order.index(digest)
            assert entry.referrer is not None
            assert entry.referrer.artifact_type == SIGNATURE
    assert one.tags.keys() == {"1.27", "latest"}
    assert sum(blob.size for blob in one.blobs.values()) == one.size


def test_a_referrer_that_has_a_name_comes_after_its_subject(brought: Brought) -> None:
    """Names are read in the order of digests, which is none."""
    subject = brought.digests["web"]
    [signature] = brought.referrers[subject]
    media_type, size = media_types.IMAGE_MANIFEST, brought.blobs.size(signature)
    named = Ref(WEB, "sha256-x.sig", Descriptor(media_type, signature, size), BUNDLE)
    with brought.database.transaction() as connection:
        brought.refs.put(connection, [named])
    [one] = Selection(brought.refs, brought.blobs).of([WEB])
    order = list(one.manifests)
    assert order.index(subject) < order.index(signature)
    assert len(order) == len(set(order)) == 6


def test_tags_that_clients_pushed_stay_here(brought: Brought) -> None:
    older = next(d for d in brought.refs.manifests(JOB) if d.digest == brought.digests["older"])
    with brought.database.transaction() as connection:
        brought.refs.tag(connection, JOB, "pushed", older)
    [one] = Selection(brought.refs, brought.blobs).of([JOB])
    assert one.tags.keys() == {"2"}
    assert brought.digests["older"] in one.manifests


def test_the_tag_of_a_list() -> None:
    assert referrers_tag(Digest("a" * 64)) == f"sha256-{'a' * 64}"
    # distribution-spec 1.1: both parts are cut.
    assert referrers_tag(Digest("b" * 128)) == f"sha512-{'b' * 64}"


def test_a_list_that_is_not_there_is_an_empty_one() -> None:
    made = with_entry(None, ENTRY)
    assert made is not None
    document = json.loads(made)
    assert document["mediaType"] == media_types.IMAGE_INDEX
    assert document["manifests"] == [ENTRY.to_document()]
    assert with_entry(made, ENTRY) is None


def test_what_others_wrote_into_a_list_stays() -> None:
    other = {"mediaType": "x/y", "digest": f"sha256:{'0' * 64}", "size": 1, "unknown": {"a": [1]}}
    data = json.dumps({"schemaVersion": 2, "manifests": [other], "annotations": {"k": "v"}})
    made = with_entry(data.encode(), ENTRY)
    assert made is not None
    document = json.loads(made)
    assert document["manifests"] == [other, ENTRY.to_document()]
    assert document["annotations"] == {"k": "v"}


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"{}", b'{"manifests": 5}', b'{"manifests": ["x"]}', b"\xff", b"[" * 5000,
     b'{"mediaType": "application/vnd.oci.image.manifest.v1+json", "manifests": []}',
     b" " * LIMIT + b'{"manifests": []}'],
)  # fmt: skip
def test_what_is_no_list(data: bytes) -> None:
    with pytest.raises(NotStrict):
        with_entry(data, ENTRY)


def test_lists_are_kept_where_there_is_no_api(desk: Desk, brought: Brought) -> None:
    with fake_target(referrers=False) as old:
        desk.use(host=old.host)
        desk.push(WEB)
        for subject, expected in brought.referrers.items():
            data, media_type = old.manifests[f"champ/{WEB}", referrers_tag(subject)]
            assert media_type == media_types.IMAGE_INDEX
            entries = json.loads(data)["manifests"]
            assert [one["digest"] for one in entries] == [str(digest) for digest in expected]
            assert entries[0]["artifactType"] == SIGNATURE
            assert entries[0]["annotations"] == {"org.example.of": "champ"}
        before = old.count("PUT")
        desk.push(WEB)
        assert old.count("PUT") == before
        # Somebody deletes a list: the next push brings it back.
        del old.manifests[f"champ/{WEB}", referrers_tag(brought.digests["web"])]
        desk.push(WEB)
        assert old.count("PUT") == before + 1


def test_no_list_is_written_where_there_is_an_api(desk: Desk, fake: FakeTarget) -> None:
    desk.push(WEB)
    assert not any(reference.startswith("sha256-") for _, reference in fake.manifests)


def test_a_tag_that_is_something_else_is_left_alone(desk: Desk, brought: Brought) -> None:
    with fake_target(referrers=False) as old:
        desk.use(host=old.host)
        key = (f"champ/{WEB}", referrers_tag(brought.digests["web"]))
        old.manifests[key] = (b'{"config": {}}', media_types.IMAGE_MANIFEST)
        with pytest.raises(errors.ReferrersTagTaken):
            desk.push(WEB)
        assert old.manifests[key][0] == b'{"config": {}}'


def test_an_api_that_forgets_is_noticed(desk: Desk, fake: FakeTarget) -> None:
    empty = image_index([])
    fake.fault = lambda asked: Told(200, {}, empty) if "/referrers/" in asked.path else None
    with pytest.raises(errors.TargetDiffers):
        desk.push(WEB)
