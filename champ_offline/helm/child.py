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
import signal
import sys
import threading
from typing import Any, BinaryIO

# How a frozen executable, which has no `-m`, is told to be the child.
CHILD_VERB = "helm-child"


def main() -> None:
    """Serve requests until the input ends."""
    replies = io.FileIO(os.dup(1), "w")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, replies)


def serve(requests: BinaryIO, replies: io.RawIOBase) -> None:
    """Answer each request line in turn; the SDK is loaded on the first one."""
    lines: queue.Queue[bytes] = queue.Queue()
    busy = threading.Event()
    threading.Thread(target=_read, args=(requests, lines, busy), daemon=True).start()
    while line := lines.get():
        busy.set()
        reply = _answer(json.loads(line))
        busy.clear()
        left = memoryview(json.dumps(reply).encode() + b"\n")
        while left:
            left = left[replies.write(left) or 0 :]


def _read(requests: BinaryIO, lines: queue.Queue[bytes], busy: threading.Event) -> None:
    for line in requests:
        lines.put(line)
    if busy.is_set():
        os.kill(os.getpid(), signal.SIGKILL)
    lines.put(b"")


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    # Imported here: the parent imports this module for its names and must not load the SDK.
    from champ_offline.helm.sdk import SdkFault, Session

    try:
        session = Session(request["kubeconfig"])
        try:
            return {"result": session.call(request["verb"], request["arguments"])}
        finally:
            session.close()
    except SdkFault as error:
        return {"fault": {"code": error.code, "detail": error.detail}}


if __name__ == "__main__":
    main()
