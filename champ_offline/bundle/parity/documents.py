"""The bundle's small documents in one capsule, from which they come back even when all are gone.

Invariant: names are of the few forms a bundle has, whatever the file says; the signatures decide
about the contents, as they do for the documents themselves (FORMAT.md, "The documents' capsule").
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping

from champ_offline.bundle.parity.capsule import Form, Piece, read_sector, seal, unseal
from champ_offline.bundle.parity.layout import PAYLOAD, SECTOR
from champ_offline.bundle.parity.reading import Medium, read_sectors
from champ_offline.errors import Bytes, ChampError, ExitCode

_LEAST_PARITY = 16
_MOST_DATA = 32768  # with as much parity: the code's 65,536 sectors
_MOST_FORMS = 4  # a file has one form; unsealing each of very many would take for ever
_STEP = 2048  # sectors read at once
_ENTRY = re.compile(
    rb"(bundle\.json|metadata/(?:[1-9][0-9]{0,3}\.root|targets|snapshot|timestamp)\.json)"
    rb" (0|[1-9][0-9]{0,8})\n"
)


class DocumentsTooLarge(ChampError):
    """The documents do not fit into the capsule."""

    id = "parity.documents-too-large"
    exit_code = ExitCode.PREFLIGHT
    message = "The bundle's documents have {size}; with parity they may have {limit}."
    remedy = "Pack without --parity, or divide the bundle into smaller ones."


def seal_documents(documents: Mapping[str, bytes]) -> bytes:
    """The capsule's file; `documents` by their path in the bundle's folder.

    Raises DocumentsTooLarge.
    """
    content = b"".join(
        f"{name} {len(data)}\n".encode() + data for name, data in sorted(documents.items())
    )
    data = -(-len(content) // PAYLOAD)
    if data > _MOST_DATA:
        raise DocumentsTooLarge(size=Bytes(len(content)), limit=Bytes(_MOST_DATA * PAYLOAD))
    return b"".join(seal(content, Form(0, data, max(data, _LEAST_PARITY)), 0))


def restore_documents(file: Medium) -> dict[str, bytes] | None:
    """The documents by path, from the file of a capsule; None when too little of it is left.

    At most 32 MiB are read. The documents are as untrusted as the file.
    """
    pieces: dict[Form, dict[int, Piece]] = defaultdict(dict)
    sectors = min(file.seek(0, 2) // SECTOR, 2 * _MOST_DATA)
    for first in range(0, sectors, _STEP):
        for sector in read_sectors(file, first, min(_STEP, sectors - first)):
            piece = read_sector(sector, 0) if sector else None
            if piece:
                pieces[piece.form][piece.index] = piece
    for form in sorted(pieces, key=lambda form: len(pieces[form]), reverse=True)[:_MOST_FORMS]:
        content = unseal(pieces[form].values(), form) if form.data <= _MOST_DATA else None
        documents = _parse(content) if content else None
        if documents:
            return documents
    return None


def _parse(content: bytes) -> dict[str, bytes] | None:
    documents: dict[str, bytes] = {}
    at = 0
    while at < len(content) and content[at]:
        entry = _ENTRY.match(content, at)
        if entry is None:
            return None
        name, end = entry[1].decode(), entry.end() + int(entry[2])
        if end > len(content) or name in documents:
            return None
        documents[name] = content[entry.end() : end]
        at = end
    return documents
