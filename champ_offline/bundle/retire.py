"""Letting go of a bundle: what would lose its name, and who still needs it.

Invariant: pure decisions. What a release runs, or could be put back to, keeps its name; the newest
bundle of a name goes only for somebody who knows that it is the newest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from champ_offline.bundle.held import KnownBundle
from champ_offline.errors import ChampError, ExitCode
from champ_offline.oci.digest import Digest


class BundleUnknown(ChampError):
    """A bundle is named that the zone does not hold."""

    id = "retire.bundle-unknown"
    exit_code = ExitCode.NOT_FOUND
    message = "The zone holds no bundle {bundle} {version}."
    remedy = "It holds: {known}."


class BundleNeeded(ChampError):
    """A release needs what only this bundle brought."""

    id = "retire.needed"
    exit_code = ExitCode.PREFLIGHT
    message = "Bundle {bundle} {version} is needed by {needed}."
    remedy = "Upgrade or remove these releases first; `champ history` lists their revisions."


class NewestBundle(ChampError):
    """The newest bundle of its name would go without anybody having said so."""

    id = "retire.newest"
    exit_code = ExitCode.APPROVAL_MISSING
    message = "Bundle {bundle} {version} is the newest of its name."
    remedy = "Say that it is meant with --confirm {bundle}; it can be imported again."


@dataclass(frozen=True)
class Retirement:
    """What retiring a bundle means: `blobs` and bytes that a collection could then let go of.

    `newest`: the zone holds no newer bundle of the name.
    """

    bundle: str
    version: str
    digest: Digest
    imported: str
    newest: bool
    blobs: int
    size: int


def choose(bundles: Sequence[KnownBundle], name: str, version: str) -> KnownBundle:
    """The bundle meant, the newest where one version was packed several times.

    Raises BundleUnknown.
    """
    found = [b for b in bundles if (b.document.name, b.document.version) == (name, version)]
    if not found:
        known = ", ".join(f"{b.document.name} {b.document.version}" for b in bundles) or "—"
        raise BundleUnknown(bundle=name[:200], version=version[:200], known=known)
    return max(found, key=lambda one: one.packed)


def refuse_needed(
    bundle: KnownBundle, lost: Mapping[Digest, str], needing: Mapping[Digest, str]
) -> None:
    """Raise BundleNeeded where content that would lose its name is needed by a revision.

    `lost` and `needing` lead from content to its name and to who needs it.
    """
    needed = sorted({needing[digest] for digest in lost if digest in needing})
    if needed:
        document = bundle.document
        raise BundleNeeded(bundle=document.name, version=document.version, needed=", ".join(needed))


def is_newest(bundles: Sequence[KnownBundle], one: KnownBundle) -> bool:
    """Whether none of its name was packed later."""
    named = [b.packed for b in bundles if b.document.name == one.document.name]
    return one.packed >= max(named)
