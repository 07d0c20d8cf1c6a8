"""What the doctor says of the store: what of it is lost, whose it was, and what gives it back.

Pure. Invariant: whatever is told was looked at a moment ago, and what was not read is told as such.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from champ_offline.bundle.at_hand import few
from champ_offline.errors import Bytes, ChampError, ExitCode, Fields
from champ_offline.findings import Finding, State
from champ_offline.store.verified import Verified
from champ_offline.upkeep.content import Unread
from champ_offline.upkeep.owners import Damaged

_OVERDUE = timedelta(days=90)


class ContentMissing(ChampError):
    """Content that bundles brought is not in the store as it was verified."""

    id = "doctor.content-missing"
    exit_code = ExitCode.CORRUPT
    message = (
        "Blobs that bundles brought are missing or damaged: {count}; the first: {digest}. What"
        " needs them is not served whole: {names}."
    )
    remedy = "Import again: {bundles}. `champ store check` lists every blob."


class PushedMissing(ChampError):
    """Content that clients pushed is not in the store as it was taken in."""

    id = "doctor.pushed-missing"
    exit_code = ExitCode.CORRUPT
    message = (
        "Blobs that clients pushed are missing or damaged: {count}; the first: {digest}. What needs"
        " them is not served whole: {names}."
    )
    remedy = (
        "Push it again from where it came; no bundle has it. What is wanted no more: have its"
        " manifests deleted by a client that may; a day after the push, `champ store gc --apply`"
        " frees the rest."
    )


class DataMissing(ChampError):
    """Data that was saved of releases is not in the store as it was saved."""

    id = "doctor.data-missing"
    exit_code = ExitCode.CORRUPT
    message = (
        "Blobs of saved data are missing or damaged: {count}; the first: {digest}. These cannot be"
        " restored whole: {names}."
    )
    remedy = (
        "Nothing here gives them back: save anew (`champ data save RELEASE`), then let go of them"
        " with `champ data remove`; or copy the store back from the zone's own backup."
    )


class ContentAside(ChampError):
    """Damaged files were set aside that nothing needs any more."""

    id = "doctor.content-aside"
    exit_code = ExitCode.CORRUPT
    message = "Damaged blobs are set aside and not served, and nothing leads to them: {count}."
    remedy = "Nothing is lost with them; `champ store gc --apply` removes them."


class ContentUnread(ChampError):
    """Files of the store changed since they were last hashed, and nobody read them."""

    id = "doctor.content-unread"
    exit_code = ExitCode.PREFLIGHT
    message = (
        "The files of {count} blobs ({size}) changed since they were last verified, and were not"
        " read now."
    )
    remedy = (
        "Run `champ store check`, which reads them; after a copy or a restore of the zone that is"
        " to be expected. The registry reads each again before it sends it."
    )


class StoreStrangers(ChampError):
    """Something lies in the zone's store that is no blob."""

    id = "doctor.store-strangers"
    exit_code = ExitCode.NEEDS_PERSON
    message = "Things are in the zone's store that are no blobs: {count}; the first: {path}."
    remedy = (
        "Look at what they are and move them out of the store: they are never served, and nothing"
        " here removes them. A blob in whose place one stands comes back with the next import or"
        " push."
    )


class CheckOverdue(ChampError):
    """Nobody read the store whole for a long time."""

    id = "doctor.check-overdue"
    exit_code = ExitCode.PREFLIGHT
    message = "Every blob was last read and compared on {day}."
    remedy = "Run `champ store check`; images are served and changed meanwhile."


class NeverChecked(ChampError):
    """Nobody ever read the store whole."""

    id = "doctor.never-checked"
    exit_code = ExitCode.PREFLIGHT
    message = "No full check of the store has come to its end since {day}."
    remedy = "Run `champ store check`; images are served and changed meanwhile."


def examine_content(damaged: Sequence[Damaged], unread: Unread) -> Iterator[Finding]:
    """What is lost, by what gives it back; what was not read; one that is well where all is.

    While something is lost nobody can say that nothing leads to the rest: it may be a manifest.
    """
    other = [one for one in damaged if (one.pushed or one.saved) and not one.bundles]
    brought = [one for one in damaged if one.names and one not in other]
    pushed = [one for one in other if one.pushed]
    saved = [one for one in other if not one.pushed]
    if brought:
        bundles = few(_each(one.bundles for one in brought)) or "?"
        missing = ContentMissing(**_told(brought), bundles=bundles)
        yield Finding("store", State.BAD, missing)
    if pushed:
        yield Finding("store", State.BAD, PushedMissing(**_told(pushed)))
    if saved:
        yield Finding("store", State.BAD, DataMissing(**_told(saved)))
    if unread.blobs:
        error = ContentUnread(count=unread.blobs, size=Bytes(unread.size))
        yield Finding("store", State.WARN, error)
    if not (brought or other or unread.blobs):
        yield Finding("store", State.OK)
    if damaged and not (brought or other):
        yield Finding("damage", State.WARN, ContentAside(count=len(damaged)))


def examine_strangers(found: Sequence[Path]) -> Iterator[Finding]:
    """What does not belong into the store; nothing where there is nothing."""
    if found:
        yield Finding("store", State.WARN, StoreStrangers(count=len(found), path=found[0]))


def examine_checks(verified: Verified, now: datetime) -> Finding:
    """When all content was last read."""
    last, oldest = verified.last_check(), verified.oldest()
    ended = last.ended if last else ""
    since = ended or oldest
    if since and now - datetime.fromisoformat(since) > _OVERDUE:
        error = CheckOverdue if last else NeverChecked
        return Finding("last full check", State.WARN, error(day=since[:10]), ended)
    return Finding("last full check", State.OK, note=ended)


def _told(damaged: Sequence[Damaged]) -> Fields:
    names = few(_each(one.names for one in damaged))
    return {"count": len(damaged), "digest": damaged[0].digest, "names": names}


def _each(found: Iterable[Sequence[str]]) -> list[str]:
    return sorted({text for texts in found for text in texts})
