"""What is committed names no machine, no person's folder and no package host, and skips no test."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator

from tests.architecture.source import ROOT, sources

# Written with a class of one letter, so that this file does not find itself.
UNWANTED = re.compile(
    r"(?<![\w.$}])/wor[k]/|(?<![\w.])/Use[r]s/[a-z]"
    r"|\b[T]ODO\b|\b[F]IXME\b|\bissu[e] #?[0-9]"
)
TEMPORARY = re.compile(r"(?<![\w.])/tm[p]/[a-z]")
INDEXES = re.compile(r"--(extra-)?index-url|--find-links|--trusted-host")
# Inputs for readers: bytes, whatever they look like.
INPUTS = ("tests/fuzz/corpus/", "tests/fuzz/crashes/")
SKIPPING = {"skip", "skipif", "xfail", "importorskip", "SkipTest", "skipTest"}


def committed() -> Iterator[tuple[str, str]]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        data = path.read_bytes() if path.is_file() else b""
        if b"\0" not in data and not name.startswith(INPUTS):
            yield name, data.decode("utf-8")


def test_no_machine_paths_or_notes_to_self() -> None:
    found = [
        f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {match.group()}"
        for name, text in committed()
        for pattern in (UNWANTED, TEMPORARY)
        for match in pattern.finditer(text)
        # Paths of an app's containers are the app's business.
        if pattern is UNWANTED or not name.startswith("appstore_catalog/")
    ]
    assert found == []


def test_lock_files_name_no_package_host() -> None:
    locks = sorted(ROOT.glob("requirements*.lock"))
    assert [lock.name for lock in locks] == ["requirements-dev.lock", "requirements.lock"]
    for lock in locks:
        text = lock.read_text("utf-8")
        assert INDEXES.search(text) is None
        assert "://" not in text


def test_no_test_is_skipped() -> None:
    found = [
        f"{source.name}:{node.lineno}"
        for source in sources("tests")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute | ast.Name)
        and (node.attr if isinstance(node, ast.Attribute) else node.id) in SKIPPING
    ]
    assert found == []
