"""What another registry answers: errors, challenges, tokens, lists of referrers, addresses."""

from __future__ import annotations

from champ_offline.errors import ChampError
from champ_offline.external.documents import next_page, with_entry
from champ_offline.external.endpoint import Ask, Endpoint, error_text
from champ_offline.external.login import Challenge, token_in
from champ_offline.external.target import Target as Site
from champ_offline.external.wire import Reply
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.strict_json import NotStrict
from tests.fuzz.mutation import json_mutator
from tests.fuzz.target import Target

_ENTRY = Descriptor(media_types.IMAGE_MANIFEST, Digest.of(b"x"), 3)
_SITE = Endpoint(Site("harbor.zone:8443", "champ", plain_http=False))


def read_answers(data: bytes) -> None:
    reply = Reply(200, {}, data)
    assert error_text(reply).isprintable()
    assert token_in(reply).isascii()
    _listed(data)
    text = data.decode("latin-1")
    assert Challenge.parse(text).scheme in {"bearer", "basic", ""}
    assert next_page(text)[:1] in {"", "/"}
    for method in ("GET", "PUT"):
        _sent_on(method, text)
    _address(data)


def _listed(data: bytes) -> None:
    try:
        longer = with_entry(data, _ENTRY)
    except NotStrict:
        return
    assert longer is None or with_entry(longer, _ENTRY) is None


def _sent_on(method: str, text: str) -> None:
    asked = Ask(method, "champ/x", "blobs/x")
    try:
        url = _SITE.further(asked, "https://harbor.zone:8443/v2/champ/x/blobs/x", text)
    except ChampError:
        return
    assert url.startswith("https://harbor.zone:8443/" if method == "PUT" else "https://")


def _address(data: bytes) -> None:
    try:
        found = Site.parse(data.decode("utf-8", "replace"))
    except ChampError:
        return
    assert Site.parse(found.address) == found


def _seeds() -> dict[str, bytes]:
    return {
        "error": b'{"errors":[{"code":"DENIED","message":"no such project"}]}',
        "token": b'{"token":"abc.def","expires_in":300}',
        "challenge": b'Bearer realm="https://a.b/t?x",service="s",scope="repository:x:pull"',
        "index": b'{"schemaVersion":2,"manifests":[{"digest":"sha256:0"}]}',
        "location": b"https://harbor.zone:8443/v2/champ/x/blobs/uploads/1?_state=a",
        "link": b'</v2/x/referrers/sha256:0?n=1>; rel="next"',
        "address": b"harbor.zone:8443/champ",
    }


TARGETS = (Target("answers", read_answers, _seeds, json_mutator()),)
