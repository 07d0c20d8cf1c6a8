"""A small report as a value, for tests of what is made of one."""

from __future__ import annotations

from datetime import UTC, datetime

from champ_offline.bundle.document import Content
from champ_offline.handover.document import (
    ALWAYS,
    Allowed,
    Author,
    Brought,
    Chain,
    Change,
    Check,
    ClusterFacts,
    Exported,
    Handover,
    Made,
    Overridden,
    Recovery,
    Saved,
    Standing,
    Step,
    StoreChecks,
    Taken,
    Timing,
    Unattended,
    ZoneFacts,
)
from champ_offline.oci.digest import Digest
from champ_offline.preflight.capacity import NO_ROOM
from champ_offline.release.data.backups import Reason, SavedPart, State
from champ_offline.release.images.digests import Image
from champ_offline.release.plan import Operation
from champ_offline.release.records.chronicle import DataDeed
from champ_offline.release.records.history import Outcome
from champ_offline.release.status import Health
from champ_offline.store.verified import CheckRecord
from champ_offline.trust.view import SignedRole, SigningKey

TIME = "2026-05-01T10:00:00+00:00"
PLACE = ("main", "uid-1", "pacs", "orthanc")


def small() -> Handover:
    """One of everything."""
    return Handover(
        zone=ZoneFacts("core", TIME, 1, "12345 12345", 17, 1209408, 10**10, 0, "", 0, ""),
        period=ALWAYS,
        made=Made(TIME, "bo", "0.1.0"),
        held=1,
        brought=(_brought(),),
        overridden=(Overridden(TIME, "", "1", "expired", ("root 2026-04-30",), "not renewed"),),
        changes=(_change(),),
        timings=(Timing(Operation.UPGRADE, 1, 65.0, 65.0, 65.0),),
        unattended=(Unattended(TIME, "bo", "sha256:aa", 0, ("orthanc 1.0",), ()),),
        data=(DataDeed("uid-1", "pacs", "orthanc", 1, "save-data", "orthanc", "1.0", 1, "bo",
                       TIME, 3.0, "done", ""),),
        checks=(Check("database", "ok", "", "", None),),
        store=StoreChecks(CheckRecord(1, TIME, "", 17, 1209408, TIME), 0),
        clusters=(ClusterFacts("main", "uid-1", "https://one:6443", TIME, TIME, "v1.35.4", 1, 1),),
        releases=(Standing(*PLACE, "orthanc", "2.0", 2, 2, Outcome.DEPLOYED, TIME, False,
                           Health.HEALTHY, (), None),),
        backups=(Saved(1, "main", "pacs", "orthanc", 1, "1.0", Reason.ASKED, "bo", TIME, TIME,
                       State.WHOLE, 9, (SavedPart("db", Digest.of(b"db"), 9),)),),
        chain=Chain("3:" + "ab" * 32, 3, None, {"zone.init": 1, "bundle.import": 2},
                    (Exported(TIME, "bo", 3, "3:" + "ab" * 32, "0f"),)),
        offline=False,
        drift_asked=False,
    )  # fmt: skip


def _brought() -> Brought:
    keys = (SigningKey("0f" * 32, "Release team", trusted=True),)
    return Brought(
        name="orthanc",
        version="1.0",
        digest=Digest.of(b"bundle"),
        packed=datetime(2026, 4, 1, tzinfo=UTC),
        zones=("core",),
        blobs=17,
        size=1209408,
        volumes=1,
        volumes_size=1300000,
        apps=(Content("orthanc", "1.0", {"en": "Image archive", "zh": "影像归档"}),),
        images=("docker.io/orthanc:1",),
        first=TIME,
        imports=(Taken(TIME, "bo", 17, 1209408),),
        retired="",
        stands=True,
        current=True,
        roles=(SignedRole("targets", 1, keys),),
    )


def _change() -> Change:
    return Change(
        *PLACE,
        number=2,
        helm_revision=2,
        operation=Operation.UPGRADE,
        app="orthanc",
        from_version="1.0",
        to_version="2.0",
        target=0,
        plan=Digest.of(b"plan"),
        planned=Author(TIME, "ann"),
        accepted=(NO_ROOM.of("Deployment web", wanted="8 CPU", lacking="CPU: 1"),),
        allowed=Allowed(TIME, "sha256:bb"),
        applied_by="bo",
        started=TIME,
        seconds=65.0,
        outcome=Outcome.PUT_BACK,
        interrupted=False,
        error="release.interrupted",
        cause="The pod did not start",
        images=(Image("docker.io/orthanc:1", Digest.of(b"image"), 1000),),
        steps=(Step("helm", None, ""), Step("settle", 2.0, "done")),
        recovery=Recovery(TIME, "eve", "put-back", ("2 failed",), ("rollback 1",), (), (), "none"),
    )
