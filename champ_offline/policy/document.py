"""policy.yaml: what may be taken in and changed without a person (FORMAT.md).

Invariant: unknown keys, wrong types and values that could be read in two ways are refused with
file, line and key; whatever the document does not name is not allowed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time, timedelta, timezone, tzinfo
from fnmatch import fnmatchcase
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from champ_offline.durable import typed_yaml
from champ_offline.durable.typed_yaml import LIMIT, FileUnreadable, Node, TooLarge
from champ_offline.errors import system_said
from champ_offline.oci.digest import Digest
from champ_offline.policy.hours import DAYS, Hours, Window
from champ_offline.policy.versions import Kind

_FORMAT = 1
_LONGEST_RUN = 7 * 24 * 60
_PATTERN = re.compile(r"[^\x00-\x1f\x7f]{1,200}")
_A_PATTERN = "a name, in which * stands for any characters"
_AN_OBJECT = "an object as Kind/name, in which * stands for any characters"
_CLOCK = re.compile(r"(?P<hour>[01][0-9]|2[0-3]):(?P<minute>[0-5][0-9])")
_MIDNIGHT = "24:00"
_OFFSET = re.compile(r"(?P<sign>[+-])(?P<hours>0[0-9]|1[0-4]):(?P<minutes>[0-5][0-9])")
_ZONE = re.compile(r"[A-Za-z0-9_+-]{1,40}(?:/[A-Za-z0-9_+-]{1,40}){0,2}")
_A_ZONE = "an offset such as +08:00, or a zone such as Asia/Shanghai that this machine knows"
_ALWAYS, _STOP, _GO_ON = "always", "stop", "go-on"
_WHEN_SHUT = {"end": False, "wait": True}
_KINDS = (Kind.SAME, Kind.PATCH, Kind.MINOR, Kind.MAJOR)
_EVERYTHING = ("*",)


def named(patterns: Sequence[str], name: str) -> bool:
    """Whether one of the patterns is about the name; upper and lower case differ."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


@dataclass(frozen=True)
class Step:
    """A step that is allowed by its versions; to an older one only where `down` says so."""

    source: str
    target: str
    down: bool = False


@dataclass(frozen=True)
class Allowed:
    """Severe effects by `Kind/name` of their object."""

    replaced: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    downtime: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rule:
    """What may be done with releases; all but `steps` are patterns.

    `warnings` are ids of warnings that do not stop.
    """

    apps: tuple[str, ...]
    releases: tuple[str, ...] = _EVERYTHING
    namespaces: tuple[str, ...] = _EVERYTHING
    clusters: tuple[str, ...] = _EVERYTHING
    kinds: frozenset[Kind] = frozenset()
    steps: tuple[Step, ...] = ()
    install: bool = False
    allow: Allowed = Allowed()
    warnings: tuple[str, ...] = ()

    def is_about(self, app: str, release: str, namespace: str) -> bool:
        """Whether it decides about this release."""
        return (
            named(self.apps, app)
            and named(self.releases, release)
            and named(self.namespaces, namespace)
        )


@dataclass(frozen=True)
class Policy:
    """A parsed policy; `digest` is that of its bytes, `minutes` the longest that a run may begin
    changes; `holders` empty: whoever the zone trusts; `hours` None: at any time."""

    digest: Digest
    bundles: tuple[str, ...]
    holders: tuple[str, ...]
    rules: tuple[Rule, ...]
    hours: Hours | None
    goes_on: bool
    minutes: int

    @classmethod
    def from_file(cls, path: Path) -> Policy:
        """Read a policy; raises the errors of `typed_yaml`."""
        try:
            with path.open("rb") as file:
                data = file.read(LIMIT + 1)
        except OSError as error:
            raise FileUnreadable(file=path, reason=system_said(error)) from error
        if len(data) > LIMIT:
            raise TooLarge(file=path, limit=LIMIT)
        return cls.from_bytes(data, str(path))

    @classmethod
    def from_bytes(cls, data: bytes, file: str) -> Policy:
        """The same for bytes; `file` only stands in errors."""
        root = typed_yaml.parse(data, file).table(
            "format", "bundles", "holders", "rules", "hours", "failed", "minutes"
        )
        root["format"].integer(_FORMAT, _FORMAT)
        return cls(
            digest=Digest.of(data),
            bundles=_patterns(root["bundles"]),
            holders=_patterns(root["holders"]) if "holders" in root else (),
            rules=tuple(_rule(node) for node in root.get("rules", []).items()),
            hours=_hours(root["hours"]),
            goes_on=root.get("failed", _STOP).choice(_STOP, _GO_ON) == _GO_ON,
            minutes=root.get("minutes", 240).integer(1, _LONGEST_RUN),
        )

    def rule_for(self, app: str, release: str, namespace: str) -> Rule | None:
        """The first rule about the release; it alone decides."""
        return next((one for one in self.rules if one.is_about(app, release, namespace)), None)


def _patterns(node: Node) -> tuple[str, ...]:
    found = tuple(node.texts(_PATTERN, _A_PATTERN))
    if not found:
        raise node.refuse("at least one name")
    return found


def _rule(node: Node) -> Rule:
    row = node.table(
        "apps", "releases", "namespaces", "clusters", "steps", "install", "allow", "warnings"
    )
    steps = [_step(item) for item in row.get("steps", []).items()]
    wide = {
        key: _patterns(row[key]) if key in row else _EVERYTHING
        for key in ("releases", "namespaces", "clusters")
    }
    return Rule(
        apps=_patterns(row["apps"]),
        kinds=frozenset(one for one in steps if isinstance(one, Kind)),
        steps=tuple(one for one in steps if isinstance(one, Step)),
        install=row.get("install", False).boolean(),
        allow=_allowed(row.get("allow", {})),
        warnings=_warnings(row.get("warnings", _STOP)),
        **wide,
    )


def _step(node: Node) -> Kind | Step:
    if isinstance(node.content, str):
        return Kind(node.choice(*_KINDS))
    row = node.table("from", "to", "down")
    return Step(
        row["from"].text(_PATTERN, "a version, in which * stands for any characters"),
        row["to"].text(_PATTERN, "a version, in which * stands for any characters"),
        row.get("down", False).boolean(),
    )


def _allowed(node: Node) -> Allowed:
    row = node.table("replaced", "deleted", "volumes", "downtime")
    return Allowed(
        **{key: tuple(found.texts(_PATTERN, _AN_OBJECT)) for key, found in row.rows.items()}
    )


def _warnings(node: Node) -> tuple[str, ...]:
    if isinstance(node.content, list):
        return tuple(node.texts(_PATTERN, "the id of a warning"))
    return _EVERYTHING if node.choice(_STOP, _GO_ON) == _GO_ON else ()


def _hours(node: Node) -> Hours | None:
    if node.content == _ALWAYS:
        return None
    if isinstance(node.content, str):
        raise node.refuse("a table (key: value) or {word}", word=_ALWAYS)
    row = node.table("zone", "open", "outside")
    windows = tuple(_window(item) for item in row["open"].items())
    if not windows:
        raise row["open"].refuse("at least one window")
    return Hours(_zone(row["zone"]), windows, _WHEN_SHUT[row["outside"].choice(*_WHEN_SHUT)])


def _window(node: Node) -> Window:
    row = node.table("days", "from", "to")
    days = [item.choice(*DAYS) for item in row["days"].items()] if "days" in row else DAYS
    if not days:
        raise row["days"].refuse("at least one day")
    begins, ends = _clock(row["from"]), _clock(row["to"], midnight=True)
    if begins == ends and (row["to"].content != _MIDNIGHT or begins != time()):
        raise row["to"].refuse("another time than the one the window begins at")
    return Window(frozenset(map(DAYS.index, days)), begins, ends)


def _clock(node: Node, *, midnight: bool = False) -> time:
    if midnight and node.content == _MIDNIGHT:
        return time()
    text = node.text(_CLOCK, 'a time of day such as "22:00"')
    return time.fromisoformat(text)


def _zone(node: Node) -> tzinfo:
    text = node.text()
    if found := _OFFSET.fullmatch(text):
        offset = timedelta(hours=int(found["hours"]), minutes=int(found["minutes"]))
        return timezone(-offset if found["sign"] == "-" else offset)
    if not _ZONE.fullmatch(text):
        raise node.refuse(_A_ZONE)
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise node.refuse(_A_ZONE) from error
