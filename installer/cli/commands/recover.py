"""`champ --zone DIR recover`: put right what a kill or a power cut left half done."""

from __future__ import annotations

from pathlib import Path

import click

from champ_offline.errors import ExitCode
from installer.cli.diagnostics import say
from installer.cli.options import Verb, kubeconfig
from installer.cli.output import Column
from installer.cli.session import Session
from installer.error_text import note
from installer.language import translate as _
from installer.words import word

# Outcomes after which somebody has to look, and those that leave something to be done.
_LOOK = {"taken-over", "unclear"}
_LEFT = {"open", "elsewhere"}


@click.command(
    "recover",
    cls=Verb,
    help=_(
        "Put right what was interrupted: each release is then as it was before or as it was"
        " planned, as Helm's records say. Every verb that plans or changes something does this"
        " first. Ends with 6 when somebody has to look, with 4 when something is still to be done"
        " because its cluster cannot be reached or is another one."
    ),
)
@click.option("--dry-run", is_flag=True, help=_("Look, and say what would be done."))
@click.option(
    "--without-hooks", is_flag=True,
    help=_(
        "Let Helm run no hooks while it puts right: for a hook that never succeeds. What they do is"
        " then not done, and the audit chain says so."
    ),
)  # fmt: skip
@kubeconfig
@click.pass_obj
def command(
    session: Session,
    dry_run: bool,  # noqa: FBT001 - a flag of the command line
    without_hooks: bool,  # noqa: FBT001 - a flag of the command line
    kubeconfig: Path | None,
) -> int:
    """One row for each operation that was interrupted."""
    found = session.sites().recover(
        kubeconfig,
        rehearsal=dry_run,
        hooks=not without_hooks,
        unreached=lambda error: say(note(error)),
    )
    if not found and session.form == "table":
        session.output.text(_("Nothing was interrupted.") + "\n")
        return int(ExitCode.OK)
    session.output.rows(
        found,
        [
            Column("subject", _("RELEASE")),
            Column("operation", _("WHAT"), word),
            Column("began", _("BEGAN")),
            Column("step", _("STEP")),
            Column("found", _("FOUND"), ", ".join),
            Column("acts", _("WOULD BE DONE") if dry_run else _("DONE"), ", ".join),
            Column("outcome", _("OUTCOME"), word),
            Column("kept", _("VOLUMES THAT STAY"), ", ".join),
        ],
    )
    for one in found:
        if one.operation == "site.apply" and one.left:
            text = _("Of the site plan there is left: {names}. Apply that plan again.")
            say(text.format(names=", ".join(one.left)))
        if one.trouble and session.form == "table":
            session.output.text(f"\n{one.subject}: {one.trouble}\n")
    return _code({one.outcome for one in found} - ({"open"} if dry_run else set()))


def _code(outcomes: set[str]) -> int:
    for known, code in ((_LOOK, ExitCode.NEEDS_PERSON), (_LEFT, ExitCode.PREFLIGHT)):
        if outcomes & known:
            return int(code)
    return int(ExitCode.OK)
