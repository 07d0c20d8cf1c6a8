"""What somebody asks of an app, its answers completed and its values rendered, as a request.

Invariant: answers hold against the form; secrets that nobody gave are those the release had, and
are made only where it had none.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from champ_offline.catalog.entry import AppEntry
from champ_offline.catalog.form import Form
from champ_offline.catalog.index import Catalog
from champ_offline.catalog.template_process import TemplateProcess
from champ_offline.catalog.values import render_values
from champ_offline.errors import ChampError, ExitCode
from champ_offline.release.request import ReleaseRequest


class AnswersIncomplete(ChampError):
    """Answers, with defaults and earlier answers filled in, do not fit the form."""

    id = "zone.answers-incomplete"
    exit_code = ExitCode.USAGE
    message = "The answers for {app} cannot be used: {problem}."
    remedy = "Give an answers file with --answers; `champ form {app}` lists the fields."


@dataclass(frozen=True)
class Earlier:
    """The answers that a release had last, secrets too, complete; `since` is ISO 8601."""

    app: str
    version: str
    since: str
    answers: Mapping[str, Any] = field(repr=False, hash=False)


def request_of(
    catalog: Catalog,
    entry: AppEntry,
    release: str,
    namespace: str,
    given: Mapping[str, Any] | None,
    previous: dict[str, object] | None,
    templates: TemplateProcess,
) -> ReleaseRequest:
    """The request for an app as a release; without answers `given` the `previous` ones hold.

    Raises AnswersIncomplete, and the errors of form and values.
    """
    form = catalog.form(entry)
    present = previous or {}
    complete = form.complete(present if given is None else given, previous, _secret_text)
    for problem in form.problems(complete):
        raise AnswersIncomplete(app=entry.name, problem=problem)
    values = render_values(
        catalog.file(entry, entry.values),
        answers=complete,
        components=dict(entry.components),
        release={"name": release, "namespace": namespace},
        where=f"{entry.name} {entry.version}",
        process=templates,
    )
    return ReleaseRequest(
        release=release,
        namespace=namespace,
        app=entry.name,
        version=entry.version,
        chart=catalog.chart(entry),
        answers=complete,
        values=values,
        images=catalog.image_digests(entry),
        secrets=tuple(_secret_texts(form, complete, "")),
        defaults=form.defaults(),
    )


def _secret_texts(form: Form, value: object, path: str) -> Iterator[str]:
    """The texts among answers that the form declares secret."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _secret_texts(form, item, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _secret_texts(form, item, f"{path}[{index}]")
    elif isinstance(value, str) and value and form.is_secret(path):
        yield value


def _secret_text(characters: int) -> str:
    """A random text of letters, digits, "-" and "_"."""
    return secrets.token_urlsafe(characters)[:characters]
