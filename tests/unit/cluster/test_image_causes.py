"""Why an image is not there, in what kubelet and containerd really say."""

from __future__ import annotations

import pytest

from tests.unit.cluster.documents import (
    IMAGE,
    SET,
    causes,
    event,
    only,
    pod,
    waiting,
)

PULL = f'failed to pull and unpack image "{IMAGE}": failed to resolve reference "{IMAGE}": '
ASKED = 'failed to do request: Head "https://10.77.0.1:5443/v2/web/manifests/1?ns=champ.local": '


@pytest.mark.parametrize(
    ("said", "told", "hopeless", "words"),
    [
        (f"{IMAGE}: not found", "image-not-found", True, f"no image {IMAGE}"),
        (
            ASKED + "dial tcp 10.77.0.1:5443: connect: connection refused",
            "registry-unreachable",
            False,
            "dial tcp 10.77.0.1:5443: connect: connection refused",
        ),
        (
            ASKED + "dial tcp: lookup registry.zone on 10.96.0.10:53: no such host",
            "registry-unreachable",
            False,
            "no such host",
        ),
        (
            ASKED + "tls: failed to verify certificate: x509: certificate has expired or is not"
            " yet valid: current time 2026-01-01T10:00:00Z is after 2025-12-01T10:00:00Z",
            "registry-certificate",
            True,
            "x509: certificate has expired",
        ),
        (
            ASKED + "x509: certificate signed by unknown authority",
            "registry-certificate",
            True,
            "signed by unknown authority",
        ),
        (
            "unexpected status from HEAD request to https://10.77.0.1/v2/web: 403 Forbidden",
            "image-pull-denied",
            True,
            "403 Forbidden",
        ),
        (
            (
                "pull access denied, repository does not exist or may require authorization: server"
                " message: insufficient_scope: authorization failed"
            ),
            "image-pull-denied",
            True,
            "pull access denied",
        ),
        (
            "unexpected status from HEAD request to https://10.77.0.1/v2/web: 503 Unavailable",
            "registry-unreachable",
            False,
            "503",
        ),
        (
            "no match for platform in manifest: not found",
            "image-unusable",
            True,
            "no match for platform",
        ),
        ("short read: expected 10 bytes but got 4", "image-not-pulled", False, "short read"),
    ],
)
@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff"])
def test_why_an_image_is_not_there(
    reason: str, said: str, told: str, hopeless: bool, words: str
) -> None:
    lead = f'Back-off pulling image "{IMAGE}": ErrImagePull: ' if "Back" in reason else ""
    found = only(causes(pod(SET, **waiting(reason, lead + PULL + said))))
    assert found[:2] == (told, hopeless)
    assert words in found[2]
    assert found[2].startswith("Pod web-1-a: ")


def test_an_older_kubelet_says_in_its_event_why_it_backs_off() -> None:
    broken = pod(SET, **waiting("ImagePullBackOff", f'Back-off pulling image "{IMAGE}"'))
    why = event(broken, "Failed", f'Failed to pull image "{IMAGE}": {PULL}{IMAGE}: not found')
    assert only(causes(broken, events=(why,)))[0] == "image-not-found"
    assert only(causes(broken))[0] == "image-not-pulled"


def test_an_image_is_named_by_its_tag_where_it_has_one() -> None:
    long = f"champ.local/web:1@sha256:{'a' * 64}"
    broken = pod(SET, **waiting("ErrImagePull", "not found"))
    broken["spec"]["containers"][0]["image"] = long
    assert only(causes(broken))[2].endswith("champ.local/web:1.")
    broken["spec"]["containers"][0]["image"] = long.replace(":1@", "@")
    assert only(causes(broken))[2].endswith(f"champ.local/web@sha256:{'a' * 64}.")


def test_the_nodes_own_image_may_be_what_is_missing() -> None:
    broken = pod(SET, **waiting("ContainerCreating"))
    said = (
        'Failed to create pod sandbox: rpc error: failed to get sandbox image "pause:3.10": '
        + ASKED
        + "dial tcp 10.77.0.1:5443: connect: connection refused"
    )
    found = only(causes(broken, events=(event(broken, "FailedCreatePodSandBox", said),)))
    assert found[0] == "registry-unreachable"
    assert "pause:3.10" in found[2]
