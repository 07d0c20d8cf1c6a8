"""site.yaml: what shall run on every cluster of every zone of a site (FORMAT.md).

Invariant: unknown keys, wrong types, doubled releases and needs that lead nowhere or in a circle
are refused with file, line and key, in all zones; no secret is in the document, only the name of a
file that holds some.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from champ_offline.bundle.names import NAME, VERSION
from champ_offline.durable import typed_yaml
from champ_offline.durable.typed_yaml import Node, Table
from champ_offline.oci.digest import Digest
from champ_offline.release.clusters import CLUSTER_NAME
from champ_offline.site.graph import waves

_FORMAT = 1
_RELEASE = re.compile(r"[a-z0-9]([-a-z0-9]{0,51}[a-z0-9])?")
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_A_RELEASE = "a name of at most 53 lower-case letters, digits and dashes"
_A_NAMESPACE = "a name of at most 63 lower-case letters, digits and dashes"
_AN_APP = "the name of an app, of lower-case letters, digits, dots and dashes"
_A_VERSION = 'a version in quotes, such as "1.12.7"'
_A_ZONE = "the name of a zone, of lower-case letters, digits, dots and dashes"
_A_CLUSTER = "the name of a cluster, of lower-case letters, digits and dashes"
_A_NEED = "an app of this zone, as db, or as main/db where it is on another cluster"
_ANSWERS = ("answers", "answers_file")
_DEFAULTS = ("version", "namespace", *_ANSWERS)
_APP = ("app", "release", "secrets_file", "needs", *_DEFAULTS)


@dataclass(frozen=True)
class Wanted:
    """One app as it shall run; `name` is `cluster/key`, unique in its zone, and so are `needs`.

    `answers` are those of the document, defaults laid under them, with keys from the form's root;
    `secrets` names a file with more of them.
    """

    zone: str
    cluster: str
    name: str
    release: str
    namespace: str
    app: str
    version: str
    answers: Node = field(repr=False, hash=False, compare=False)
    secrets: Path | None
    needs: tuple[str, ...]


@dataclass(frozen=True)
class ClusterWanted:
    """The apps of one cluster; `prune` removes the releases that are not among them."""

    name: str
    apps: tuple[Wanted, ...]
    prune: bool = False


@dataclass(frozen=True)
class Site:
    """A parsed site.yaml; `zones` leads to the clusters of each, `digest` is the file's."""

    path: Path
    digest: Digest
    zones: dict[str, tuple[ClusterWanted, ...]] = field(hash=False)

    @classmethod
    def from_file(cls, path: Path) -> Site:
        """Read the document and its answers files; raises errors of `typed_yaml`, NeedsInCircle."""
        data = typed_yaml.content(path)
        root = typed_yaml.parse(data, str(path)).table("format", "defaults", "zones")
        root["format"].integer(_FORMAT, _FORMAT)
        reader = _Reader(path, _defaults(root.get("defaults", {})))
        zones = {}
        for name, node in root["zones"].entries():
            _fits(node, name, NAME, _A_ZONE)
            zones[name] = tuple(reader.clusters(name, node.table("clusters")["clusters"]))
        for clusters in zones.values():
            waves({one.name: one.needs for at in clusters for one in at.apps}, str(path))
        return cls(path, Digest.of(data), zones)

    def order(self, zone: str) -> tuple[tuple[Wanted, ...], ...]:
        """The zone's apps in waves; none for a zone that is not in the document."""
        apps = {one.name: one for at in self.zones.get(zone, ()) for one in at.apps}
        found = waves({name: one.needs for name, one in apps.items()}, str(self.path))
        return tuple(tuple(apps[name] for name in wave) for wave in found)


class _Reader:
    """Reads the apps of one document, with its defaults by app."""

    def __init__(self, path: Path, defaults: dict[str, Table]) -> None:
        self._folder, self._defaults = path.parent, defaults

    def clusters(self, zone: str, node: Node) -> Iterator[ClusterWanted]:
        names = {f"{at}/{name}" for at, name in _names(node)}
        for name, inner in node.entries():
            _fits(inner, name, CLUSTER_NAME, _A_CLUSTER)
            rows = inner.table("apps", "prune")
            taken: set[tuple[str, str]] = set()
            apps = []
            for key, app in rows.get("apps", {}).entries():
                wanted = self._app(zone, name, key, app, names)
                if (wanted.namespace, wanted.release) in taken:
                    raise app.refuse("a release that no other app of this cluster has")
                taken.add((wanted.namespace, wanted.release))
                apps.append(wanted)
            yield ClusterWanted(name, tuple(apps), rows.get("prune", False).boolean())

    def _app(self, zone: str, cluster: str, key: str, node: Node, names: set[str]) -> Wanted:
        _fits(node, key, _RELEASE, _A_RELEASE)
        row = node.table(*_APP)
        app = row.get("app", key).text(NAME, _AN_APP)
        under = self._defaults.get(app)
        release = row.get("release", key).text(_RELEASE, _A_RELEASE)
        above = row if "version" in row or under is None else under
        named = row if "namespace" in row or under is None else under
        secrets = row.get("secrets_file", "").text()
        return Wanted(
            zone=zone,
            cluster=cluster,
            name=f"{cluster}/{key}",
            release=release,
            namespace=named.get("namespace", release).text(_NAMESPACE, _A_NAMESPACE),
            app=app,
            version=above["version"].text(VERSION, _A_VERSION),
            answers=laid(self._answers([under, row]), node),
            secrets=self._folder / secrets if secrets else None,
            needs=tuple(_need(one, cluster, key, names) for one in row.get("needs", []).items()),
        )

    def _answers(self, tables: Sequence[Table | None]) -> Iterator[Node]:
        """Files and tables of answers, the ones that count most last."""
        for table in filter(None, tables):
            if "answers_file" in table:
                file = table["answers_file"].text()
                found = typed_yaml.read(self._folder / file)
                yield Node(found.file, found.line, found.key, found.content or {})
            if "answers" in table:
                yield table["answers"]


def _defaults(node: Node) -> dict[str, Table]:
    found = {}
    for app, inner in node.entries():
        _fits(inner, app, NAME, _AN_APP)
        found[app] = inner.table(*_DEFAULTS)
    return found


def _names(clusters: Node) -> Iterator[tuple[str, str]]:
    for cluster, inner in clusters.entries():
        for key, _ in inner.table("apps", "prune").get("apps", {}).entries():
            yield cluster, key


def _need(node: Node, cluster: str, key: str, names: set[str]) -> str:
    text = node.text()
    name = text if "/" in text else f"{cluster}/{text}"
    if name not in names or name == f"{cluster}/{key}":
        raise node.refuse(_A_NEED)
    return name


def _fits(node: Node, name: str, pattern: re.Pattern[str], expected: str) -> None:
    """Refuse a key that is no such name."""
    if not pattern.fullmatch(name):
        raise Node(node.file, node.line, node.key, name).refuse(expected)


def laid(parts: Iterable[Node], place: Node) -> Node:
    """Answers laid over each other: tables key by key, everything else whole.

    Keys are then as in an answers file, from the form's root; `place` is where they all belong.
    """
    found = Node(place.file, place.line, place.key, {})
    for part in parts:
        part.entries()
        found = _over(found, part)
    return _rooted(found, "")


def _over(under: Node, above: Node) -> Node:
    if not isinstance(under.content, dict) or not isinstance(above.content, dict):
        return above
    rows = dict(under.content)
    for name, node in above.content.items():
        rows[name] = _over(rows[name], node) if name in rows else node
    return Node(above.file, above.line, above.key, rows)


def _rooted(node: Node, key: str) -> Node:
    """The node with keys as they are in an answers file: from the form's root."""
    if isinstance(node.content, dict):
        rows = {n: _rooted(i, f"{key}.{n}" if key else n) for n, i in node.content.items()}
        return Node(node.file, node.line, key, rows)
    if isinstance(node.content, list):
        items = [_rooted(item, f"{key}[{index}]") for index, item in enumerate(node.content)]
        return Node(node.file, node.line, key, items)
    return Node(node.file, node.line, key, node.content)
