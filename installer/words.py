"""The library's fixed words (changes, outcomes, states, checks) in the user's language.

Invariant: only tables use these; JSON and YAML keep the words as they are.
"""

from __future__ import annotations

from installer.language import mark, translate

_WORDS = {
    "created": mark("created"),
    "changed": mark("changed"),
    "replaced": mark("replaced"),
    "deleted": mark("deleted"),
    "unchanged": mark("unchanged"),
    "install": mark("install"),
    "upgrade": mark("upgrade"),
    "rollback": mark("roll back"),
    "remove": mark("remove"),
    "running": mark("running"),
    "deployed": mark("deployed"),
    "removed": mark("removed"),
    "put-back": mark("put back"),
    "failed": mark("failed"),
    "healthy": mark("healthy"),
    "troubled": mark("troubled"),
    "unknown": mark("unknown"),
    "ok": mark("ok"),
    "warn": mark("mind"),
    "bad": mark("stops"),
    "database": mark("database"),
    "store": mark("store"),
    "root": mark("root of trust"),
    "certificate": mark("certificate"),
    "cluster": mark("cluster"),
    "storage": mark("storage class"),
}


def known() -> frozenset[str]:
    """The words that have a text."""
    return frozenset(_WORDS)


def word(name: str) -> str:
    """The word translated; another one as it is."""
    return translate(_WORDS[name]) if name in _WORDS else name
