"""values.yaml.j2 and the answers become the chart's values.

Invariant: the template is data from a bundle: it runs in jinja2's sandbox in a child process of
limited time and memory, and its output counts only when `typed_yaml` reads it as one table. Answers
reach the child through a pipe, never by argument or environment.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from champ_offline.catalog.values_child import CHILD_WORD
from champ_offline.durable import typed_yaml
from champ_offline.errors import ChampError, ExitCode

_CHILD_MODULE = "champ_offline.catalog.values_child"
_SOURCE = Path(__file__).resolve().parents[2]
# More than the child's processor time: a busy machine may give it little.
_PATIENCE = 30.0


class TemplateBroken(ChampError):
    """A values template has an error, or uses a name that it is not given."""

    id = "catalog.template-broken"
    exit_code = ExitCode.PREFLIGHT
    message = "{where}, line {line}: {reason}."
    remedy = "Correct the app's values template and pack the bundle again."


class TemplateTooCostly(ChampError):
    """A values template runs too long, or needs or gives too much."""

    id = "catalog.template-too-costly"
    exit_code = ExitCode.PREFLIGHT
    message = "{where} was ended: {reason}."
    remedy = "Do not use this app; ask whoever made it to correct its values template."


class ValuesMalformed(ChampError):
    """A values template rendered to something that is not a table."""

    id = "catalog.values-malformed"
    exit_code = ExitCode.PREFLIGHT
    message = "{where} does not render to a YAML table: {reason}."
    remedy = "Correct the app's values template and pack the bundle again."


class TemplateProcessFailed(ChampError):
    """The child process in which templates are rendered does not work."""

    id = "catalog.template-process-failed"
    exit_code = ExitCode.INTERNAL
    message = "{where} could not be rendered: the process for it ended ({reason})."
    remedy = "Check this installation with `champ doctor`."


def render_values(
    template: bytes,
    *,
    answers: Mapping[str, Any],
    components: Mapping[str, str],
    release: Mapping[str, str],
    where: str,
) -> dict[str, Any]:
    """The chart's values; `release` has name and namespace, `where` names the template in errors.

    Raises TemplateBroken, TemplateTooCostly, ValuesMalformed, TemplateProcessFailed.
    """
    context = {"answers": answers, "components": components, "release": release}
    text = _ask(template, context, where)
    try:
        node = typed_yaml.parse(text.encode("utf-8", "surrogatepass"), where)
        return {name: value.plain() for name, value in node.entries()}
    except typed_yaml.WrongValue as error:
        raise ValuesMalformed(where=where, reason="it is a list or a single value") from error
    except ChampError as error:
        raise ValuesMalformed(where=where, reason=str(error).rstrip(".")) from error


def check_template(template: bytes, where: str) -> None:
    """Refuse a template that cannot be compiled; raises TemplateBroken."""
    _ask(template, None, where)


def _ask(template: bytes, context: Mapping[str, Any] | None, where: str) -> str:
    try:
        request = {"template": template.decode(), "context": context}
    except UnicodeDecodeError as error:
        raise TemplateBroken(where=where, line=1, reason="it is not text in UTF-8") from error
    done = _run(json.dumps(request).encode(), where)
    if done.returncode < 0:
        raise TemplateTooCostly(where=where, reason=f"it ran too long (signal {-done.returncode})")
    if done.returncode > 0:
        raise TemplateProcessFailed(where=where, reason=f"status {done.returncode}")
    return _text(json.loads(done.stdout), where)


def _run(request: bytes, where: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            [sys.executable, *_arguments()],
            input=request,
            capture_output=True,
            timeout=_PATIENCE,
            env=_environment(),
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TemplateTooCostly(where=where, reason="it ran too long") from error
    except OSError as error:
        raise TemplateProcessFailed(where=where, reason=error.strerror) from error


def _text(reply: dict[str, Any], where: str) -> str:
    fault = reply.get("fault")
    if fault is None:
        return str(reply["text"])
    if fault["code"] == "size":
        raise TemplateTooCostly(where=where, reason=fault["reason"])
    raise TemplateBroken(where=where, line=fault["line"], reason=fault["reason"].rstrip("."))


def _arguments() -> list[str]:
    if getattr(sys, "frozen", False):
        return [CHILD_WORD]
    # -P: the working folder may be a stick, and no module may come from there.
    return ["-P", "-m", _CHILD_MODULE]


def _environment() -> dict[str, str]:
    """The parent's environment and this library's place."""
    places = [str(_SOURCE), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(places)}
