"""`champ --zone DIR status [RELEASE]`: what runs, how it is, and whether it is still as sealed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from champ_offline.cluster.interface import ClusterUnreachable
from champ_offline.doctor import Interrupted
from champ_offline.errors import ExitCode
from installer.cli import drift_view
from installer.cli.diagnostics import say
from installer.cli.names import releases
from installer.cli.options import Verb, kubeconfig, namespace
from installer.cli.output import Column
from installer.cli.session import Session
from installer.drift_text import in_short
from installer.error_text import note
from installer.language import translate as _
from installer.step_line import cause_lines
from installer.terminal_text import printable
from installer.words import word

if TYPE_CHECKING:
    from champ_offline.release.status import ReleaseStatus


@click.command(
    "status",
    cls=Verb,
    help=_(
        "Show the releases of this zone; where a cluster is named also how each is, and whether it"
        " drifted from its sealed revision. With RELEASE every difference: which field, what was"
        " sealed, what is there now, who holds it."
    ),
)
@click.argument("release", required=False, shell_complete=releases)
@namespace
@click.option("--exit-code", is_flag=True, help=_("End with 10 when something drifted."))
@kubeconfig
@click.pass_obj
def command(
    session: Session,
    release: str | None,
    namespace: str | None,
    exit_code: bool,  # noqa: FBT001 - a flag of the command line
    kubeconfig: Path | None,
) -> int:
    """One row for each release, and below it the drift of the one that was named.

    Where the cluster does not answer the rows say what the zone knows, and the error follows.
    """
    releases, away = session.appliance().releases, None
    try:
        found = releases.status(release, namespace, kubeconfig or releases.clusters.only)
    except ClusterUnreachable as error:
        found, away = releases.status(release, namespace, None), error
    session.output.rows(
        found,
        [
            Column("cluster", _("CLUSTER"), releases.clusters.name),
            Column("release", _("RELEASE")),
            Column("namespace", _("NAMESPACE")),
            Column("app", _("APP")),
            Column("version", _("VERSION")),
            Column("number", _("REVISION"), right=True),
            Column("outcome", _("STATE"), word),
            Column("health", _("HEALTH"), word),
            Column("", _("DRIFT"), in_short),
        ],
    )
    for left in releases.interrupted():
        say(note(Interrupted(subject=left.subject, step=left.step)))
    for one in found if session.form == "table" else ():
        _explain(session, one)
        if release is not None and one.drift is not None:
            drift_view.show(session, one.drift)
    if away is not None:
        raise away
    drifted = any(one.drift is not None and one.drift.found for one in found)
    return int(ExitCode.PLAN_HAS_CHANGES if exit_code and drifted else ExitCode.OK)


def _explain(session: Session, status: ReleaseStatus) -> None:
    """Below the rows: why a release is troubled."""
    if status.causes:
        lines = [text for cause in status.causes for text in cause_lines(cause)]
        told = "".join(f"  {line}\n" for line in lines)
        session.output.text(f"\n{printable(status.release)}:\n{told}")
