"""values.yaml.j2 and the answers become the chart's values.

Invariant: the template is data from a bundle: it runs in jinja2's sandbox in a process of limited
time and memory, and its output counts only when `typed_yaml` reads it as one table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from champ_offline.catalog.template_process import TemplateProcess, TemplateTooCostly
from champ_offline.durable import typed_yaml
from champ_offline.errors import ChampError, ExitCode, Phrase, Quoted


class TemplateBroken(ChampError):
    """A values template has an error, or uses a name that it is not given."""

    id = "catalog.template-broken"
    exit_code = ExitCode.PREFLIGHT
    message = "{where}, line {line}: {reason}."
    remedy = "Correct the app's values template and pack the bundle again."


class ValuesMalformed(ChampError):
    """A values template rendered to something that is not a table."""

    id = "catalog.values-malformed"
    exit_code = ExitCode.PREFLIGHT
    message = "{where} does not render to a YAML table: {reason}."
    remedy = "Correct the app's values template and pack the bundle again."


def render_values(
    template: bytes,
    *,
    answers: Mapping[str, Any],
    components: Mapping[str, str],
    release: Mapping[str, str],
    where: str,
    process: TemplateProcess | None = None,
) -> dict[str, Any]:
    """The chart's values; `release` has name and namespace, `where` names the template in errors.

    `process` serves many; without it one is started for this template alone. Raises TemplateBroken,
    TemplateTooCostly, ValuesMalformed, TemplateProcessFailed.
    """
    context = {"answers": answers, "components": components, "release": release}
    text = _ask(template, context, where, process)
    try:
        node = typed_yaml.parse(text.encode("utf-8", "surrogatepass"), where)
        return {name: value.plain() for name, value in node.entries()}
    except typed_yaml.WrongValue as error:
        raise ValuesMalformed(
            where=where, reason=Phrase("it is a list or a single value")
        ) from error
    except ChampError as error:
        raise ValuesMalformed(where=where, reason=error) from error


def check_template(template: bytes, where: str) -> None:
    """Refuse a template that cannot be compiled; raises TemplateBroken."""
    _ask(template, None, where)


def _ask(
    template: bytes,
    context: Mapping[str, Any] | None,
    where: str,
    process: TemplateProcess | None = None,
) -> str:
    try:
        request = {"template": template.decode(), "context": context}
    except UnicodeDecodeError as error:
        raise TemplateBroken(
            where=where, line=1, reason=Phrase("it is not text in UTF-8")
        ) from error
    if process is not None:
        return _text(process.ask(request, where), where)
    with TemplateProcess() as own:
        return _text(own.ask(request, where), where)


def _text(reply: dict[str, Any], where: str) -> str:
    fault = reply.get("fault")
    if fault is None:
        return str(reply["text"])
    reason = (
        Phrase(fault["phrase"], **fault["fields"])
        if "phrase" in fault
        else Quoted(fault["reason"].rstrip("."))
    )
    if fault["code"] == "size":
        raise TemplateTooCostly(where=where, reason=reason)
    raise TemplateBroken(where=where, line=fault["line"], reason=reason)
