"""Where clients are sent for tokens: never where the registry was not told it is."""

from __future__ import annotations

import pytest

from champ_offline.registry.challenge import Called

OURS = Called(("Registry.zone", "10.0.0.5", "fd00::5"), 5443)


@pytest.mark.parametrize(
    ("host", "place"),
    [
        ("registry.zone:5443", "registry.zone:5443"),
        ("REGISTRY.ZONE", "registry.zone"),
        ("registry.zone:443", "registry.zone:443"),
        ("10.0.0.5:5443", "10.0.0.5:5443"),
        ("[fd00::5]:5443", "[fd00::5]:5443"),
        ("[fd00:0:0:0::5]:5443", "[fd00:0:0:0::5]:5443"),
        ("", "registry.zone:5443"),
        ("evil.example", "registry.zone:5443"),
        ("registry.zone.evil.example", "registry.zone:5443"),
        ("registry.zone@evil.example", "registry.zone:5443"),
        ("evil.example/registry.zone", "registry.zone:5443"),
        ('registry.zone",realm="https://evil.example', "registry.zone:5443"),
        ("registry.zone:5443,evil.example", "registry.zone:5443"),
        ("registry.zone:999999", "registry.zone:5443"),
        ("registry.zone\n", "registry.zone:5443"),
        ("10.0.0.6", "registry.zone:5443"),
    ],
)
def test_the_realm(host: str, place: str) -> None:
    assert OURS.realm({"host": host}) == f"https://{place}/v2/token"


def test_the_challenge() -> None:
    assert OURS.challenge({}, "repository:team/app:pull,push", "insufficient_scope") == (
        'Bearer realm="https://registry.zone:5443/v2/token",service="registry.zone:5443",'
        'scope="repository:team/app:pull,push",error="insufficient_scope"'
    )
    assert Called(("::1",), 80, secure=False).challenge({}) == (
        'Bearer realm="http://[::1]:80/v2/token",service="[::1]:80"'
    )
