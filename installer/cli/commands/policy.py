"""`champ policy check|unit`: is a policy understood; and what starts runs under it by itself."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from installer.cli.diagnostics import say
from installer.cli.options import DIRECTORY, FILE, GIVEN_FILE, Verb, kubeconfig
from installer.cli.output import Column
from installer.cli.services import kept_program, note_unknown, owner, place, program_places
from installer.cli.session import Session
from installer.language import translate as _


@click.group("policy", help=_("Check a policy; start runs under it when a stick is plugged in."))
def command() -> None:
    """Group the acts on policies."""


@command.command("check", cls=Verb, help=_("Read the policy in FILE and show what it allows."))
@click.argument("file", type=GIVEN_FILE)
@click.pass_obj
def check(session: Session, file: Path) -> None:
    """Show its digest, by which the audit chain knows it, and what it allows."""
    from champ_offline.policy.document import Policy
    from installer.cli import policy_view

    policy_view.show(session, Policy.from_file(file))


@command.command(
    "unit",
    cls=Verb,
    help=_(
        "Show systemd services that run under a policy on a USB stick, mounted read-only, and the"
        " udev rule that starts them when one is plugged in; with --ferry, those that look into a"
        " folder when something comes into it, and now and then."
    ),
)
@click.option(
    "--ferry",
    type=DIRECTORY,
    metavar="FOLDER",
    help=_("For a ferry folder instead of sticks: where a net gate drops media."),
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
    ferry: Path | None,
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

    appliance = session.appliance()
    rules = Policy.from_file(policy).rules
    ways = [place(appliance.releases.clusters.way(kubeconfig))] if rules else []
    note_unknown(user)
    zone = place(appliance.paths.root)
    task = _Task(zone, place(policy), receipts, ways, user or owner(zone))
    made = _on_sticks(task, kinds) if ferry is None else _in_folder(task, place(ferry))
    if folder is not None:
        written = [{"unit": path} for path in write(made, folder)]
        session.output.rows(written, [Column("unit", _("UNIT"))])
        say(_next(folder, list(made)))
    elif session.output.form == "table":
        session.output.text("\n".join(f"# {name}\n{text}" for name, text in made.items()))
    else:
        session.output.document(made)


@dataclass(frozen=True)
class _Task:
    """What is run by itself, on whatever it is run."""

    zone: Path
    policy: Path
    receipts: Path | None
    ways: Sequence[Path]
    user: str

    @property
    def writable(self) -> list[Path]:
        return [] if self.receipts is None else [place(self.receipts)]

    @property
    def readable(self) -> list[Path]:
        return [self.policy, *self.ways, *program_places()]

    def command(self, form: Sequence[str], *words: str) -> tuple[str, ...]:
        """The program with its arguments; `words` follow those that all runs have."""
        own = ["--zone", str(self.zone), *form, "run", "--policy", str(self.policy)]
        own += [word for path in self.writable for word in ("--receipt", str(path))]
        own += [word for path in self.ways for word in ("--kubeconfig", str(path))]
        return (*kept_program(), *own, *words)


def _on_sticks(task: _Task, kinds: Sequence[str]) -> Mapping[str, str]:
    from champ_offline.policy.plugging import Order, units

    return units(
        Order(
            command=task.command(("-o", "json")),
            zone=task.zone,
            writable=task.writable,
            readable=task.readable,
            file_systems=kinds,
            user=task.user,
        )
    )


def _in_folder(task: _Task, folder: Path) -> Mapping[str, str]:
    from champ_offline.policy.gate_units import FerryOrder, ferry_units

    return ferry_units(
        FerryOrder(
            command=task.command(
                ("-o", "json", "--progress", "ndjson"), "--watch", str(folder), "--once"
            ),
            zone=task.zone,
            folder=folder,
            writable=task.writable,
            readable=task.readable,
            user=task.user,
        )
    )


def _next(folder: Path, names: Sequence[str]) -> str:
    """What is to be typed once they are in `folder`."""
    rules = [name for name in names if name.endswith(".rules")]
    services = shlex.join(str(folder / name) for name in names if name not in rules)
    started = [name for name in names if name.endswith((".path", ".timer"))]
    commands = [
        f"cp {services} /etc/systemd/system/",
        *(f"cp {shlex.quote(str(folder / name))} /etc/udev/rules.d/" for name in rules),
        "systemctl daemon-reload",
        *(["udevadm control --reload"] if rules else []),
        *([f"systemctl enable --now {shlex.join(started)}"] if started else []),
    ]
    return "\n".join([_("Next, as root:"), *(f"  {command}" for command in commands)])
