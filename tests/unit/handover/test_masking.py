"""No secret of a zone gets into a report, in whatever text it stands; digests and times stay."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from champ_offline.errors import (
    Bytes,
    ChampError,
    ExitCode,
    Fields,
    Phrase,
    Phrases,
    Quoted,
    Said,
    Several,
)
from champ_offline.handover.collect import Order
from champ_offline.handover.masking import masked
from champ_offline.journal.audit import Entry
from champ_offline.oci.digest import Digest
from champ_offline.release.hiding import HIDDEN
from champ_offline.trust.overrides import Overridden
from champ_offline.trust.state import TrustState
from installer.language import activate
from installer.report.page import render
from tests.unit.cluster.documents import event, waiting
from tests.unit.handover.conftest import CANARY, Site

SECRETS = (CANARY, f"{CANARY}-user")


class Told(ChampError):
    """For these tests."""

    id = "test.told"
    exit_code = ExitCode.INTERNAL
    message = "{what}"
    remedy = "-"


@dataclass(frozen=True)
class Held:
    """For these tests."""

    texts: tuple[str, ...]
    error: ChampError | None
    digest: Digest
    count: int
    words: Phrase


def hide(text: str) -> str:
    return text.replace("face", HIDDEN)


def test_every_text_is_masked_and_what_has_no_room_for_a_secret_stays() -> None:
    exact = (
        "sha256:" + "face" * 16, "face" * 16, "17:" + "face" * 16, "2026-01-02",
        "2026-01-02T03:04:05.123456+00:00", "2026-01-02T03:04:05Z", "12345 12345 12345",
    )  # fmt: skip
    words = Phrase("see {what}", what="a face")
    value = Held((*exact, "a face"), Told(what="the face"), Digest("face" * 16), 3, words)
    found = masked(value, hide)
    assert found.texts == (*exact, f"a {HIDDEN}")
    assert str(found.error) == f"the {HIDDEN}"
    assert (found.digest, found.count, str(found.words)) == (
        Digest("face" * 16), 3, f"see a {HIDDEN}",
    )  # fmt: skip


def test_what_errors_are_told_with_is_masked_and_stays_of_its_sort() -> None:
    given: Fields = {
        "quoted": Quoted("the face"),
        "said": Said({"en": "a face", "zh": "面 face"}),
        "phrases": Phrases((Phrase("one {what}", what="face"),)),
        "several": Several((Told(what="face"),)),
        "path": Path("/srv/face"),
        "other": Path("/srv/other"),
        "size": Bytes(3),
    }
    found = masked((Told(what="", **given),), hide)[0].fields
    assert found["quoted"] == Quoted(f"the {HIDDEN}")
    assert found["said"].texts == {"en": f"a {HIDDEN}", "zh": f"面 {HIDDEN}"}
    assert str(found["phrases"]) == f"one {HIDDEN}"
    assert str(found["several"]) == HIDDEN
    assert (str(found["path"]), found["other"]) == (f"/srv/{HIDDEN}", Path("/srv/other"))
    sorts = {name: type(value) for name, value in given.items() if name != "path"}
    assert {name: type(found[name]) for name in sorts} == sorts


@pytest.mark.parametrize("text", ["face", "face-book", "sha256:face", "17:face", "2026-face"])
def test_what_only_resembles_a_digest_is_masked(text: str) -> None:
    assert "face" not in masked((text,), hide)[0]


def _plant(site: Site) -> None:
    """The secrets wherever a person, an app or a cluster could put them."""
    cluster = site.places["main"].cluster
    work = cluster.get("v1", "Pod", "clinic", "front-work-0")
    assert work is not None
    said = f"cannot log in with {CANARY}"
    work["status"] = {"phase": "Pending", **waiting("CreateContainerConfigError", said)}
    cluster.delete(work, "clinic")
    cluster.apply(work, "clinic")
    told = event(work, "BackOff", f"restarting with {base64.b64encode(CANARY.encode()).decode()}")
    cluster.events = [told]
    appliance = site.appliance
    with site.releases.database.transaction() as connection:
        overridden = [Overridden("expired", ("targets 2020-01-01",), f"the password is {CANARY}")]
        TrustState(site.releases.database).keep(connection, "", 1, overridden, "2026-01-01")
        connection.execute("UPDATE revisions SET actor = ? WHERE number = 1", (CANARY,))
    about = {"policy": CANARY, "exit_code": 0, "bundles": [quote(CANARY)], "releases": [CANARY]}
    appliance.audit.record(Entry(CANARY, "policy.run", CANARY, about))
    appliance.audit.record(Entry("somebody", CANARY, CANARY, {}))


def test_no_secret_gets_through_in_any_form(site: Site) -> None:
    _plant(site)
    found = site.report(Order(drift=True))
    texts = [json.dumps(found.to_json(), ensure_ascii=False)]
    for language in ("en", "zh"):
        activate(language)
        texts.append(render(found))
    activate("en")
    for text in texts:
        assert HIDDEN in text
        for secret in SECRETS:
            data = secret.encode()
            for form in (secret, quote(secret), base64.b64encode(data).decode(), data.hex()):
                assert form not in text
    assert found.releases[-1].causes


def test_secrets_of_a_kubeconfig_are_hidden_too(site: Site) -> None:
    token = "eyJhbGciOiJSUzI1NiJ9-kubeconfig-token"
    way = site.way("main")
    way.write_text(f"users: [{{name: u, user: {{token: {token}}}}}]\n", encoding="utf-8")
    site.appliance.audit.record(Entry(token, "policy.run", "core", {"bundles": [token]}))
    found = site.report()
    assert token not in json.dumps(found.to_json())
    assert found.unattended[0].bundles == (HIDDEN,)
