"""`champ policy check|unit`: is a policy understood; and what starts runs under it by itself."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from installer.cli.diagnostics import say
from installer.cli.options import DIRECTORY, FILE, Verb, kubeconfig
from installer.cli.output import Column
from installer.cli.services import note_unknown, owner, place, program, program_places
from installer.cli.session import Session
from installer.language import translate as _


@click.group("policy", help=_("Check a policy; start runs under it when a stick is plugged in."))
def command() -> None:
    """Group the acts on policies."""


@command.command("check", cls=Verb, help=_("Read the policy in FILE and show what it is about."))
@click.argument("file", type=FILE)
@click.pass_obj
def check(session: Session, file: Path) -> None:
    """Show its digest, by which the audit chain knows it; raises what reading it raises."""
    from champ_offline.policy.document import Policy

    policy = Policy.from_file(file)
    session.output.record(
        {
            "digest": policy.digest,
            "bundles": policy.bundles,
            "holders": policy.holders,
            "rules": len(policy.rules),
            "apps": [app for rule in policy.rules for app in rule.apps],
            "minutes": policy.minutes,
        },
        [
            Column("digest", _("digest")),
            Column("bundles", _("bundles"), ", ".join),
            Column("holders", _("key holders"), lambda names: ", ".join(names) or "—"),
            Column("apps", _("apps"), lambda names: ", ".join(names) or "—"),
            Column("minutes", _("minutes")),
        ],
    )


@command.command(
    "unit",
    cls=Verb,
    help=_(
        "Show systemd services that run under a policy on a USB stick, mounted read-only, and the"
        " udev rule that starts them when one is plugged in."
    ),
)
@click.option(
    "--policy",
    type=FILE,
    required=True,
    metavar="FILE",
    help=_("What may be done without a person: a policy.yaml."),
)
@click.option(
    "--receipt",
    "receipts",
    type=DIRECTORY,
    metavar="DIR",
    help=_("Write the result into a folder too, as a JSON file named after the time."),
)
@click.option(
    "--file-system",
    "kinds",
    multiple=True,
    default=("vfat", "exfat"),
    show_default=True,
    type=click.Choice(("vfat", "exfat", "ext4", "udf", "iso9660")),
    help=_("A file system that is mounted; may be repeated."),
)
@click.option(
    "--user", metavar="NAME", help=_("Who the service runs as; the owner of the zone's folder.")
)
@click.option(
    "--write",
    "folder",
    type=DIRECTORY,
    metavar="DIR",
    help=_("Write them into a folder, and name them."),
)
@kubeconfig
@click.pass_obj
def unit(
    session: Session,
    policy: Path,
    receipts: Path | None,
    kinds: tuple[str, ...],
    user: str | None,
    folder: Path | None,
    kubeconfig: Path | None,
) -> None:
    """Show or write them; raises UnitImpossible, and what reading the policy raises."""
    from champ_offline.durable.units import write
    from champ_offline.policy.document import Policy
    from champ_offline.policy.plugging import Order, units

    appliance = session.appliance()
    rules = Policy.from_file(policy).rules
    ways = [place(appliance.releases.clusters.way(kubeconfig))] if rules else []
    zone, writable = place(appliance.paths.root), [place(receipts)] if receipts else []
    words = ["--zone", str(zone), "-o", "json", "run", "--policy", str(place(policy))]
    words += [word for path in writable for word in ("--receipt", str(path))]
    words += [word for path in ways for word in ("--kubeconfig", str(path))]
    note_unknown(user)
    made = units(
        Order(
            command=(*program(), *words),
            zone=zone,
            writable=writable,
            readable=[place(policy), *ways, *program_places()],
            file_systems=kinds,
            user=user or owner(zone),
        )
    )
    if folder is not None:
        written = [{"unit": path} for path in write(made, folder)]
        session.output.rows(written, [Column("unit", _("UNIT"))])
        say(_next(folder))
    elif session.output.form == "table":
        session.output.text("\n".join(f"# {name}\n{text}" for name, text in made.items()))
    else:
        session.output.document(made)


def _next(folder: Path) -> str:
    """What is to be typed once they are in `folder`."""
    from champ_offline.policy.plugging import MEDIUM, RULES, SERVICE

    services = shlex.join(str(folder / name) for name in (SERVICE, MEDIUM))
    commands = [
        f"cp {services} /etc/systemd/system/",
        f"cp {shlex.quote(str(folder / RULES))} /etc/udev/rules.d/",
        "systemctl daemon-reload",
        "udevadm control --reload",
    ]
    return "\n".join([_("Next, as root:"), *(f"  {command}" for command in commands)])
