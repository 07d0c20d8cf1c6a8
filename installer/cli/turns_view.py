"""What became of each bundle on media where all were asked for (`--all`).

Invariant: every bundle has a row, also one that was refused; a program finds the reason beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from installer.cli.diagnostics import error_document, say
from installer.cli.output import Column
from installer.cli.session import Session
from installer.error_text import sentences
from installer.language import translate as _

if TYPE_CHECKING:
    from champ_offline.bundle.turns import Turn

T = TypeVar("T")


def show_turns(
    session: Session,
    turns: Sequence[Turn[T]],
    document: Callable[[T], object],
    columns: Sequence[Column],
) -> None:
    """Show a row for each, with `document` of what was done; raises the first trouble there is."""
    from champ_offline.bundle.turns import troubles

    heads = [Column("bundle", _("BUNDLE")), Column("version", _("VERSION"))]
    session.output.rows([_row(turn, document) for turn in turns], [*heads, *columns])
    found = troubles(turns)
    for turn in turns:
        if turn.refusal is not None and turn.refusal not in found[:1] and not session.json_errors:
            say("\n  ".join(sentences(turn.refusal)))
    if found:
        raise found[0]


def _row(turn: Turn[T], document: Callable[[T], object]) -> dict[str, Any]:
    """Its `done` as the verb tells of one bundle alone, its `refusal` as errors are told."""
    refused = turn.refusal and error_document(turn.refusal, *sentences(turn.refusal))
    return {
        "bundle": turn.bundle,
        "version": turn.version,
        "media": turn.paths,
        "done": None if turn.done is None else document(turn.done),
        "refusal": refused,
    }
