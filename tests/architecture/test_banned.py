"""What the library must not do: talk, end the process, write files by hand, swallow errors."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.source import Source, sources

WRITING = set("wax+")
TALKING = {"print", "input", "breakpoint", "exit", "quit"}
MOVING = {
    "os.replace", "os.rename", "os.renames", "os.link", "shutil.move", "shutil.copy",
    "shutil.copyfile", "shutil.copy2", "shutil.copytree",
}  # fmt: skip
ENDING = {"sys.exit", "os._exit", "os.system", "os.popen", "sys.stdout.write", "sys.stderr.write"}
# A fork ends without what an interpreter does at its end: that is for the process it was made from.
FORKS = {"champ_offline/catalog/values_child.py": {"os._exit"}}
WRITERS = {"write_text", "write_bytes"}
CLOCKS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time"}
FRONT_ENDS = {"argparse", "click", "textual", "rich", "installer", "optparse"}


def library() -> tuple[Source, ...]:
    return sources("champ_offline")


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def opens_for_writing(call: ast.Call) -> bool:
    name = dotted(call.func).rsplit(".", 1)[-1]
    if name not in {"open", "fdopen"}:
        return False
    method = isinstance(call.func, ast.Attribute) and dotted(call.func) not in {
        "os.fdopen",
        "io.open",
    }
    position = 0 if method else 1
    if any(word.arg == "fileobj" for word in call.keywords):
        return False  # writes into a stream that somebody else opened
    modes = [word.value for word in call.keywords if word.arg == "mode"]
    modes += call.args[position : position + 1]
    return any(
        isinstance(mode, ast.Constant) and isinstance(mode.value, str) and WRITING & set(mode.value)
        for mode in modes
    )


def moves_a_path(call: ast.Call) -> bool:
    """`path.rename(target)`, `path.replace(target)`; text's `replace` takes two arguments."""
    if not isinstance(call.func, ast.Attribute) or dotted(call.func) in MOVING:
        return dotted(call.func) in MOVING
    one = len(call.args) + len(call.keywords) == 1
    return (
        one
        and call.func.attr in {"rename", "replace", "hardlink_to", "symlink_to"}
        and bool(call.args)
    )


def test_only_durable_writes_files() -> None:
    found = [
        source.at(call)
        for source in library()
        if "durable" not in source.path.parts
        for call in source.calls()
        if opens_for_writing(call) or moves_a_path(call) or _attribute(call) in WRITERS
    ]
    assert found == []


def test_the_library_neither_talks_nor_ends_the_process() -> None:
    found = [
        source.at(call)
        for source in library()
        for call in source.calls()
        if dotted(call.func) in TALKING | ENDING - FORKS.get(source.name, set())
    ]
    assert found == []


def test_one_module_alone_asks_what_time_it_is() -> None:
    found = {
        source.name
        for source in library()
        for call in source.calls()
        if dotted(call.func) in CLOCKS
    }
    assert found == {"champ_offline/clock.py"}


def test_the_library_imports_no_front_end() -> None:
    found = [f"{s.name}: {name}" for s in library() for name in _imports(s) if name in FRONT_ENDS]
    assert found == []


def test_the_template_engine_stops_at_two_modules() -> None:
    found = {s.name for s in sources("champ_offline", "installer") if "jinja2" in _imports(s)}
    assert found == {"champ_offline/catalog/values_child.py", "installer/report/page.py"}


def test_no_command_goes_through_a_shell() -> None:
    found = [
        source.at(call)
        for source in sources("champ_offline", "installer")
        for call in source.calls()
        for word in call.keywords
        if word.arg == "shell"
        and not (isinstance(word.value, ast.Constant) and not word.value.value)
    ]
    assert found == []


def test_no_error_is_swallowed_unseen() -> None:
    found = [
        source.at(handler.body[0])
        for source in sources("champ_offline", "installer")
        for handler in ast.walk(source.tree)
        if isinstance(handler, ast.ExceptHandler) and _catches_everything(handler)
    ]
    assert found == []


def test_no_sentence_names_a_class_of_python() -> None:
    """`type(error).__name__` says nothing to a person; events and nothing else are named by it."""
    found = {
        source.name
        for source in sources("champ_offline", "installer")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute)
        and node.attr == "__name__"
        and isinstance(node.value, ast.Call)
        and dotted(node.value.func) == "type"
    }
    assert found == {"champ_offline/events.py"}


@pytest.mark.parametrize(
    ("code", "banned"),
    [
        ("open(p, 'wb')", True),
        ("p.open('a')", True),
        ("open(p, mode='r+')", True),
        ("os.fdopen(h, 'w')", True),
        ("open(p, 'rb')", False),
        ("p.open()", False),
        ("store.open(digest)", False),
        ("tarfile.open(name, mode='w')", True),
        ("tarfile.open(fileobj=stream, mode='w')", False),
    ],
)
def test_the_rule_on_writing_sees_each_form(code: str, *, banned: bool) -> None:
    call = ast.parse(code, mode="eval").body
    assert isinstance(call, ast.Call)
    assert opens_for_writing(call) is banned


def _attribute(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _imports(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".", 1)[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".", 1)[0]


def _catches_everything(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    everything = any(dotted(kind) in {"Exception", "BaseException"} for kind in kinds)
    # Cleaning up and raising again hides nothing.
    last = handler.body[-1]
    return everything and not (isinstance(last, ast.Raise) and last.exc is None)
