"""Tables align wide characters and show no control characters; JSON and YAML carry everything."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from champ_offline.oci.digest import Digest
from installer.cli.bundle_view import columns
from installer.cli.output import Column, Output, OutputClosed
from installer.cli.trust_view import tallies
from installer.quantities import NO_BREAK, duration, size
from installer.terminal_text import fit, pad, printable, width


@dataclass(frozen=True)
class App:
    name: str
    title: dict[str, str]
    digest: Digest
    size: int
    folder: Path
    when: datetime


APP = App(
    "orthanc",
    {"zh": "影像归档"},
    Digest.of(b"x"),
    1_230_000_000,
    Path("a"),
    datetime(2026, 1, 2, tzinfo=UTC),
)
COLUMNS = [
    Column("title.zh", "标题"),
    Column("name", "APP"),
    Column("size", "SIZE", size, right=True),
]


def written(form: str, *, rows: bool = True) -> str:
    stream = io.StringIO()
    output = Output(stream, form)
    if rows:
        output.rows([APP], COLUMNS)
    else:
        output.record(APP, COLUMNS)
    return stream.getvalue()


def test_columns_align_by_terminal_width() -> None:
    assert written("table") == "标题      APP         SIZE\n影像归档  orthanc  1.23\u00a0GB\n"


def test_a_record_has_a_line_for_each_column() -> None:
    assert written("table", rows=False).splitlines() == [
        "标题  影像归档",
        "APP   orthanc",
        "SIZE  1.23\u00a0GB",
    ]


def test_json_and_yaml_carry_the_whole_value() -> None:
    expected = {
        "name": "orthanc",
        "title": {"zh": "影像归档"},
        "digest": str(Digest.of(b"x")),
        "size": 1_230_000_000,
        "folder": "a",
        "when": "2026-01-02T00:00:00+00:00",
    }
    assert json.loads(written("json")) == [expected]
    assert yaml.safe_load(written("yaml", rows=False)) == expected


def test_no_rows_still_show_the_heading() -> None:
    stream = io.StringIO()
    Output(stream).rows([], COLUMNS)
    assert stream.getvalue() == "标题  APP  SIZE\n"


def test_a_reader_that_left_is_told_apart() -> None:
    class Closed(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    with pytest.raises(OutputClosed):
        Output(Closed()).text("x")


def test_foreign_text_cannot_drive_the_terminal() -> None:
    stream = io.StringIO()
    Output(stream).rows([{"a": "\x1b[2Jx\u202eevil\n"}], [Column("a", "A")])
    assert stream.getvalue() == "A\n\\x1b[2Jx\\u202eevil\\n\n"
    assert printable("影像 ok") == "影像 ok"


def test_widths() -> None:
    assert (width("影像"), width("e\u0301"), width("abc")) == (4, 1, 3)
    assert pad("影", 4) == "影  "
    assert pad("影", 4, right=True) == "  影"
    assert fit("影像归档", 5) == "影像…"
    assert fit("abc", 3) == "abc"


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (48_100_000, "48.1 MB"), (310e6, "310 MB")],
)
def test_sizes(count: float, text: str) -> None:
    assert size(count) == text.replace(" ", NO_BREAK)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.44, "0.4 s"), (12.3, "12 s"), (185, "3:05"), (3729, "1:02:09")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text.replace(" ", NO_BREAK)


def test_what_joins_a_number_and_its_unit_takes_one_column() -> None:
    assert (width(size(17_500_000)), printable(size(17_500_000))) == (7, f"17.5{NO_BREAK}MB")
    assert pad(size(5), 5) == f"5{NO_BREAK}B  "


def test_each_who_signed_is_named_once() -> None:
    signers = [{"holder": "Team"}, {"holder": "Other"}, {"holder": "Team"}]
    (column,) = [column for column in columns() if column.key == "signers"]
    assert column.show(signers) == "Team, Other"


def test_a_draft_with_all_signatures_misses_nobody() -> None:
    one = {"version": 1, "signed": ["a", "b", "c"], "needed": 2, "missing": []}
    assert tallies([one]) == "root 1: 3 signed, 2 needed"
    assert tallies([{**one, "missing": ["Bo"]}]) == "root 1: 3 signed, 2 needed; not yet: Bo"
