"""The Orthanc preset: its form, its template and its chart's schema agree with each other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from champ_offline.bundle.charts import chart_artifact, pack_chart
from champ_offline.catalog.answers import read_answers
from champ_offline.catalog.artifact import read_app, write_app
from champ_offline.catalog.entry import AppSource
from champ_offline.catalog.form import Form
from champ_offline.catalog.values import render_values
from champ_offline.events import ignore
from champ_offline.helm.remote import OfflineRenderer
from champ_offline.oci.digest import Digest
from champ_offline.release.images.completeness import prove
from champ_offline.release.images.subject import read_subject
from champ_offline.store.blobs import BlobStore

APP = AppSource.from_file(Path(__file__).parents[3] / "appstore_catalog" / "orthanc" / "app.yaml")
CHART_SCHEMA = json.loads((APP.chart / "values.schema.json").read_text("utf-8"))
RELEASE = {"name": "pacs", "namespace": "imaging"}


@pytest.fixture
def form() -> Form:
    schema, hints = ((APP.folder / name).read_bytes() for name in (APP.form, APP.hints))
    return Form.from_bytes(schema, hints, "orthanc")


def values(answers: dict[str, Any], version: str = "1.12.7") -> dict[str, Any]:
    return render_values(
        (APP.folder / APP.values).read_bytes(),
        answers=answers,
        components=APP.components(version),
        release=RELEASE,
        where="orthanc",
    )


def test_nothing_but_defaults_is_an_installable_pacs(form: Form) -> None:
    answers = form.complete({}, None, "x".__mul__)
    assert form.problems(answers) == ()
    Draft202012Validator(CHART_SCHEMA).validate(values(answers))


def test_everything_answered_passes_the_charts_own_schema(form: Form) -> None:
    given = {
        "aeTitle": 'CT "A" #1',
        "name": "影像中心: {{ 1 }}",
        "encoding": "Utf8",
        "dicomNodePort": 30104,
        "httpNodePort": 30842,
        "modalities": [{"name": "ct-1", "aeTitle": "CT1", "host": "10.0.0.5", "port": 11112}],
        "onlyListed": True,
        "users": [{"name": "ada"}, {"name": "null"}],
        "imageStorage": "2Ti",
        "databaseStorage": "20Gi",
        "storageClass": "fast",
        "timezone": "Etc/UTC",
        "allowedNetworks": ["10.1.0.0/16"],
    }
    answers = form.complete(given, None, "x".__mul__)
    assert form.problems(answers) == ()
    found = values(answers)
    Draft202012Validator(CHART_SCHEMA).validate(found)
    assert found["orthanc"]["name"] == given["name"]
    assert [user["name"] for user in found["orthanc"]["users"]] == ["ada", "null"]
    assert found["service"] == {"dicomNodePort": 30104, "httpNodePort": 30842}


@pytest.mark.parametrize(
    ("answer", "path"),
    [
        ({"aeTitle": "A\\B"}, "aeTitle"),
        ({"aeTitle": " CT"}, "aeTitle"),
        ({"aeTitle": "12345678901234567"}, "aeTitle"),
        ({"dicomNodePort": 104}, "dicomNodePort"),
        ({"imageStorage": "10GB"}, "imageStorage"),
        ({"allowedNetworks": ["10.0.0.0"]}, "allowedNetworks[0]"),
        (
            {"modalities": [{"name": "a", "aeTitle": "A", "host": "300.1.1.1", "port": 1}]},
            "modalities[0].host",
        ),
        ({"users": []}, "users"),
        ({"users": [{"name": "Ada Lovelace"}]}, "users[0].name"),
        ({"users": [{"name": "ada", "password": "short"}]}, "users[0].password"),
    ],
)
def test_a_wrong_answer_is_told_at_its_place(form: Form, answer: dict[str, Any], path: str) -> None:
    answers = form.complete(answer, None, "x".__mul__)
    assert [problem.path for problem in form.problems(answers)] == [path]


def test_an_upgrade_keeps_every_password(form: Form) -> None:
    before = form.complete({}, None, "x".__mul__)
    after = form.complete({"users": [{"name": "new"}, {"name": "admin"}]}, before, "y".__mul__)
    assert [user["password"][0] for user in after["users"]] == ["y", "x"]
    assert after["databasePassword"] == before["databasePassword"]


def test_passwords_are_the_only_secrets(form: Form) -> None:
    assert sorted(form.secrets()) == ["databasePassword", "users[].password"]


@pytest.mark.parametrize("version", sorted(APP.versions))
def test_each_version_names_its_own_images(form: Form, version: str) -> None:
    answers = form.complete({}, None, "x".__mul__)
    assert values(answers, version)["images"] == dict(APP.components(version))


def test_every_field_is_said_in_both_languages(form: Form) -> None:
    english, chinese = form.fields("en"), form.fields("zh")
    assert all(ours.title != theirs.title for ours, theirs in zip(english, chinese, strict=True))


def test_documented_answers_are_in_both_readmes_and_install_a_pacs(form: Form) -> None:
    assert len(APP.examples) >= 2
    for title in APP.examples:
        answers = form.complete(read_answers(APP.folder / title, form), None, "x".__mul__)
        assert form.problems(answers) == ()
        Draft202012Validator(CHART_SCHEMA).validate(values(answers))
        for readme in APP.readme.values():
            assert f"`{Path(title).stem}`" in (APP.folder / readme).read_text("utf-8")


@pytest.mark.parametrize("version", sorted(APP.versions))
def test_it_proves_complete(version: str, tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path)
    images = {image: Digest.of(image.encode()) for image in APP.components(version).values()}
    chart = chart_artifact(pack_chart(APP.chart, version), blobs)
    entry = read_app(blobs.read, write_app(APP, version, chart, images, blobs))
    with OfflineRenderer() as renderer:
        proof = prove((read_subject(APP, entry, blobs),), images, renderer, ignore)
    assert [case.answers for case in proof.cases] == ["defaults", *entry.examples]
    for case in proof.cases:
        assert (case.images, case.refused) == (tuple(sorted(images)), 0)
