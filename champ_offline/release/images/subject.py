"""An app as packed, ready to be rendered: its chart, and values for each set of answers.

Invariant: everything comes from the artifact that is packed; of app.yaml only what is said there
for the proof of completeness. Answers are completed as a zone would complete them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from champ_offline.catalog.answers import parse_answers
from champ_offline.catalog.artifact import app_file
from champ_offline.catalog.entry import AppEntry, AppSource
from champ_offline.catalog.form import Form
from champ_offline.catalog.index import app_chart
from champ_offline.catalog.values import render_values
from champ_offline.errors import ChampError, ExitCode
from champ_offline.oci.digest import Digest
from champ_offline.store.blobs import BlobStore

DEFAULTS = "defaults"


class NothingToRender(ChampError):
    """An app has neither defaults for everything nor any documented answers."""

    id = "completeness.nothing-to-render"
    exit_code = ExitCode.PREFLIGHT
    message = "Nothing was packed: {app} {version} has no answers to be rendered with ({problem})."
    remedy = "Document answers in the app's folder answers/, or give every field a default."


@dataclass(frozen=True)
class Subject:
    """One version of an app.

    `cases` leads from the name of answers to the chart's values made of them, `images` from the
    references of its components to digests; `excused` are texts that are no images. `kubernetes`
    and `api_versions` say for which clusters to render.
    """

    app: str
    version: str
    chart: bytes = field(repr=False)
    cases: Mapping[str, Mapping[str, Any]] = field(repr=False, hash=False)
    images: Mapping[str, Digest] = field(repr=False, hash=False)
    excused: frozenset[str] = frozenset()
    kubernetes: tuple[str, ...] = ()
    api_versions: tuple[str, ...] = ()

    @property
    def release(self) -> str:
        """The release name and namespace to render with."""
        return release_name(self.app)


def read_subject(source: AppSource, entry: AppEntry, blobs: BlobStore) -> Subject:
    """Raises NothingToRender, and the errors of forms, answers, templates and values."""
    where = f"{entry.name} {entry.version}"
    schema, hints, template = (
        app_file(blobs, entry, title) for title in (entry.form, entry.hints, entry.values)
    )
    form = Form.from_bytes(schema, hints, where)
    cases = {
        name: values_of(entry, template, name, answers)
        for name, answers in _answers(entry, form, blobs).items()
    }
    return Subject(
        app=entry.name,
        version=entry.version,
        chart=app_chart(blobs, entry),
        cases=cases,
        images=entry.images,
        excused=frozenset(source.not_images),
        kubernetes=source.kubernetes,
        api_versions=source.api_versions,
    )


def values_of(
    entry: AppEntry, template: bytes, name: str, answers: Mapping[str, Any]
) -> dict[str, Any]:
    """The chart's values for answers of that name; raises what `render_values` raises."""
    release = release_name(entry.name)
    return render_values(
        template,
        answers=answers,
        components=dict(entry.components),
        release={"name": release, "namespace": release},
        where=f"{entry.name} {entry.version}, {name}",
    )


def known_answers(
    entry: AppEntry, form: Form, blobs: BlobStore
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The defaults where they suffice, then every documented set, completed; named."""
    complete = form.complete({}, None, "x".__mul__)
    if not form.problems(complete):
        yield DEFAULTS, complete
    for name, title in entry.examples.items():
        given = parse_answers(app_file(blobs, entry, title), title, form)
        yield name, form.complete(given, None, "x".__mul__)


def _answers(entry: AppEntry, form: Form, blobs: BlobStore) -> dict[str, dict[str, Any]]:
    found = dict(known_answers(entry, form, blobs))
    if not found:
        problem = form.problems(form.complete({}, None, "x".__mul__))[0]
        raise NothingToRender(app=entry.name, version=entry.version, problem=problem)
    return found


def release_name(app: str) -> str:
    """An app's name as one of Kubernetes."""
    return app.replace(".", "-")[:40].strip("-")
