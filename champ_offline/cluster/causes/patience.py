"""How long a cause that waiting does not mend is waited for all the same.

Invariant: pure; the caller gives the time. A cause must be there, and hopeless, at every look of
its grace: one that goes away and comes back begins anew.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from champ_offline.cluster.causes.scene import Found
from champ_offline.cluster.causes.words import (
    AdmissionRefused,
    ConfigKeyMissing,
    ConfigMissing,
    CrashLoop,
    HookFailed,
    ImageNotFound,
    ImagePullDenied,
    ImageUnusable,
    JobDeadline,
    JobFailed,
    NodesTainted,
    NoNodeLike,
    OutOfMemory,
    ProbeFails,
    QuotaExceeded,
    RegistryCertificate,
    StartRefused,
    StorageClassMissing,
)

# Seconds. Where a controller or a person may still bring what is missing, a minute; where kubelet
# asks again (after 10, 20, 40 s), long enough for a second answer; where the same words would come
# for ever, long enough to be read. Loops have had their restarts before (containers.RESTARTS).
GRACE: Mapping[str, float] = {
    ImageNotFound.id: 30,
    ImagePullDenied.id: 30,
    ImageUnusable.id: 15,
    RegistryCertificate.id: 30,
    ConfigMissing.id: 60,
    ConfigKeyMissing.id: 60,
    AdmissionRefused.id: 15,
    QuotaExceeded.id: 60,
    StorageClassMissing.id: 60,
    NoNodeLike.id: 60,
    NodesTainted.id: 60,
    StartRefused.id: 30,
    CrashLoop.id: 15,
    OutOfMemory.id: 15,
    ProbeFails.id: 30,
    # Helm sees these itself, at once, where it waits for them.
    HookFailed.id: 30,
    JobFailed.id: 30,
    JobDeadline.id: 30,
}


class Patience:
    """Whatever was `before` the change is no reason to end it: the change may mend it."""

    def __init__(self, before: Collection[tuple[str, str]]) -> None:
        self._before = frozenset(before)
        self._since: dict[tuple[str, str], float] = {}

    def ended(self, found: Iterable[Found], now: float) -> Found | None:
        """The first cause that has outlasted its grace, if there is one; `now` in seconds."""
        hopeless = {
            one.key: one
            for one in found
            if one.hopeless and one.key not in self._before and one.error.id in GRACE
        }
        self._since = {key: self._since.get(key, now) for key in hopeless}
        for key, one in hopeless.items():
            if now - self._since[key] >= GRACE[one.error.id]:
                return one
        return None
