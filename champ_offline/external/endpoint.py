"""An external registry as the distribution-spec 1.1 has it: requests, logging in, trying again.

Invariant: whatever the target answers, a request ends in an answer that was asked for, or in one
`ChampError`, after a bounded number of attempts. What logs in goes to the target alone: where it
sends us on, only questions follow, a few times, without it and never from TLS to plain HTTP.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urljoin

from champ_offline.errors import Bytes, ChampError, Phrase, Reason
from champ_offline.external.errors import (
    AnonymousDenied,
    BodyTooLarge,
    PushDenied,
    RegistryFull,
    SentElsewhere,
    TargetFailed,
    TargetUnreachable,
    TargetWithTls,
)
from champ_offline.external.login import Login
from champ_offline.external.target import Target
from champ_offline.external.wire import (
    LOOK_SECONDS,
    READ_SECONDS,
    Broken,
    Origin,
    Reply,
    Wire,
)
from champ_offline.oci.manifest import LIMIT

WAITS_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0)
# A person waits for the answer, and nothing is lost without one.
_LOOK_WAITS_SECONDS = (1.0,)
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
_LONGEST_WAIT = 60.0
_FURTHEST = 3
_MOVED = frozenset({301, 302, 303, 307, 308})
_QUESTIONS = frozenset({"GET", "HEAD"})
_FULL = re.compile(r"no space left|quota|disk full|insufficient storage", re.IGNORECASE)
# What Go's net/http and nginx say to a request that came without TLS.
_WANTS_TLS = re.compile(r"HTTP request (?:to an HTTPS server|was sent to HTTPS port)")
_CODE = re.compile(r"[A-Z_]{1,60}")


@dataclass(frozen=True)
class Ask:
    """A request in a repository: `rest` is below its path, or a URL that the target gave.

    `pulls` are other repositories that it reads from. `size` is that of `body`, which can be given
    more than once.
    """

    method: str
    repository: str
    rest: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Callable[[], Iterable[bytes]] = field(default=tuple, repr=False)
    size: int = 0
    pulls: tuple[str, ...] = ()

    @property
    def scopes(self) -> frozenset[str]:
        """What a token must give for it."""
        own = {f"repository:{self.repository}:pull,push"} if self.repository else set()
        return frozenset(own | {f"repository:{name}:pull" for name in self.pulls})


class Endpoint:
    """One target; `sleep` waits between attempts, given in seconds. Leave it (`with`) at the end.

    With `look` it is only asked something, and soon given up.
    """

    def __init__(
        self,
        target: Target,
        sleep: Callable[[float], None] = time.sleep,
        *,
        look: bool = False,
    ) -> None:
        self.target, self._sleep = target, sleep
        self._waits = _LOOK_WAITS_SECONDS if look else WAITS_SECONDS
        self._wire = Wire(target.address, target.ca, LOOK_SECONDS if look else READ_SECONDS)
        self._login = Login(target, self._wire)
        self._own = Origin.of(target.origin)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._wire.__exit__(kind, error, trace)

    def check(self) -> None:
        """Whether this is a registry that knows us; raises what `ask` raises, TargetFailed."""
        found = self.ask(Ask("GET", "", "/v2/"), {200, 404})
        if found.status != 200:
            raise self.failed("/v2/", found)

    def ask(self, asked: Ask, expected: Collection[int]) -> Reply:
        """The answer, with one of the `expected` statuses; only for what may be done twice.

        Raises TargetUnreachable and the other errors of this package.
        """
        for wait in (*self._waits, None):
            try:
                reply = self.once(asked)
            except Broken as error:
                self.pause(wait, error.reason)
                continue
            if reply.status in expected:
                return reply
            if reply.status not in TRANSIENT or _is_full(reply):
                raise self.failure(asked, reply)
            self.pause(wait, Phrase("HTTP status {status}", status=reply.status), reply)
        raise AssertionError

    def once(self, asked: Ask) -> Reply:
        """One attempt, logged in where the target asks for it; raises Broken and as `Login`."""
        reply = self._followed(asked)
        if reply.status != 401:
            return reply
        self._login.answer(reply, asked.scopes)
        reply = self._followed(asked)
        if reply.status == 401:
            raise self._login.refused()
        return reply

    def pause(self, wait: float | None, reason: Reason, reply: Reply | None = None) -> None:
        """Wait as long as the target says, else `wait`; raises TargetUnreachable without one."""
        if wait is None:
            raise TargetUnreachable(where=self.target.address, reason=reason)
        said = reply.headers.get("retry-after", "") if reply else ""
        self._sleep(min(float(said), _LONGEST_WAIT) if said.isascii() and said.isdigit() else wait)

    def failure(self, asked: Ask, reply: Reply) -> ChampError:
        """The error that an answer stands for."""
        where, said = self.target.address, self._said(reply)
        if reply.status == 401:
            return self._login.refused()
        if reply.status == 413:
            return BodyTooLarge(where=where, size=Bytes(asked.size))
        if _is_full(reply):
            return RegistryFull(where=where, repository=asked.repository, said=said)
        denied = reply.status == 403 or (reply.status == 404 and asked.method in {"POST", "PUT"})
        if denied and asked.repository:
            user, repository = self.target.username, asked.repository
            if not user:
                return AnonymousDenied(where=where, repository=repository, said=said)
            return PushDenied(where=where, user=user, repository=repository, said=said)
        if reply.status == 400 and self.target.plain_http and _WANTS_TLS.search(_text(reply)):
            return TargetWithTls(where=where)
        return self.failed(f"{asked.method} {asked.repository or asked.rest}", reply)

    def failed(self, what: str, reply: Reply) -> TargetFailed:
        """The error of an answer that nobody can do anything with."""
        said = self._said(reply)
        return TargetFailed(where=self.target.address, what=what[:300], said=said)

    def location(self, asked: Ask, reply: Reply) -> str:
        """Where an answer says that it goes on: always at the target itself.

        Raises SentElsewhere, and TargetFailed where the answer does not say.
        """
        given = reply.headers.get("location", "")
        if not given:
            raise self.failed(f"{asked.method} {asked.repository} (no Location)", reply)
        url = _joined(self._url(asked), given)
        if _origin(url) != self._own:
            raise SentElsewhere(where=self.target.address, host=_origin(url) or given[:200])
        return url

    def _followed(self, asked: Ask) -> Reply:
        url = self._url(asked)
        for _ in range(_FURTHEST + 1):
            reply = self._sent(asked, url)
            if reply.status not in _MOVED or "location" not in reply.headers:
                return reply
            url = self.further(asked, url, reply.headers["location"])
        raise SentElsewhere(where=self.target.address, host=url[:200])

    def further(self, asked: Ask, url: str, given: str) -> str:
        """Where a redirect leads, if it may; raises SentElsewhere."""
        found = _joined(url, given)
        origin = _origin(found)
        question = asked.method in _QUESTIONS
        safe = origin is not None and (origin.scheme == "https" or self._own.scheme == "http")
        if origin != self._own and not (question and safe):
            raise SentElsewhere(where=self.target.address, host=origin or given[:200])
        return found

    def _sent(self, asked: Ask, url: str) -> Reply:
        headers = dict(asked.headers)
        if asked.method not in _QUESTIONS and asked.method != "DELETE":
            headers["Content-Length"] = str(asked.size)
        if Origin.of(url) == self._own:
            headers |= self._login.headers(asked.scopes)
        return self._wire.send(asked.method, url, headers, asked.body(), limit=LIMIT)

    def _url(self, asked: Ask) -> str:
        if asked.rest.startswith(("https://", "http://")):
            return asked.rest
        if asked.rest.startswith("/"):
            return f"{self.target.origin}{asked.rest}"
        return f"{self.target.origin}/v2/{asked.repository}/{asked.rest}"

    def _said(self, reply: Reply) -> Phrase:
        """What the target said of itself: code and message of its first error, and the status."""
        said = self._login.hide(error_text(reply))
        if not said:
            return Phrase("HTTP status {status}", status=reply.status)
        return Phrase("HTTP status {status}, {said}", status=reply.status, said=said)


def error_text(reply: Reply) -> str:
    """Code and message of the first error in an answer (distribution-spec 1.1, "Error Codes").

    Bounded and printable; empty for another form.
    """
    try:
        document: Any = json.loads(reply.body)
        first = document["errors"][0]
        parts = (str(first.get("code", "")), str(first.get("message", "")))
    except (ValueError, RecursionError, KeyError, IndexError, TypeError, AttributeError):
        return ""
    code = parts[0] if _CODE.fullmatch(parts[0]) else ""
    message = "".join(one if one.isprintable() else " " for one in parts[1][:200])
    return ": ".join(filter(None, (code, message)))


def _is_full(reply: Reply) -> bool:
    return reply.status == 507 or (reply.status >= 400 and bool(_FULL.search(_text(reply))))


def _text(reply: Reply) -> str:
    return reply.body[:4096].decode("utf-8", "replace")


def _joined(url: str, given: str) -> str:
    """A reference beside a URL (RFC 3986, 5); empty where it is none."""
    try:
        return urljoin(url, given)
    except ValueError:
        return ""


def _origin(url: str) -> Origin | None:
    try:
        return Origin.of(url)
    except ValueError:
        return None
