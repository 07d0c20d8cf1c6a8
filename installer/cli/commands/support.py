"""`champ --zone DIR support [--out FILE]`: what a helper needs to see, without what is secret."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from champ_offline.errors import system_said
from installer.cli.errors import FileNotWritten, FileThere
from installer.cli.options import Verb, kubeconfig
from installer.cli.output import Column
from installer.cli.session import Session
from installer.language import translate as _
from installer.quantities import size

if TYPE_CHECKING:
    from champ_offline.support.archive import SupportBundle


@click.command(
    "support",
    cls=Verb,
    help=_(
        "List what a support bundle would hold, and write it with --out: versions, findings,"
        " journal and audit rows, releases, states, events and causes of the clusters. Answers,"
        " Secrets, keys and passwords are never in it."
    ),
)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.tar.gz",
    help=_("Write the archive to this file, which only you can read."),
)  # fmt: skip
@click.option(
    "--logs", is_flag=True,
    help=_("Add the last lines of the logs of containers in trouble; they may tell of patients."),
)  # fmt: skip
@kubeconfig
@click.pass_obj
def command(session: Session, out: Path | None, logs: bool, kubeconfig: Path | None) -> None:  # noqa: FBT001 (click)
    """Show every file before anything is written."""
    if out is not None and os.path.lexists(out):
        raise FileThere(path=out)
    made = session.appliance().support(kubeconfig, logs=logs)
    rows = [{"name": one.name, "size": one.size, "about": one.about} for one in made.files]
    path = "" if out is None else str(out)
    if session.form != "table":
        _keep(made, out)
        session.output.document({"files": rows, "size": made.size, "path": path})
        return
    session.output.rows(
        rows, [Column("name", _("FILE")), Column("size", _("SIZE"), size, right=True)]
    )
    _keep(made, out)
    if out is None:
        told = _("Nothing was written; --out FILE.tar.gz writes these files.")
    else:
        told = _("Written to {path}. Look through it before you give it away.").format(path=path)
    session.output.text(told + "\n")


def _keep(made: SupportBundle, out: Path | None) -> None:
    from champ_offline.durable.write import write_new

    if out is None:
        return
    try:
        write_new(out, made.to_bytes(), mode=0o600)
    except FileExistsError as error:
        raise FileThere(path=out) from error
    except OSError as error:
        raise FileNotWritten(path=out, reason=system_said(error)) from error
