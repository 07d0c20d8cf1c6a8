"""Requests nobody would send: every route, and what can be wrong with each part of a request.

Invariant: the same Random and the same answers before give the same bytes. A request is `whole`
where it ends exactly where any reader must think that it ends; its answer must come, and so must
that of the next request on the connection.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from random import Random

from tests.contracts.distribution.client import IMAGE, digest_of
from tests.fuzz.mutation import compact, json_mutator
from tests.hostile.served import odd
from tests.hostile.served.ground import BLOB, OWNED, PUSHED, Ground, credentials, image

SMUGGLED = "smuggled.example"
_HIDDEN = f"GET /v2/{PUSHED}/tags/list?ns={SMUGGLED} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
_UUID = "00000000-0000-4000-8000-000000000000"
_change_json = json_mutator(compact)


@dataclass
class Memory:
    """What answers have taught: uploads that are under way, and things that were pushed."""

    uploads: list[str] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)

    def learn(self, location: str) -> None:
        if "/blobs/uploads/" in location:
            self.uploads = [*self.uploads, location][-20:]


@dataclass(frozen=True)
class Shot:
    """Bytes of one request, its method as the server must read it, and whether it is `whole`.

    `halts`: nothing follows, not even the end, until the server speaks.
    """

    data: bytes
    method: str
    whole: bool
    halts: bool = False


class Grammar:
    """Makes requests for one zone."""

    def __init__(self, zone: Ground, random: Random) -> None:
        self.memory = Memory(digests=[*zone.owned[:6], zone.unlinked, digest_of(BLOB)])
        self._random, self._owned = random, zone.owned

    def shot(self) -> Shot:
        """The next request."""
        draw = self._random.random()
        method, target, body = self._request()
        headers = self._headers(body)
        if draw < 0.55:
            return self._framed(method, target, headers, body)
        if draw < 0.75:
            return self._framed(method, self._bent(target), headers, body)
        if draw < 0.93:
            return self._misframed(method, target, headers, body)
        return self._noise(self._framed(method, target, headers, body))

    def _pick(self, *of: str) -> str:
        return self._random.choice(of)

    def _digest(self) -> str:
        known = tuple(self.memory.digests[-50:])
        return self._pick(*(known if self._random.random() < 0.75 else odd.DIGESTS))

    def _name(self) -> str:
        usual = self._random.random() < 0.75
        return self._pick(*((OWNED, PUSHED, PUSHED, "fuzz/a") if usual else odd.NAMES))

    def _reference(self) -> str:
        draw = self._random.random()
        return "1" if draw < 0.3 else self._pick(*odd.TAGS) if draw < 0.5 else self._digest()

    def _request(self) -> tuple[str, str, bytes]:
        routes = (
            *[self._read] * 5,
            *[self._manifest, self._begin] * 2,
            *[self._upload] * 3,
            self._token,
            self._odd,
        )
        method, path, body = self._random.choice(routes)()
        if self._random.random() < 0.1:
            method = self._pick(*odd.METHODS)
        return method, path + self._query("?" in path), body

    def _read(self) -> tuple[str, str, bytes]:
        name, digest = self._name(), self._digest()
        if self._random.random() < 0.5:
            there = ((OWNED, self._pick(*self._owned)), (PUSHED, digest_of(BLOB)))
            name, digest = self._random.choice(there)
        path = self._pick(
            f"/v2/{name}/manifests/{self._reference()}",
            f"/v2/{name}/manifests/1",
            f"/v2/{name}/blobs/{digest}",
            f"/v2/{name}/blobs/{digest}",
            f"/v2/{name}/tags/list",
            f"/v2/{name}/referrers/{digest}",
            "/v2/_catalog",
            "/v2/",
        )
        deletes = PUSHED not in path and self._random.random() < 0.15
        return "DELETE" if deletes else self._pick("GET", "GET", "HEAD"), path, b""

    def _manifest(self) -> tuple[str, str, bytes]:
        body = image(annotations={"n": str(self._random.randrange(50))})
        if self._random.random() < 0.6:
            body = _change_json(body, self._random) or body[: self._random.randrange(len(body))]
        reference = digest_of(body) if self._random.random() < 0.3 else self._reference()
        return "PUT", f"/v2/{self._name()}/manifests/{reference}", body

    def _begin(self) -> tuple[str, str, bytes]:
        data = self._random.randbytes(self._random.choice((0, 1, 5, 300, 70000)))
        if self._random.random() < 0.3:
            self.memory.digests.append(digest_of(data))
        digest = digest_of(data) if self._random.random() < 0.7 else self._digest()
        path = f"/v2/{self._name()}/blobs/uploads/"
        ways = (
            path,
            f"{path}?digest={digest}",
            f"{path}?mount={self._digest()}&from={self._name()}",
            path[:-1],
        )
        return "POST", self._pick(*ways), data if self._random.random() < 0.6 else b""

    def _upload(self) -> tuple[str, str, bytes]:
        unknown = (
            f"/v2/{self._name()}/blobs/uploads/{self._pick(_UUID, '0', '..', '%2e%2e', 'x' * 50)}"
        )
        location = self._pick(*(self.memory.uploads or [unknown]), unknown)
        data = self._random.randbytes(self._random.choice((0, 5, 300)))
        method = self._pick("PATCH", "PATCH", "PUT", "GET", "DELETE")
        if method == "PUT":
            location += f"?digest={self._pick(digest_of(data), self._digest())}"
        return method, location, data if method in {"PATCH", "PUT"} else b""

    def _token(self) -> tuple[str, str, bytes]:
        scope = self._pick(*odd.SCOPES)
        if self._random.random() < 0.5:
            return "GET", f"/v2/token?service=x&scope={scope}", b""
        form = f"grant_type=password&username=ci&password=wrong&scope={scope}"
        return (
            "POST",
            "/v2/token",
            self._pick(form, form * 3, "", "\u00e9", "grant_type=refresh_token").encode(),
        )

    def _odd(self) -> tuple[str, str, bytes]:
        path = self._pick(*odd.PATHS)
        return "GET", path, b""

    def _query(self, more: bool) -> str:
        count = self._random.choice((0, 0, 0, 1, 1, 2, 5, 70))
        pairs = (f"{self._pick(*odd.OPTIONS)}={self._pick(*odd.VALUES)}" for _ in range(count))
        text = "&".join(pairs)
        return (("&" if more else "?") + text) if text else ""

    def _headers(self, body: bytes) -> list[tuple[str, str]]:
        found = [("Host", "localhost" if self._random.random() < 0.95 else self._pick(*odd.HOSTS))]
        if self._random.random() < 0.7:
            found.append(("Authorization", credentials()))
        elif self._random.random() < 0.2:
            found.append(("Authorization", self._pick(*odd.AUTHORIZATIONS)))
        for name, values in self._random.sample(
            odd.HEADERS, self._random.choice((0, 0, 0, 0, 1, 1, 2))
        ):
            found += [(name, self._pick(*values))] * self._random.choice((*[1] * 20, 2, 2, 120))
        if body and self._random.random() < 0.3:
            found.append(("Content-Type", IMAGE))
        elif self._random.random() < 0.2:
            found.append(("Range", self._pick(*odd.RANGES)))
        return found

    def _bent(self, target: str) -> str:
        """The target with something done to one place of it."""
        at = self._random.randrange(len(target) + 1)
        before, here, after = target[:at], target[at : at + 1], target[at + 1 :]
        ways = (
            before + "".join(f"%{byte:02x}" for byte in here.encode()) + after,
            before + "".join(f"%25{byte:02x}" for byte in here.encode()) + after,
            before + self._pick(*odd.PIECES) + here + after,
            "http://localhost" + target, target + "/", target.upper(), before + after, target * 2,
        )  # fmt: skip
        return self._pick(*ways)

    def _framed(
        self, method: str, target: str, headers: list[tuple[str, str]], body: bytes
    ) -> Shot:
        """A request whose body is announced rightly."""
        lines = _lines(method, target, headers)
        sane = all(name != "Connection" for name, _ in headers) and _is_plain(method, target)
        if body and self._random.random() < 0.3:
            lines.append(b"Transfer-Encoding: chunked")
            return Shot(_joined(lines) + self._chunks(body), method, sane)
        if body or self._random.random() < 0.2:
            lines.append(b"Content-Length: %d" % len(body))
        return Shot(_joined(lines) + body, method, sane)

    def _chunks(self, body: bytes) -> bytes:
        cut = self._random.randrange(len(body) + 1)
        parts = [part for part in (body[:cut], body[cut:]) if part]
        framed = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
        trailer = self._random.choice((b"", b"", b"X-Trailer: 1\r\n", b"Content-Length: 9\r\n"))
        return framed + b"0\r\n" + trailer + b"\r\n"

    def _misframed(
        self, method: str, target: str, headers: list[tuple[str, str]], body: bytes
    ) -> Shot:
        """Announced wrongly, twice, or not to its end; what hides in it must never be answered."""
        lines, inside = _lines(method, target, headers), body[:100] + _HIDDEN
        size, chunk = (
            b"Content-Length: %d" % len(inside),
            b"%x\r\n%b\r\n0\r\n\r\n" % (len(inside), inside),
        )
        chunked = b"Transfer-Encoding: chunked"
        pick = self._random.choice
        ways: tuple[tuple[list[bytes], bytes], ...] = (
            ([size, b"Content-Length: %d" % (len(inside) + 1)], inside),
            ([size, chunked], chunk + b"0\r\n\r\n" + _HIDDEN),
            ([chunked, b"Content-Length: 4"], chunk),
            ([b"Transfer-Encoding: " + pick(odd.CODINGS)], chunk),
            ([chunked, b"Transfer-Encoding: " + pick(odd.CODINGS)], chunk),
            ([b"Content-Length: " + pick(odd.LENGTHS)], inside),
            ([chunked], pick(odd.CHUNK_SIZES) + b"\r\n" + inside + b"\r\n0\r\n\r\n"),
            ([b"Transfer-Encoding : chunked", size], inside),
            ([b"X: y\r\n " + size, size], inside),
            ([b"Content-Length: %d" % (len(inside) + 500)], inside),
            ([chunked], b"%x\r\n" % (len(inside) + 10) + inside),
            ([b"Expect: 100-continue", size], inside),
        )
        more, rest = pick(ways)
        halts = self._random.random() < 0.004
        return Shot(_joined(lines + more) + rest, method, whole=False, halts=halts)

    def _noise(self, shot: Shot) -> Shot:
        """Some bytes of the head changed; whatever that makes of it."""
        data = bytearray(shot.data[:4000])
        for _ in range(self._random.choice((1, 1, 2, 8))):
            at = self._random.randrange(len(data))
            match self._random.randrange(3):
                case 0:
                    data[at] = self._random.randrange(256)
                case 1:
                    data[at:at] = self._random.choice(
                        (b"\x00", b"\r\n", b"\n", b" ", b":", b"\xff", b"\r", b"%")
                    )
                case 2:
                    del data[at : at + self._random.choice((1, 2, 30))]
                    data = data or bytearray(b"\r\n")
        method = bytes(data).lstrip(b"\r\n").partition(b" ")[0].decode("latin-1")
        return Shot(bytes(data), method, whole=False)


def probe(number: int) -> tuple[bytes, str]:
    """A request whose answer can be no other's: it tells `ns` back."""
    mark = f"probe{number}.example"
    return (
        f"GET /v2/{PUSHED}/tags/list?ns={mark} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(),
        mark,
    )


def _lines(method: str, target: str, headers: list[tuple[str, str]]) -> list[bytes]:
    first = f"{method} {target} HTTP/1.1".encode()
    return [first, *(f"{name}: {value}".encode() for name, value in headers)]


def _joined(lines: list[bytes]) -> bytes:
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _is_plain(method: str, target: str) -> bool:
    """Whether the request line is one that HTTP has, so that its end is beyond doubt."""
    proper = all("!" <= letter <= "~" for letter in target)
    return proper and target.startswith("/") and method.isascii() and method.isalpha()


def shown(data: bytes) -> str:
    """A request to be sent again by hand."""
    return json.dumps(data.decode("latin-1"))
