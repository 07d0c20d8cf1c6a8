"""Values templates: what they may use, what is said of a broken one, and hostile ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from champ_offline.catalog.template_process import TemplateProcess, TemplateTooCostly
from champ_offline.catalog.values import (
    TemplateBroken,
    ValuesMalformed,
    check_template,
    render_values,
)

ANSWERS = {
    "title": 'PACS: "A"\n# no comment {{ 7 * 7 }}',
    "password": "correct-horse",
    "users": [{"name": "ada"}, {"name": "null"}],
}


def render(template: str, answers: dict[str, Any] | None = None) -> dict[str, Any]:
    return render_values(
        template.encode(),
        answers=ANSWERS if answers is None else answers,
        components={"orthanc": "champ.local/orthanc:1.10.1"},
        release={"name": "pacs", "namespace": "imaging"},
        where="orthanc 1.10.1",
    )


def test_answers_components_and_release_become_values() -> None:
    assert render(
        "title: {{ answers.title | json }}\n"
        "image: {{ components.orthanc | json }}\n"
        "host: {{ (release.name ~ '.' ~ release.namespace) | json }}\n"
        "users:\n"
        "{% for user in answers.users %}\n"
        "  - {{ user.name | json }}\n"
        "{% endfor %}\n"
        "tls: {{ (answers.tls is defined) | json }}\n"
    ) == {
        "title": ANSWERS["title"],
        "image": "champ.local/orthanc:1.10.1",
        "host": "pacs.imaging",
        "users": ["ada", "null"],
        "tls": False,
    }


@pytest.mark.parametrize(
    "text",
    ["", "null", "1", "a: b", "- x", "\x00\x07", "\x85\u2028\ufeff", "影像 🩻", "\ud800", "'"],
)
def test_the_json_filter_keeps_every_text_a_text(text: str) -> None:
    assert render("a: {{ answers.x | json }}\n", {"x": text}) == {"a": text}
    assert render("a: {{ answers | json }}\n", {"x": [text]}) == {"a": {"x": [text]}}


@pytest.mark.parametrize(
    ("template", "line", "part"),
    [
        ("a: 1\nb: {{ answers.nothing }}\n", 2, "nothing"),
        ("a: 1\nb: {{ answers.nothing | json }}\n", 2, "nothing"),
        ("a: 1\n\nb: {{ nobody }}\n", 3, "nobody"),
        ("a: 1\nb: {% if %}\n", 2, "Expected an expression"),
        ("a: {{ 1 / 0 }}\n", 1, "a calculation has no result"),
        ("a: {{ answers.password | int + {} }}\n", 1, "do not go together"),
        ("a: 1\n{% include '/etc/passwd' %}\n", 2, "/etc/passwd"),
        ("a: {{ 1 | nofilter }}\n", 1, "nofilter"),
    ],
)
def test_a_broken_template_is_refused_with_its_line(template: str, line: int, part: str) -> None:
    with pytest.raises(TemplateBroken) as caught:
        render(template)
    assert caught.value.fields["line"] == line
    assert part in str(caught.value)


@pytest.mark.parametrize(
    "template",
    [
        "a: {{ answers[answers.password] }}",
        "a: {{ answers.password | attr(answers.password) }}",
        "a: {{ range(answers.password) }}",
        "a: {{ {}[answers.password] }}",
    ],
)
def test_no_error_shows_an_answer(template: str) -> None:
    with pytest.raises(TemplateBroken) as caught:
        render(template)
    assert "correct-horse" not in str(caught.value)


@pytest.mark.parametrize(
    "template",
    [
        "a: {{ ''.__class__.__mro__ }}",
        "a: {{ ''['__class__'] }}",
        "a: {{ (''|attr('__class__')) }}",
        "a: {{ '{0.__class__.__mro__}'.format('') }}",
        "a: {{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "a: {{ lipsum.__globals__['os'] }}",
        "a: {{ self.__init__.__globals__ }}",
        "a: {{ answers.update({'x': 1}) }}",
        "a: {{ (answers.users).append(1) }}",
        "a: {{ [x for x in ().__class__.__base__.__subclasses__()] }}",
        "{% import 'os' as os %}a: {{ os }}",
        "a: {{ lipsum(n=10000000) }}",
        "a: {{ [1, 2]|random }}",
    ],
)
def test_a_template_cannot_leave_its_sandbox(template: str) -> None:
    with pytest.raises(TemplateBroken):
        render(template)


@pytest.mark.parametrize(
    "template",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}a: 1",
        "a: {{ 'x' * 100000000000 }}",
        "a: {{ 'x' * 2000000 }}",
        "a: {{ 'x'|center(1000000000) }}",
        "a: {{ '%1000000000d'|format(1) }}",
        "{% for a in range(99999) %}aaaaaaaaaaaaaaaa{% endfor %}",
        "{% set n = namespace(s='x') %}{% for a in range(60) %}{% set n.s = n.s~n.s %}{% endfor %}",
        "a: {{ 9 ** (9 ** 9) }}",
    ],
)
def test_a_costly_template_is_ended(template: str) -> None:
    with pytest.raises(TemplateTooCostly):
        render(template)


def test_the_working_folder_gives_the_child_no_modules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "jinja2.py").write_text("raise SystemExit(7)")
    monkeypatch.chdir(tmp_path)
    assert render("a: 1") == {"a": 1}


def test_a_range_beyond_the_sandbox_is_refused() -> None:
    with pytest.raises(TemplateBroken):
        render("{% for a in range(10**9) %}{% endfor %}a: 1")


@pytest.mark.parametrize(
    "template", ["", "- a\n", "text", "a: [", "a: 1\na: 2\n", "a: &x 1\nb: *x\n"]
)
def test_output_that_is_no_table_is_refused(template: str) -> None:
    with pytest.raises(ValuesMalformed, match="orthanc"):
        render(template)


def test_a_template_is_checked_without_being_rendered() -> None:
    check_template(b"a: {{ answers.anything }}", "values.yaml.j2")
    with pytest.raises(TemplateBroken, match="line 2"):
        check_template(b"a: 1\nb: {{ answers.", "values.yaml.j2")
    with pytest.raises(TemplateBroken, match="UTF-8"):
        check_template(b"\xff", "values.yaml.j2")


def serve(process: TemplateProcess, template: bytes, **answers: object) -> dict[str, Any]:
    return render_values(
        template, answers=answers, components={}, release={}, where="an app", process=process
    )


def test_one_process_serves_many_and_no_request_meets_another() -> None:
    with TemplateProcess() as process:
        for number in range(3):
            assert serve(process, b"a: {{ answers.a }}", a=number) == {"a": number}
            with pytest.raises(TemplateBroken, match="line 1"):
                serve(process, b"a: {{ answers.b }}", a=number)
        started = process._process
        assert started is not None
        assert serve(process, b"a: 1") == {"a": 1}
        assert process._process is started
    assert started.poll() is not None


def test_what_one_template_costs_is_not_taken_from_the_next() -> None:
    costly = b"{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    with TemplateProcess() as process:
        with pytest.raises(TemplateTooCostly):
            serve(process, costly)
        large = "x" * 500_000
        assert serve(process, b"a: {{ answers.a | json }}", a=large) == {"a": large}


def test_a_process_that_was_killed_is_told_and_started_anew() -> None:
    with TemplateProcess() as process:
        serve(process, b"a: 1")
        assert process._process is not None
        process._process.kill()
        process._process.wait()
        assert serve(process, b"a: 2") == {"a": 2}


def test_answers_do_not_stay_in_the_process() -> None:
    secret = "a-secret-of-this-test"
    with TemplateProcess() as process:
        assert serve(process, b"a: {{ answers.a }}", a=secret) == {"a": secret}
        assert process._process is not None
        assert secret not in memory_of(process._process.pid)


def test_a_process_ends_with_its_input_whatever_that_is() -> None:
    words = [sys.executable, "-m", "champ_offline.catalog.values_child"]
    ended = subprocess.run(
        words, stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=True
    )
    assert (ended.stdout, ended.stderr) == (b"", b"")


def memory_of(pid: int) -> str:
    """All that a process can write to."""
    text = []
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, rights = line.split()[:2]
            if rights.startswith("rw") and "[v" not in line:
                first, last = (int(one, 16) for one in span.split("-"))
                memory.seek(first)
                text.append(memory.read(last - first).decode("latin-1"))
    return "".join(text)
