"""What clients send the registry: requests without sockets, and what says who sends them."""

from __future__ import annotations

import asyncio
import atexit
import json
import re
from datetime import UTC, datetime
from functools import cache

from champ_offline.durable.database import Database
from champ_offline.registry.access import Open
from champ_offline.registry.asgi import RegistryApp, registry
from champ_offline.registry.challenge import Called
from champ_offline.registry.heads import read_head
from champ_offline.registry.limits import Limits
from champ_offline.registry.requests import Refusal, TokenRequest
from champ_offline.registry.routes import token_form
from champ_offline.registry.tokens import Grant, Mint, Scope, TokenInvalid, scopes
from champ_offline.store.blobs import BlobStore
from tests.contracts.distribution.client import Response, digest_of
from tests.fuzz.mutation import PART
from tests.fuzz.target import Target, scratch
from tests.hostile.served.campaign import CODES, STATUSES
from tests.simulators.asgi import Connection, ask

_NOW = datetime(2026, 5, 1, tzinfo=UTC)
_BLOB = b"a blob of the fuzzed registry"
_CALLED = Called(("registry.zone", "10.0.0.5"), 5443)
_MINT = Mint(b"k" * 32, _CALLED.service)
_REALM = re.compile(r"https://(registry\.zone|10\.0\.0\.5)(:[0-9]{1,5})?/v2/token")
_METHOD = re.compile(rb"[!-~]{1,20}")
_TARGET = re.compile(rb"[\x21-\x7e\x80-\xff]*")


@cache
def _app() -> RegistryApp:
    folder = scratch() / "registry"
    folder.mkdir()
    limits = Limits(uploads=10**6, uploads_per_client=10**6, body=10**6)
    blobs, uploads = BlobStore(folder / "store"), folder / "uploads"
    database = Database.create(folder / "champ.db")
    app = registry(database, blobs, uploads, lambda: _NOW, Open(), limits)
    path = f"/v2/team/app/blobs/uploads/?digest={digest_of(_BLOB)}"
    assert ask(app, "POST", path, _BLOB).status == 201
    return app


def read_request(data: bytes) -> None:
    """Whatever comes, one answer, in the forms and with the codes there are."""
    head, _, body = data.partition(b"\n\n")
    first, *lines = head.split(b"\n")
    method, _, target = first.partition(b" ")
    # The server lets nothing else through.
    if not _METHOD.fullmatch(method) or not _TARGET.fullmatch(target):
        return
    path, _, query = target.partition(b"?")
    app = _app()
    answering = _exchange(app, method.decode(), path, query, _pairs(lines, body), body)
    found = _loop().run_until_complete(answering)
    assert found is not None
    assert found.status in STATUSES, found
    if "content-length" in found.headers:
        assert method == b"HEAD" or int(found.headers["content-length"]) == len(found.body)
    if found.status >= 400 and found.body:
        assert set(found.codes) <= CODES, found
    digest = found.headers.get("docker-content-digest")
    if found.status == 200 and digest and found.body:
        assert digest_of(found.body, digest.partition(":")[0]) == digest


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """One for all: its threads open the database once."""
    loop = asyncio.new_event_loop()
    atexit.register(loop.close)
    return loop


async def _exchange(
    app: RegistryApp,
    method: str,
    path: bytes,
    query: bytes,
    headers: list[tuple[bytes, bytes]],
    body: bytes,
) -> Response | None:
    scope = {
        "type": "http", "http_version": "1.1", "method": method, "raw_path": path,
        "path": path.decode("utf-8", "replace"), "query_string": query, "headers": headers,
        "client": ("10.0.0.9", 40000),
    }  # fmt: skip
    connection = Connection([body])
    await app(scope, connection.receive, connection.send)
    return connection.response()


def _pairs(lines: list[bytes], body: bytes) -> list[tuple[bytes, bytes]]:
    """Headers as the server hands them on: names in lower case, the length the true one."""
    given = [line.partition(b":")[::2] for line in lines if b":" in line]
    framing = {b"content-length", b"transfer-encoding"}
    pairs = [(name.strip().lower(), value.strip()) for name, value in given]
    kept = [pair for pair in pairs if pair[0] and pair[0] not in framing]
    return [*kept, (b"content-length", b"%d" % len(body))]


def read_credentials(data: bytes) -> None:
    """Nobody is sent elsewhere with a password, and no token is believed that we did not make."""
    host, token, scope, form, *_ = [*data.split(PART), b"", b"", b"", b""]
    head = read_head([(b"host", host), (b"authorization", token)], "1.1", 10**6)
    if not isinstance(head, Refusal):
        challenge = _CALLED.challenge(head, "repository:a:pull")
        realm = challenge.removeprefix('Bearer realm="').partition('"')[0]
        assert _REALM.fullmatch(realm), realm
    text = token.decode("latin-1")
    try:
        _MINT.read(text, _NOW)
    except TokenInvalid:
        pass
    else:
        assert text == _seeds_of_credentials()["made"].split(PART)[1].decode()
    for one in scopes([scope.decode("latin-1")]):
        assert one.actions <= {"pull", "push", "delete", "*"}
        assert one.kind in {"repository", "registry"}
    found = token_form(form)
    if isinstance(found, TokenRequest):
        assert found.password not in repr(found) or len(found.password) < 3 or found.client


def _seeds_of_requests() -> dict[str, bytes]:
    digest = digest_of(_BLOB)
    host = "Host: registry.zone"
    lines = {
        "ping": f"GET /v2/\n{host}\n\n",
        "range": f"GET /v2/team/app/blobs/{digest}\n{host}\nRange: bytes=1-5\n\n",
        "unchanged": f'GET /v2/team/app/blobs/{digest}\n{host}\nIf-None-Match: "{digest}"\n\n',
        "head": f"HEAD /v2/team/app/manifests/1?ns=docker.io\n{host}\nAccept: a/b\n\n",
        "tags": f"GET /v2/team/app/tags/list?n=2&last=a\n{host}\n\n",
        "catalog": f"GET /v2/_catalog?n=1\n{host}\n\n",
        "referrers": f"GET /v2/team/app/referrers/{digest}?artifactType=a\n{host}\n\n",
        "begin": f"POST /v2/team/app/blobs/uploads/\n{host}\n\n",
        "mount": f"POST /v2/b/blobs/uploads/?mount={digest}&from=team/app\n{host}\n\n",
        "blob": f"POST /v2/b/blobs/uploads/?digest={digest}\n{host}\n\n{_BLOB.decode()}",
        "chunk": "PATCH /v2/b/blobs/uploads/00000000-0000-4000-8000-000000000000\n"
        f"{host}\nContent-Range: 0-2\n\nabc",
        "finish": f"PUT /v2/b/blobs/uploads/00000000-0000-4000-8000-000000000000?digest={digest}\n"
        f"{host}\n\n",
        "manifest": f"PUT /v2/team/app/manifests/1\n{host}\n"
        "Content-Type: application/vnd.oci.image.index.v1+json\n\n"
        + json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.index.v1+json",
                "manifests": [],
            }
        ),
        "delete": f"DELETE /v2/team/app/manifests/1\n{host}\n\n",
        "token": f"POST /v2/token\n{host}\n\ngrant_type=password&username=a&password=b&scope=c",
        "health": f"GET /healthz\n{host}\n\n",
    }
    return {name: line.encode() for name, line in lines.items()}


@cache
def _seeds_of_credentials() -> dict[str, bytes]:
    grant = Grant("ci", "0", (Scope("repository", "team/app", frozenset({"pull", "push"})),))
    form = b"grant_type=password&username=ci&password=secret&scope=repository:team/app:pull"
    scope = b"repository:team/app:pull,push registry:catalog:*"
    token = _MINT.issue(grant, _NOW).encode()
    return {
        "made": PART.join((b"registry.zone:5443", token, scope, form)),
        "other": PART.join((b"[::1]:5443", b"a.b.c", b"repository:a:*", b"grant_type=x")),
    }


TARGETS = (
    Target("request", read_request, _seeds_of_requests),
    Target("credentials", read_credentials, _seeds_of_credentials),
)
