"""Argon2id hashes: what fits, what is bounded, what is never kept."""

from __future__ import annotations

import re

import pytest

from champ_offline.registry.passwords import _NOBODY, PasswordUnfit, fits, hashed

PASSWORD = b"correct horse battery staple"
SALTED = f"${'A' * 22}${'A' * 43}"


def test_a_password_and_its_hash() -> None:
    kept = hashed(PASSWORD)
    assert re.fullmatch(r"\$argon2id\$v=19\$m=32768,t=3,p=1\$[\w+/]{22}\$[\w+/]{43}", kept)
    assert PASSWORD.decode() not in kept
    assert hashed(PASSWORD) != kept
    assert fits(PASSWORD, kept)
    for wrong in (b"", PASSWORD + b"x", PASSWORD[:-1], PASSWORD.upper(), PASSWORD + b"\0"):
        assert not fits(wrong, kept)


@pytest.mark.parametrize("size", [0, 11, 1025])
def test_unfit_passwords(size: int) -> None:
    with pytest.raises(PasswordUnfit):
        hashed(b"x" * size)


def test_a_long_password_is_not_cut() -> None:
    kept = hashed(b"x" * 1024)
    assert fits(b"x" * 1024, kept)
    assert not fits(b"x" * 1025, kept)


def test_nobody_has_the_same_cost_and_no_password() -> None:
    kept = hashed(PASSWORD)
    assert kept.split("$")[:4] == _NOBODY.split("$")[:4]
    assert not fits(PASSWORD, None)
    assert not fits(b"\0" * 32, None)


@pytest.mark.parametrize(
    "kept",
    [
        "",
        "x",
        f"$argon2id$v=19$m=1048576,t=3,p=1{SALTED}",
        f"$argon2id$v=19$m=32768,t=99,p=1{SALTED}",
        f"$argon2id$v=19$m=32768,t=3,p=9{SALTED}",
        f"$argon2id$v=19$m=8,t=1,p=4{SALTED}",
        f"$argon2i$v=19$m=32768,t=3,p=1{SALTED}",
        f"$argon2id$v=16$m=32768,t=3,p=1{SALTED}",
        f"$argon2id$v=19$m=32768,t=3,p=1{SALTED}\n",
        "$2b$12$abcdefghijklmnopqrstuv",
    ],
)
def test_hashes_beyond_the_bounds_fit_nothing(kept: str) -> None:
    assert not fits(PASSWORD, kept)
