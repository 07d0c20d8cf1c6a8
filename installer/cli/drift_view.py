"""Drift as `champ status` shows it: a word for each release, and every difference of one.

Invariant: shows what the library masked, and nothing else; JSON has the same values whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from installer.cli.output import Column
from installer.cli.session import Session
from installer.drift_text import lines, of_helm
from installer.language import translate as _

if TYPE_CHECKING:
    from champ_offline.release.drift.values import Drift


def show(session: Session, drift: Drift) -> None:
    """Each difference on a line, below what Helm's record says."""
    output = session.output
    if drift.helm is not None:
        output.text(f"\n{of_helm(drift.helm)}\n")
    if drift.missing is None:
        output.text("\n" + _("Whether nodes can still pull its images was not looked at.") + "\n")
    found = list(lines(drift))
    if not found:
        return
    output.text("\n")
    columns = [
        Column("kind", _("KIND")),
        Column("name", _("NAME")),
        Column("what", _("WHAT")),
        Column("field", _("FIELD")),
        Column("sealed", _("SEALED")),
        Column("now", _("NOW")),
        Column("by", _("BY")),
    ]
    # A table is as wide as it must be: what no line fills is left out.
    output.rows(found, [one for one in columns if any(line[one.key] for line in found)])
