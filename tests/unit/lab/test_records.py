"""The lab's records: what is outstanding is never less than what was made."""

from __future__ import annotations

import json
from pathlib import Path

from tests.lab.records import FILE, Records


def test_what_is_made_is_outstanding_until_it_is_gone(tmp_path: Path) -> None:
    records = Records(tmp_path)
    first = records.made("mount", path="/a")
    second = records.made("process", pid=7, started=8)
    records.gone(first)
    assert records.outstanding() == [second]


def test_another_process_reads_the_same(tmp_path: Path) -> None:
    made = Records(tmp_path).made("process", pid=7, started=8)
    again = Records(tmp_path)
    assert again.outstanding() == [made]
    assert again.made("mount", path="/b").number > made.number


def test_a_line_torn_by_a_kill_is_nothing_and_spoils_nothing(tmp_path: Path) -> None:
    records = Records(tmp_path)
    kept = records.made("mount", path="/a")
    with (tmp_path / FILE).open("a") as file:
        file.write('{"number": 2, "made": "mou')
    later = Records(tmp_path)
    added = later.made("mount", path="/b")
    assert later.outstanding() == [kept, added]


def test_what_an_earlier_boot_left_is_not_there(tmp_path: Path) -> None:
    line = {"number": 3, "boot": "another", "made": "process", "facts": {"pid": 1, "started": 1}}
    (tmp_path / FILE).write_text(json.dumps(line) + "\n")
    assert Records(tmp_path).outstanding() == []


def test_forgetting_starts_an_empty_file(tmp_path: Path) -> None:
    records = Records(tmp_path)
    records.gone(records.made("mount", path="/a"))
    records.forget()
    assert not (tmp_path / FILE).exists()
    assert records.outstanding() == []
