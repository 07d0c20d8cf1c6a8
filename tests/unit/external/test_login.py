"""Saying who we are, and being sent on: what logs in goes to the target alone."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from champ_offline.external import errors
from champ_offline.external.endpoint import Ask, Endpoint
from champ_offline.external.target import Target
from tests.simulators.brought import JOB, WEB
from tests.simulators.target import Asked, FakeTarget, Told, fake_target, refusal
from tests.unit.external.conftest import Desk
from tests.unit.external.test_faults import always

PASSWORD = "correct: horse & staple"
PAIR = base64.b64encode(f"robot:{PASSWORD}".encode()).decode()


@pytest.fixture
def other() -> Iterator[FakeTarget]:
    """Another host, as far as ports tell hosts apart."""
    with fake_target() as found:
        yield found


class Guard:
    """Lets in who has a token of its own, each good for `uses` requests."""

    def __init__(self, fake: FakeTarget, realm: str, uses: int = 10**9) -> None:
        self._fake, self._realm, self._uses = fake, realm, uses
        self.given: dict[str, int] = {}
        self.scopes: list[list[str]] = []

    def __call__(self, asked: Asked) -> Told | None:
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        if self.given.get(token, 0) > 0:
            self.given[token] -= 1
            return None
        if asked.path.startswith("/token"):
            return self.token(asked)
        said = f'Bearer realm="{self._realm}",service="fake",scope="repository:x:pull"'
        return Told(401, {"WWW-Authenticate": said})

    def token(self, asked: Asked) -> Told | None:
        if not asked.path.startswith("/token"):
            return None
        if asked.headers.get("authorization") != f"Basic {PAIR}":
            return Told(401)
        self.scopes.append(parse_qs(urlsplit(asked.path).query).get("scope", []))
        token = f"token-{len(self.scopes)}"
        self.given[token] = self._uses
        return Told(200, {}, json.dumps({"access_token": token}).encode())


def test_basic(desk: Desk, fake: FakeTarget) -> None:
    said = Told(401, {"WWW-Authenticate": 'Basic realm="x"'})
    fake.fault = lambda asked: (
        None if asked.headers.get("authorization") == f"Basic {PAIR}" else said
    )
    desk.use(username="robot", password=PASSWORD)
    desk.push()
    assert "authorization" not in fake.asked[0].headers
    desk.use(password="another one")
    with pytest.raises(errors.LoginRefused, match="robot") as caught:
        desk.push()
    assert "another one" not in repr(caught.value.fields)
    desk.use(username="", password="")
    with pytest.raises(errors.LoginNeeded, match="none are set"):
        desk.push()


def test_tokens_are_got_for_what_is_done_and_again_when_they_end(
    desk: Desk, fake: FakeTarget
) -> None:
    desk.use(username="robot", password=PASSWORD)
    fake.fault = guard = Guard(fake, f"http://{fake.host}/token?x=1", uses=5)
    desk.push()
    assert len(guard.scopes) > 5
    assert any(f"repository:champ/{WEB}:pull,push" in scopes for scopes in guard.scopes)
    # A mount reads from another repository.
    assert any(sum("repository:champ" in one for one in scopes) == 2 for scopes in guard.scopes)
    uploads = [one for one in fake.asked if one.method != "GET"]
    assert not any(PAIR in one.headers.get("authorization", "") for one in uploads)


def test_a_password_goes_to_no_other_host(desk: Desk, fake: FakeTarget, other: FakeTarget) -> None:
    desk.use(username="robot", password=PASSWORD)
    fake.fault = Guard(fake, f"http://{other.host}/token")
    with pytest.raises(errors.TokenServerUnknown, match=other.host):
        desk.push()
    assert other.asked == []
    other.fault = fake.fault.token
    desk.use(token_server=other.host)
    desk.push()
    assert {one.path.partition("?")[0] for one in other.asked} == {"/token"}


@pytest.mark.parametrize("realm", ["", "nowhere", "ftp://127.0.0.1/x", "http://a@127.0.0.1/"])
def test_realms_that_are_none(desk: Desk, fake: FakeTarget, realm: str) -> None:
    desk.use(username="robot", password=PASSWORD)
    fake.fault = Guard(fake, realm)
    with pytest.raises(errors.TokenServerUnknown):
        desk.push()


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"token": 5}', b'{"token": "a\\r\\nb"}'])
def test_tokens_that_are_none(desk: Desk, fake: FakeTarget, body: bytes) -> None:
    desk.use(username="robot", password=PASSWORD)
    guard = Guard(fake, f"http://{fake.host}/token")
    fake.fault = lambda asked: Told(200, {}, body) if "/token" in asked.path else guard(asked)
    with pytest.raises(errors.TargetFailed, match="token"):
        desk.push()


def test_what_logs_in_is_in_no_error(desk: Desk, fake: FakeTarget) -> None:
    desk.use(username="robot", password=PASSWORD)
    basic = Told(401, {"WWW-Authenticate": "Basic"})

    def fault(asked: Asked) -> Told | None:
        given = asked.headers.get("authorization", "")
        return refusal(403, "DENIED", f"{given} {PASSWORD}") if given else basic

    fake.fault = fault
    with pytest.raises(errors.TargetFailed) as caught:
        desk.push()
    assert PAIR not in str(caught.value)
    assert PASSWORD not in str(caught.value)
    assert PASSWORD not in repr(desk.target)


# Being sent on


def test_questions_follow_a_redirect_without_what_logs_in(
    desk: Desk, fake: FakeTarget, other: FakeTarget
) -> None:
    desk.use(username="robot", password=PASSWORD)
    desk.push(JOB)

    def fault(asked: Asked) -> Told | None:
        if "authorization" not in asked.headers:
            return Told(401, {"WWW-Authenticate": "Basic"})
        if asked.method in {"GET", "HEAD"} and "/v2/champ" in asked.path:
            return Told(307, {"Location": f"http://{other.host}{asked.path}"})
        return None

    fake.fault = fault
    other.blobs, other.manifests = fake.blobs, fake.manifests
    assert desk.push(JOB).sent == 0
    assert other.asked
    assert not any("authorization" in one.headers for one in other.asked)


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT"])
def test_content_is_sent_nowhere_else(
    desk: Desk, fake: FakeTarget, other: FakeTarget, method: str
) -> None:
    fake.fault = always(Told(307, {"Location": f"http://{other.host}/v2/"}), method)
    with pytest.raises(errors.SentElsewhere, match=other.host) as caught:
        desk.push(JOB)
    assert caught.value.exit_code == 3
    fake.fault = always(Told(202, {"Location": f"http://{other.host}/v2/"}), "POST")
    with pytest.raises(errors.SentElsewhere, match=other.host):
        desk.push(JOB)
    assert other.asked == []


@pytest.mark.parametrize(
    ("given", "goes_on"),
    [
        ("https://store.zone/x?sig=1", True),
        ("http://store.zone/x", False),
        ("http://harbor.zone/v2/", False),
        ("/v2/other", True),
        ("https://u:p@store.zone/", False),
        ("ftp://harbor.zone/", False),
        ("//[", False),
    ],
)
def test_over_tls_nothing_leads_to_plain_http(given: str, goes_on: bool) -> None:
    asked = Ask("GET", "champ/x", "blobs/sha256:0")
    with Endpoint(Target("harbor.zone")) as endpoint:
        url = "https://harbor.zone/v2/champ/x/blobs/sha256:0"
        if goes_on:
            assert endpoint.further(asked, url, given).startswith("https://")
            return
        with pytest.raises(errors.SentElsewhere):
            endpoint.further(asked, url, given)


def test_a_closed_port(desk: Desk) -> None:
    desk.use(host="127.0.0.1:1")
    with pytest.raises(errors.TargetUnreachable, match="connection refused"):
        desk.push(JOB)


def test_redirects_end(desk: Desk, fake: FakeTarget) -> None:
    fake.fault = lambda asked: Told(302, {"Location": asked.path})
    with pytest.raises(errors.SentElsewhere):
        desk.push(JOB)
    assert len(fake.asked) < 10


def test_proxies_of_the_environment_are_not_asked(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert desk.push(JOB).sent == 3
