"""Mirrors and names: read from the host, checked, never guessed."""

from __future__ import annotations

import pytest

from champ_offline.bundle.debian import control
from champ_offline.bundle.debian.errors import LockMalformed, MirrorUnknown
from champ_offline.bundle.debian.lock import DebianLock
from champ_offline.bundle.debian.mirror import Mirror, from_targets
from champ_offline.bundle.debian.names import BadName, canonical, parents
from champ_offline.bundle.debian.tree import matcher

TARGETS = """\
main bookworm https://packages.vendor.example/debian/
main vendor-bookworm https://vendor.example/apt
main bookworm http://mirror.example/debian
contrib bookworm-updates http://contrib.example/debian/
main bookworm-updates http://mirror.example/debian
main bookworm-security http://mirror.example/debian-security/
"""


def test_the_mirror_is_the_one_that_has_updates_and_security() -> None:
    assert from_targets(TARGETS) == Mirror(
        "http://mirror.example/debian/", "http://mirror.example/debian-security/"
    )


@pytest.mark.parametrize("release", ["bookworm-updates", "bookworm-security"])
def test_a_host_without_the_archives_is_told_so(release: str) -> None:
    lines = [line for line in TARGETS.splitlines() if f" {release} " not in line]
    with pytest.raises(MirrorUnknown):
        from_targets("\n".join(lines))


def test_an_address_belongs_to_the_suite_whose_archive_holds_it() -> None:
    mirror = from_targets(TARGETS)
    place = mirror.split("trixie", "http://mirror.example/debian-security/pool/x.deb")
    assert place == ("trixie-security", "pool/x.deb")
    assert mirror.split("trixie", "http://mirror.example/debian/pool/x.deb") == (
        "trixie",
        "pool/x.deb",
    )
    assert mirror.split("trixie", "http://elsewhere.example/pool/x.deb") is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("./", ""),
        ("./usr//share/./x", "usr/share/x"),
        ("./bin/sh", "usr/bin/sh"),
        ("./lib64/ld.so", "usr/lib64/ld.so"),
        ("./lib", "lib"),
        ("./opt/bin/x", "opt/bin/x"),
    ],
)
def test_names_become_canonical(name: str, expected: str) -> None:
    assert canonical(name) == expected


@pytest.mark.parametrize("name", ["/x", "..", "a/../b", "a/.wh.b", "a\0b"])
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(BadName):
        canonical(name)


def test_parents_come_highest_first() -> None:
    assert parents("a/b/c") == ["a", "a/b"]


def test_patterns_match_whole_names_across_slashes() -> None:
    matches = matcher(["usr/share/doc/*", "etc/cron*"])
    assert matches("usr/share/doc/a/b")
    assert matches("etc/cron.d/x")
    assert not matches("opt/usr/share/doc/a")
    assert not matcher([])("anything")


def test_control_data_is_read_by_field() -> None:
    text = "Package: a\nDescription: short\n long: line\nVersion: 1\n\nPackage: b\n"
    assert control.fields(text) == {"Package": "a", "Description": "short", "Version": "1"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", 2),
        ("epoch", "today"),
        ("epoch", -1),
        ("suite", ""),
        ("layers", {}),
        ("layers", [7]),
        ("layers", [{"name": "a", "packages": [{"name": "x"}]}]),
    ],
)
def test_a_lock_edited_by_hand_is_refused(key: str, value: object) -> None:
    document = {
        "format": 1,
        "description": "sha256:" + "0" * 64,
        "suite": "bookworm",
        "epoch": 0,
        "compressor": "x",
        "layers": [],
    }
    DebianLock.from_document(document)
    with pytest.raises(LockMalformed):
        DebianLock.from_document({**document, key: value})
