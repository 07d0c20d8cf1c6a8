"""What is said of documents that are not of their form: words, never the names of Python."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from champ_offline.oci.strict_json import parse, wrong_in

Act = Callable[[], object]


def unpack() -> None:
    (_one,) = parse(b"[1, 2]")


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda: parse(b"x"), "it is not JSON, from byte 0 on"),
        (lambda: parse(b"\xff"), "it is not text in UTF-8"),
        (b"\xff".decode, "it is not JSON in UTF-8"),
        (lambda: parse(b"{}")["bundle"], "it lacks “bundle”"),
        (lambda: parse(b"[]")["bundle"], "it is not of the form that it should have"),
        (lambda: parse(b"[]")[0], "it is not of the form that it should have"),
        (unpack, "it is not of the form that it should have"),
    ],
)
def test_what_is_wrong_is_said_in_words(act: Act, said: str) -> None:
    with pytest.raises((ValueError, TypeError, LookupError)) as caught:
        act()
    assert wrong_in(caught.value) == said
