"""What a run decided and did, bundle by bundle and release by release, and the code it ends with.

Pure. Invariant: every bundle on the media and every release they are about has a row; what was not
done has its reasons.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from champ_offline.errors import ChampError, ExitCode
from champ_offline.oci.digest import Digest
from champ_offline.policy.reasons import OutsideHours
from champ_offline.release.status import Health

# The first of these that a row has is the run's; any other code comes after those of damage.
_FIRST = (
    ExitCode.NEEDS_PERSON,
    ExitCode.PUT_BACK,
    ExitCode.TRUST_REFUSED,
    ExitCode.CORRUPT,
    ExitCode.TRUNCATED,
    ExitCode.DOCUMENT_ALTERED,
    ExitCode.PREFLIGHT,
)
_LAST = (ExitCode.APPROVAL_MISSING, ExitCode.LOCKED, ExitCode.MEDIUM_MISSING)


class Verdict(StrEnum):
    """What became of a bundle or a release.

    AS_IS: nothing was to be done. WOULD: it would be done, were this no rehearsal. REFUSED: the
    policy forbids it. LEFT: nothing of the kind runs here, and the policy installs nothing.
    """

    DONE = "done"
    AS_IS = "as it is"
    WOULD = "would be done"
    REFUSED = "forbidden"
    LEFT = "left alone"
    FAILED = "failed"


@dataclass(frozen=True)
class BundleRow:
    """A bundle on the media at `media`; `version` is empty where its documents were refused."""

    bundle: str
    version: str
    media: tuple[Path, ...]
    verdict: Verdict
    reasons: tuple[ChampError, ...] = ()


@dataclass(frozen=True)
class ReleaseRow:
    """A release and the version that media brought for it; `found` is empty for a new one.

    `plan` is the digest of the plan that was decided on, if it came that far.
    """

    app: str
    release: str
    namespace: str
    found: str
    wanted: str
    verdict: Verdict
    reasons: tuple[ChampError, ...] = ()
    plan: Digest | None = None
    health: Health = Health.UNKNOWN


@dataclass(frozen=True)
class Result:
    """A whole run under the policy with digest `policy`; times are ISO 8601 in UTC."""

    zone: str
    policy: Digest
    began: str
    ended: str
    rehearsal: bool
    bundles: tuple[BundleRow, ...]
    releases: tuple[ReleaseRow, ...]

    @property
    def rows(self) -> list[BundleRow | ReleaseRow]:
        """Bundles, then releases."""
        return [*self.bundles, *self.releases]

    @property
    def exit_code(self) -> ExitCode:
        """The code that tells the worst of it (FORMAT.md, "How a run ends")."""
        return worst(error.exit_code for error in self.troubles())

    @property
    def changed(self) -> bool:
        """Whether the run did anything, or was kept from it."""
        quiet = {Verdict.AS_IS, Verdict.LEFT}
        return any(row.verdict not in quiet for row in self.rows)

    @property
    def is_early(self) -> bool:
        """Whether something was not done for the hour alone."""
        return any(isinstance(one, OutsideHours) for row in self.rows for one in row.reasons)

    def troubles(self) -> Iterator[ChampError]:
        """Every reason that somebody has to know of."""
        for row in self.rows:
            if row.verdict is not Verdict.LEFT:
                yield from row.reasons


def worst(codes: Iterable[ExitCode]) -> ExitCode:
    """The code to end with where several things went wrong; OK where nothing did."""
    return min(codes, key=_rank, default=ExitCode.OK)


def _rank(code: ExitCode) -> int:
    if code in _FIRST:
        return _FIRST.index(code)
    return len(_FIRST) + (1 + _LAST.index(code) if code in _LAST else 0)
