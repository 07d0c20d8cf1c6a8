"""The library's fixed words (changes, outcomes, states, checks, reasons) in the user's language.

Invariant: only tables use these; JSON and YAML keep the words as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from installer.language import in_every_language, mark, translate

_WORDS = {
    "created": mark("created"),
    "changed": mark("changed"),
    "replaced": mark("replaced"),
    "deleted": mark("deleted"),
    "unchanged": mark("unchanged"),
    "applied": mark("applied"),
    "done before": mark("done before"),
    "not begun": mark("not begun"),
    # How an object drifted, and Helm's own words for a release.
    "missing": mark("missing"),
    "extra": mark("extra"),
    "superseded": mark("superseded"),
    "uninstalled": mark("uninstalled"),
    "install": mark("install"),
    "upgrade": mark("upgrade"),
    "rollback": mark("roll back"),
    "remove": mark("remove"),
    "running": mark("running"),
    "deployed": mark("deployed"),
    "removed": mark("removed"),
    "put-back": mark("put back"),
    "failed": mark("failed"),
    "taken-over": mark("changed by somebody else"),
    # What a recovery found or did.
    "untouched": mark("as it was"),
    "unclear": mark("unclear"),
    "open": mark("still open"),
    "elsewhere": mark("on another cluster"),
    "incomplete": mark("incomplete"),
    "site.apply": mark("site plan"),
    # How a task stands.
    "at work": mark("at work"),
    "ended": mark("ended"),
    "cut off": mark("cut off"),
    "healthy": mark("healthy"),
    "troubled": mark("troubled"),
    "not serving": mark("not serving"),
    "unknown": mark("unknown"),
    "ok": mark("ok"),
    "warn": mark("mind"),
    "bad": mark("stops"),
    "database": mark("database"),
    "store": mark("store"),
    "import": mark("imports"),
    "root": mark("root of trust"),
    "certificate": mark("certificate"),
    "keys": mark("signing keys"),
    "clock": mark("clock"),
    "disk": mark("disk"),
    "cluster": mark("cluster"),
    "kubeconfig": mark("kubeconfig"),
    "storage": mark("storage class"),
    "audit": mark("audit chain"),
    # A node's way to the registry.
    "not looked at": mark("not looked at"),
    "mirror file": mark("mirror file"),
    "other mirror files": mark("other mirror files"),
    "other engines": mark("other engines"),
    "proxy": mark("proxy"),
    "name": mark("name"),
    "port": mark("port"),
    "authority": mark("certificate authority"),
    "certificate's name": mark("name in the certificate"),
    "certificate's dates": mark("dates of the certificate"),
    "registry": mark("registry"),
    "image": mark("image"),
    "done": mark("done"),
    # Saved data: what is done about it, how it stands, why it was saved.
    "save-data": mark("save the data"),
    "restore-data": mark("restore the data"),
    "whole": mark("whole"),
    "broken": mark("not whole"),
    "asked": mark("asked for"),
    "before-change": mark("before a change"),
    "would be done": mark("would be done"),
    "nothing to do": mark("nothing to do"),
    # What became of bundles and releases in a run under a policy, and steps between versions.
    "forbidden": mark("forbidden by the policy"),
    "left alone": mark("left alone"),
    "waiting": mark("waited for"),
    "refused": mark("refused"),
    "later": mark("later"),
    "same": mark("the same version anew"),
    "patch": mark("a patch"),
    "minor": mark("a minor step"),
    "major": mark("a major step"),
    "other": mark("a step that no numbers tell"),
    "down": mark("a step down"),
    "stopped": mark("stopped for a while"),
    # A policy's hours, and what it says of a failure.
    "always": mark("always"),
    "stop": mark("the run stops"),
    "go-on": mark("the run goes on with other releases"),
    "mon": mark("Mon"),
    "tue": mark("Tue"),
    "wed": mark("Wed"),
    "thu": mark("Thu"),
    "fri": mark("Fri"),
    "sat": mark("Sat"),
    "sun": mark("Sun"),
    "external registry": mark("external registry"),
    # What clients of the registry may.
    "pull": mark("pull"),
    "push": mark("push"),
    "delete": mark("delete"),
    "none": mark("no access"),
    "damage": mark("damage"),
    "last full check": mark("last full check"),
    # Why content of the store stays or goes.
    "tagged": mark("tagged"),
    "held by a bundle": mark("held by a bundle"),
    "refers to what stays": mark("refers to what stays"),
    "pushed by clients": mark("pushed by clients"),
    "a release may return to it": mark("a release may return to it"),
    "an operation under way": mark("an operation under way"),
    "under way": mark("under way"),
    "export": mark("export"),
    "an unfinished import": mark("an unfinished import"),
    "being pushed": mark("being pushed"),
    "its bundle was retired": mark("its bundle was retired"),
    "nothing leads to it": mark("nothing leads to it"),
    "pushed, but in no image": mark("pushed, but in no image"),
    "a push that was given up": mark("a push that was given up"),
    "damaged and set aside": mark("damaged and set aside"),
    "left by a writer that was killed": mark("left by a writer that was killed"),
    "data saved of releases": mark("data saved of releases"),
    "of backups that are kept no more": mark("of backups that are kept no more"),
    "of revisions and plans that are kept no more": mark(
        "of revisions and plans that are kept no more"
    ),
    "stays": mark("stays"),
    "goes": mark("goes"),
    # Why a plan does what it does to an object.
    "new in the release": mark("new in the release"),
    "missing in the cluster": mark("missing in the cluster"),
    "as it is": mark("as it is"),
    "differs from the cluster": mark("differs from the cluster"),
    "no longer part of the release": mark("no longer part of the release"),
    "part of the release": mark("part of the release"),
    "volumes with data stay": mark("volumes with data stay"),
    "kept by its resource policy": mark("kept by its resource policy"),
    "runs as a hook": mark("runs as a hook"),
    "Helm leaves existing definitions alone": mark("Helm leaves existing definitions alone"),
    "new kind of object": mark("new kind of object"),
    # What became of an object since it was planned.
    "changed meanwhile": mark("changed meanwhile"),
    "gone meanwhile": mark("gone meanwhile"),
    "made meanwhile": mark("made meanwhile"),
    # Why an image is not accounted for.
    "not in the lock": mark("not in the lock"),
    "in the lock with another tag": mark("in the lock with another tag"),
    "in the lock with another digest": mark("in the lock with another digest"),
    "in the lock, but no component of the app": mark("in the lock, but no component of the app"),
    # What an object waits for.
    "waiting for its controller": mark("waiting for its controller"),
    "waiting to start": mark("waiting to start"),
    "starting": mark("starting"),
    "ending": mark("ending"),
    "not ready": mark("not ready"),
    # Where in a volume damage lies that is in no blob.
    "the volume index": mark("the volume index"),
    "the trailer": mark("the trailer"),
}


# What a person's override of the clock was about, as the zone keeps it.
_ABOUT = {
    re.compile(r"clock (?P<now>.+), accepted (?P<latest>.+)"): mark(
        "clock {now}, accepted before {latest}"
    ),
    re.compile(r"clock (?P<now>.+), packed (?P<latest>.+)"): mark("clock {now}, packed {latest}"),
}


# Why an app in the catalog cannot be installed, in a word or two, by the error that says it whole.
_UNUSABLE = {"catalog.app-format-newer": mark("needs a newer champ")}


def known() -> frozenset[str]:
    """The words that have a text."""
    return frozenset(_WORDS)


def word(name: str) -> str:
    """The word translated; another one as it is."""
    return translate(_WORDS[name]) if name in _WORDS else name


def unusable(error_id: str) -> str:
    """What stands in the place of an app's title where the app cannot be used here."""
    return translate(_UNUSABLE.get(error_id) or mark("cannot be used"))


# What categories of apps are called; one that is not here by its own name.
_CATEGORIES = {
    "archive": mark("archive"),
    "database": mark("database"),
    "imaging": mark("imaging"),
    "integration": mark("integration"),
    "laboratory": mark("laboratory"),
    "messaging": mark("messaging"),
    "monitoring": mark("monitoring"),
    "pathology": mark("pathology"),
    "pharmacy": mark("pharmacy"),
    "records": mark("medical records"),
    "security": mark("security"),
    "viewer": mark("viewer"),
}


def category_text(name: str) -> str:
    """A category of apps in the user's language."""
    return translate(_CATEGORIES[name]) if name in _CATEGORIES else name


@cache
def category_names(name: str) -> tuple[str, ...]:
    """What a category is called in every language, for whoever searches."""
    return in_every_language(_CATEGORIES[name]) if name in _CATEGORIES else (name,)


_ROLES = {
    "root": mark("root"),
    "targets": mark("targets"),
    "snapshot": mark("snapshot"),
    "timestamp": mark("timestamp"),
}


def role(name: str) -> str:
    """A role of TUF in the user's language."""
    return translate(_ROLES[name]) if name in _ROLES else name


def standing(stands: bool, current: bool) -> str:  # noqa: FBT001 - two fields of one value
    """Whether a pack that a zone took is its newest, or its keys were withdrawn; else empty."""
    if not stands:
        return translate("its keys were withdrawn")
    return translate("current") if current else ""


def about(overridden: Iterable[str]) -> str:
    """What an override was about, on one line, in the user's language."""
    return "; ".join(_one(text) for text in overridden)


def _one(text: str) -> str:
    for pattern, template in _ABOUT.items():
        if found := pattern.fullmatch(text):
            return translate(template).format(**found.groupdict())
    return text
