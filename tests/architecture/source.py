"""The project's own Python files as syntax trees, for the tests that read code.

Invariant: files are found by folder, so a new module is under the rules without being registered.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from champ_offline.errors import ChampError, every_error

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("installer", "champ_offline")
EVERYTHING = (*PRODUCT, "tests")


@dataclass(frozen=True)
class Source:
    """One module: its path inside the project, its text and its tree."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        return self.path.as_posix()

    def at(self, node: ast.stmt | ast.expr) -> str:
        return f"{self.name}:{node.lineno}"

    def calls(self) -> Iterator[ast.Call]:
        return (node for node in ast.walk(self.tree) if isinstance(node, ast.Call))

    def constants(self) -> dict[str, str]:
        """The module's own names of texts."""
        return {
            target.id: text
            for node in self.tree.body
            if isinstance(node, ast.Assign) and (text := constant_text(node.value)) is not None
            for target in node.targets
            if isinstance(target, ast.Name)
        }


@cache
def sources(*folders: str) -> tuple[Source, ...]:
    found = (path for folder in folders for path in sorted((ROOT / folder).rglob("*.py")))
    return tuple(_read(path) for path in found)


def _read(path: Path) -> Source:
    text = path.read_text(encoding="utf-8")
    return Source(path.relative_to(ROOT), text, ast.parse(text, str(path)))


def import_product() -> None:
    """Import every module of the product, so that every error class is known."""
    for folder in PRODUCT:
        package = importlib.import_module(folder)
        for module in pkgutil.walk_packages(package.__path__, f"{folder}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)


@cache
def product_errors() -> tuple[type[ChampError], ...]:
    """All errors of the product, sorted by id; classes that tests define are left out."""
    import_product()
    return tuple(error for error in every_error() if error.__module__.split(".", 1)[0] in PRODUCT)


def constant_text(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
