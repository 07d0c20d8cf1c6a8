"""What the steps of `champ_offline.events` are called when a person watches.

Invariant: every step name used in the library stands here (a test reads the library for them).
"""

from __future__ import annotations

from installer.language import mark, translate

_NAMES = {
    "apply": mark("Applying"),
    "backup": mark("Backing up"),
    "build": mark("Building"),
    "check": mark("Checking"),
    "collect": mark("Freeing"),
    "commit": mark("Recording"),
    "debian.fetch": mark("Fetching packages"),
    "debian.index": mark("Reading the package index of"),
    "debian.layer": mark("Building layer"),
    "debian.solve": mark("Resolving packages"),
    "export": mark("Writing"),
    "ferry": mark("Seeing to"),
    "fetch": mark("Fetching"),
    "image.fetch": mark("Fetching"),
    "image.pin": mark("Pinning"),
    "heal": mark("Healing"),
    "import": mark("Importing"),
    "install": mark("Installing"),
    "lock": mark("Pinning"),
    "mend": mark("Mending"),
    "pack": mark("Packing"),
    "parity": mark("Calculating parity of"),
    "pin": mark("Pinning"),
    "plan": mark("Planning"),
    "prove": mark("Proving complete"),
    "push": mark("Pushing"),
    "put-back": mark("Putting back"),
    "remove": mark("Removing"),
    "render": mark("Rendering"),
    "restore-data": mark("Restoring data:"),
    "rollback": mark("Rolling back"),
    "save-data": mark("Saving data:"),
    "sbom": mark("Listing the packages of"),
    "scan": mark("Looking for damage in"),
    "sign": mark("Signing"),
    "upgrade": mark("Upgrading"),
    "verify": mark("Verifying"),
    "verify-data": mark("Reading saved data:"),
    "wait": mark("Waiting"),
}


def known() -> frozenset[str]:
    """All step names that have a text."""
    return frozenset(_NAMES)


def step_name(name: str) -> str:
    """The step in the user's language; a name that stands nowhere is shown as it is."""
    return translate(_NAMES[name]) if name in _NAMES else name
