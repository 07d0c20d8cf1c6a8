"""Mirror files that do not do what they should, and the findings about them."""

from __future__ import annotations

from pathlib import Path

import pytest

from champ_offline.findings import State
from champ_offline.node.address import Address
from champ_offline.node.containerd import CERTS
from champ_offline.node.examine import Question, examine, needed
from champ_offline.node.root import NodeRoot
from champ_offline.node.trust import Trusted
from tests.unit.node.authorities import NOW, made

ZONE = Address("no-such-host.invalid", 5443)
BOTH = 'capabilities = ["pull", "resolve"]\nca = "ca.crt"\n'
SERVER = f'server = "{ZONE.url}"\n{BOTH}'
TABLE = f'[host."{ZONE.url}"]\n{BOTH}'


@pytest.fixture
def place(tmp_path: Path) -> Trusted:
    place = Trusted(NodeRoot(tmp_path / "node"))
    folder = place.node.at(place.folder)
    folder.mkdir(parents=True)
    (folder / "ca.crt").write_bytes(made(tmp_path / "pki").authority.read_bytes())
    return place


def looked(place: Trusted, text: str, image: str | None = None) -> list[tuple[str, str, str]]:
    """What is found about mirror files."""
    place.node.at(place.path).write_text(text)
    found = examine(Question(place, ZONE, image=image), lambda: NOW)
    return [
        (one.check, one.state.value, one.error.id)
        for one in found
        if one.error and one.check.endswith(("mirror file", "mirror files"))
    ]


def test_a_file_by_hand_that_does_it_all(place: Trusted) -> None:
    assert looked(place, SERVER + TABLE) == []
    absolute = (SERVER + TABLE).replace('"ca.crt"', f'["{CERTS}/_default/ca.crt"]')
    assert looked(place, absolute) == []


@pytest.mark.parametrize(
    ("text", "state", "found"),
    [
        ("", "bad", "node.mirror-elsewhere"),
        ('server = "https://elsewhere"', "bad", "node.mirror-elsewhere"),
        (SERVER.replace("https:", "http:"), "bad", "node.mirror-elsewhere"),
        (SERVER + TABLE.replace("https:", "http:"), "bad", "node.mirror-elsewhere"),
        (SERVER + '[host."https://first"]\n' + TABLE, "bad", "node.mirror-elsewhere"),
        (SERVER + TABLE + "skip_verify = true", "bad", "node.mirror-unverified"),
        (SERVER + TABLE.replace("ca.crt", "gone.crt"), "bad", "node.authority-missing"),
        (SERVER + TABLE.replace("ca.crt", "hosts.toml"), "bad", "node.authority-missing"),
        (SERVER + TABLE.replace("ca.crt", "../../../../../gone"), "bad", "node.authority-missing"),
        ("server = ", "bad", "node.hosts-invalid"),
        # containerd 1.6 ignores a file without a table; without a server it asks the internet.
        (SERVER, "warn", "node.mirror-incomplete"),
        (TABLE, "warn", "node.mirror-incomplete"),
        (SERVER + TABLE.replace('"pull", ', ""), "warn", "node.mirror-incomplete"),
    ],
)
def test_a_file_that_does_not(place: Trusted, text: str, state: str, found: str) -> None:
    assert looked(place, text) == [("mirror file", state, found)]


def test_registries_with_folders_of_their_own(place: Trusted) -> None:
    own = place.node.at(CERTS)
    (own / "quay.io").mkdir()
    (own / "zone.example_5000_").mkdir()
    (own / "zone.example_5000_" / "hosts.toml").write_text(SERVER + TABLE)
    (own / "README").write_text("a file is no folder")
    assert looked(place, SERVER + TABLE) == [("other mirror files", "warn", "node.names-elsewhere")]
    assert looked(place, SERVER + TABLE, "quay.io/a/b:1") == [
        ("other mirror files", "bad", "node.names-elsewhere")
    ]
    for image in ("docker.io/a/b:1", "zone.example:5000/a:1"):
        assert looked(place, SERVER + TABLE, image) == []


def test_a_damaged_authority_is_none(place: Trusted) -> None:
    damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    for text in (damaged, "", "\x00", "-----BEGIN CERTIFICATE-----"):
        place.node.at(place.folder / "ca.crt").write_text(text)
        assert looked(place, SERVER + TABLE) == [("mirror file", "bad", "node.authority-missing")]


@pytest.mark.parametrize("name", ["_default/../../../etc", "\x1b[31m"])
def test_what_a_file_says_never_leaves_the_node(place: Trusted, name: str) -> None:
    text = SERVER + TABLE.replace('"ca.crt"', '"/etc/passwd\\u001b"')
    assert looked(place, text + f"# {name.encode('unicode_escape').decode()}") == [
        ("mirror file", "bad", "node.authority-missing")
    ]


def test_other_engines_are_told_what_they_need(place: Trusted) -> None:
    for folder in ("etc/rancher/k3s", "etc/crio", "usr/bin/dockerd"):
        (place.node.folder / folder).mkdir(parents=True)
    found = {one.error.id: one for one in needed(place, ZONE) if one.error}
    assert found["node.mirrors-generated"].state is State.WARN
    error = found["node.mirrors-generated"].error
    assert error is not None
    assert '{"mirrors": {"*": {"endpoint": ["https://no-such-host.invalid:5443"]}}' in error.advice
    assert {"node.mirrors-of-cri-o", "node.docker-by-its-name"} <= set(found)
