"""References as distribution and containerd read them."""

from __future__ import annotations

import pytest

from champ_offline.oci.digest import Digest
from champ_offline.oci.reference import InvalidReference, Reference

PIN = Digest.of(b"manifest")


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.27", "docker.io/library/nginx:1.27"),
        ("bitnami/redis:7", "docker.io/bitnami/redis:7"),
        ("index.docker.io/nginx:1", "docker.io/library/nginx:1"),
        ("quay.io/a/b/c:v1", "quay.io/a/b/c:v1"),
        ("localhost/app:1", "localhost/app:1"),
        ("host:5000/app", "host:5000/app:latest"),
        (f"quay.io/a/b@{PIN}", f"quay.io/a/b@{PIN}"),
        (f"quay.io/a/b:1@{PIN}", f"quay.io/a/b:1@{PIN}"),
    ],
)
def test_short_forms_are_expanded(text: str, full: str) -> None:
    reference = Reference.parse(text)
    assert str(reference) == full
    assert Reference.parse(str(reference)) == reference


@pytest.mark.parametrize(
    "text",
    ["", ":", "UPPER/case", "a//b", "../etc/passwd", "a/../b", "a b", "x:", "h:5000/", "a" * 300,
     "n:tag/slash", "n:" + "t" * 129, "n:-dash"],
)  # fmt: skip
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(InvalidReference):
        Reference.parse(text)


def test_pinning_keeps_the_name() -> None:
    assert str(Reference.parse("nginx:1").pinned(PIN)) == f"docker.io/library/nginx:1@{PIN}"
