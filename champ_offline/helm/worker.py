"""The parent's side of the child process: start it, ask it, end it.

Invariant: one call at a time; whatever the child does (a panic, a kill, silence) becomes a
ChampError here, and nothing secret is on its command line or in its environment.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from champ_offline.errors import Phrase, system_said
from champ_offline.helm.child import CHILD_VERB, KINDS_FOLDER, KINDS_PREFIX
from champ_offline.helm.faults import (
    EngineCancelled,
    EngineCrashed,
    EngineMissing,
    EngineStuck,
    fault,
)

_PIECE = 1 << 16
_LINES_KEPT = 200
_SHOWN = 300
# What a child said last is read when it has ended; whoever it left behind may hold the pipe open.
_LAST_WORDS_SECONDS = 5.0
_SOURCE = Path(__file__).resolve().parents[2]


class Worker:
    """One child process, started by the first call and again after it has died."""

    def __init__(self, kubeconfig: Path, command: Sequence[str] = ()) -> None:
        """`command` replaces the usual child (argv, the first item is the executable)."""
        self._kubeconfig = kubeconfig
        self._command = list(command)
        self._process: subprocess.Popen[bytes] | None = None
        self._talk: deque[str] = deque(maxlen=_LINES_KEPT)
        self._listener: threading.Thread | None = None
        self._buffer = b""
        self._kinds: tempfile.TemporaryDirectory[str] | None = None
        self._turn = threading.Lock()
        self._cancelled = threading.Event()

    def call(self, verb: str, arguments: dict[str, Any], seconds: float) -> Any:  # noqa: ANN401
        """The child's result; raises the errors of helm/faults.py."""
        request = {
            "verb": verb,
            "kubeconfig": str(self._kubeconfig),
            "arguments": arguments,
        }
        with self._turn:
            self._cancelled.clear()
            process = self._running()
            reply = self._ask(process, verb, json.dumps(request).encode() + b"\n", seconds)
        if (found := reply.get("fault")) is None:
            return reply["result"]
        raise fault(
            found["code"],
            found["detail"],
            release=str(arguments.get("release", "")),
            namespace=str(arguments.get("namespace", "")),
        )

    def cancel(self) -> None:
        """End the child, and with it the running call; the next one finds it gone."""
        self._cancelled.set()
        if (process := self._process) is not None:
            process.kill()
            process.wait()

    def close(self) -> None:
        """End an idle child by closing its input; a busy one ends by the same."""
        process, self._process, self._buffer = self._process, None, b""
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        process.wait()
        self._hear_out()
        if self._kinds is not None:
            self._kinds.cleanup()

    def _hear_out(self) -> None:
        if self._listener is not None:
            self._listener.join(_LAST_WORDS_SECONDS)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.close()
        self._talk.clear()
        executable, argv = self._invocation()
        self._kinds = tempfile.TemporaryDirectory(prefix=KINDS_PREFIX)
        try:
            self._process = subprocess.Popen(
                argv,
                executable=executable,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=_environment(self._kinds.name),
                start_new_session=True,  # Ctrl-C is for the parent to decide on
            )
        except OSError as error:
            self._kinds.cleanup()
            raise EngineMissing(
                reason=Phrase("{program}: {why}", program=executable, why=system_said(error))
            ) from error
        self._listener = threading.Thread(target=self._listen, args=(self._process,), daemon=True)
        self._listener.start()
        return self._process

    def _invocation(self) -> tuple[str, list[str]]:
        """The executable, and its arguments under the name of `helm`.

        Helm's library takes the name of the field manager for server-side apply from argv[0]; under
        any other name the official `helm` could not change these objects without a conflict.
        """
        if self._command:
            return self._command[0], self._command
        own = Path(sys.executable)
        frozen = getattr(sys, "frozen", False)
        # -P: the working folder may be a stick, and no module may come from there.
        arguments = [CHILD_VERB] if frozen else ["-P", "-m", _CHILD_MODULE]
        return str(own), [str(own.with_name("helm")), *arguments]

    def _ask(
        self, process: subprocess.Popen[bytes], verb: str, request: bytes, seconds: float
    ) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        try:
            _pipe(process.stdin).write(request)
            _pipe(process.stdin).flush()
        except BrokenPipeError:
            raise self._ended(process, verb) from None
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            descriptor = _pipe(process.stdout).fileno()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                process.kill()
                process.wait()
                raise EngineStuck(verb=verb, seconds=round(seconds))
            piece = os.read(descriptor, _PIECE)
            if not piece:
                raise self._ended(process, verb)
            self._buffer += piece
        line, _, self._buffer = self._buffer.partition(b"\n")
        reply: dict[str, Any] = json.loads(line)
        return reply

    def _ended(self, process: subprocess.Popen[bytes], verb: str) -> Exception:
        status = process.wait()
        self._hear_out()
        if self._cancelled.is_set():
            return EngineCancelled(verb=verb)
        how = (
            Phrase("signal {number}", number=-status)
            if status < 0
            else Phrase("status {status}", status=status)
        )
        return EngineCrashed(verb=verb, status=how, last=_telling(list(self._talk)))

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        with _pipe(process.stderr) as talk:
            for line in talk:
                self._talk.append(line.decode(errors="replace").strip()[:_SHOWN])


_CHILD_MODULE = "champ_offline.helm.child"


def _environment(kinds: str) -> dict[str, str]:
    """The parent's environment without what would steer Helm, and with this library's place.

    Helm's library keeps what it learnt of a cluster's kinds in a folder, by address. In the user's
    home a cluster made anew at the same address would be taken for the old one: `kinds` is of one
    child alone and goes with it. Without any it would ask the cluster again for every object.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("HELM_") and name != "KUBECONFIG"
    }
    places = [str(_SOURCE), *filter(None, [kept.get("PYTHONPATH")])]
    return {**kept, "PYTHONPATH": os.pathsep.join(places), KINDS_FOLDER: kinds}


def _pipe(pipe: Any) -> Any:  # noqa: ANN401 (IO[bytes] | None from Popen, never None here)
    return pipe


def _telling(lines: list[str]) -> str:
    """The line that says why a Go or Python process died, else its last words."""
    for line in lines:
        if line.startswith(("panic:", "fatal error:", "SIG")):
            return line
    return next((line for line in reversed(lines) if line), Phrase("it said nothing"))
