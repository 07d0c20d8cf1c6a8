"""Keys and roots made in memory, without files and without passphrases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from securesystemslib.signer import Signer

from champ_offline.trust import keys
from champ_offline.trust.holders import PublicKeys
from champ_offline.trust.keys import KeySigner
from champ_offline.trust.rotation import Change, draft_root, sign_draft

Signers = dict[str, list[Signer]]


class Holder:
    """One person's keys, one for each role."""

    def __init__(self, name: str, roles: Sequence[str] = keys.ROLES) -> None:
        self.name = name
        self.signers: dict[str, KeySigner] = {role: keys.generate(name) for role in roles}

    @property
    def public(self) -> PublicKeys:
        return PublicKeys(self.name, {r: s.public_key for r, s in self.signers.items()})


def signers_of(*holders: Holder) -> Signers:
    """All signers of the holders, by role."""
    return {
        role: [holder.signers[role] for holder in holders if role in holder.signers]
        for role in keys.ROLES
    }


def first_root(
    holders: Sequence[Holder], now: datetime, thresholds: Mapping[str, int] | None = None
) -> bytes:
    """Root 1, signed by all holders."""
    change = Change(added=[holder.public for holder in holders], thresholds=thresholds or {})
    return sign_draft(draft_root(None, change, now, "root"), signers_of(*holders)["root"], "root")


def next_root(old: bytes, change: Change, by: Sequence[Holder], now: datetime) -> bytes:
    """The root after `old`, signed by `by`."""
    return sign_draft(draft_root(old, change, now, "root"), signers_of(*by)["root"], "root")
