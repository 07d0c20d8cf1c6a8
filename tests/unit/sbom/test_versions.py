"""Orders of versions as the ecosystems' own documents give them, and conditions over them."""

from __future__ import annotations

import itertools
import subprocess

import pytest

from champ_offline.bundle.sbom.versions import (
    Constraint,
    ConstraintInvalid,
    debian_key,
    general_key,
)

DEBIAN = [
    "0", "0~~", "0~", "1.0~rc1-1", "1.0", "1.0-0", "1.0-1", "1.0-1~bpo12+1", "1.0-1+b1", "1.0-1.1",
    "1.0-10", "1.0-2", "1.0+dfsg-1", "1.0a", "1.0.0", "1.", "1a1", "1aa", "1-a-b", "1:0.1",
    "20250419~deb12u2", "3.0.11-1~deb12u2", "3.0.9", "99999999999999999999999999999999999",
]  # fmt: skip


def test_debian_versions_are_ordered_as_dpkg_does() -> None:
    wrong = []
    for one, other in itertools.product(DEBIAN, repeat=2):
        command = ["dpkg", "--compare-versions", one, "lt", other]
        before = subprocess.run(command, check=False).returncode == 0
        if before is not (debian_key(one) < debian_key(other)):
            wrong.append((one, other))
    assert wrong == []


@pytest.mark.parametrize(
    "ordered",
    [
        # PEP 440, "Summary of permitted suffixes and relative ordering".
        ["1.0.dev456", "1.0a1", "1.0a2", "1.0b1", "1.0rc1", "1.0", "1.0.post456", "1.1.dev1"],
        # Semantic Versioning 2.0.0, 11.4.
        ["1.0.0-alpha.1", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1"],
        # Maven, "Version Order Specification".
        ["1-alpha", "1-beta", "1-milestone", "1-rc", "1-SNAPSHOT", "1", "1-sp", "1.1", "1.10"],
        ["v0.0.0-20190101000000-abc", "v0.9.0", "v1.9.9", "v1.10.0"],
    ],
)
def test_other_versions_are_ordered_as_their_ecosystems_do(ordered: list[str]) -> None:
    keys = [general_key(version) for version in ordered]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("one", "other"),
    [("1.0", "1"), ("1.0.0-rc.1", "1-rc1"), ("v1.2", "1.2.0"), ("go1.23.4", "1.23.4"),
     ("1.0+build", "1.0"), ("1.0.Final", "1.0")],
)  # fmt: skip
def test_some_spellings_mean_the_same(one: str, other: str) -> None:
    assert general_key(one) == general_key(other)


@pytest.mark.parametrize(
    ("condition", "version", "kind", "admitted"),
    [
        ("<2.17.1", "2.14.1", "maven", True),
        ("<2.17.1", "2.17.1", "maven", False),
        (">=2.0,<2.17.1", "1.9", "maven", False),
        (">= 2.0 , < 2.17.1", "2.10", "maven", True),
        ("2.31", "2.31.0", "pypi", True),
        ("==2.31", "2.31.1", "pypi", False),
        (">2", "2.0.1", "npm", True),
        ("<1.0-1", "1.0-1~bpo12+1", "deb", True),
        (">99", "1:0.1", "deb", True),
        ("<1", "", "pypi", True),
        ("<1", "UNKNOWN", "golang", True),
        ("3.0.22", "3.0.22-1~deb12u2", "deb", True),
        ("==3.0.22-1~deb12u2", "3.0.22-1~deb12u2", "deb", True),
        ("3.0.22-1", "3.0.22-1~deb12u2", "deb", False),
        ("3.0.2", "3.0.22-1~deb12u2", "deb", False),
        ("1.2.13", "1:1.2.13.dfsg-1", "deb", False),
        ("1.2.13.dfsg", "1:1.2.13.dfsg-1", "deb", True),
        ("1:1.2.13.dfsg", "1:1.2.13.dfsg-1", "deb", True),
        ("1.2.13.dfsg-1", "1:1.2.13.dfsg-1", "deb", True),
        ("2:1.2.13.dfsg", "1:1.2.13.dfsg-1", "deb", False),
        ("<=3.0.22", "3.0.22-1~deb12u2", "deb", True),
        (">=3.0.22", "3.0.22-1~deb12u2", "deb", True),
        ("<3.0.22", "3.0.22-1~deb12u2", "deb", False),
        (">3.0.22", "3.0.22-1~deb12u2", "deb", False),
        ("<3.0.23", "3.0.22-1~deb12u2", "deb", True),
        (">3.0.22-1~deb12u1", "3.0.22-1~deb12u2", "deb", True),
        ("3.1.4", "3.1.4-r5", "apk", True),
        ("3.0.7", "1:3.0.7-27.el9", "rpm", True),
        ("1.0", "1.0-rc1", "npm", False),
    ],
)
def test_a_condition_admits(condition: str, version: str, kind: str, *, admitted: bool) -> None:
    assert Constraint.parse(condition).admits(version, kind) is admitted


@pytest.mark.parametrize("text", ["", " ", "<", ">=1,", "~=1", "<1 2", "a" * 200, "!=1"])
def test_other_conditions_are_refused(text: str) -> None:
    with pytest.raises(ConstraintInvalid):
        Constraint.parse(text)
