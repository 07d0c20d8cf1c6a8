"""Shoots requests at a served zone and judges every answer, then what is left of the zone.

Invariant: an answer is right only in the ways listed here; whatever breaks one raises `Broken` with
the bytes that did it.
"""

from __future__ import annotations

import hashlib
import re
import socket
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random

from tests.hostile.served.grammar import SMUGGLED, Grammar, Shot, probe, shown
from tests.hostile.served.ground import OWNED, Ground
from tests.hostile.served.process import Served
from tests.hostile.served.wire import Reader, Reply

STATUSES = frozenset(
    {200, 201, 202, 204, 206, 304, 400, 401, 403, 404, 405, 408, 409, 413, 414, 416, 429, 431}
)
CODES = frozenset(
    {
        "BLOB_UNKNOWN", "BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN", "DENIED", "DIGEST_INVALID",
        "MANIFEST_BLOB_UNKNOWN", "MANIFEST_INVALID", "MANIFEST_UNKNOWN", "NAME_INVALID",
        "NAME_UNKNOWN", "PAGINATION_NUMBER_INVALID", "SIZE_INVALID", "TAG_INVALID",
        "TOOMANYREQUESTS", "UNAUTHORIZED", "UNSUPPORTED",
    }
)  # fmt: skip
"""All that the registry answers: the specification's, and those beside it that say more."""
_UNREAD = frozenset({400, 414, 431})
_CHANGED = frozenset({"PUT", "DELETE", "PATCH", "POST"})
_DIGEST = re.compile(r"sha(256|512):([0-9a-f]+)")


class Broken(AssertionError):
    """An answer that must not be."""


@dataclass
class Tally:
    """What was shot and what came back: answers by status, connections the server ended."""

    requests: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    ended: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __str__(self) -> str:
        told = " ".join(f"{status}:{count}" for status, count in sorted(self.statuses.items()))
        return f"{self.requests} requests, {self.ended} connections ended by the server; {told}"


class Gun:
    """One attacker: a connection at a time, kept while the server keeps it."""

    def __init__(self, target: Served, zone: Ground, seed: str, tally: Tally) -> None:
        self._target, self._zone, self._tally = target, zone, tally
        random = Random(seed)
        self._grammar, self._random = Grammar(zone, random), random
        self._secrets = re.compile(b"|".join(map(re.escape, zone.secrets)))
        self._connection: socket.socket | None = None
        self._shots = 0

    def shoot(self) -> None:
        """One request and, after it, one that is beyond doubt; raises Broken."""
        shot = self._grammar.shot()
        self._shots += 1
        with self._tally.lock:
            self._tally.requests += 2
        connection = self._connection or self._target.connect()
        self._connection = None
        reader = Reader(connection)
        try:
            keep = self._exchange(shot, connection, reader)
        except (AssertionError, TimeoutError, KeyError, ValueError) as error:
            raise Broken(f"{type(error).__name__}: {error}\n{shown(shot.data)}") from error
        finally:
            found = self._secrets.search(reader.raw)
            if found is not None:
                raise Broken(f"{found[0]!r} came out\n{shown(shot.data)}")
        if keep:
            self._connection = connection
        else:
            connection.close()
            with self._tally.lock:
                self._tally.ended += 1

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()

    def _exchange(self, shot: Shot, connection: socket.socket, reader: Reader) -> bool:
        follows, mark = probe(self._shots)
        try:
            connection.sendall(shot.data if shot.halts else shot.data + follows)
            if not (shot.whole or shot.halts):
                # That of SSLSocket would let go of TLS as well.
                socket.socket.shutdown(connection, socket.SHUT_WR)
        except OSError:
            assert not shot.whole or len(shot.data) > 30_000, "it was not read to its end"
        answers = 0
        while (reply := reader.reply("GET" if answers else shot.method)) is not None:
            answers += 1
            self._judge(reply)
            if reply.headers.get("oci-namespace") == mark:
                assert answers <= 2 or not shot.whole, f"{answers} answers to two requests"
                return shot.whole and not reply.closes
            if answers == 1:
                self._learn(shot, reply)
            if reply.closes:
                assert reader.ended, "something came after the end"
                break
        assert answers or not shot.whole, "no answer"
        return False

    def _judge(self, reply: Reply) -> None:
        status, headers = reply.status, reply.headers
        with self._tally.lock:
            self._tally.statuses[status] += 1
        assert status in STATUSES, f"status {status}: {reply.body[:300]!r}"
        assert SMUGGLED not in headers.get("oci-namespace", ""), "a hidden request was answered"
        assert "x-injected" not in headers, "a header came from a request"
        if "x-request-id" not in headers:
            # The server's own word for what is no HTTP.
            assert status in _UNREAD, f"status {status} without an id"
            assert reply.closes, "the server reads on what it could not read"
            assert not reply.body, reply.body[:200]
            return
        if status >= 400 and reply.body:
            errors = reply.json["errors"]
            assert errors, "no error"
            assert {error["code"] for error in errors} <= CODES, errors
            assert all(isinstance(error["message"], str) for error in errors)
        self._judge_content(reply)

    def _judge_content(self, reply: Reply) -> None:
        """What is sent whole is what its digest says, and nothing no repository has."""
        digest = reply.headers.get("docker-content-digest", "")
        if reply.status == 200 and digest and reply.body:
            match = _DIGEST.fullmatch(digest)
            assert match is not None, digest
            assert hashlib.new(f"sha{match[1]}", reply.body).hexdigest() == match[2]
        if digest and reply.status < 400:
            assert digest != self._zone.unlinked, "a blob of no repository was given out"

    def _learn(self, shot: Shot, reply: Reply) -> None:
        owned = f"/{OWNED}/".encode() in shot.data.split(b"\r\n", 1)[0]
        if owned and b"?mount=" not in shot.data and shot.method in _CHANGED:
            assert reply.status not in {201, 202}, "what a bundle brought was changed"
        if reply.status == 202 and "location" in reply.headers:
            self._grammar.memory.learn(reply.headers["location"])
        elif reply.status == 201:
            digests = self._grammar.memory.digests
            digests.append(reply.headers.get("docker-content-digest", digests[-1]))


def fire(
    target: Served, zone: Ground, seed: str, requests: int, seconds: float = 1e9, guns: int = 4
) -> Tally:
    """So many requests, or for so long, by several attackers at a time; raises Broken."""
    tally, faults = Tally(), list[BaseException]()
    end = time.monotonic() + seconds

    def work(number: int) -> None:
        gun = Gun(target, zone, f"{seed} {number}", tally)
        try:
            while tally.requests < requests and time.monotonic() < end and not faults:
                gun.shoot()
        except BaseException as error:  # noqa: BLE001 - shown by the one who waits
            faults.append(error)
        finally:
            gun.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(guns)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
    return tally
