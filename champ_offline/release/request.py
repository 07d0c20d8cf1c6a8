"""What somebody wants in the cluster: an app's version, its answers, under a release name.

Invariant: both names are ones that Helm and Kubernetes accept, so they may stand in paths and
labels; whatever is secret is kept out of every representation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from champ_offline.errors import ChampError, ExitCode
from champ_offline.oci.digest import Digest

# Helm allows dots and 53 characters; Services and labels made of the name do not allow dots.
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LONGEST_RELEASE = 53
_LONGEST_NAMESPACE = 63


class InvalidReleaseName(ChampError):
    """A release or namespace name that Kubernetes would refuse."""

    id = "release.invalid-name"
    exit_code = ExitCode.USAGE
    message = "“{name}” cannot name a release or namespace."
    remedy = "Use lower-case letters, digits and dashes: 53 for a release, 63 for a namespace."


def check_names(release: str, namespace: str) -> None:
    """Raise InvalidReleaseName unless both can be used as they are."""
    for name, longest in ((release, _LONGEST_RELEASE), (namespace, _LONGEST_NAMESPACE)):
        if not _NAME.fullmatch(name) or len(name) > longest:
            raise InvalidReleaseName(name=name[:100])


@dataclass(frozen=True)
class ReleaseRequest:
    """An app's chart (.tgz bytes) and values, and the digest of every image it may use.

    `images` maps a full Reference text to the digest in the verified store; `secrets` are the
    texts among answers and values that no plan, event or error may show. `defaults` is what the
    form fills in by itself, which a plan does not tell as answered.
    """

    release: str
    namespace: str
    app: str
    version: str
    chart: bytes = field(repr=False)
    answers: Mapping[str, Any] = field(repr=False, hash=False)
    values: Mapping[str, Any] = field(repr=False, hash=False)
    images: Mapping[str, Digest] = field(repr=False, hash=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    defaults: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)

    def __post_init__(self) -> None:
        """Raise InvalidReleaseName unless both names can be used."""
        check_names(self.release, self.namespace)
