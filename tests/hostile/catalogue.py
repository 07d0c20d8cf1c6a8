"""The list of all cases: a name, what a case does to a bundle, and the error it must end in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tests.hostile.forge import Forge

Build = Callable[..., "list[Path] | None"]
HARMLESS = ""


@dataclass(frozen=True)
class Case:
    """`build` makes the media (None: the forge's one); `error` is its id, HARMLESS for none.

    `first` is imported by the zone before; `verify` is what reading every byte must end in, where
    that is not simply some ChampError or none.
    """

    name: str
    error: str
    build: Build
    first: Build | None = None
    verify: str | None = None


@dataclass
class Cases:
    """The cases of one module."""

    known: list[Case] = field(default_factory=list)

    def __call__(
        self,
        error: str,
        *variants: Any,
        first: Build | None = None,
        verify: str | None = None,
    ) -> Callable[[Build], Build]:
        """A case, or one for each variant, which is given to it as its second argument."""

        def take(build: Build) -> Build:
            name = build.__name__
            if not variants:
                self.known.append(Case(name, error, build, first, verify))
            for number, variant in enumerate(variants):
                bound = partial(build, variant=variant)
                self.known.append(Case(f"{name}-{number}", error, bound, first, verify))
            return build

        return take


def plain(forge: Forge) -> None:
    """A good bundle."""
    forge.write()
