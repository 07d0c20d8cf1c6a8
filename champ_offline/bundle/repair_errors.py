"""What stands in the way of mending a medium, one error each.

Invariant: whatever is raised, every byte that was written is right and the next run goes on.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from champ_offline.durable.space import FULL, free_bytes
from champ_offline.errors import Bytes, ChampError, ExitCode, system_said

_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}


class MediumReadOnly(ChampError):
    """A medium to be mended takes no writing."""

    id = "repair.read-only"
    exit_code = ExitCode.PREFLIGHT
    message = "{path} cannot be written: {reason}."
    remedy = (
        "Release the stick's lock or mount it for writing; or copy the bundle to another stick"
        " and mend that."
    )


class MediumFull(ChampError):
    """A medium to be mended has no room for what it lost."""

    id = "repair.full"
    exit_code = ExitCode.PREFLIGHT
    message = "{path} has {free} free; mending {name} needs {needed}."
    remedy = "Remove other files from the stick, or copy the bundle to a larger one and mend that."


class MediumUnwritable(ChampError):
    """A medium under repair refuses bytes, or loses them."""

    id = "repair.unwritable"
    exit_code = ExitCode.CORRUPT
    message = "{path} does not keep what is written to it: {reason}."
    remedy = (
        "Plug it in again and run the command again: it goes on. If it fails again, replace the"
        " stick: copy the bundle to another one and mend that."
    )


class OtherPack(ChampError):
    """The medium to be mended and another one carry different packs of a bundle."""

    id = "repair.other-pack"
    exit_code = ExitCode.USAGE
    message = "{medium} carries the pack of {bundle} signed on {created}; {other} carries another."
    remedy = "Mend it from copies of the same pack, or copy the other pack over it as a whole."


class OtherBundle(ChampError):
    """What is to help mend a medium carries another bundle."""

    id = "repair.other-bundle"
    exit_code = ExitCode.USAGE
    message = "{medium} carries {bundle}; {other} carries {found} and cannot help to mend it."
    remedy = "Name copies of {bundle}, or a patch for it, with --from."


class RepairNeeded(ChampError):
    """A medium that was only looked at is damaged; everything it lost is at hand."""

    id = "repair.needed"
    exit_code = ExitCode.CORRUPT
    message = "{path} is damaged, files concerned: {files}. All of it can be mended."
    remedy = "Nothing was written. Run the command again without --check to mend it."


class RootsLost(ChampError):
    """A root that the bundle must carry is nowhere at hand."""

    id = "repair.roots-lost"
    exit_code = ExitCode.CORRUPT
    message = "{path} lost root {version}, and nothing at hand has it."
    remedy = (
        "Run this again with --from another copy of the medium, or with --zone of a zone that"
        " already trusts that root. Until then documents.par stays as it is."
    )


class RootStray(ChampError):
    """A root lies on a medium that does not follow on those before it."""

    id = "repair.root-stray"
    exit_code = ExitCode.DOCUMENT_ALTERED
    message = (
        "{path} is damaged or does not belong there: it does not follow on the roots before it, and"
        " the bundle was signed without it."
    )
    remedy = (
        "Run this again with --from another copy of the medium, which may have it whole. If no copy"
        " has such a file, delete it: this bundle does not need it."
    )


class VolumesMisnamed(ChampError):
    """Volumes of the bundle lie on the medium under the names of others."""

    id = "repair.volumes-misnamed"
    exit_code = ExitCode.CORRUPT
    message = "Volumes in {path} have each other's names: {files}."
    remedy = (
        "Rename each file as shown (of two that are swapped, one to a name of its own first), then"
        " run this again. Nothing was written over them."
    )


class ShareUnknown(ChampError):
    """No volume lies on a medium, and nothing tells which it carried."""

    id = "repair.share-unknown"
    exit_code = ExitCode.MEDIUM_MISSING
    message = (
        "No volume lies in {path}, and nothing there tells which of the bundle's {total} volumes"
        " it carried."
    )
    remedy = (
        "Name another copy of this medium with --from; or run this with --whole, if it is to carry"
        " all volumes."
    )


class RepairIncomplete(ChampError):
    """Some of what a medium lost is not to be had from anything at hand."""

    id = "repair.incomplete"
    exit_code = ExitCode.CORRUPT
    message = (
        "{lost} of the parts that {path} lost could not be had from anything at hand; the first:"
        " {blob} of volume {volume}."
    )
    remedy = (
        "Send the repair list (--list FILE writes it) to whoever packed the bundle; they answer"
        " with a patch (`champ pack RECIPE --only FILE`). Then run this again with --from PATCH."
    )


@contextmanager
def writing(path: Path, needed: int = 0) -> Iterator[None]:
    """Turn what a medium says while `path` on it is written into errors of ours.

    `needed` is how many bytes the file takes. Raises MediumReadOnly, MediumFull, MediumUnwritable.
    """
    try:
        yield
    except OSError as error:
        reason = system_said(error)
        if error.errno in _READ_ONLY:
            raise MediumReadOnly(path=path, reason=reason) from error
        if error.errno in FULL:
            free = free_bytes(path.parent)
            raise MediumFull(
                path=path.parent, name=path.name, free=Bytes(free), needed=Bytes(needed)
            ) from error
        raise MediumUnwritable(path=path, reason=reason) from error
