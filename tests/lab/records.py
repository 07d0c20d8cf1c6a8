"""The lab's record of what it made outside its state folder: one JSON object a line, append-only.

Invariant: a line "made" is in the file before the thing it names exists, and a line "gone" only
after it is away; so what is outstanding is never less than what is really there. A torn last line
(the writer was killed) names nothing that exists.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

Fact: TypeAlias = str | int

FILE = "records.jsonl"


@dataclass(frozen=True)
class Record:
    """One thing that was made: its `kind` (see `resources.REMOVERS`) and what finds it again."""

    number: int
    kind: str
    facts: Mapping[str, Fact]

    def text(self, name: str) -> str:
        """The fact `name` as text."""
        return str(self.facts[name])

    def integer(self, name: str) -> int:
        """The fact `name` as a number."""
        return int(self.facts[name])

    def __str__(self) -> str:
        return f"{self.kind} " + " ".join(f"{key}={value}" for key, value in self.facts.items())


def boot() -> str:
    """Names this run of the kernel; nothing but files outlives it."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


class Records:
    """The records file in `folder`; several threads of one process may write it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._lock = threading.Lock()
        self._boot = boot()
        self._next = 1 + max((line["number"] for line in _lines(self.path)), default=0)

    def made(self, kind: str, **facts: Fact) -> Record:
        """Write down what is about to be made."""
        with self._lock:
            record = Record(self._next, kind, facts)
            self._next += 1
            self._append(
                {"number": record.number, "boot": self._boot, "made": kind, "facts": facts}
            )
        return record

    def gone(self, record: Record) -> None:
        """Write down that it is away."""
        with self._lock:
            self._append({"number": record.number, "boot": self._boot, "gone": True})

    def outstanding(self) -> list[Record]:
        """What was made in this run of the kernel and is not gone, oldest first."""
        found: dict[int, Record] = {}
        for line in _lines(self.path):
            if line.get("gone"):
                found.pop(line["number"], None)
            elif line["boot"] == self._boot:
                found[line["number"]] = Record(line["number"], line["made"], line["facts"])
        return list(found.values())

    def forget(self) -> None:
        """Start an empty file; only when nothing is outstanding."""
        with self._lock:
            self.path.unlink(missing_ok=True)

    def _append(self, document: Mapping[str, object]) -> None:
        line = json.dumps(document, sort_keys=True).encode() + b"\n"
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            size = os.fstat(descriptor).st_size
            torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
            os.write(descriptor, b"\n" + line if torn else line)
        finally:
            os.close(descriptor)


def _lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    found = []
    for line in path.read_bytes().splitlines():
        try:
            document = json.loads(line)
        except ValueError:
            continue  # torn by a kill, so what it was to name was never made
        found.append(document)
    return found
