"""Read what may have any shape: rendered objects, and objects that others put into a cluster.

Invariant: nothing here raises; what is not of the shape asked for is as if it were not there.
"""

from __future__ import annotations

from typing import Any, TypeAlias

Object: TypeAlias = dict[str, Any]

_MOST = 10**15


def at(value: object, *path: str) -> object:
    """What is at `path` in nested tables; None where a table or key is missing."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def table(value: object, *path: str) -> Object:
    """The table at `path`; an empty one where there is none."""
    found = at(value, *path)
    return found if isinstance(found, dict) else {}


def entries(value: object, *path: str) -> list[Object]:
    """The tables of the list at `path`."""
    found = at(value, *path)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def texts(value: object, *path: str) -> list[str]:
    """The texts of the list at `path`."""
    found = at(value, *path)
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def text(value: object, *path: str) -> str:
    """The text at `path`; empty where there is none."""
    found = at(value, *path)
    return found if isinstance(found, str) else ""


def whole(value: object, *path: str) -> int | None:
    """The whole number at `path`, held to what Kubernetes could mean; None where there is none."""
    found = at(value, *path)
    if isinstance(found, bool) or not isinstance(found, int):
        return None
    return max(-_MOST, min(_MOST, found))


def flag(value: object, *path: str) -> bool | None:
    """True or false at `path`; None where neither is said."""
    found = at(value, *path)
    return found if isinstance(found, bool) else None


def flat(value: object, *path: str) -> dict[str, str]:
    """The table of texts at `path`: labels, annotations, selectors."""
    return {
        str(key): str(one)
        for key, one in table(value, *path).items()
        if isinstance(one, str | int | float | bool)
    }


def name(item: object) -> str:
    """An object's metadata.name."""
    return text(item, "metadata", "name")


def namespace(item: object) -> str:
    """An object's metadata.namespace."""
    return text(item, "metadata", "namespace")


def subject(item: object) -> str:
    """An object as a concern names it: `Deployment web`."""
    return f"{text(item, 'kind')} {name(item)}"
