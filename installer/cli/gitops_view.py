"""`champ export --gitops`: what was written for Argo CD or Flux, and what a person has to do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from installer.cli.diagnostics import say
from installer.cli.output import Column
from installer.cli.plan_view import read
from installer.cli.session import Session
from installer.language import translate as _

if TYPE_CHECKING:
    from champ_offline.site.gitops.export import Export


def export_plan(session: Session, planfile: Path, tool: str, source: str, folder: Path) -> None:
    """Write the files; raises what reading the plan and `Sites.export` raise."""
    from champ_offline.site.carried import Carried
    from champ_offline.site.gitops.objects import Tool

    found = read(planfile)
    plan = found.plan if isinstance(found, Carried) else found
    made = session.sites().export(plan, Tool(tool), source, folder)
    shown = {
        "folder": folder,
        "plan": plan.digest,
        "digest": made.digest,
        "applications": made.applications,
        "files": len(made.files),
        "secrets": made.secrets,
        "hooks": made.hooks,
        "ordered": made.ordered,
    }
    session.output.record(
        shown,
        [
            Column("folder", _("folder")),
            Column("plan", _("plan")),
            Column("digest", _("digest of SHA256SUMS")),
            Column("applications", _("applications")),
            Column("files", _("files")),
        ],
    )
    if session.form == "table":
        _tell(made)


def _tell(made: Export) -> None:
    for secret in made.secrets:
        text = _("To be filled by you: Secret {name} in {namespace} on {cluster}, with {keys}.")
        say(text.format(**{**vars(secret), "keys": ", ".join(secret.keys) or "—"}))
    for hook in made.hooks:
        text = _("Left out: {kind} {name}, which only Helm runs ({hook}).")
        say(text.format(**vars(hook)))
    for one in made.ordered:
        text = _("See to it yourself: {name} on {cluster} comes after {after}.")
        say(text.format(**{**vars(one), "after": ", ".join(one.after)}))
