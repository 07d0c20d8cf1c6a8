"""Turns method, path and query into a typed request (OCI distribution-spec 1.1, "Endpoints").

Invariant: pure; a name, tag or digest in a request has its grammar checked, so nothing a client
sends can become part of a file path except through `Digest.parse`.

The key of a repository is its registry's host and its name. A client that knows this registry as a
mirror sends the host as `?ns=` (containerd's hosts.toml), others put it into the path:
`/v2/library/nginx/manifests/1?ns=docker.io` and `/v2/docker.io/library/nginx/manifests/1` are one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import parse_qs, unquote

from champ_offline.oci.digest import Digest, InvalidDigest

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_NUMBER = re.compile(r"[0-9]{1,6}")
_LONGEST = 255
_LONGEST_LINE = 4096
_FORM = re.compile(r"/v2/(?P<name>.+)/(?P<kind>manifests|blobs|tags|referrers)/(?P<rest>[^/]*)")


@dataclass(frozen=True)
class Ping:
    """`GET /v2/`: is this a registry?"""


@dataclass(frozen=True)
class ManifestRequest:
    """`GET /v2/<name>/manifests/<reference>`."""

    name: str
    reference: str | Digest


@dataclass(frozen=True)
class BlobRequest:
    """`GET /v2/<name>/blobs/<digest>`."""

    name: str
    digest: Digest


@dataclass(frozen=True)
class TagsRequest:
    """`GET /v2/<name>/tags/list?n=&last=`; `host` is what came as `?ns=`."""

    name: str
    limit: int | None
    last: str
    host: str = ""

    @property
    def asked(self) -> str:
        """The name as it stood in the path."""
        return self.name.removeprefix(f"{self.host}/") if self.host else self.name


@dataclass(frozen=True)
class CatalogRequest:
    """`GET /v2/_catalog?n=&last=`."""

    limit: int | None
    last: str


@dataclass(frozen=True)
class ReferrersRequest:
    """`GET /v2/<name>/referrers/<digest>?artifactType=`."""

    name: str
    digest: Digest
    artifact_type: str


@dataclass(frozen=True)
class Refusal:
    """A request that gets an error in the spec's form ("Error Codes")."""

    status: int
    code: str
    message: str


Request: TypeAlias = (
    Ping | ManifestRequest | BlobRequest | TagsRequest | CatalogRequest | ReferrersRequest | Refusal
)
_NOT_FOUND = Refusal(404, "NAME_UNKNOWN", "there is nothing at this address")
_READ_ONLY = Refusal(405, "UNSUPPORTED", "this registry is filled by importing bundles only")


def parse(method: str, raw_path: str, query: str) -> Request:
    """Read a request line; never raises. `raw_path` is still percent-encoded."""
    if len(raw_path) + len(query) > _LONGEST_LINE:
        return Refusal(414, "UNSUPPORTED", "the address is too long")
    path = unquote(raw_path, errors="replace")
    if method not in {"GET", "HEAD"}:
        return _READ_ONLY if path.startswith("/v2/") else _NOT_FOUND
    if path in {"/v2/", "/v2"}:
        return Ping()
    options = _options(query)
    if path == "/v2/_catalog":
        page = _page(options)
        return page if isinstance(page, Refusal) else CatalogRequest(*page)
    match = _FORM.fullmatch(path)
    if match is None:
        return _NOT_FOUND
    name = _key(match["name"], options.get("ns", ""))
    if name is None:
        return Refusal(400, "NAME_INVALID", "the repository name is not valid")
    return _within(name, match["kind"], match["rest"], options)


def _within(name: str, kind: str, rest: str, options: dict[str, str]) -> Request:
    if kind == "tags":
        page = _page(options)
        if rest != "list" or isinstance(page, Refusal):
            return page if isinstance(page, Refusal) else _NOT_FOUND
        return TagsRequest(name, *page, options.get("ns", ""))
    if kind == "manifests" and ":" not in rest:
        if not _TAG.fullmatch(rest):
            return Refusal(400, "TAG_INVALID", "the tag is not valid")
        return ManifestRequest(name, rest)
    try:
        digest = Digest.parse(rest)
    except InvalidDigest:
        return Refusal(400, "DIGEST_INVALID", "the digest is not a valid sha256 digest")
    if kind == "manifests":
        return ManifestRequest(name, digest)
    if kind == "blobs":
        return BlobRequest(name, digest)
    return ReferrersRequest(name, digest, options.get("artifactType", ""))


def _options(query: str) -> dict[str, str]:
    """The first value of each field; the registry knows fewer than ten."""
    try:
        return {key: values[0] for key, values in parse_qs(query, max_num_fields=10).items()}
    except ValueError:
        return {}


def _key(name: str, host: str) -> str | None:
    """The repository's key in the store, or None when the name is not valid."""
    if not _NAME.fullmatch(name) or (host and not _HOST.fullmatch(host)):
        return None
    key = f"{host}/{name}" if host else name
    return key if len(key) <= _LONGEST else None


def _page(options: dict[str, str]) -> tuple[int | None, str] | Refusal:
    limit, last = options.get("n"), options.get("last", "")
    if limit is not None and not _NUMBER.fullmatch(limit):
        return Refusal(400, "PAGINATION_NUMBER_INVALID", "n is not a number of entries")
    return (None if limit is None else int(limit), last)
