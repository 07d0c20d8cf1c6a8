"""site.yaml: what shall run on every cluster of every zone of a site (FORMAT.md).

Invariant: unknown keys, wrong types, doubled releases and needs that lead nowhere or in a circle
are refused with file, line and key, in all zones; no secret is in the document, only the name of a
file that holds some.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ParamSpec, TypeAlias, TypeVar

from champ_offline.bundle.names import NAME, VERSION
from champ_offline.durable import typed_yaml
from champ_offline.durable.typed_yaml import Node, Table
from champ_offline.errors import ChampError, ExitCode
from champ_offline.oci.digest import Digest
from champ_offline.release.clusters import CLUSTER_NAME
from champ_offline.site.answers import laid, read_answers_file
from champ_offline.site.graph import waves

Refuse: TypeAlias = Callable[[ChampError], None]
_Read = TypeVar("_Read")
_Given = ParamSpec("_Given")
_NO_ENTRIES: list[tuple[str, Node]] = []
_NO_NODES: list[Node] = []
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


class ZoneNotInSite(ChampError):
    """The document says nothing of this zone."""

    id = "site.zone-not-named"
    exit_code = ExitCode.USAGE
    message = "{file} says nothing of the zone “{zone}”."
    remedy = "It names: {known}. Name the right zone with --zone, or add it to the document."


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
        return cls.parse(typed_yaml.content(path), path)

    @classmethod
    def parse(cls, data: bytes, path: Path, refuse: Refuse | None = None) -> Site:
        """The same for the bytes of the file at `path`.

        With `refuse` each problem is given to it instead of being raised, and reading goes on; a
        text of an entry that cannot be read is then empty.
        """
        reader = _Reader(path, refuse)
        root = reader.rows(typed_yaml.parse(data, str(path)), "format", "defaults", "zones")
        reader.tried(0, lambda: root["format"].integer(_FORMAT, _FORMAT))
        reader.tried(None, reader.take_defaults, root.get("defaults", {}))
        zones: dict[str, tuple[ClusterWanted, ...]] = {}
        for name, node in reader.tried(_NO_ENTRIES, lambda: root["zones"].entries()):  # noqa: PLW0108 - the key may be missing
            reader.fits(node, name, NAME, _A_ZONE)
            zones[name] = reader.tried((), reader.clusters, name, node)
        for clusters in zones.values():
            needs = {one.name: one.needs for at in clusters for one in at.apps}
            read = {name: [one for one in of if one in needs] for name, of in needs.items()}
            reader.tried((), waves, read, str(path))
        return cls(path, Digest.of(data), zones)

    def check_names(self, zone: str) -> None:
        """Raise ZoneNotInSite unless the document says something of the zone."""
        if zone not in self.zones:
            known = ", ".join(self.zones) or "—"
            raise ZoneNotInSite(file=self.path, zone=zone, known=known)

    @property
    def apps(self) -> Iterator[Wanted]:
        """Every entry of every zone, in the document's order."""
        for clusters in self.zones.values():
            for at in clusters:
                yield from at.apps

    def order(self, zone: str) -> tuple[tuple[Wanted, ...], ...]:
        """The zone's apps in waves; none for a zone that is not in the document."""
        apps = {one.name: one for at in self.zones.get(zone, ()) for one in at.apps}
        found = waves({name: one.needs for name, one in apps.items()}, str(self.path))
        return tuple(tuple(apps[name] for name in wave) for wave in found)


class _Reader:
    """Reads the apps of one document, with its defaults by app; `refuse` as in `Site.parse`."""

    def __init__(self, path: Path, refuse: Refuse | None) -> None:
        self._folder, self._refuse = path.parent, refuse
        self._defaults: dict[str, Table] = {}

    def tried(
        self,
        instead: _Read,
        read: Callable[_Given, _Read],
        *given: _Given.args,
        **named: _Given.kwargs,
    ) -> _Read:
        """What `read` gives; `instead` where it raised and the problem was taken note of."""
        try:
            return read(*given, **named)
        except ChampError as error:
            if self._refuse is None:
                raise
            self._refuse(error)
            return instead

    def rows(self, node: Node, *known: str) -> Table:
        """The table, unknown keys refused one by one."""
        for stranger in node.strangers(*known):
            self._raise(stranger)
        return Table(node, dict(node.entries()))

    def fits(self, node: Node, name: str, pattern: re.Pattern[str], expected: str) -> None:
        """Refuse a key that is no such name."""
        if not pattern.fullmatch(name):
            self._raise(Node(node.file, node.line, node.key, name).refuse(expected))

    def take_defaults(self, node: Node) -> None:
        for app, inner in node.entries():
            self.fits(inner, app, NAME, _AN_APP)
            self._defaults[app] = self.tried(Table(inner, {}), self.rows, inner, *_DEFAULTS)

    def clusters(self, zone: str, node: Node) -> tuple[ClusterWanted, ...]:
        found = self.rows(node, "clusters")["clusters"]
        names = {f"{at}/{name}" for at, name in _names(found)}
        clusters = []
        for name, inner in found.entries():
            self.fits(inner, name, CLUSTER_NAME, _A_CLUSTER)
            rows = self.tried(Table(inner, {}), self.rows, inner, "apps", "prune")
            apps = tuple(self._apps(zone, name, rows, names))
            prune = self.tried(False, rows.get("prune", False).boolean)  # noqa: FBT003 - a value
            clusters.append(ClusterWanted(name, apps, prune))
        return tuple(clusters)

    def _apps(self, zone: str, cluster: str, rows: Table, names: set[str]) -> Iterator[Wanted]:
        taken: set[tuple[str, str]] = set()
        for key, app in self.tried(_NO_ENTRIES, rows.get("apps", {}).entries):
            wanted = self.tried(None, self._app, zone, cluster, key, app, names)
            if wanted is None:
                continue
            if (wanted.namespace, wanted.release) in taken:
                self._raise(app.refuse("a release that no other app of this cluster has"))
            taken.add((wanted.namespace, wanted.release))
            yield wanted

    def _app(self, zone: str, cluster: str, key: str, node: Node, names: set[str]) -> Wanted | None:
        self.fits(node, key, _RELEASE, _A_RELEASE)
        row = self.rows(node, *_APP)
        app = self.tried("", row.get("app", key).text, NAME, _AN_APP)
        under = self._defaults.get(app)
        release = self.tried(key, row.get("release", key).text, _RELEASE, _A_RELEASE)
        above = row if "version" in row or under is None else under
        named = row if "namespace" in row or under is None else under
        space = named.get("namespace", release)
        secrets = self.tried("", row.get("secrets_file", "").text)
        needs = self.tried(_NO_NODES, row.get("needs", []).items)
        leads = [self.tried("", _need, one, cluster, key, names) for one in needs]
        return Wanted(
            zone=zone,
            cluster=cluster,
            name=f"{cluster}/{key}",
            release=release,
            namespace=self.tried(release, space.text, _NAMESPACE, _A_NAMESPACE),
            app=app,
            version=self.tried("", lambda: above["version"].text(VERSION, _A_VERSION)),
            answers=self.tried(_nothing(node), lambda: laid(self._answers([under, row]), node)),
            secrets=self._folder / secrets if secrets else None,
            needs=tuple(filter(None, leads)),
        )

    def _answers(self, tables: Sequence[Table | None]) -> Iterator[Node]:
        """Files and tables of answers, the ones that count most last."""
        for table in filter(None, tables):
            if "answers_file" in table:
                yield read_answers_file(table["answers_file"], self._folder)
            if "answers" in table:
                yield table["answers"]

    def _raise(self, problem: ChampError) -> None:
        if self._refuse is None:
            raise problem
        self._refuse(problem)


def _nothing(place: Node) -> Node:
    return Node(place.file, place.line, "", {})


def _names(clusters: Node) -> Iterator[tuple[str, str]]:
    """Every entry that is written as one, wrong or not."""
    for cluster, inner in clusters.entries():
        rows = inner.content if isinstance(inner.content, dict) else {}
        apps = rows["apps"].content if "apps" in rows else {}
        for key in apps if isinstance(apps, dict) else ():
            yield cluster, key


def _need(node: Node, cluster: str, key: str, names: set[str]) -> str:
    text = node.text()
    name = text if "/" in text else f"{cluster}/{text}"
    if name not in names or name == f"{cluster}/{key}":
        raise node.refuse(_A_NEED)
    return name
