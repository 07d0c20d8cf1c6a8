"""The child process in which values templates are rendered, each with its time and memory limited.

Invariant: whatever a template does, it costs at most `SECONDS` of processor time, `MEMORY` bytes
and `LARGEST` characters of output; equal requests get equal replies; only JSON goes in and out, and
no text of an answer leaves in a fault. The process itself reads no request: each is read by a fork
made for it, which limits itself and ends with it, so no answer is left behind for the next.

On standard input each request follows its length (8 bytes, the highest first). On standard output
comes the reply, if there is one, in one line, then in another how the fork ended: 0, a status above
it, or a signal below it.

    request  {"template": "...", "context": {"answers": {...}, ...}}; no context: only look at it
    reply    {"text": "..."}  or  {"fault": {"code": "template", "line": 3, "reason": "..."}}
             where the reason is not Jinja's, its "phrase" and the "fields" of that as well
    codes    template (it is wrong), size (output or memory), and none at all when it was ended
"""

from __future__ import annotations

import json
import os
import resource
import select
import struct
from collections.abc import Iterator
from types import TracebackType
from typing import Any

from champ_offline.errors import Phrase

# How a frozen executable, which has no `-m`, is told to be the child.
CHILD_WORD = "values-child"
SECONDS = 3
MEMORY = 512 * 1024 * 1024
LARGEST = 1024 * 1024
_INPUT, _OUTPUT = 0, 1
_HEAD = 8
# The status of a fork that had nothing to read; 1 is that of one that failed.
_AT_END = 3
_FILE = "<template>"
_SHOWN = 200
_SHORTEST_SECRET = 4


def main() -> None:
    """Answer every request on standard input, until its end."""
    # An ended process must not leave the answers behind in a core file.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Imported before any limit: it is the templates that must be frugal.
    import jinja2.sandbox  # noqa: F401

    import champ_offline.catalog.yaml_text  # noqa: F401

    coming = select.poll()
    coming.register(_INPUT, select.POLLIN)
    # Without anything to read the other end is closed.
    while coming.poll()[0][1] & select.POLLIN:
        fork = os.fork()
        if fork == 0:
            # What an interpreter does at its end would be done for each request.
            os._exit(0 if _serve() else _AT_END)
        status = os.waitstatus_to_exitcode(os.waitpid(fork, 0)[1])
        if status == _AT_END:
            return
        os.write(_OUTPUT, b"%d\n" % status)


def _serve() -> bool:
    """Answer one request, in a process for it alone; False where the input has come to its end."""
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 1))
    head = _taken(_HEAD)
    if not head:
        return False
    request = json.loads(_taken(struct.unpack(">Q", head)[0]))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    reply = memoryview(json.dumps(_answer(request)).encode() + b"\n")
    while reply:
        reply = reply[os.write(_OUTPUT, reply) :]
    return True


def _taken(size: int) -> bytes:
    """So many bytes of standard input, unbuffered: what follows is the next fork's."""
    found = bytearray()
    while len(found) < size and (piece := os.read(_INPUT, size - len(found))):
        found += piece
    return bytes(found)


def _failure(error: Exception) -> Phrase:
    """Why an expression failed, without the error's own text."""
    match error:
        case ArithmeticError():
            return Phrase("an expression failed: a calculation has no result")
        case AttributeError() | LookupError():
            return Phrase("an expression failed: it asks for something that is not there")
        case RecursionError():
            return Phrase("an expression failed: it is nested too deeply")
        case TypeError():
            return Phrase("an expression failed: values of these kinds do not go together")
    return Phrase("an expression failed: a value cannot be used")


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    from jinja2 import TemplateError

    context = request.get("context")
    try:
        return _rendered(request["template"], context)
    except MemoryError:
        return _fault("size", 0, Phrase("it needs too much memory"))
    except TemplateError as error:
        reason = str(error.message or "it is malformed")
        return _fault("template", _line(error), _without_answers(reason, context))
    # What an expression of a template can raise besides; their texts may quote an answer.
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as e:
        return _fault("template", _line(e), _failure(e))


def _rendered(template: str, context: dict[str, Any] | None) -> dict[str, Any]:
    from jinja2 import DictLoader, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=False,  # YAML, not HTML; the json filter quotes
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=DictLoader({}),
    )
    environment.filters["json"] = _json
    # Values are rendered again for every plan and must not differ by chance.
    del environment.filters["random"], environment.globals["lipsum"]
    compiled = environment.from_string(template)
    if context is None:
        return {"text": ""}
    parts: list[str] = []
    size = 0
    for part in compiled.generate(context):
        size += len(part)
        if size > LARGEST:
            return _fault("size", 0, Phrase("it gives more than {limit} characters", limit=LARGEST))
        parts.append(part)
    return {"text": "".join(parts)}


def _json(value: object) -> str:
    from jinja2 import Undefined

    from champ_offline.catalog.yaml_text import quoted

    # An undefined value's text is its error, which names it.
    return str(value) if isinstance(value, Undefined) else quoted(value)


def _fault(code: str, line: int, reason: str) -> dict[str, Any]:
    ours = (
        {"phrase": reason.template, "fields": dict(reason.fields)}
        if isinstance(reason, Phrase)
        else {}
    )
    return {"fault": {"code": code, "line": line, "reason": reason[:_SHOWN], **ours}}


def _line(error: BaseException) -> int:
    """The template's line: of the error itself, or the last one that ran."""
    line = int(getattr(error, "lineno", None) or 0)
    trace: TracebackType | None = None if line else error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == _FILE:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _without_answers(reason: str, context: dict[str, Any] | None) -> str:
    """Jinja names what it did not find; a template may have looked for an answer's text."""
    found = {
        text for text in _texts((context or {}).get("answers")) if len(text) >= _SHORTEST_SECRET
    }
    return "a value is undefined or refused" if any(text in reason for text in found) else reason


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


if __name__ == "__main__":
    main()
