"""`champ site check|set`: read a site's document whole; change one setting of many apps in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from champ_offline.errors import ExitCode, system_said
from installer.cli.diagnostics import say
from installer.cli.errors import FileNotWritten
from installer.cli.options import GIVEN_FILE, Verb
from installer.cli.output import Column
from installer.cli.session import Session
from installer.error_text import sentences
from installer.language import translate as _
from installer.terminal_text import printable

if TYPE_CHECKING:
    from champ_offline.site.check import Problem
    from champ_offline.site.setting import Edited


@click.group("site", help=_("A whole site as one document (docs/site.md): check it, change it."))
def command() -> None:
    """Group the acts on the document."""


@command.command(
    "check",
    cls=Verb,
    help=_(
        "Tell every problem of the document FILE with its line; no cluster is asked. With a zone"
        " answers are held against the forms of its catalog, for all zones as far as it has them."
    ),
)
@click.argument("file", type=GIVEN_FILE)
@click.pass_obj
def check(session: Session, file: Path) -> int:
    """Show the problems, or what was read; ends with the code of the first problem."""
    if session.zone is not None:
        found = session.sites().check(file)
    else:
        from champ_offline.site.check import check

        found = check(file)
    problems = [_told(one) for one in found.problems]
    counts = {"zones": found.zones, "apps": found.apps, "held": found.held}
    if session.form != "table":
        session.output.document({"problems": problems, **counts})
        return int(found.exit_code)
    for one in problems:
        where = f"{one['file']}:{one['line']}"
        text = printable(f"{where}: {one['message']} {one['remedy']} [{one['id']}]")
        session.output.text(f"{text}\n")
    if not problems:
        session.output.record(
            counts,
            [
                Column("zones", _("zones")),
                Column("apps", _("apps")),
                Column("held", _("held against their forms")),
            ],
        )
    return int(found.exit_code)


@command.command(
    "set",
    cls=Verb,
    help=_(
        "Answer a field of many apps' forms in the document FILE: KEY=VALUE, KEY with dots into"
        " tables. Nothing else in the file changes, and nothing at all unless every app that is"
        " chosen takes it. Shows the difference."
    ),
)
@click.argument("file", type=GIVEN_FILE)
@click.argument("settings", metavar="KEY=VALUE...", nargs=-1, required=True)
@click.option("--apps", multiple=True, metavar="NAME[,NAME]", help=_("All entries of these apps."))
@click.option(
    "--select",
    "patterns",
    multiple=True,
    metavar="PATTERN",
    help=_(
        "Entries by ZONE/CLUSTER/KEY, * standing for any text; with --apps those that are both."
    ),
)
@click.option("--dry-run", is_flag=True, help=_("Only show what would change."))
@click.pass_obj
def set_(
    session: Session,
    file: Path,
    settings: tuple[str, ...],
    apps: tuple[str, ...],
    patterns: tuple[str, ...],
    dry_run: bool,  # noqa: FBT001 - a flag of the command line
) -> int:
    """Change the document, and show how; raises what `Sites.edited` raises."""
    from champ_offline.site.setting import Choice, Setting

    names = tuple(name for text in apps for name in text.split(",") if name)
    if not names and not patterns:
        raise click.UsageError(_("Say which apps are meant, with --apps or --select."))
    parsed = [Setting.parse(one) for one in settings]
    if len({one.key for one in parsed}) < len(parsed):
        raise click.UsageError(_("A field can be given one value only."))
    found = session.sites().edited(file, parsed, Choice(names, patterns))
    if not dry_run and found.changed:
        try:
            found.write()
        except OSError as error:
            raise FileNotWritten(path=file, reason=system_said(error)) from error
    _show(session, found, written=not dry_run and bool(found.changed))
    return int(ExitCode.OK)


def _show(session: Session, found: Edited, *, written: bool) -> None:
    if session.form != "table":
        told = {"changed": found.changed, "same": found.same, "diff": found.diff}
        session.output.document({**told, "written": written})
        return
    session.output.text("".join(f"{printable(line)}\n" for line in found.diff.splitlines()))
    text = _("{changed} of {all} entries change; the others have it already.")
    if not found.same:
        text = _("Entries that change: {changed}.")
    say(text.format(changed=len(found.changed), all=len(found.changed) + len(found.same)))
    if written:
        say(_("Written to {file}.").format(file=found.path))


def _told(one: Problem) -> dict[str, object]:
    message, remedy = sentences(one.error)
    place = {"file": one.file, "line": one.line}
    return {**place, "id": one.error.id, "message": message, "remedy": remedy}
