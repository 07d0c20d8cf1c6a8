"""`champ run MEDIA...|--watch FOLDER --policy FILE`: what a policy allows, without a person."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from installer.cli.interrupted import foretell
from installer.cli.options import DIRECTORY, GIVEN_FILE, Verb, kubeconfig
from installer.cli.run_view import keep, show
from installer.cli.session import Session
from installer.language import translate as _

if TYPE_CHECKING:
    from champ_offline.policy.document import Policy
    from champ_offline.policy.ferry import Told


@click.command(
    "run",
    cls=Verb,
    help=_(
        "Verify and import the bundles on MEDIA and bring the releases they are about to the newest"
        " version, as far as a policy allows it; the same run again goes on, or changes nothing."
        " With --watch, do so once for each bundle that comes into a folder."
    ),
)
@click.argument("media", type=DIRECTORY, nargs=-1)
@click.option(
    "--watch", "folder", type=DIRECTORY, metavar="FOLDER",
    help=_(
        "Look into a ferry folder instead, again and again: each bundle in it is seen to once, when"
        " all of it is there."
    ),
)  # fmt: skip
@click.option("--once", is_flag=True, help=_("With --watch: look once, then end."))
@click.option(
    "--policy", type=GIVEN_FILE, required=True, metavar="FILE",
    help=_("What may be done without a person: a policy.yaml."),
)  # fmt: skip
@click.option(
    "--dry-run", "rehearsal", is_flag=True, help=_("Change nothing; only say what would be done.")
)
@click.option(
    "--receipt",
    "receipts",
    type=DIRECTORY,
    metavar="DIR",
    help=_("Write the result into a folder too, as a JSON file named after the time."),
)
@kubeconfig
@click.pass_obj
def command(
    session: Session,
    media: tuple[Path, ...],
    folder: Path | None,
    policy: Path,
    receipts: Path | None,
    kubeconfig: Path | None,
    *,
    once: bool,
    rehearsal: bool,
) -> int:
    """Run, show what was decided and done, and end with the code of the worst of it."""
    _refuse_misfits(media, folder, once=once, rehearsal=rehearsal)
    from champ_offline.policy.document import Policy

    rules = Policy.from_file(policy)
    if receipts is not None and not receipts.is_dir():
        raise click.UsageError(_("There is no folder {path}.").format(path=receipts))
    foretell(session)
    if folder is not None:
        return _watch(session, folder, rules, receipts, kubeconfig, once=once)
    from champ_offline.policy.run import Runner

    runner = Runner(session.appliance(), rules, kubeconfig)
    with session.watched() as notify:
        result = runner.run(media, notify, rehearsal=rehearsal)
    show(session, result)
    if receipts is not None:
        keep(result, receipts)
    return int(result.exit_code)


def _refuse_misfits(
    media: tuple[Path, ...], folder: Path | None, *, once: bool, rehearsal: bool
) -> None:
    if (folder is None) == (not media):
        raise click.UsageError(_("Name either MEDIA or a folder with --watch."))
    if folder is None and once:
        raise click.UsageError(_("--once is for --watch."))
    if folder is not None and rehearsal:
        raise click.UsageError(_("--dry-run is for MEDIA; name a tree in the folder."))


def _watch(
    session: Session,
    folder: Path,
    policy: Policy,
    receipts: Path | None,
    kubeconfig: Path | None,
    *,
    once: bool,
) -> int:
    from champ_offline.policy.ferry import Ferry
    from installer.cli.ferry_view import watch

    def kept(told: Told) -> None:
        if receipts is not None and told.run is not None:
            keep(told.run, receipts)

    ferry = Ferry(session.appliance(), policy, kubeconfig, folder)
    return int(watch(ferry, session, kept, once=once))
