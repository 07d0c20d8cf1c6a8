"""`champ --zone DIR cluster add|list|show|remove`: the zone's clusters by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from installer.cli.diagnostics import say
from installer.cli.names import clusters
from installer.cli.options import FILE, Verb
from installer.cli.output import Column
from installer.cli.session import Session
from installer.error_text import sentences
from installer.language import translate as _

if TYPE_CHECKING:
    from champ_offline.release.clusters import NamedCluster


@click.group("cluster", help=_("Give the zone's clusters names, and see which it knows."))
def command() -> None:
    """Group the acts on names of clusters."""


@command.command(
    "add",
    cls=Verb,
    help=_(
        "Call the cluster that a kubeconfig leads to NAME from now on. The zone remembers which "
        "cluster it is and where the file lies, never what is in it; a file that leads to another "
        "cluster later is refused. With a name that the cluster has, only the file is another."
    ),
)
@click.argument("name")
@click.option(
    "--kubeconfig", type=FILE, required=True, envvar="KUBECONFIG", metavar="FILE",
    help=_("The cluster's kubeconfig (or KUBECONFIG)."),
)  # fmt: skip
@click.pass_obj
def add(session: Session, name: str, kubeconfig: Path) -> None:
    """Name it and show it."""
    _show(session, session.appliance().releases.add_cluster(name, kubeconfig))


@command.command("list", cls=Verb, help=_("List the clusters that have a name."))
@click.pass_obj
def list_(session: Session) -> None:
    """One row for each."""
    session.output.rows(
        session.appliance().releases.clusters.all(),
        [
            Column("name", _("NAME")),
            Column("identity", _("IDENTITY")),
            Column("address", _("ADDRESS")),
            Column("kubeconfig", _("KUBECONFIG")),
        ],
    )


@command.command("show", cls=Verb, help=_("Show which cluster is called NAME."))
@click.argument("name", shell_complete=clusters)
@click.pass_obj
def show(session: Session, name: str) -> None:
    """One cluster; nothing of what is in its kubeconfig."""
    _show(session, session.appliance().releases.clusters.one(name))


@command.command(
    "remove",
    cls=Verb,
    help=_(
        "Let go of the name NAME. The cluster and all that runs there stay as they are, and so "
        "does the history: it is there again when the cluster is added again."
    ),
)
@click.argument("name", shell_complete=clusters)
@click.pass_obj
def remove(session: Session, name: str) -> None:
    """Forget the name and say so."""
    from champ_offline.journal.process import current_user

    gone = session.appliance().releases.clusters.remove(name, current_user())
    session.output.record({"removed": gone.name}, [Column("removed", _("removed"))])


def _show(session: Session, named: NamedCluster) -> None:
    session.output.record(
        named,
        [
            Column("name", _("name")),
            Column("identity", _("identity")),
            Column("address", _("address")),
            Column("kubeconfig", _("kubeconfig")),
            Column("added", _("added")),
        ],
    )
    if (exposed := named.exposed) is not None:
        say(" ".join(sentences(exposed)))
