"""In a real terminal: columns stay in line where ambiguous characters are two columns wide."""

from __future__ import annotations

import os
import pty
import termios
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from installer.tui.terminal import measured
from tests.tui.cells import Cells

LEFT, RIGHT = 3, 76
ZH = {"LANG": "zh_CN.UTF-8"}
QUESTION = "Type 1 or 2, then Enter"


def refused(cells: Cells) -> list[bytes]:
    """Have a folder refused; the lines of the dialog that says so, without its borders."""
    cells.sees("[F2]")
    cells.type("/nowhere\r")
    rows = cells.sees("zone.not-a-zone")
    return [row for row in rows[1:-2] if row.strip()][1:-1]


def edges(rows: list[bytes]) -> set[tuple[int, int, int]]:
    """First and last cell of each line, and where the last one is."""
    return {(row[LEFT], row[-1], len(row) - 1) for row in rows}


@pytest.mark.parametrize("spoken", ["en", "zh"])
def test_a_terminal_that_draws_them_wide_gets_ascii_and_lines_up(
    tmp_path: Path, spoken: str
) -> None:
    with Cells(tmp_path, {"CHAMP_LANG": spoken}, wide=True) as cells:
        rows = refused(cells)
    assert len(rows) >= 5
    assert edges(rows) == {(ord("|"), ord("|"), RIGHT)}
    assert any(b"\xff" in row for row in rows) is (spoken == "zh")


@pytest.mark.parametrize("spoken", ["en", "zh"])
def test_there_the_rich_look_would_not_line_up(tmp_path: Path, spoken: str) -> None:
    extra = {"CHAMP_LANG": spoken, "CHAMP_LOOK": "rich"}
    with Cells(tmp_path, extra, wide=True) as cells:
        rows = refused(cells)
    line = ord("│") & 0xFF
    assert edges(rows) != {(line, line, RIGHT)}
    assert all(row[LEFT : LEFT + 2] == bytes([line, 0xFF]) for row in rows)


def test_a_terminal_that_draws_them_narrow_gets_lines(tmp_path: Path) -> None:
    with Cells(tmp_path, {"CHAMP_LANG": "zh"}, wide=False) as cells:
        rows = refused(cells)
    line = ord("│") & 0xFF
    assert edges(rows) == {(line, line, RIGHT)}


def test_the_console_gets_ascii_although_it_draws_them_narrow(tmp_path: Path) -> None:
    with Cells(tmp_path, {"CHAMP_LANG": "zh", "TERM": "linux"}, wide=False) as cells:
        rows = refused(cells)
    assert edges(rows) == {(ord("|"), ord("|"), RIGHT)}


@pytest.mark.parametrize("typed", ["\r", "1\r"])
def test_on_a_console_chinese_is_asked_about_and_basic_is_english(
    tmp_path: Path, typed: str
) -> None:
    with Cells(tmp_path, {**ZH, "TERM": "linux"}, wide=False) as cells:
        rows = cells.sees(QUESTION)
        assert all(cell < 0x80 for row in rows for cell in row)
        cells.type(typed)
        cells.sees("Open or make a zone")
        assert edges(refused(cells)) == {(ord("|"), ord("|"), RIGHT)}


@pytest.mark.parametrize("wide", [True, False])
def test_who_answers_rich_reads_chinese_drawn_as_the_terminal_can(
    tmp_path: Path, wide: bool
) -> None:
    with Cells(tmp_path, {**ZH, "TERM": "vt220"}, wide=wide) as cells:
        cells.sees(QUESTION)
        cells.type("2\r")
        rows = refused(cells)
        assert any(b"\xff" in row for row in rows)
    line = ord("|") if wide else ord("│") & 0xFF
    assert edges(rows) == {(line, line, RIGHT)}


@pytest.mark.parametrize(
    "extra",
    [
        {**ZH, "CHAMP_LANG": "zh", "TERM": "linux"},
        {**ZH, "CHAMP_LOOK": "ascii", "TERM": "linux"},
        ZH,
    ],
)
def test_it_is_not_asked_where_something_decided(tmp_path: Path, extra: dict[str, str]) -> None:
    with Cells(tmp_path, extra, wide=False) as cells:
        rows = cells.sees("[F2]")
    assert any(b"\xff" in row for row in rows)


@pytest.fixture
def line() -> Iterator[tuple[int, int]]:
    """The terminal's side and the program's side of a line."""
    outer, inner = pty.openpty()
    yield outer, inner
    os.close(outer)
    os.close(inner)


def answering(outer: int, answer: bytes) -> threading.Thread:
    def run() -> None:
        told = b""
        while b"\x1b[6n" not in told:
            told += os.read(outer, 100)
        os.write(outer, answer)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.parametrize(
    ("answer", "columns"),
    [(b"\x1b[5;4R", 3), (b"\x1b[24;7R", 6), (b"typed\x1b[1;4Rmore", 3), (b"nothing of it", None)],
)
def test_what_the_terminal_answers_is_its_columns(
    line: tuple[int, int], answer: bytes, columns: int | None
) -> None:
    outer, inner = line
    before = termios.tcgetattr(inner)
    thread = answering(outer, answer)
    assert measured(inner, inner, 5.0 if columns else 0.2) == columns
    thread.join()
    assert termios.tcgetattr(inner) == before


def test_a_terminal_that_does_not_answer_or_is_held_does_not_hang_it(line: tuple[int, int]) -> None:
    _outer, inner = line
    before = termios.tcgetattr(inner)
    assert measured(inner, inner, 0.1) is None
    termios.tcflow(inner, termios.TCOOFF)
    assert measured(inner, inner, 0.1) is None
    termios.tcflow(inner, termios.TCOON)
    assert termios.tcgetattr(inner) == before


def test_what_is_no_terminal_is_not_measured(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w+") as file, pytest.raises(termios.error):
        measured(file.fileno(), file.fileno(), 0.1)
