"""Image references, `registry/repository:tag@digest` (the grammar of distribution's `reference`).

Invariant: a parsed reference always names its registry and repository in full; Docker's short forms
(`nginx`, `library/nginx:1`) are expanded on reading, as containerd does before it asks a mirror.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from champ_offline.errors import ChampError, ExitCode
from champ_offline.oci.digest import Digest

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)(?::[0-9]{1,5})?")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_LONGEST = 255


def as_path(name: str) -> str:
    """A name, registry included, as the repository's path under another registry.

    The colon before a port cannot stand in a path, nor can capital letters.
    """
    return name.replace(":", "_").lower()


def is_repository(path: str) -> bool:
    """Whether a path may name a repository (distribution-spec 1.1, "Pulling manifests")."""
    return len(path) <= _LONGEST and _REPOSITORY.fullmatch(path) is not None


def is_host(text: str) -> bool:
    """Whether a text names a registry, with or without a port, where a reference begins with it."""
    named = text == "localhost" or bool(re.search(r"[.:]", text))
    return named and _HOST.fullmatch(text) is not None


class InvalidReference(ChampError):
    """Text that should name an image does not."""

    id = "oci.invalid-reference"
    exit_code = ExitCode.USAGE
    message = "“{text}” is not an image reference."
    remedy = "Write it as registry/repository:tag, for example docker.io/library/nginx:1.27."


@dataclass(frozen=True, order=True)
class Reference:
    """Where an image is known: registry host (with port), repository, tag or digest or both."""

    registry: str
    repository: str
    tag: str = ""
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read a reference, expanding short forms; raises InvalidReference, InvalidDigest."""
        name, at, digest = text.partition("@")
        registry, repository, tag = _split(name)
        tag_ok = not tag or _TAG.fullmatch(tag)
        name_ok = is_repository(repository) and _HOST.fullmatch(registry)
        if not (tag_ok and name_ok):
            raise InvalidReference(text=text[:300])
        pinned = Digest.parse(digest) if at else None
        return cls(registry, repository, tag or ("" if pinned else "latest"), pinned)

    @property
    def name(self) -> str:
        """`registry/repository`: the key under which the zone's store keeps it."""
        return f"{self.registry}/{self.repository}"

    def pinned(self, digest: Digest) -> Reference:
        """The same name held to one digest."""
        return replace(self, digest=digest)

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.name}{tag}" + (f"@{self.digest}" if self.digest else "")


def _split(name: str) -> tuple[str, str, str]:
    head, slash, rest = name.partition("/")
    if not slash or not (re.search(r"[.:]", head) or head == "localhost"):
        head, rest = "docker.io", name
    repository, colon, tag = rest.partition(":")
    if head in {"docker.io", "index.docker.io"} and "/" not in repository:
        repository = f"library/{repository}"
    return ("docker.io" if head == "index.docker.io" else head), repository, tag or colon
