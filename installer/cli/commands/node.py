"""`champ node trust|untrust`: let a node pull from the zone's registry; needs no zone's folder."""

from __future__ import annotations

import base64
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import click

from installer.cli.confirm import confirm as ask
from installer.cli.diagnostics import say
from installer.cli.findings_view import row
from installer.cli.node_options import authority_in, containerd_config, place_of, places
from installer.cli.options import FILE, GIVEN_FILE, Verb
from installer.cli.output import Column
from installer.cli.passwords import known
from installer.cli.session import Session
from installer.language import translate as _
from installer.words import word

if TYPE_CHECKING:
    from champ_offline.findings import Finding
    from champ_offline.node.trust import Trusted, TrustPlan


@click.group("node", help=_("Let this node, or one mounted here, trust the zone's registry."))
def command() -> None:
    """Group the acts on a node."""


@command.command(
    "trust",
    cls=Verb,
    help=_(
        "Write containerd's mirror file, so that every pull goes to the zone's registry, and the "
        "zone's authority beside it. A mirror file that says something else is shown, kept, and "
        "replaced only when HOST:PORT is confirmed."
    ),
)
@click.argument("address", metavar="HOST:PORT")
@click.option(
    "--ca",
    type=GIVEN_FILE,
    required=True,
    metavar="ca.crt",
    help=_("The zone's authority, pki/ca.crt."),
)
@click.option(
    "--fingerprint", metavar="DIGITS",
    help=_("Refuse any authority but the one with this SHA-256 fingerprint."),
)  # fmt: skip
@click.option(
    "--user", metavar="NAME", help=_("The client as which the node pulls, in a closed zone.")
)
@click.option(
    "--password-file", type=FILE, metavar="FILE",
    help=_("Read its password from this file, which nobody else may read."),
)  # fmt: skip
@places
@containerd_config
@click.option("--dry-run", is_flag=True, help=_("Only show what would be written."))
@click.option(
    "--confirm", metavar="HOST:PORT", help=_("Confirm by naming the registry; else you are asked.")
)
@click.pass_obj
def trust(
    session: Session,
    address: str,
    ca: Path,
    fingerprint: str | None,
    user: str | None,
    password_file: Path | None,
    root: Path,
    certs_dir: PurePosixPath,
    config: PurePosixPath,
    confirm: str | None,
    *,
    dry_run: bool,
) -> None:
    """Plan, confirm where something else is replaced, write, and say what is still needed."""
    from champ_offline.node.address import Address
    from champ_offline.node.examine import needed
    from champ_offline.node.trust import plan_trust

    place, registry = place_of(root, certs_dir), Address.parse(address)
    authority = authority_in(ca, fingerprint)
    plan = plan_trust(place, registry, authority, _authorization(user, password_file))
    done = _carry_out(place, plan, confirm, dry_run=dry_run)
    findings = list(needed(place, registry, config))
    _show(session, place, plan, done, findings)


@command.command(
    "untrust",
    cls=Verb,
    help=_(
        "Put back what was there before `champ node trust`; the registry must be confirmed, for "
        "the node may not be able to pull afterwards."
    ),
)
@places
@click.option("--dry-run", is_flag=True, help=_("Only show what would be done."))
@click.option(
    "--confirm", metavar="HOST:PORT", help=_("Confirm by naming the registry; else you are asked.")
)
@click.pass_obj
def untrust(
    session: Session, root: Path, certs_dir: PurePosixPath, confirm: str | None, *, dry_run: bool
) -> None:
    """Plan, confirm, put back, and show what was done."""
    from champ_offline.node.trust import plan_return

    place = place_of(root, certs_dir)
    plan = plan_return(place)
    _show(session, place, plan, _carry_out(place, plan, confirm, dry_run=dry_run), [])


def _carry_out(place: Trusted, plan: TrustPlan, confirm: str | None, *, dry_run: bool) -> str:
    """What was done, as one of the words that `installer.words` knows."""
    from champ_offline.node.trust import carry_out

    if plan.diff:
        say("\n".join(plan.diff))
    if not (plan.writes or plan.removes):
        return "nothing to do"
    if dry_run:
        return "would be done"
    if plan.severe:
        ask(_("This replaces by which registry the node pulls ({name})."), plan.name, confirm)
    carry_out(place, plan)
    return "done"


def _show(
    session: Session, place: Trusted, plan: TrustPlan, done: str, findings: list[Finding]
) -> None:
    session.output.record(
        {
            "registry": plan.name,
            "result": done,
            "fingerprint": plan.fingerprint or None,
            "mirror_file": place.node.at(place.path),
            "written": [place.node.at(write.path) for write in plan.writes],
            "removed": [place.node.at(path) for path in plan.removes],
            "findings": [row(finding) for finding in findings],
        },
        [
            Column("registry", _("registry")),
            Column("result", _("result"), word),
            Column("fingerprint", _("fingerprint of its authority")),
            Column("mirror_file", _("mirror file")),
            Column("findings", _("then"), _then),
        ],
    )


def _then(findings: list[dict[str, object]]) -> str:
    """What is left for a person; containerd reads mirror files anew for each pull."""
    left = [f"{one['message']} {one['remedy']}" for one in findings if one["id"]]
    return " ".join(left) or _(
        "No restart is needed. See with `champ registry doctor` whether a pull works."
    )


def _authorization(user: str | None, password_file: Path | None) -> str:
    """The header's value (RFC 7617); "" where nobody in particular pulls."""
    if user is None:
        if password_file is not None:
            raise click.UsageError(_("A password without --user NAME is nobody's."))
        return ""
    if ":" in user or not user.isprintable():
        raise click.UsageError(_("A client's name has no colon in it."))
    pair = user.encode() + b":" + known(user, password_file)
    return f"Basic {base64.b64encode(pair).decode('ascii')}"
