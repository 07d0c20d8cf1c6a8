"""Runs `champ` commands by the dozen: each a process of its own, forked from one that has loaded.

Most of a short command's time is spent importing the library. Here one process has imported it and
does nothing else; for every command it forks a child, which gets its folder, environment and
streams as a command started anew has them, and ends as that ends. Invariant: no verb is loaded
before the fork, for its texts are in the language of the command; and this process has no threads.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from select import select

from installer.__main__ import main
from tests.architecture.source import ROOT

ENTRY = "installer/__main__.py"
MOST_SECONDS = 300
GO = "champ_offline.helm.sdk"  # begins with threads; it runs in processes of its own anyway


def run(
    words: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run `champ` with `words` in `folder`, without an input; what it said and how it ended."""
    loaded = _loaded()
    assert loaded.stdin is not None
    assert loaded.stdout is not None
    with tempfile.TemporaryDirectory(prefix="champ-cli-") as name:
        streams = [Path(name, stream) for stream in ("out", "err")]
        asked = {"words": words, "folder": str(folder), "environment": dict(environment),
                 "streams": [str(path) for path in streams]}  # fmt: skip
        loaded.stdin.write(json.dumps(asked) + "\n")
        loaded.stdin.flush()
        if not select([loaded.stdout], [], [], MOST_SECONDS)[0]:
            os.killpg(loaded.pid, signal.SIGKILL)
            raise AssertionError(f"champ {shlex.join(words)} does not end")
        code = int(loaded.stdout.readline())
        out, err = (path.read_text(encoding="utf-8") for path in streams)
    return subprocess.CompletedProcess(words, code, out, err)


@cache
def _loaded() -> subprocess.Popen[str]:
    """The process that has the library loaded; it ends with its input, which is ours."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.cli.loaded"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    atexit.register(process.communicate)
    return process


def load() -> None:
    """Import the library; raises AssertionError if that starts a thread, which no fork keeps."""
    library = importlib.import_module("champ_offline")
    for module in pkgutil.walk_packages(library.__path__, "champ_offline."):
        if module.name != GO:
            importlib.import_module(module.name)
    assert len(list(Path("/proc/self/task").iterdir())) == 1
    gc.freeze()  # what is shared with the children is not theirs to take down one by one


def serve() -> None:
    """Fork a command for every line that asks for one, and answer with how it ended."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            become(**json.loads(line))
            return
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(code, flush=True)


def become(words: list[str], folder: str, environment: dict[str, str], streams: list[str]) -> None:
    """Go on as the command: its streams, its folder, its environment, its exit code."""
    for number, path in enumerate([os.devnull, *streams]):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT if number else os.O_RDONLY)
        os.dup2(opened, number)
        os.close(opened)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [str(ROOT / ENTRY), *words]
    sys.exit(main())


if __name__ == "__main__":
    load()
    serve()
