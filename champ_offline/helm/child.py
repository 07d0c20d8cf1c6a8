"""The child process around the SDK: JSON lines in on its standard input, JSON lines out.

Invariant: nothing but replies reaches the parent's pipe (the process's own stdout leads to stderr),
and the child never outlives its parent: the end of its input during a call ends it at once.

    request  {"verb": "install", "kubeconfig": "/path", "arguments": {...}}
    reply    {"result": ...}  or  {"fault": {"code": "RELEASE", "detail": "..."}}
"""

from __future__ import annotations

import io
import json
import os
import queue
import shutil
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from champ_offline.helm.sdk import Session

# How a frozen executable, which has no `-m`, is told to be the child.
CHILD_VERB = "helm-child"
# Where Helm's library keeps the kinds of a cluster: a folder with this name is the child's own.
KINDS_FOLDER, KINDS_PREFIX = "KUBECACHEDIR", "champ-helm-"
_NO_RELEASE = "NOT_FOUND"


def main() -> None:
    """Serve requests until the input ends."""
    replies = io.FileIO(os.dup(1), "w")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, replies)


def serve(requests: BinaryIO, replies: io.RawIOBase) -> None:
    """Answer each request line in turn; the SDK is loaded on the first one."""
    lines: queue.Queue[bytes] = queue.Queue()
    busy, sessions = threading.Event(), _Sessions()
    threading.Thread(target=_read, args=(requests, lines, busy), daemon=True).start()
    while line := lines.get():
        busy.set()
        reply = sessions.answer(json.loads(line))
        busy.clear()
        left = memoryview(json.dumps(reply).encode() + b"\n")
        while left:
            left = left[replies.write(left) or 0 :]
    sessions.close()
    _forget_kinds()


def _read(requests: BinaryIO, lines: queue.Queue[bytes], busy: threading.Event) -> None:
    for line in requests:
        lines.put(line)
    if busy.is_set():
        _forget_kinds()
        os.kill(os.getpid(), signal.SIGKILL)
    lines.put(b"")


def _forget_kinds() -> None:
    """Remove the child's own folder; the parent does, where it still can."""
    folder = os.environ.get(KINDS_FOLDER, "")
    if Path(folder).name.startswith(KINDS_PREFIX):
        shutil.rmtree(folder, ignore_errors=True)


class _Sessions:
    """The session of the last kubeconfig: it knows the cluster already, and is connected.

    A fault ends it: what led there, such as a connection that is dead, is not for the next call.
    That there is no such release is an answer as good as any.
    """

    def __init__(self) -> None:
        self._open: dict[str, Session] = {}

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Call, and keep the session where that went well."""
        # Imported here: the parent imports this module for its names and must not load the SDK.
        from champ_offline.helm.sdk import SdkFault, Session

        kubeconfig = str(request["kubeconfig"])
        session = self._open.pop(kubeconfig, None) or Session(kubeconfig)
        self.close()
        try:
            result = session.call(request["verb"], request["arguments"])
        except SdkFault as error:
            if error.code == _NO_RELEASE:
                self._open[kubeconfig] = session
            else:
                session.close()
            return {"fault": {"code": error.code, "detail": error.detail}}
        self._open[kubeconfig] = session
        return {"result": result}

    def close(self) -> None:
        """Free what is kept."""
        while self._open:
            self._open.popitem()[1].close()


if __name__ == "__main__":
    main()
