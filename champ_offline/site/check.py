"""Every problem of a site's document at once, found without asking a cluster.

Invariant: what `plan --site` would refuse of the document is among the problems; a document without
problems is one that it reads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from champ_offline.catalog.form import Form
from champ_offline.catalog.index import AppUnknown
from champ_offline.durable import typed_yaml
from champ_offline.errors import ChampError, ExitCode
from champ_offline.site.document import Site, Wanted
from champ_offline.site.wanted import Order

Forms: TypeAlias = Callable[[str, str], Form]
"""The form of an app's version; raises AppUnknown and what makes it unusable."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong at `line` of `file` (0: the file as a whole); `error` says what to do."""

    file: str
    line: int
    error: ChampError


@dataclass(frozen=True)
class Checked:
    """What was found: `apps` counts entries, `held` those held against their app's form."""

    problems: tuple[Problem, ...]
    zones: int
    apps: int
    held: int

    @property
    def exit_code(self) -> ExitCode:
        """That of the first problem."""
        return next((one.error.exit_code for one in self.problems), ExitCode.OK)


def check(document: Path, zone: str = "", forms: Forms | None = None) -> Checked:
    """Read the document whole; with `forms`, those of the zone of that name, answers too.

    In another zone an app that is unknown here is no problem, and its file of secrets is not
    looked for. Never raises a ChampError.
    """
    found: list[Problem] = []

    def refuse(error: ChampError) -> None:
        found.append(_placed(error, str(document), 0))

    try:
        site = Site.parse(typed_yaml.content(document), document, refuse)
    except ChampError as error:
        refuse(error)
        return Checked(tuple(found), 0, 0, 0)
    apps = tuple(site.apps)
    held = 0
    if forms is not None:
        try:
            site.check_names(zone)
        except ChampError as error:
            refuse(error)
        for one in (one for one in apps if one.app and one.version):
            errors = _answered(one, forms, own=one.zone == zone)
            held += errors is not None
            found += [_placed(error, str(document), one.answers.line) for error in errors or ()]
    found.sort(key=lambda one: (one.file != str(document), one.file, one.line))
    # A wrong default is met again in every entry.
    told = {(one.file, one.line, str(one.error)): one for one in reversed(found)}
    return Checked(tuple(told.values())[::-1], len(site.zones), len(apps), held)


def _answered(one: Wanted, forms: Forms, *, own: bool) -> list[ChampError] | None:
    """What is wrong with its answers; None where another zone's app is not known here."""
    try:
        form = forms(one.app, one.version)
    except AppUnknown as error:
        return [error] if own else None
    except ChampError as error:
        return [error]
    return list(Order.problems(one, form, secrets=own))


def _placed(error: ChampError, document: str, line: int) -> Problem:
    """The error with the place that it names, else with that of the entry it is about."""
    at = error.fields.get("line")
    file = str(error.fields.get("file", document))
    return Problem(file, at if isinstance(at, int) else line if file == document else 0, error)
