"""What a person decided about dates that speak against a bundle or a root.

Pure. Invariant: an override needs a reason, concerns dates only, and is told to whoever keeps the
record.
"""

from __future__ import annotations

from dataclasses import dataclass

from champ_offline.trust.errors import ReasonEmpty

EXPIRED, CLOCK = "expired", "clock"


@dataclass(frozen=True)
class Overrides:
    """Reasons a person gave for accepting what dates speak against; None: not given."""

    expired: str | None = None
    clock: str | None = None

    def __post_init__(self) -> None:
        for option, reason in (
            ("--accept-expired", self.expired),
            ("--accept-clock", self.clock),
        ):
            if reason is not None and not reason.strip():
                raise ReasonEmpty(option=option)


NO_OVERRIDES = Overrides()


@dataclass(frozen=True)
class Overridden:
    """An override that was needed: EXPIRED or CLOCK, about what, and the reason given."""

    kind: str
    about: tuple[str, ...]
    reason: str
