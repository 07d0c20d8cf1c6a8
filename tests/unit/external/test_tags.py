"""Tags that lead elsewhere at the target than this zone let them: put back, and named."""

from __future__ import annotations

import json

import pytest

from champ_offline.clock import now_utc
from champ_offline.external import errors
from champ_offline.external.push import PutBack
from champ_offline.journal.audit import Audit
from champ_offline.oci.digest import Digest
from champ_offline.store.refs import Ref
from tests.simulators.brought import BUNDLE, JOB, WEB, Brought
from tests.simulators.target import FakeTarget, refusal
from tests.unit.external.conftest import Desk


def test_tags_that_others_moved_are_put_back_and_named(
    desk: Desk, fake: FakeTarget, brought: Brought
) -> None:
    """Also back to what this zone pushed once; what its own bundles move is no news."""
    desk.push()
    older, newer = (str(brought.digests[name]) for name in ("older", "job"))
    fake.manifests[f"champ/{JOB}", "2"] = fake.manifests[f"champ/{JOB}", older]
    del fake.manifests[f"champ/{WEB}", "latest"]  # gone is not moved
    done = desk.push()
    moved = PutBack("2", brought.digests["older"], brought.digests["job"])
    assert [one.put_back for one in done.names if one.put_back] == [(moved,)]
    assert fake.manifests[f"champ/{JOB}", "2"] == fake.manifests[f"champ/{JOB}", newer]
    rows = Audit(brought.database, now_utc).rows()[-2:]
    assert [row.act for row in rows] == ["external.tag.put-back", "external.push.end"]
    assert json.loads(rows[0].detail) == {"name": f"{JOB}:2", "was": older, "now": newer}
    assert json.loads(rows[1].detail)["put_back"] == 1
    again = next(one for one in brought.refs.manifests(JOB) if str(one.digest) == older)
    with brought.database.transaction() as connection:
        brought.refs.put(connection, [Ref(JOB, "2", again, BUNDLE)])
    assert desk.push().put_back == 0
    assert fake.manifests[f"champ/{JOB}", "2"] == fake.manifests[f"champ/{JOB}", older]


def test_a_tag_is_recorded_before_it_is_put_back(
    desk: Desk, fake: FakeTarget, brought: Brought
) -> None:
    desk.push()
    older = str(brought.digests["older"])
    fake.manifests[f"champ/{JOB}", "2"] = fake.manifests[f"champ/{JOB}", older]
    refused = refusal(412, "PRECONDITION", "x")
    fake.fault = lambda asked: (
        refused if asked.method == "PUT" and asked.path.endswith("/2") else None
    )
    with pytest.raises(errors.TargetFailed):
        desk.push(JOB)
    acts = [row.act for row in Audit(brought.database, now_utc).rows()]
    assert acts[-2:] == ["external.tag.put-back", "external.push.end"]


def test_a_tag_that_others_made_first_is_named_when_it_is_taken(
    desk: Desk, fake: FakeTarget, brought: Brought
) -> None:
    theirs = json.dumps({"schemaVersion": 2, "manifests": []}).encode()
    fake.manifests[f"champ/{JOB}", "2"] = (theirs, "application/vnd.oci.image.index.v1+json")
    [done] = desk.push(JOB).names
    assert done.put_back == (PutBack("2", Digest.of(theirs), brought.digests["job"]),)
