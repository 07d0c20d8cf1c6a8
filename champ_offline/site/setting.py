"""One setting of many apps, changed in a site's document.

Invariant: the text is changed in the values concerned and nowhere else, and what it then says is
read again before it is given out: the chosen entries have the new answers, all else is as it was.
Nothing is changed unless the form of every chosen app takes it.
"""

from __future__ import annotations

import difflib
import re
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from champ_offline.bundle.at_hand import few
from champ_offline.catalog.yaml_text import quoted
from champ_offline.durable import typed_yaml, yaml_edit
from champ_offline.durable.typed_yaml import Node
from champ_offline.durable.write import write_atomic
from champ_offline.durable.yaml_edit import NotEditable
from champ_offline.errors import ChampError, ExitCode
from champ_offline.site.answers import laid, read_answers_file
from champ_offline.site.check import Forms
from champ_offline.site.document import Site, Wanted
from champ_offline.site.wanted import Order

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_-]*)*")
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
# YAML 1.1, which other tools still read, takes these for switches.
_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})


class SettingUnreadable(ChampError):
    """What shall be set is not KEY=VALUE."""

    id = "site.setting-unreadable"
    exit_code = ExitCode.USAGE
    message = "The setting of “{key}” is not of the form KEY=VALUE."
    remedy = (
        "Write the key as in an answers file, with dots into tables, and a value or a list of"
        " values as YAML has them: timezone=Europe/Berlin, web.port=8080, hosts=[a, b],"
        " 'title=\"A: 1\"'. Tables, also in a list, are written into the document itself."
    )


class NothingChosen(ChampError):
    """No entry of the document is of the apps, and matches the patterns, that were given."""

    id = "site.nothing-chosen"
    exit_code = ExitCode.USAGE
    message = "{file} has no entry that is meant by this."
    remedy = "It has: {known}. Name apps with --apps, entries with --select; * stands for any text."


class SettingRefused(ChampError):
    """The form of a chosen app does not know the field, or does not take the value."""

    id = "site.setting-refused"
    exit_code = ExitCode.USAGE
    message = "Nothing was written: {names} would not take it. {name}, {app} {version}: {cause}."
    remedy = "Choose fewer apps, or another value."


@dataclass(frozen=True)
class Setting:
    """A value for the field at `key`, names from the form's root."""

    key: tuple[str, ...]
    value: Node

    @classmethod
    def parse(cls, given: str) -> Setting:
        """Read KEY=VALUE; raises SettingUnreadable."""
        key, equals, value = given.partition("=")
        # The value may be a secret, which is not to be repeated.
        unreadable = SettingUnreadable(key=key[:60])
        if not equals or not _KEY.fullmatch(key):
            raise unreadable
        try:
            read = typed_yaml.parse(value.encode(errors="replace"), "VALUE")
        except ChampError as error:
            raise unreadable from error
        single = [read, *(read.content if isinstance(read.content, list) else ())]
        if read.content is None or any(isinstance(one.content, dict) for one in single):
            raise unreadable
        return cls(tuple(key.split(".")), read)

    @property
    def text(self) -> str:
        """The value in flow style."""
        return _flow(self.value.plain())

    def over(self, wanted: Wanted) -> Wanted:
        """The entry with this answer, told of at the entry's own line."""
        place = wanted.answers
        node = _moved(self.value, place)
        for name in reversed(self.key):
            node = Node(place.file, place.line, "", {name: node})
        return replace(wanted, answers=laid([place, node], place))


@dataclass(frozen=True)
class Choice:
    """Which entries are meant: of these apps (all: none named), and of these patterns.

    A pattern is of `ZONE/CLUSTER/KEY`, as a shell has them for files.
    """

    apps: tuple[str, ...]
    patterns: tuple[str, ...]

    def of(self, site: Site) -> tuple[Wanted, ...]:
        """The entries; raises NothingChosen."""
        found = tuple(one for one in site.apps if self._means(one))
        if not found:
            known = few([f"{_name(one)} ({one.app})" for one in site.apps]) or "—"
            raise NothingChosen(file=site.path, known=known)
        return found

    def _means(self, one: Wanted) -> bool:
        return (not self.apps or one.app in self.apps) and (
            not self.patterns or any(fnmatchcase(_name(one), pattern) for pattern in self.patterns)
        )


@dataclass(frozen=True)
class Edited:
    """The document before and after; `changed` and `same` are names of the chosen entries."""

    path: Path
    before: str
    after: str
    changed: tuple[str, ...]
    same: tuple[str, ...]

    @property
    def diff(self) -> str:
        """A unified difference, empty where nothing changes."""
        sides = (self.before.splitlines(keepends=True), self.after.splitlines(keepends=True))
        names = (str(self.path), str(self.path))
        lines = difflib.unified_diff(*sides, *names)
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)

    def write(self) -> None:
        """Put it into the file, whole; its mode stays. Raises OSError."""
        path = self.path.resolve()
        write_atomic(path, self.after.encode(), stat.S_IMODE(path.stat().st_mode))


def edited(document: Path, settings: Sequence[Setting], choice: Choice, forms: Forms) -> Edited:
    """The document with the settings in all that is chosen; nothing is written yet.

    A default is changed where all entries that have their value from it are chosen, else every
    chosen entry says it for itself. Raises SettingRefused, NothingChosen, NotEditable, what
    reading the document raises, and what `forms` raises.
    """
    data = typed_yaml.content(document)
    site = Site.parse(data, document)
    chosen = choice.of(site)
    wanted = {_name(one): _all(settings, one) for one in chosen}
    _refuse(wanted.values(), forms)
    changed = tuple(_name(one) for one in chosen if not _same(one, wanted[_name(one)]))
    text = data.decode()
    for setting in settings:
        text = _set(text, site, document, setting, wanted)
    after = Site.parse(text.encode(), document)
    for one, now in zip(site.apps, after.apps, strict=True):
        if not _same(now, wanted.get(_name(one), one)):
            key = ".".join(settings[0].key)
            raise NotEditable(file=document, line=one.answers.line, key=key)
    same = tuple(name for name in wanted if name not in changed)
    return Edited(document, data.decode(), text, changed, same)


def _name(one: Wanted) -> str:
    return f"{one.zone}/{one.name}"


def _all(settings: Iterable[Setting], one: Wanted) -> Wanted:
    for setting in settings:
        one = setting.over(one)
    return one


def _same(one: Wanted, other: Wanted) -> bool:
    # Answers are not compared by dataclasses: their nodes hold lines.
    return one == other and one.answers.plain() == other.answers.plain()


def _refuse(wanted: Iterable[Wanted], forms: Forms) -> None:
    """Raise SettingRefused for what the forms do not take."""
    refused = []
    for one in wanted:
        problems = Order.problems(one, forms(one.app, one.version), secrets=False)
        refused += [(one, cause) for cause in [*problems][:1]]
    if refused:
        one, cause = refused[0]
        names = few([_name(entry) for entry, _ in refused])
        raise SettingRefused(
            names=names, name=_name(one), app=one.app, version=one.version, cause=cause
        ) from cause


def _set(
    text: str, site: Site, document: Path, setting: Setting, wanted: Mapping[str, Wanted]
) -> str:
    """The text with one setting in the chosen entries that do not have it yet."""
    root = typed_yaml.parse(text.encode(), str(document))
    concerned = {
        _name(one)
        for one in site.apps
        if _name(one) in wanted and not _same(one, setting.over(one))
    }
    places = dict.fromkeys(_places(root, site, setting.key, concerned), setting.text)
    return yaml_edit.put(text, str(document), places)


def _places(
    root: Node, site: Site, key: tuple[str, ...], concerned: set[str]
) -> Iterator[tuple[str, ...]]:
    """Where in the document the values of these entries are to stand."""
    for app in dict.fromkeys(one.app for one in site.apps if _name(one) in concerned):
        entries = {_name(one): _entry(one) for one in site.apps if one.app == app}
        default = ("defaults", app)
        reached = {name for name, at in entries.items() if not _says(root, site.path, at, key)}
        if reached and reached <= concerned and _at(root, (*default, "answers", *key)):
            yield (*default, "answers", *key)
            entries = {name: at for name, at in entries.items() if name not in reached}
        yield from ((*at, "answers", *key) for name, at in entries.items() if name in concerned)


def _entry(one: Wanted) -> tuple[str, ...]:
    key = one.name.partition("/")[2]
    return ("zones", one.zone, "clusters", one.cluster, "apps", key)


def _says(root: Node, document: Path, entry: tuple[str, ...], key: tuple[str, ...]) -> bool:
    """Whether the entry answers it for itself, in the document or in a file."""
    named = _at(root, (*entry, "answers_file"))
    files = [] if named is None else [read_answers_file(named, document.parent)]
    own = _at(root, (*entry, "answers", *key))
    return own is not None or any(_at(file, key) is not None for file in files)


def _at(node: Node, path: Iterable[str]) -> Node | None:
    for name in path:
        rows = node.content if isinstance(node.content, dict) else {}
        if name not in rows:
            return None
        node = rows[name]
    return node


def _moved(node: Node, place: Node) -> Node:
    inner = node.content
    if isinstance(inner, list):
        return Node(place.file, place.line, "", [_moved(one, place) for one in inner])
    return Node(place.file, place.line, "", inner)


def _flow(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return quoted(value)
