"""Standard output: the data a verb was asked for, as a table, as JSON or as YAML.

Invariant: nothing else writes to stdout, and nothing but data goes there. JSON and YAML carry the
whole value with English keys whatever the language; a table shows chosen columns for reading.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any, TextIO

from champ_offline.events import Cause
from installer.cli.surviving import GONE
from installer.terminal_text import pad, printable, width

FORMATS = ("table", "json", "yaml")
_GAP = "  "
# JSON escapes the controls of ASCII itself; these are those of Latin-1, and of writing's direction.
_DRIVES = re.compile("[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]")


class OutputClosed(Exception):
    """The reader of our output went away (`champ catalog | head -1`), or the terminal did."""


@dataclasses.dataclass(frozen=True)
class Column:
    """One field of a value: `key` may be dotted, `show` makes the text, `right` aligns it.

    An empty `key` is the value whole.
    """

    key: str
    label: str
    show: Callable[[Any], str] = str
    right: bool = False


class Output:
    """Writes values to `stream` in `form`, one of FORMATS; `keep` is given each of them too."""

    def __init__(
        self, stream: TextIO, form: str = "table", keep: Callable[[Any], None] | None = None
    ) -> None:
        self._stream, self._keep = stream, keep
        self.form = form

    def record(self, value: object, columns: Sequence[Column]) -> None:
        """One value: a line for each column, or a JSON object."""
        if self.form != "table":
            self.document(value)
            return
        plain = self._kept(value)
        lines = [(column.label, _cell(plain, column)) for column in columns]
        widest = max((width(label) for label, _ in lines), default=0)
        told = (f"{pad(label, widest)}{_GAP}{text}".rstrip() for label, text in lines)
        self.text("".join(f"{line}\n" for line in told))

    def rows(self, values: Sequence[object], columns: Sequence[Column]) -> None:
        """Several values: a line for each below a heading, or a JSON array."""
        if self.form != "table":
            self.document(values)
            return
        plain = self._kept(values)
        table = [[_cell(value, column) for column in columns] for value in plain]
        self._aligned([[column.label for column in columns], *table], columns)

    def document(self, value: object) -> None:
        """The value whole, as JSON (also where a table was asked for) or YAML."""
        plain = self._kept(value)
        if self.form == "yaml":
            import yaml

            self.text(yaml.safe_dump(plain, allow_unicode=True, sort_keys=False))
        else:
            self.text(_json(plain, indent=2) + "\n")

    def item(self, value: object) -> None:
        """One of many that come one by one: a line of JSON, or an item of a YAML list."""
        if self.form == "yaml":
            self.document([value])
        else:
            self.text(_json(as_plain(value)) + "\n")

    def text(self, text: str) -> None:
        """Write and flush; raises OutputClosed when nobody reads."""
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError as error:
            if not isinstance(error, BrokenPipeError) and error.errno != GONE:
                raise
            raise OutputClosed from error

    def _kept(self, value: object) -> Any:  # noqa: ANN401 - the shape of JSON
        plain = as_plain(value)
        if self._keep is not None:
            self._keep(plain)
        return plain

    def _aligned(self, table: list[list[str]], columns: Sequence[Column]) -> None:
        widths = [max(width(row[index]) for row in table) for index in range(len(columns))]
        for row in table:
            cells = zip(row, widths, columns, strict=True)
            line = _GAP.join(pad(text, room, right=column.right) for text, room, column in cells)
            self.text(line.rstrip() + "\n")


def _json(plain: object, indent: int | None = None) -> str:
    """JSON of the same value that no terminal obeys: what drives one stands as its escape."""
    text = json.dumps(plain, ensure_ascii=False, indent=indent)
    return _DRIVES.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def as_plain(value: object) -> Any:  # noqa: ANN401 - the shape of JSON
    """The value as JSON has it: dataclasses become objects, times ISO 8601, the rest its text."""
    if value is None or isinstance(value, bool | int | float | str):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, Cause):
        return value.as_document()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _plain_fields(value)
    if isinstance(value, Mapping):
        return {str(key): as_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value, key=str) if isinstance(value, set | frozenset) else value
        return [as_plain(item) for item in items]
    if isinstance(value, Enum):
        return as_plain(value.value)
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _plain_fields(value: Any) -> Any:  # noqa: ANN401 - any dataclass
    # A value with a text form of its own (a digest, a reference) is that text, not its parts.
    if "__str__" in type(value).__dict__:
        return str(value)
    return {field.name: as_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}


def _cell(plain: object, column: Column) -> str:
    found = plain
    for part in column.key.split(".") if column.key else ():
        found = found.get(part) if isinstance(found, Mapping) else None
    return "" if found is None else printable(column.show(found))
