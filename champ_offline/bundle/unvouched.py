"""What can still be said of volumes when a bundle's documents are refused as damaged.

Invariant: nothing here vouches for anything, and nothing that is read here is used: volumes are
held against bundle.json as it lies there, so that damage to them is named in one run together with
the document's. Where that bundle.json and the indexes at hand do not bear each other out, no volume
is blamed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from champ_offline.bundle import media
from champ_offline.bundle.at_hand import AtHand, find_volumes
from champ_offline.bundle.document import BundleDocument
from champ_offline.bundle.errors import MediumUnreadable
from champ_offline.bundle.verify import read_every_byte
from champ_offline.errors import ChampError, ExitCode, Several
from champ_offline.events import Subscriber


class VolumesNotJudged(ChampError):
    """Documents are damaged so that nothing is left to hold the volumes against."""

    id = "media.volumes-not-judged"
    exit_code = ExitCode.DOCUMENT_ALTERED
    message = "{refusal} The volumes in {where} were not judged: no sound bundle.json is there."
    remedy = (
        "Mend the documents with `champ media repair --from COPY`, or plug in another copy as well,"
        " and run the command again: only then damage to volumes is told."
    )


def with_volumes(refusal: ChampError, paths: Sequence[Path], notify: Subscriber) -> ChampError:
    """Why `verify` refused the bundle at `paths`, together with what is wrong with its volumes.

    Reads every byte where documents are damaged. A refusal for any other reason (keys, dates, no
    bundle at all) is returned as it is, and nothing is read.
    """
    altered = refusal.exit_code is ExitCode.DOCUMENT_ALTERED
    if not altered and not isinstance(refusal, MediumUnreadable):
        return refusal
    at_hand = _at_hand(refusal, paths)
    if at_hand is None:
        where = ", ".join(str(path) for path in paths)
        return VolumesNotJudged(refusal=Several((refusal,)), where=where)
    try:
        read_every_byte(at_hand, notify)
    except ChampError as verdict:
        return verdict
    return refusal


def _at_hand(refusal: ChampError, paths: Sequence[Path]) -> AtHand | None:
    """The volumes by the first bundle.json that they bear out; None where there is none."""
    try:
        folders = media.folders_of(paths)
    except ChampError:
        return None
    for folder in folders:
        try:
            data = media.read_bundle_document(folder)
            # How large parity may be is for a signed document alone to say.
            document = replace(BundleDocument.from_bytes(data, str(folder)), parity=0)
            places = tuple(media.places(paths, [folder, *folders], document))
            faults = [refusal]
            volumes = find_volumes(paths, places, document, faults)
        except ChampError:
            continue
        if all(volume.index for volume in volumes if volume.copies):
            return AtHand(tuple(paths), places, document, volumes, tuple(faults))
    return None
