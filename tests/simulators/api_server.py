"""An API server that tells which cluster it is, and runs commands as a test says; a kubeconfig."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_KUBECONFIG = """\
apiVersion: v1
kind: Config
clusters: [{{name: c, cluster: {{server: "{address}"}}}}]
users: [{{name: u, user: {{token: hidden-token}}}}]
contexts: [{{name: x, context: {{cluster: c, user: u}}}}]
current-context: x
"""


@contextmanager
def api_server(
    identity: str, runs: Callable[[BaseHTTPRequestHandler], None] | None = None
) -> Iterator[str]:
    """Serve the cluster of that identity; gives its address.

    `runs` answers a request for pods/exec or pods/log; the connection ends with it.
    """
    document = json.dumps({"metadata": {"name": "kube-system", "uid": identity}}).encode()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if runs is not None and self.path.partition("?")[0].endswith(("/exec", "/log")):
                runs(self)
                self.close_connection = True
                return
            known = self.path == "/api/v1/namespaces/kube-system"
            self.send_response(200 if known else 404)
            self.send_header("content-type", "application/json")
            self.end_headers()
            self.wfile.write(document if known else b"{}")

        def log_message(self, *_told: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def kubeconfig(path: Path, address: str) -> Path:
    """Write a kubeconfig of mode 0600."""
    path.write_text(_KUBECONFIG.format(address=address), encoding="utf-8")
    path.chmod(0o600)
    return path
