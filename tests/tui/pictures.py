"""Screens as they were accepted: read, compared, and accepted anew.

`python -m tests.tui.pictures [NAME ...]` accepts all screens, or those whose names begin so, as
they look now, and draws the pictures of the guide. Look at `git diff` before you commit.
"""

from __future__ import annotations

import asyncio
import difflib
import sys
import tempfile
from pathlib import Path

from installer import language, look
from installer.look import Look
from tests.tui.drawing import picture
from tests.tui.scenes import SCENES, lines, played, settled
from tests.tui.screen import PROJECT, Person
from tests.tui.stage import Stage, stage

FOLDER = Path(__file__).parent / "snapshots"
PICTURES = PROJECT / "docs" / "guide" / "pictures"
SMALL, LARGE = (80, 24), (120, 40)
LANGUAGES = ("en", "zh")
ACCEPT = "python -m tests.tui.pictures"


async def shots(name: str, stage: Stage) -> dict[Path, str]:
    """What the scene looks like now, by the file that keeps it; the language is chosen before."""
    spoken = language.active()
    async with played(SCENES[name], stage, SMALL) as person:
        found = {
            _file(name, spoken, SMALL): _text(person),
            PICTURES / f"{name}.{spoken}.svg": picture(person.app),
        }
        await person.pilot.resize_terminal(*LARGE)
        await settled(person)
        return found | {_file(name, spoken, LARGE): _text(person)}


def differences(found: dict[Path, str]) -> str:
    """What is not as it was accepted, as a unified diff with how to accept it; empty if nothing."""
    told: list[str] = []
    for path, text in found.items():
        kept = path.read_text(encoding="utf-8") if path.exists() else ""
        name = str(path.relative_to(PROJECT))
        told += difflib.unified_diff(
            kept.split("\n"), text.split("\n"), f"{name} as accepted", f"{name} now", lineterm=""
        )
    return "\n".join([*told, "", f"To accept it: {ACCEPT}"]) if told else ""


async def accept(names: list[str]) -> None:
    """Keep the scenes as they look now."""
    look.activate(Look.RICH)
    for spoken in LANGUAGES:
        language.activate(spoken)
        for name in names:
            with tempfile.TemporaryDirectory() as folder, stage(Path(folder)) as made:
                found = await shots(name, made)
            for path, text in found.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
    language.activate("en")


def _file(name: str, spoken: str, size: tuple[int, int]) -> Path:
    return FOLDER / f"{name}.{spoken}.{size[0]}x{size[1]}.txt"


def _text(person: Person) -> str:
    return "\n".join([*lines(person), ""])


if __name__ == "__main__":
    wanted = [n for n in SCENES if not sys.argv[1:] or n.startswith(tuple(sys.argv[1:]))]
    asyncio.run(accept(wanted))
