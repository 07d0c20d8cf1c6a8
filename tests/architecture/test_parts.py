"""The parts of the whole run: every file of tests is in one of them, and in no other."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.architecture.source import ROOT
from tests.everything import END_TO_END, parts


def _files(words: list[str]) -> list[Path]:
    without = [ROOT / word.partition("=")[2] for word in words if word.startswith("--ignore=")]
    given = [ROOT / word for word in words if not word.startswith("--")]
    found = [path for one in given for path in ([one] if one.is_file() else one.rglob("test_*.py"))]
    return [path for path in found if not any(path.is_relative_to(away) for away in without)]


def test_every_file_of_tests_is_in_one_part() -> None:
    counted = Counter(path for words in parts().values() for path in _files(words))
    assert counted == Counter((ROOT / "tests").rglob("test_*.py"))


def test_every_name_of_a_part_finds_a_file() -> None:
    for names in END_TO_END.values():
        for name in names:
            assert list((ROOT / "tests/e2e").glob(f"test_{name}.py")), name
