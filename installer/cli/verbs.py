"""The verbs by name: in which group the help lists them, and the module that is loaded for each.

Invariant: listing the verbs loads none of them; a verb's module is imported when it is called.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass

import click

from installer.language import mark


@dataclass(frozen=True)
class Entry:
    """A verb in the overview: the module under `commands` and one line on what it does."""

    module: str
    summary: str


SECTIONS: dict[str, dict[str, Entry]] = {
    mark("On the connected side"): {
        "trust": Entry("trust", mark("Make the keys and the root that bundles are signed with.")),
        "lock": Entry("lock", mark("Pin every reference of a recipe to a digest.")),
        "pack": Entry("pack", mark("Pack and sign a bundle from a recipe and its lock.")),
    },
    mark("Media and zone"): {
        "verify": Entry("verify", mark("Check media by signature and checksum.")),
        "media": Entry("media", mark("See which bundles are plugged in; mend media.")),
        "zone": Entry("zone", mark("Commission a zone; see what it holds.")),
        "import": Entry("import_", mark("Take a verified bundle into the zone.")),
        "export": Entry("export", mark("Write media for another zone.")),
        "store": Entry("store", mark("Check what the zone stores; free what nothing needs.")),
        "registry": Entry("registry", mark("Serve the zone's images to its nodes.")),
        "node": Entry("node", mark("Let a node trust the zone's registry.")),
        "audit": Entry("audit", mark("See who changed the registry, and check that record.")),
        "report": Entry("report", mark("Write the hand-over report for the site's file.")),
        "task": Entry("task", mark("Follow what takes long, from any session.")),
        "doctor": Entry("doctor", mark("Look for what would stand in the way.")),
        "self": Entry("self_", mark("Install this program on the host; update it; go back.")),
        "support": Entry("support", mark("Write down, redacted, what a helper needs to see.")),
        "settings": Entry("settings", mark("Your language and look; what the zone is set to.")),
        "completion": Entry("completion", mark("Let a shell complete what is typed.")),
    },
    mark("Apps"): {
        "cluster": Entry("cluster", mark("Give the zone's clusters names.")),
        "catalog": Entry("catalog", mark("List the apps that the zone holds.")),
        "sbom": Entry("sbom", mark("Find packages in the images that the zone holds.")),
        "form": Entry("form", mark("Show what an app wants to know.")),
        "site": Entry("site", mark("Check a site's document; change a setting of many apps.")),
        "plan": Entry("plan", mark("Work out what an install or upgrade would change.")),
        "show": Entry("show", mark("Read a plan that was carried here.")),
        "apply": Entry("apply", mark("Carry out a plan, exactly.")),
        "policy": Entry("policy", mark("Check a policy; start runs when a stick is plugged in.")),
        "run": Entry("run", mark("Import and upgrade without a person, under a policy.")),
        "status": Entry("status", mark("Show what runs, and how it is.")),
        "logs": Entry("logs", mark("Read what the containers of a release wrote.")),
        "history": Entry("history", mark("List the revisions of a release.")),
        "rollback": Entry("rollback", mark("Put a release back to an earlier revision.")),
        "data": Entry("data", mark("Save what a release keeps, and bring it back.")),
        "remove": Entry("remove", mark("Remove a release.")),
        "recover": Entry("recover", mark("Put right what was interrupted.")),
    },
}
VERBS: dict[str, Entry] = {
    name: entry for section in SECTIONS.values() for name, entry in section.items()
}


def load(name: str) -> click.Command | None:
    """The verb's command, its module imported now; None for a name that is no verb."""
    if name not in VERBS:
        return None
    module = importlib.import_module(f"installer.cli.commands.{VERBS[name].module}")
    command = module.command
    if not isinstance(command, click.Command):
        raise TypeError(name)
    return command
