"""Why an image is not on a node yet, in what kubelet and the container runtime say of it.

Invariant: pure. What none of the rules knows keeps the runtime's own words.
"""

from __future__ import annotations

import re

from champ_offline.cluster.causes.scene import Object, about, words
from champ_offline.cluster.causes.words import (
    ImageNotFound,
    ImageNotPulled,
    ImagePullDenied,
    ImageUnusable,
    RegistryCertificate,
    RegistryUnreachable,
    Trouble,
)

# https://github.com/kubernetes/kubernetes pkg/kubelet/images/types.go
WAITING = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "RegistryUnavailable",
        "SignatureValidationFailed",
    }
)
_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
# In this order: a refused certificate comes with the words of a failed request, and that a
# repository "does not exist or may require authorization" is no proof that it does not exist.
_CERTIFICATE = re.compile(r"x509: .+|tls: .*certificate.*|certificate has expired.*")
_AWAY = re.compile(
    r"dial tcp.*|lookup [^ ]+ on .*|connection refused.*|no such host.*|i/o timeout.*"
    r"|no route to host.*|network is unreachable.*|connection reset.*|broken pipe.*"
    r"|TLS handshake timeout.*|context deadline exceeded.*|Client\.Timeout.*"
    r"|server gave HTTP response.*|unexpected status.*: 5\d\d.*|\bEOF$"
)
_DENIED = re.compile(
    r"pull access denied.*|unauthorized.*|40[13] (Unauthorized|Forbidden).*|authorization failed.*"
    r"|no basic auth credentials.*|insufficient_scope.*",
    re.IGNORECASE,
)
_UNFIT = re.compile(r"no match for platform.*|couldn't parse image.*|invalid reference.*")
_GONE = re.compile(r"not found|manifest unknown|name unknown", re.IGNORECASE)


def judge(pod: Object, image: str, reason: str, said: str) -> tuple[Trouble, bool]:
    """The cause, and whether it is one that waiting does not mend.

    `reason` is the container's (`ErrImagePull`), `said` the words that come with it.
    """
    fields = {**about(pod), "image": _short(image)}
    if found := _CERTIFICATE.search(said):
        return RegistryCertificate(**fields, reason=words(found[0])), True
    if found := _AWAY.search(said):
        return RegistryUnreachable(**fields, reason=words(found[0])), False
    if found := _DENIED.search(said):
        return ImagePullDenied(**fields, reason=words(found[0])), True
    if found := _UNFIT.search(said):
        return ImageUnusable(**fields, reason=words(found[0])), True
    if _GONE.search(said):
        return ImageNotFound(**fields), True
    if reason in {"InvalidImageName", "ErrImageNeverPull"}:
        return ImageUnusable(**fields, reason=words(said or reason)), True
    return ImageNotPulled(**fields, reason=words(said or reason)), False


def _short(image: str) -> str:
    """The image as people name it: by its tag where it has one, else by its digest."""
    named = _DIGEST.sub("", image)
    return named if ":" in named.rpartition("/")[2] else image
