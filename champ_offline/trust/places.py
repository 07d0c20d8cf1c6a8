"""Where a trust document lay decides what is to be done when it is damaged.

Invariant: the rules raise what they find; whoever opened the document says here what it was, and
only the remedy changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from champ_offline.trust.errors import (
    DocumentAltered,
    DocumentUnreadable,
    ExportedRootsDamaged,
    OtherRoot,
    RootFileDamaged,
    RootUnsigned,
    SigningFolderDamaged,
    TooFewSignatures,
)

Damaged = type[RootFileDamaged] | type[SigningFolderDamaged] | type[ExportedRootsDamaged]


@contextmanager
def of(damaged: Damaged) -> Iterator[None]:
    """Documents that are read inside lie there; elsewhere they lie in a bundle's folder on media.

    Raises `damaged` for DocumentAltered and DocumentUnreadable.
    """
    try:
        yield
    except (DocumentAltered, DocumentUnreadable) as error:
        raise damaged(**error.fields) from error


@contextmanager
def root_file(path: Path) -> Iterator[None]:
    """A root that is valid by its own keys is read from a file inside.

    Raises RootFileDamaged, and RootUnsigned for OtherRoot and TooFewSignatures.
    """
    try:
        with of(RootFileDamaged):
            yield
    except (OtherRoot, TooFewSignatures) as error:
        raise RootUnsigned(path=path) from error
