"""`champ --zone DIR zone init|show|backup|retention|discard|retire`: make, look, copy, let go."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from installer.cli.confirm import confirm as ask
from installer.cli.names import bundles
from installer.cli.options import FILE, GIVEN_FILE, Verb, Whole
from installer.cli.output import Column
from installer.cli.session import Session
from installer.language import translate as _
from installer.quantities import size
from installer.settings_list import MOST_KEPT
from installer.words import standing


@click.group("zone", help=_("Commission a zone; see what it holds."))
def command() -> None:
    """Group the acts on the zone itself."""


@command.command(
    "init", cls=Verb, help=_("Make the folder of a new zone, which trusts one root from now on.")
)
@click.option("--name", required=True, metavar="NAME", help=_("The zone's name in bundles."))
@click.option(
    "--root", type=GIVEN_FILE, required=True, metavar="ROOT.json", help=_("The public root.")
)
@click.option(
    "--fingerprint", metavar="DIGITS", help=_("Refuse any root but the one with this fingerprint.")
)
@click.option(
    "--accept-expired", metavar="REASON",
    help=_("Trust a root whose time is over; the zone keeps the reason."),
)  # fmt: skip
@click.pass_obj
def init(
    session: Session, name: str, root: Path, fingerprint: str | None, accept_expired: str | None
) -> None:
    """Commission the zone and show what it trusts."""
    from champ_offline.appliance import Appliance
    from champ_offline.trust.overrides import Overrides

    accepted = Overrides(expired=accept_expired)
    session.output.record(
        Appliance.create(session.zone_folder(), name, root, fingerprint, accepted).summary(),
        [
            Column("name", _("zone")),
            Column("commissioned", _("commissioned")),
            Column("root_fingerprint", _("fingerprint of the root")),
        ],
    )


@command.command("show", cls=Verb, help=_("Show what the zone is, holds and waits for."))
@click.pass_obj
def show(session: Session) -> None:
    """One zone: name, root, sizes, bundles."""
    session.output.record(
        session.appliance().summary(),
        [
            Column("name", _("zone")),
            Column("commissioned", _("commissioned")),
            Column("root_version", _("version of the root")),
            Column("root_fingerprint", _("fingerprint of the root")),
            Column("registry", _("nodes pull from"), lambda at: at or _("the zone's registry")),
            Column("bundles", _("bundles"), _bundles),
            Column("blobs", _("blobs")),
            Column("size", _("size"), size),
            Column("waiting", _("waiting for an unfinished import"), size),
            Column("free", _("free"), size),
        ],
    )


@command.command(
    "backup",
    cls=Verb,
    help=_(
        "Copy the zone's database to FILE, which must not be there yet; the registry and all verbs "
        "go on meanwhile. It holds secrets, as the zone does. Copy store and pki after it: "
        "docs/backup.md says how, and how all of it is restored."
    ),
)
@click.argument("file", type=FILE)
@click.pass_obj
def backup(session: Session, file: Path) -> None:
    """Copy, and show what to note beside the copy."""
    session.output.record(
        session.appliance().upkeep.back_up(file),
        [
            Column("path", _("file")),
            Column("size", _("size"), size),
            Column("head", _("head of the audit chain")),
        ],
    )


@command.command(
    "retention",
    cls=Verb,
    help=_(
        "Show how much of the past the zone keeps of each release; with --revisions and --backups "
        "change it. "
        "What a release runs is kept whatever its age. What no longer counts goes with the next "
        "`champ store gc --apply`, which shows it first."
    ),
)
@click.option(
    "--revisions",
    type=Whole(1, MOST_KEPT),
    metavar="N",
    help=_("Keep the newest N revisions of each release, to be returned to."),
)
@click.option(
    "--backups",
    type=Whole(1, MOST_KEPT),
    metavar="N",
    help=_("Keep the newest N whole backups of each release's data."),
)
@click.pass_obj
def retention(session: Session, revisions: int | None, backups: int | None) -> None:
    """Change it where that was asked for, and show it."""
    records = session.appliance().upkeep.records
    found = records.retention()
    if revisions is not None or backups is not None:
        wanted = {"revisions": revisions, "backups": backups}
        changed = {name: number for name, number in wanted.items() if number is not None}
        found = records.retain(replace(found, **changed))
    session.output.record(
        found,
        [
            Column("revisions", _("revisions kept of each release")),
            Column("backups", _("backups kept of each release's data")),
        ],
    )


@command.command(
    "discard",
    cls=Verb,
    help=_(
        "Let go of what unfinished imports left. Nothing that the zone serves is touched; the next "
        "import reads it from its media again."
    ),
)
@click.pass_obj
def discard(session: Session) -> None:
    """Free what waits and show how much it was."""
    session.output.record(session.appliance().discard(), [Column("size", _("freed"), size)])


@command.command(
    "retire",
    cls=Verb,
    help=_(
        "Let go of the bundle NAME VERSION: what only it brought loses its name, and the next "
        "`champ store gc` frees it. Refused while a release runs it or could be put back to it. "
        "The newest bundle of its name must be confirmed."
    ),
)
@click.argument("name", shell_complete=bundles)
@click.argument("version")
@click.option("--dry-run", is_flag=True, help=_("Only show what would be freed."))
@click.option(
    "--confirm", metavar="NAME", help=_("Confirm by naming the bundle; else you are asked.")
)
@click.pass_obj
def retire(
    session: Session,
    name: str,
    version: str,
    confirm: str | None,
    *,
    dry_run: bool,
) -> None:
    """Show what it means, and do it."""
    upkeep = session.appliance().upkeep
    found = upkeep.retirement(name, version)
    if not dry_run:
        if found.newest:
            ask(_("This lets go of the newest bundle {name}."), name, confirm)
        found = upkeep.retire(found)
    session.output.record(
        found,
        [
            Column("bundle", _("bundle")),
            Column("version", _("version")),
            Column(
                "newest", _("newest of its name"), lambda newest: _("yes") if newest else _("no")
            ),
            Column("blobs", _("blobs to be freed")),
            Column("size", _("bytes to be freed"), size),
        ],
    )


def _bundles(bundles: list[dict[str, Any]]) -> str:
    return ", ".join(map(_bundle, bundles))


def _bundle(bundle: dict[str, Any]) -> str:
    document, packed = bundle["document"], bundle["packed"][:19].replace("T", " ")
    told = [_("packed {time} UTC").format(time=packed)]
    told += [said] if (said := standing(bundle["stands"], bundle["current"])) else []
    return f"{document['name']} {document['version']} ({', '.join(told)})"
