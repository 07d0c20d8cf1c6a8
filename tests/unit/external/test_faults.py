"""Targets that answer wrongly: one clear error, or a bounded number of further attempts."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from champ_offline.errors import ChampError
from champ_offline.external import errors
from champ_offline.external.endpoint import WAITS_SECONDS, Ask, Endpoint
from champ_offline.external.target import Target
from champ_offline.oci.digest import Digest
from champ_offline.store.blobs import BlobDamaged
from tests.simulators.brought import JOB, WEB, Brought
from tests.simulators.target import Asked, FakeTarget, Told, fake_target, refusal
from tests.unit.external.conftest import Desk

PASSWORD = "correct: horse & staple"
PAIR = base64.b64encode(f"robot:{PASSWORD}".encode()).decode()


def times(count: int, told: Told, method: str, part: str = "") -> Callable[[Asked], Told | None]:
    """Answer so the first times that it is asked with that method about such a path."""
    left = iter(range(count))

    def fault(asked: Asked) -> Told | None:
        matches = asked.method == method and part in asked.path
        return told if matches and next(left, None) is not None else None

    return fault


def always(told: Told, method: str, part: str = "") -> Callable[[Asked], Told | None]:
    return times(10**9, told, method, part)


@pytest.mark.parametrize("method", ["HEAD", "POST", "PATCH", "PUT", "GET"])
@pytest.mark.parametrize(
    "told", [Told(503), Told(0, close=True), refusal(429, "TOOMANYREQUESTS", Retry_After="7")]
)
def test_what_passes_is_tried_again(desk: Desk, fake: FakeTarget, method: str, told: Told) -> None:
    fake.fault = times(2, told, method, JOB)
    assert desk.push(JOB).names[0].manifests == 2
    assert 0 < len(desk.waited) <= 4
    if told.status == 429:
        assert set(desk.waited) == {7.0}


@pytest.mark.parametrize("method", ["HEAD", "POST", "PATCH", "PUT", "GET"])
def test_what_does_not_pass_ends_after_some_attempts(
    desk: Desk, fake: FakeTarget, method: str
) -> None:
    fake.fault = always(Told(500), method, JOB)
    with pytest.raises(errors.TargetUnreachable, match="status 500"):
        desk.push(JOB)
    assert fake.count(method, JOB) <= 2 * len(WAITS_SECONDS) + 2
    assert sum(desk.waited) < 60


def test_no_answer_at_all(desk: Desk, fake: FakeTarget, brought: Brought) -> None:
    desk.push(JOB)
    fake.fault = lambda _asked: Told(0, close=True)
    with pytest.raises(errors.TargetUnreachable, match="connection broke") as caught:
        desk.push(JOB)
    assert caught.value.exit_code == 4
    with pytest.raises(errors.TargetUnreachable):
        desk.verbs.refuse_missing({f"{JOB}:2": brought.digests["job"]})


@pytest.mark.parametrize(
    ("told", "method", "error", "said"),
    [
        (Told(413), "PATCH", errors.BodyTooLarge, "takes no"),
        (Told(507), "PUT", errors.RegistryFull, "507"),
        (
            refusal(500, "UNKNOWN", "no space left on device"),
            "PATCH",
            errors.RegistryFull,
            "",
        ),
        (refusal(403, "DENIED", "adding 20 KiB exceeds the quota"), "PUT", errors.RegistryFull, ""),
        (refusal(403, "DENIED", "not yours"), "POST", errors.PushDenied, "DENIED: not yours"),
        (refusal(404, "NAME_UNKNOWN", "no project"), "POST", errors.PushDenied, "no project"),
        (refusal(412, "PRECONDITION", "x"), "PUT", errors.TargetFailed, "412"),
        (refusal(400, "MANIFEST_INVALID", "\x1b[2J"), "PUT", errors.TargetFailed, "MANIFEST_IN"),
        (Told(401), "POST", errors.LoginRefused, ""),
        (Told(401, {"WWW-Authenticate": "Negotiate"}), "POST", errors.LoginRefused, ""),
        (Told(202), "POST", errors.TargetFailed, "no Location"),
    ],
)
def test_what_is_refused_is_said_in_one_sentence(
    desk: Desk, fake: FakeTarget, told: Told, method: str, error: type[ChampError], said: str
) -> None:
    part = "manifests" if error is errors.TargetFailed and method == "PUT" else "uploads"
    fake.fault = always(told, method, part)
    with pytest.raises(error) as caught:
        desk.push(WEB)
    assert said in str(caught.value)
    assert str(caught.value).isprintable()
    assert desk.waited == []
    assert desk.verbs.view().there == 0


def test_an_upload_goes_on_where_the_target_says(
    desk: Desk, fake: FakeTarget, brought: Brought
) -> None:
    """The target took a part of a chunk before the connection broke."""

    def fault(asked: Asked) -> Told | None:
        session = asked.path.rpartition("/")[2]
        if asked.method != "PATCH" or fake.uploads[session] or len(asked.body) < 50_000:
            return None
        fake.uploads[session] += asked.body[:12_345]
        return Told(0, close=True)

    fake.fault = fault
    desk.push(WEB)
    again = [one.headers["content-range"] for one in fake.asked if one.method == "PATCH"]
    assert "0-59999" in again
    assert "12345-59999" in again
    for (_, digest), data in fake.blobs.items():
        assert brought.blobs.path(Digest.parse(digest)).read_bytes() == data


def test_an_upload_that_is_forgotten_begins_anew(desk: Desk, fake: FakeTarget) -> None:
    def fault(asked: Asked) -> Told | None:
        if asked.method == "PATCH" and fake.count("PATCH") <= 3:
            fake.uploads.clear()
            return Told(0, close=True)
        return None

    fake.fault = fault
    assert desk.push(JOB).sent == 3
    assert fake.count("POST") == 3 + 3
    fake.blobs.clear()
    fake.fault = lambda asked: fake.uploads.clear() if asked.method == "PATCH" else None
    with pytest.raises(errors.TargetUnreachable, match="forgot"):
        desk.push(JOB)


def test_an_answer_that_got_lost_is_no_second_upload(desk: Desk, fake: FakeTarget) -> None:
    def fault(asked: Asked) -> Told | None:
        if asked.method == "PUT" and "digest=" in asked.path and fake.count("PUT") == 1:
            fake.usual(asked)
            return Told(0, close=True)
        return None

    fake.fault = fault
    desk.push(JOB)
    assert fake.count("POST") == 3


def test_other_digests_are_never_believed(desk: Desk, fake: FakeTarget) -> None:
    wrong = {"Docker-Content-Digest": f"sha256:{'0' * 64}"}
    for method, part in (("PUT", "uploads"), ("PUT", "manifests")):
        fake.fault = always(Told(201, wrong), method, part)
        with pytest.raises(errors.TargetDiffers):
            desk.push(JOB)
    fake.fault = always(Told(200, {}, b"short"), "HEAD", "blobs")
    with pytest.raises(errors.TargetDiffers):
        desk.push(JOB)
    fake.fault = always(Told(200, {}, b"{}"), "GET", "manifests/sha256")
    with pytest.raises(errors.TargetDiffers) as caught:
        desk.push(JOB)
    assert caught.value.exit_code == 11


def test_what_was_accepted_and_is_not_there_is_told(desk: Desk, fake: FakeTarget) -> None:
    fake.fault = always(Told(201), "PUT", "uploads")
    with pytest.raises(errors.TargetDiffers):
        desk.push(JOB)
    assert desk.verbs.view().there == 0


def test_a_blob_that_changed_on_the_disk_is_not_sent_as_good(
    desk: Desk, fake: FakeTarget, brought: Brought
) -> None:
    [digest] = [one for one in brought.blobs if brought.blobs.size(one) == 5_000]
    path = brought.blobs.path(digest)
    good = path.read_bytes()
    path.chmod(0o600)
    for bad in (bytes([good[0] ^ 1]) + good[1:], good[:-1], good + b"x", b""):
        path.write_bytes(bad)
        with pytest.raises(BlobDamaged):
            desk.push(JOB)
        assert (f"champ/{JOB}", str(digest)) not in fake.blobs
        assert not fake.uploads
        assert not any("digest=" in one.path and str(digest.hex) in one.path for one in fake.asked)
    path.write_bytes(good)
    desk.push(JOB)
    assert fake.blobs[f"champ/{JOB}", str(digest)] == good


def test_a_manifest_that_changed_on_the_disk_is_not_sent(
    desk: Desk, fake: FakeTarget, brought: Brought
) -> None:
    path = brought.blobs.path(brought.digests["job"])
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(b"2", b"3", 1))
    with pytest.raises(BlobDamaged):
        desk.push(JOB)
    assert not fake.manifests


# Logging in


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
    with pytest.raises(errors.LoginRefused):
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


def test_who_only_looks_does_not_wait_long(desk: Desk, fake: FakeTarget, brought: Brought) -> None:
    desk.push(JOB)
    fake.fault = lambda _asked: Told(503)
    for look in (
        desk.verbs.look,
        lambda: desk.verbs.refuse_missing({f"{JOB}:2": brought.digests["job"]}),
    ):
        desk.waited.clear()
        with pytest.raises(errors.TargetUnreachable):
            look()
        assert desk.waited == [1.0]


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
