"""How an app's data is saved and brought back: as its author declares it, as an entry carries it.

Invariant: a declaration is whole: every part says how it is saved and how it is restored, in which
container of which workload, and a workload that commands run in never has to stand still for them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from champ_offline.durable.typed_yaml import Node, Table
from champ_offline.errors import ChampError

KEYS = ("data",)
# The label by which a workload may be named: what it is within its app.
COMPONENT = "app.kubernetes.io/component"
RELEASE = "{{release}}"
KINDS = ("Deployment", "StatefulSet")
_MOST_PARTS, _MOST_WORDS, _MOST_STILL = 20, 100, 20
_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_LABEL = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z_.-]{0,61}[0-9A-Za-z])?")
_OBJECT = re.compile(r"(?=.{1,253}$)(?:\{\{release\}\}|[a-z0-9.-])+")
_WORD = re.compile(r"[^\x00]{0,4000}", re.DOTALL)


@dataclass(frozen=True)
class Workload:
    """One workload of a release: by `name`, in which RELEASE stands for the release's, or label.

    Exactly one of `name` and `component` is set.
    """

    kind: str
    name: str = ""
    component: str = ""

    def called(self, release: str) -> str:
        """The name of the object, empty where it is found by its label."""
        return self.name.replace(RELEASE, release)

    def __str__(self) -> str:
        return f"{self.kind} {self.name or self.component}"


@dataclass(frozen=True)
class Command:
    """A program and its arguments, run in `container` of a pod of `workload`.

    A workload that the manifest keeps at no replica is started for it. `still` are those that stand
    still meanwhile.
    """

    workload: Workload
    container: str
    argv: tuple[str, ...]
    still: tuple[Workload, ...] = ()


@dataclass(frozen=True)
class DataPart:
    """One part of an app's data: `save` writes it to stdout, `restore` reads it from stdin."""

    name: str
    save: Command
    restore: Command


def typed_parts(root: Table) -> tuple[DataPart, ...]:
    """`data` of app.yaml; raises WrongValue, UnknownKey, MissingKey."""
    rows = root.get("data", []).items()
    if len(rows) > _MOST_PARTS:
        raise root["data"].refuse("at most {most} parts", most=_MOST_PARTS)
    parts = tuple(map(_part, rows))
    names = [part.name for part in parts]
    if len(set(names)) < len(names):
        raise root["data"].refuse("parts of different names")
    for node, part, way in ((n, p, w) for n, p in zip(rows, parts, strict=True) for w in _WAYS):
        runs_in = {getattr(one, way).workload for one in parts}
        if runs_in & set(getattr(part, way).still):
            raise node.refuse("workloads to stand still that nothing of “{way}” runs in", way=way)
    return parts


_WAYS = ("save", "restore")


def _part(node: Node) -> DataPart:
    row = node.table("name", *_WAYS)
    name = row["name"].text(_NAME, "a name of lower-case letters, digits and dashes")
    return DataPart(name, _command(row["save"]), _command(row["restore"]))


def _command(node: Node) -> Command:
    row = node.table("in", "run", "still")
    place = row["in"].table("kind", "name", "component", "container")
    argv = tuple(row["run"].texts(_WORD, "the words of a command"))
    still = row.get("still", []).items()
    if not 0 < len(argv) <= _MOST_WORDS or not argv[0]:
        raise row["run"].refuse(
            "a program and its arguments, at most {most} words", most=_MOST_WORDS
        )
    if len(still) > _MOST_STILL:
        raise row["still"].refuse("at most {most} workloads", most=_MOST_STILL)
    return Command(
        workload=_workload(place),
        container=place["container"].text(_NAME, "a container's name"),
        argv=argv,
        still=tuple(_workload(one.table("kind", "name", "component")) for one in still),
    )


def _workload(row: Table) -> Workload:
    kind = row["kind"].choice(*KINDS)
    if ("name" in row) == ("component" in row):
        raise row.node.refuse("“name”, or “component” (the label {label})", label=COMPONENT)
    if "name" in row:
        return Workload(kind, name=row["name"].text(_OBJECT, 'a name such as "{{release}}-db"'))
    return Workload(kind, component=row["component"].text(_LABEL, "a label's value"))


def parts_document(parts: tuple[DataPart, ...]) -> dict[str, Any]:
    """The entry's member; none where nothing was declared, so that such entries stay as they are.

    A reader that does not know it backs nothing up, and loses nothing else.
    """
    return {"data": [_part_document(part) for part in parts]} if parts else {}


def _part_document(part: DataPart) -> dict[str, Any]:
    return {
        "name": part.name,
        "save": _command_document(part.save),
        "restore": _command_document(part.restore),
    }


def _command_document(command: Command) -> dict[str, Any]:
    still = [_workload_document(one) for one in command.still]
    place = {**_workload_document(command.workload), "container": command.container}
    return {"in": place, "run": list(command.argv)} | ({"still": still} if still else {})


def _workload_document(workload: Workload) -> dict[str, str]:
    named = {"name": workload.name} if workload.name else {"component": workload.component}
    return {"kind": workload.kind, **named}


def read_parts(document: dict[str, Any], where: str = "data") -> tuple[DataPart, ...]:
    """What `parts_document` wrote; raises ValueError for anything else."""
    rows = document.get("data", [])
    if not isinstance(rows, list) or (not rows and "data" in document):
        raise ValueError(where)
    # The same rules as for what an author types: a value is checked where it is read.
    node = _as_typed(rows, where)
    try:
        parts = typed_parts(Table(node, {"data": node}))
    except ChampError as error:
        raise ValueError(where) from error
    if parts_document(parts).get("data", []) != rows:
        raise ValueError(where)
    return parts


def _as_typed(value: Any, key: str) -> Node:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return Node("", 1, key, {name: _as_typed(one, name) for name, one in value.items()})
    if isinstance(value, list):
        return Node("", 1, key, [_as_typed(one, key) for one in value])
    return Node("", 1, key, value)
