"""A plan on the screen and in a file, and the way to carry it out, the same for all verbs.

Invariant: what is shown is the sealed plan; what is applied after the confirmation is that plan.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from champ_offline.errors import Phrase, system_said
from installer.cli.confirm import confirm
from installer.cli.errors import FileNotRead, FileNotWritten, NotThere, PlanDigestDiffers
from installer.cli.output import Column
from installer.cli.session import Session
from installer.language import translate as _
from installer.words import word

if TYPE_CHECKING:
    from champ_offline.appliance import Appliance
    from champ_offline.release.plan import Plan
    from champ_offline.site.carried import Carried
    from champ_offline.site.plan import SitePlan


def show(session: Session, plan: Plan, *, differences: bool = False) -> None:
    """The plan for a review, ending with its digest; with --json or YAML the whole plan.

    `differences` adds those of every object to the text, line by line.
    """
    from installer.plan_text import review

    if session.form != "table":
        session.output.document({**json.loads(plan.to_bytes()), "digest": plan.digest})
        return
    session.output.text(review(plan, differences=differences))


def keep(plan: Plan | Carried, path: Path) -> None:
    """Write the plan to a file for `champ apply`; raises FileNotWritten."""
    from champ_offline.durable.write import write_atomic

    try:
        write_atomic(path, plan.to_bytes())
    except OSError as error:
        raise FileNotWritten(path=path, reason=system_said(error)) from error


def read(path: Path) -> Plan | Carried:
    """What `keep` wrote, in one go, so that a pipe will do.

    Raises FileNotRead, PlanUnreadable, SitePlanUnreadable.
    """
    from champ_offline.release.plan import LARGEST, Plan
    from champ_offline.site import carried
    from champ_offline.site.plan import is_site_plan

    try:
        with path.open("rb") as file:
            data = file.readline(LARGEST + 1)
            of_site = is_site_plan(data)
            most = carried.LARGEST if of_site else LARGEST
            data += file.read(max(0, most + 1 - len(data)))
    except OSError as error:
        raise FileNotRead(path=path, reason=system_said(error)) from error
    if len(data) > most:
        raise FileNotRead(path=path, reason=Phrase("it is too large for a plan"))
    return carried.Carried.from_bytes(data, path) if of_site else Plan.from_bytes(data, path)


def named(session: Session, path: Path) -> tuple[Plan | Carried, bool]:
    """The plan in a file, or the one that was made in the zone and has this digest.

    Whether it was named by its digest, which approves it, comes with it. Raises as `read`, and
    PlanNotOurs.
    """
    from champ_offline.oci.digest import Digest, InvalidDigest

    try:
        digest = Digest.parse(str(path))
    except InvalidDigest as no_digest:
        if not path.exists():
            raise NotThere(path=path) from no_digest
        return read(path), False
    return session.sites().made(digest), True


def approved(plan: Plan | SitePlan, digest: str) -> None:
    """Return when `digest` is the plan's; raises PlanDigestDiffers otherwise."""
    if digest.strip().lower() != str(plan.digest):
        raise PlanDigestDiffers(given=digest[:100], found=plan.digest)


def _talk(plan: Plan) -> None:
    """Show what is about to be confirmed to whoever is asked."""
    from installer.plan_text import review

    sys.stderr.write(review(plan) + "\n")


def carry_out(
    session: Session,
    appliance: Appliance,
    plan: Plan,
    question: str,
    given: str | None,
    kubeconfig: Path | None,
    *,
    asks: bool = True,
) -> None:
    """Confirm and apply; nothing is asked where nothing would change, or something is in the way.

    Not `asks` where this very plan was approved by its digest; a name that is `given` still counts.
    """
    from champ_offline.release.prospect import refuse_blocked

    refuse_blocked(plan)
    if plan.has_changes and (asks or given is not None):
        if given is None and sys.stderr.isatty():
            _talk(plan)
        confirm(question, plan.release, given)
    with session.watched() as notify:
        outcome = appliance.releases.apply(plan, kubeconfig, notify)
    session.output.record(
        outcome,
        [
            Column("release", _("release")),
            Column("namespace", _("namespace")),
            Column("number", _("revision")),
            Column("version", _("version")),
            Column("outcome", _("outcome"), word),
        ],
    )
