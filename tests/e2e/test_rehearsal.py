"""`make rehearse`: a packed bundle is tried in a sealed zone, and a wrong wish is said so."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.e2e.commands import run
from tests.e2e.journey import OLDER, Journey


def rehearse(packed: Journey, *more: str, expect: int) -> str:
    words: list[str | Path] = [
        sys.executable, "-m", "tests.lab", "rehearse",
        "--bundle", packed.build / "media", "--root", packed.root, *more,
    ]  # fmt: skip
    done = run(words, expect=expect)
    return done.stdout + done.stderr


def test_documented_answers_install_a_pacs_in_a_sealed_zone(packed: Journey) -> None:
    said = rehearse(packed, "--app", "orthanc", "--answers", "closed-archive", expect=0)
    assert f"orthanc {OLDER} (closed-archive)" in said
    assert "healthy, and removed without trace" in said


def test_answers_that_cannot_be_used_fail_the_rehearsal(packed: Journey, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("aeTitle: THIS TITLE IS TOO LONG\n")
    said = rehearse(packed, "--answers", str(wrong), expect=1)
    assert "FAILED" in said
    assert "aeTitle" in said
