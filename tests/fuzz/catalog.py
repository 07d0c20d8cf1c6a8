"""Apps: manifest and entry, form and answers, and the YAML that values and answers are."""

from __future__ import annotations

from contextlib import suppress

from champ_offline.catalog.answers import parse_answers
from champ_offline.catalog.artifact import TITLE, app_file, read_app
from champ_offline.catalog.data_parts import Command, DataPart, Workload
from champ_offline.catalog.entry import LANGUAGES, AppEntry, said
from champ_offline.catalog.form import Form, FormField
from champ_offline.catalog.patterns import NotAPattern, Pattern
from champ_offline.catalog.upgrades import Rule, Upgrades
from champ_offline.catalog.versions import Order, Range
from champ_offline.catalog.yaml_text import block
from champ_offline.durable import typed_yaml
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import encode, image_manifest
from champ_offline.store.blobs import BlobStore
from tests.fuzz.mutation import PART, json_mutator
from tests.fuzz.target import HERE, Target, scratch

_PRESET = HERE.parents[1] / "appstore_catalog" / "orthanc"
_CHART = Descriptor(media_types.IMAGE_MANIFEST, Digest("1" * 64), 3)
_IMAGE = "champ.local/web:1"
_WHY = {"en": "The index changes", "zh": "索引的格式会改变，请注意"}
_FILES = ("form.schema.json", "form.json", "values.yaml.j2", "README.md", "README.zh.md")
_DATABASE = Workload("StatefulSet", name="{{release}}-db")
_SAVE = Command(_DATABASE, "db", ("dump", "-a"))
_RESTORE = Command(_DATABASE, "db", ("load",), (Workload("Deployment", component="web"),))
_ENTRY = AppEntry(
    "demo", "1", {"en": "Demo", "zh": "演示"}, {"en": "A demo", "zh": "演示"}, "imaging", _CHART,
    {_IMAGE: Digest("2" * 64)}, {"web": _IMAGE}, *_FILES[:3], {"en": _FILES[3], "zh": _FILES[4]},
    upgrades=Upgrades(Order.SEMVER, (
        Rule(Range.parse(">=2.0.0"), _WHY, Range.parse(">=1.5.0,<2.0.0"), "1.5.0", back=False),
    )),
    data=(DataPart("index", _SAVE, _RESTORE),),
)  # fmt: skip


def read_app_artifact(data: bytes) -> None:
    """A manifest and the entry it leads to, in a store that holds both."""
    manifest, _, config = data.partition(PART)
    old = str(Digest.of(_ENTRY.to_bytes())).encode()
    blobs = BlobStore(scratch() / "blobs")
    try:
        manifest = manifest.replace(old, str(blobs.add(config)).encode())
        blobs.add(b"a file")
        where = Descriptor(media_types.IMAGE_MANIFEST, blobs.add(manifest), len(manifest))
        entry = read_app(blobs.read, where)
        again = AppEntry.from_bytes(entry.to_bytes(), "input")
        assert again.to_bytes() == entry.to_bytes()
        for language in LANGUAGES:
            said(entry.title, language)
        for title in entry.files:
            app_file(blobs, entry, title)
    finally:
        for digest in list(blobs):
            blobs.remove(digest)


def read_form(data: bytes) -> None:
    """Schema, hints and documented answers."""
    schema, hints, answers = (*data.split(PART), b"", b"")[:3]
    form = Form.from_bytes(schema, hints, "input")
    for language in LANGUAGES:
        for field in form.fields(language):
            _look_at(field)
    defaults = form.complete(form.defaults(), None, "x".__mul__)
    form.problems(defaults)
    form.masked(defaults)
    given = form.complete(parse_answers(answers, "input", form), defaults, "x".__mul__)
    for secret in form.secrets():
        assert form.is_secret(secret)
    for problem in form.problems(given):
        assert str(problem)
    form.masked(given)


def _look_at(field: FormField) -> None:
    assert field.name is not None
    assert field.title is not None
    if field.condition:
        field.condition.holds({})
        str(field.condition)
    for item in field.items:
        _look_at(item)


def read_pattern(data: bytes) -> None:
    """A pattern and a text; ends soon, whichever they are."""
    pattern, _, text = data.decode("utf-8", "replace").partition(PART.decode())
    with suppress(NotAPattern):
        Pattern(pattern).is_in(text)


def read_yaml(data: bytes) -> None:
    """What a template rendered to, or answers say; what is written reads back the same."""
    root = typed_yaml.parse(data, "input")
    plain = root.plain()
    if isinstance(plain, dict):
        assert typed_yaml.parse(block(plain).encode(), "input").plain() == plain
    for _key, node in root.entries():
        node.text()


def _app_seeds() -> dict[str, bytes]:
    config = _ENTRY.to_bytes()
    file = Digest.of(b"a file")
    layers = [Descriptor(media_types.APP_FILE, file, 6, {TITLE: name}) for name in _FILES]
    manifest = image_manifest(
        Descriptor(media_types.APP_CONFIG, Digest.of(config), len(config)),
        layers,
        artifact_type=media_types.APP,
    )
    return {"demo": PART.join((manifest, config))}


def _form_seeds() -> dict[str, bytes]:
    text = {"type": "string", "pattern": "^[a-z]{1,9}$", "minLength": 1, "default": "a"}
    user = {"type": "object", "properties": {"name": text, "key": {"type": "string"}}}
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "tls": {"type": "boolean", "default": False},
            "port": {"type": "integer", "minimum": 1, "maximum": 9, "multipleOf": 2, "default": 4},
            "mode": {"type": "string", "enum": ["fast", "safe"], "default": "safe"},
            "ratio": {"type": "number", "exclusiveMinimum": 0},
            "users": {"type": "array", "items": user, "maxItems": 3, "uniqueItems": True},
        },
        "required": ["mode"],
        "dependentRequired": {"ratio": ["port"]},
        "if": {"properties": {"tls": {"const": True}}, "required": ["tls"]},
        "then": {"properties": {"host": text}, "required": ["host"]},
    }
    hints = {
        "ui:order": ["mode", "*"],
        "mode": {"ui:widget": "radio", "ui:title": {"en": "Mode", "zh": "模式"}},
        "users": {
            "items": {"key": {"ui:widget": "password", "ui:options": {"generate": 16}}},
        },
    }
    answers = {"tls": True, "host": "b", "users": [{"name": "c"}], "port": 2}
    preset = [(_PRESET / name).read_bytes() for name in ("form.schema.json", "form.json")]
    return {
        "small": PART.join((encode(schema), encode(hints), encode(answers))),
        "preset": PART.join((*preset, b"{}")),
    }


def _pattern_seeds() -> dict[str, bytes]:
    return {
        "preset": b"^[!-\\[\\]-~]([ -\\[\\]-~]{0,14}[!-~])?$\0A B",
        "nested": b"^(?:(a+|[^\\d-z\\x41]?)*?b{1,2}|.\\u{41}|\\W){3,}$\0aab",
    }


def _yaml_seeds() -> dict[str, bytes]:
    return {
        "answers": b'a: 1\nb:\n  - "x\\u00e9"\n  - {c: null, d: 1.5e3, e: ~}\nf: |\n  g\n  h\n',
        "values": b"image: champ.local/web:1\nenv: [{name: A, value: 'yes'}]\n",
    }


TARGETS = (
    Target("app", read_app_artifact, _app_seeds, json_mutator()),
    Target("form", read_form, _form_seeds, json_mutator()),
    Target("patterns", read_pattern, _pattern_seeds),
    Target("yaml", read_yaml, _yaml_seeds, json_mutator()),
)
