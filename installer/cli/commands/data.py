"""`champ --zone DIR data save|list|verify|restore|remove`: what a release keeps, as copies."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from champ_offline.errors import ExitCode
from installer.cli.confirm import confirm as ask
from installer.cli.interrupted import foretell
from installer.cli.names import backups, releases
from installer.cli.options import Verb, Whole, confirmation, kubeconfig, namespace
from installer.cli.output import Column
from installer.cli.session import Session
from installer.language import translate as _
from installer.quantities import size
from installer.words import word

if TYPE_CHECKING:
    from champ_offline.release.data.backups import Backup


@click.group("data", help=_("Save what a release keeps, and bring it back."))
def command() -> None:
    """Group the acts on saved data."""


@command.command(
    "save",
    cls=Verb,
    help=_(
        "Save the data of RELEASE into the zone's store, with the commands that its app declares;"
        " it goes on running unless the app says that something must stand still. A backup is whole"
        " when every part is; of one that failed nothing is kept."
    ),
)
@click.argument("release", shell_complete=releases)
@namespace
@kubeconfig
@click.pass_obj
def save(session: Session, release: str, namespace: str | None, kubeconfig: Path | None) -> None:
    """Save and show what was saved."""
    releases = session.appliance().releases
    foretell(session)
    with session.watched() as notify:
        found = releases.save_data(release, namespace or release, kubeconfig, notify)
    session.output.record(
        _row(found),
        [
            Column("number", _("backup")),
            Column("release", _("release")),
            Column("version", _("version")),
            Column("state", _("state"), word),
            Column("size", _("size"), size),
            Column("parts", _("parts"), _parts),
        ],
    )


@command.command("list", cls=Verb, help=_("List the backups of RELEASE, or all of the zone."))
@click.argument("release", required=False, shell_complete=releases)
@namespace
@click.pass_obj
def listed(session: Session, release: str | None, namespace: str | None) -> None:
    """One row for each backup, oldest first."""
    releases = session.appliance().releases
    found = releases.backups.listed(release, namespace)
    if release is not None and not found:
        # Nothing was saved of it, or there is no such release: that is refused here.
        releases.status(release, namespace, None)
    session.output.rows(
        [_row(one) for one in found],
        [
            Column("number", _("BACKUP"), right=True),
            Column("cluster", _("CLUSTER"), releases.clusters.name),
            Column("release", _("RELEASE")),
            Column("namespace", _("NAMESPACE")),
            Column("version", _("VERSION")),
            Column("revision", _("REVISION"), right=True),
            Column("began", _("BEGAN")),
            Column("why", _("WHY"), word),
            Column("state", _("STATE"), word),
            Column("size", _("SIZE"), size, right=True),
        ],
    )


@command.command(
    "verify",
    cls=Verb,
    help=_(
        "Read backup NUMBER, or all that are whole, and compare it with its digests; ends with 11"
        " when one is damaged."
    ),
)
@click.argument("number", type=Whole(1), required=False, shell_complete=backups)
@click.pass_obj
def verify(session: Session, number: int | None) -> int:
    """One row for each backup that was read."""
    with session.watched() as notify:
        found = session.appliance().releases.backups.verify(number, notify)
    session.output.rows(
        found,
        [
            Column("number", _("BACKUP"), right=True),
            Column("release", _("RELEASE")),
            Column("namespace", _("NAMESPACE")),
            Column("size", _("SIZE"), size, right=True),
            Column("damaged", _("DAMAGED"), ", ".join),
        ],
    )
    return int(ExitCode.OK if all(one.sound for one in found) else ExitCode.CORRUPT)


@command.command(
    "restore",
    cls=Verb,
    help=_(
        "Bring backup NUMBER back into RELEASE, which stands still meanwhile. What is there now is"
        " saved before, and comes back by itself where restoring fails."
    ),
)
@click.argument("release", shell_complete=releases)
@click.argument("number", type=Whole(1), shell_complete=backups)
@click.option(
    "--no-data-backup", is_flag=True, help=_("Do not save before what is there now; it is lost.")
)
@namespace
@confirmation
@kubeconfig
@click.pass_obj
def restore(
    session: Session,
    release: str,
    number: int,
    no_data_backup: bool,  # noqa: FBT001 - a flag of the command line
    namespace: str | None,
    confirm: str | None,
    kubeconfig: Path | None,
) -> None:
    """Restore once confirmed."""
    releases = session.appliance().releases
    ask(_("This replaces the data of {name} by what was saved."), release, confirm)
    foretell(session)
    with session.watched() as notify:
        place = (release, namespace or release)
        found = releases.restore_data(*place, number, kubeconfig, notify, keep=not no_data_backup)
    session.output.record(
        found,
        [
            Column("release", _("release")),
            Column("backup", _("restored backup")),
            Column("saved", _("what was there before is backup"), lambda one: str(one or "—")),
        ],
    )


@command.command(
    "remove",
    cls=Verb,
    help=_("Let go of backup NUMBER; the next `champ store gc --apply` frees its content."),
)
@click.argument("number", type=Whole(1), shell_complete=backups)
@confirmation
@click.pass_obj
def remove(session: Session, number: int, confirm: str | None) -> None:
    """Forget it once confirmed by the name of its release."""
    shelf = session.appliance().releases.backups
    found = shelf.one(number)
    ask(_("This lets go of saved data of {name}."), found.subject.release, confirm)
    session.output.record(
        _row(shelf.remove(number)),
        [
            Column("number", _("backup")),
            Column("release", _("release")),
            Column("size", _("size"), size),
        ],
    )


def _row(backup: Backup) -> dict[str, Any]:
    """A backup as one object: what it is of, and what it holds."""
    parts = [{**asdict(one), "digest": str(one.digest)} for one in backup.parts]
    return {
        "number": backup.number,
        **asdict(backup.subject),
        "why": backup.why.value,
        "actor": backup.actor,
        "began": backup.began,
        "ended": backup.ended,
        "state": backup.state.value,
        "size": backup.size,
        "parts": parts,
    }


def _parts(parts: list[dict[str, Any]]) -> str:
    return ", ".join(f"{one['name']} ({size(one['size'])})" for one in parts)
