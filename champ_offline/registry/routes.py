"""Turns method, path and query into a typed request (OCI distribution-spec 1.1, "Endpoints").

Invariant: pure; a name, tag, digest or upload id in a request has its grammar checked, so nothing a
client sends can become part of a file path except through `Digest.parse_registered` and the form
of a UUID.

The key of a repository is its registry's host and its name. A client that knows this registry as a
mirror sends the host as `?ns=` (containerd's hosts.toml), others put it into the path:
`/v2/library/nginx/manifests/1?ns=docker.io` and `/v2/docker.io/library/nginx/manifests/1` are one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TypeAlias
from urllib.parse import parse_qs, unquote

from champ_offline.oci.digest import ALGORITHMS, Digest, InvalidDigest
from champ_offline.registry.requests import (
    BeginUpload,
    BlobRequest,
    CancelUpload,
    CatalogRequest,
    DeleteBlob,
    DeleteManifest,
    FinishUpload,
    HealthRequest,
    ManifestRequest,
    MetricsRequest,
    Ping,
    PutManifest,
    ReferrersRequest,
    Refusal,
    Repository,
    Request,
    TagsRequest,
    TokenForm,
    TokenRequest,
    UploadChunk,
    UploadStatus,
)

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_UPLOAD = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NUMBER = re.compile(r"[0-9]{1,6}")
_LONGEST = 255
_LONGEST_LINE = 8192
_MOST_OPTIONS = 64
_REMEMBERED = 1024
_FORM = re.compile(r"/v2/(?P<name>.+)/(?P<kind>manifests|blobs|tags|referrers)/(?P<rest>[^/]*)")
_UPLOADS = re.compile(r"/v2/(?P<name>.+)/blobs/uploads(?:/(?P<rest>[^/]*))?")

_Options: TypeAlias = Mapping[str, list[str]]


_BARE: Mapping[str, Request] = {
    **dict.fromkeys(("/v2/", "/v2"), Ping()),
    "/healthz": HealthRequest(),
    "/metrics": MetricsRequest(),
}
TOKEN_PATH = "/v2/token"  # noqa: S105 - a path
NOT_FOUND = Refusal(404, "NAME_UNKNOWN", "there is nothing at this address")
_TOO_LONG = Refusal(414, "UNSUPPORTED", "the address is too long")
_TAG_INVALID = Refusal(400, "TAG_INVALID", "the tag is not valid")
_NO_MANIFEST = Refusal(
    404, "MANIFEST_UNKNOWN", "no repository has such a manifest: this is neither a tag nor a digest"
)
_DIGEST_INVALID = Refusal(
    400, "DIGEST_INVALID", "the digest is neither a valid sha256 nor a valid sha512 digest"
)
_FORM_INVALID = Refusal(400, "UNSUPPORTED", "the body is not a form of a token request")
_NAME_INVALID = Refusal(400, "NAME_INVALID", "the repository name is not valid")


class _Malformed(Exception):
    """Part of a request line has not its form."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


def parse(method: str, raw_path: str, query: str) -> Request:
    """Read a request line; never raises. `raw_path` is still percent-encoded."""
    if len(method) + len(raw_path) + len(query) > _LONGEST_LINE:
        return _TOO_LONG
    return _parsed(method, raw_path, query)


@lru_cache(_REMEMBERED)
def _parsed(method: str, raw_path: str, query: str) -> Request:
    """Nodes ask for the same things again and again: the last lines are remembered."""
    try:
        options: _Options = parse_qs(query, keep_blank_values=True, max_num_fields=_MOST_OPTIONS)
    except ValueError:
        return _TOO_LONG
    method = "GET" if method == "HEAD" else method
    try:
        return _request(method, unquote(raw_path, errors="replace"), options)
    except _Malformed as error:
        return error.refusal


def token_form(data: bytes) -> TokenRequest | Refusal:
    """Read the form of a token request (RFC 6749, 4.3.2); never raises."""
    try:
        text = data.decode("utf-8")
        fields: _Options = parse_qs(text, keep_blank_values=True, max_num_fields=_MOST_OPTIONS)
    except ValueError:
        return _FORM_INVALID
    kind = _first(fields, "grant_type")
    if kind != "password":
        return Refusal(400, "UNSUPPORTED", "only grants of the type password are known here")
    scopes = tuple(fields.get("scope", []))
    return TokenRequest(scopes, _first(fields, "username"), _first(fields, "password"))


def _request(method: str, path: str, options: _Options) -> Request:
    if path in _BARE:
        return _BARE[path] if method == "GET" else _not_allowed("GET, HEAD")
    if path == "/v2/_catalog":
        return CatalogRequest(*_page(options)) if method == "GET" else _not_allowed("GET, HEAD")
    if path == TOKEN_PATH:
        return _about_token(method, options)
    upload = _UPLOADS.fullmatch(path)
    match = upload or _FORM.fullmatch(path)
    if match is None:
        return NOT_FOUND
    host = _first(options, "ns")
    where = Repository(_key(match["name"], host), host)
    if upload is not None:
        return _about_upload(method, where, match["rest"] or "", options)
    return _within(method, where, match["kind"], match["rest"], options)


def _about_token(method: str, options: _Options) -> Request:
    if method == "GET":
        return TokenRequest(tuple(options.get("scope", [])))
    return TokenForm() if method == "POST" else _not_allowed("GET, HEAD, POST")


def _within(method: str, where: Repository, kind: str, rest: str, options: _Options) -> Request:
    name, host = where.name, where.host
    if kind == "manifests":
        return _about_manifest(method, where, rest, options)
    if kind == "tags":
        if rest != "list":
            return NOT_FOUND
        if method != "GET":
            return _not_allowed("GET, HEAD")
        limit, last = _page(options)
        return TagsRequest(name, host, limit=limit, last=last)
    digest = _digest(rest)
    if kind == "referrers":
        if method != "GET":
            return _not_allowed("GET, HEAD")
        wanted = _first(options, "artifactType")
        return ReferrersRequest(name, host, digest=digest, artifact_type=wanted)
    if method == "DELETE":
        return DeleteBlob(name, host, digest=digest)
    if method != "GET":
        return _not_allowed("GET, HEAD, DELETE")
    return BlobRequest(name, host, digest=digest)


def _about_manifest(method: str, where: Repository, rest: str, options: _Options) -> Request:
    name, host = where.name, where.host
    if method in {"GET", "DELETE"} and ":" not in rest and not _TAG.fullmatch(rest):
        return _NO_MANIFEST
    reference = _digest(rest) if ":" in rest else _tag(rest)
    if method == "PUT":
        tags = tuple(map(_tag, options.get("tag", [])))
        if tags and isinstance(reference, str):
            tags = ()
        return PutManifest(name, host, reference=reference, tags=tags)
    if method == "DELETE":
        return DeleteManifest(name, host, reference=reference)
    if method != "GET":
        return _not_allowed("GET, HEAD, PUT, DELETE")
    return ManifestRequest(name, host, reference=reference)


def _about_upload(method: str, where: Repository, rest: str, options: _Options) -> Request:
    name, host = where.name, where.host
    if not rest:
        return _begin(where, options) if method == "POST" else _not_allowed("POST")
    if not _UPLOAD.fullmatch(rest):
        return Refusal(404, "BLOB_UPLOAD_UNKNOWN", "there is no such upload")
    if method == "PUT":
        digest = _digest(_first(options, "digest"))
        return FinishUpload(name, host, upload=rest, digest=digest)
    made: dict[str, Callable[..., Request]] = {
        "GET": UploadStatus,
        "PATCH": UploadChunk,
        "DELETE": CancelUpload,
    }
    if method not in made:
        return _not_allowed("GET, HEAD, PATCH, PUT, DELETE")
    return made[method](name, host, upload=rest)


def _begin(where: Repository, options: _Options) -> Request:
    digest, mount = _first(options, "digest"), _first(options, "mount")
    source = _first(options, "from")
    algorithm = _first(options, "digest-algorithm") or ALGORITHMS[0]
    if algorithm not in ALGORITHMS:
        return _DIGEST_INVALID
    whole = _digest(digest) if digest else None
    return BeginUpload(
        where.name,
        where.host,
        digest=whole,
        mount=_digest(mount) if mount else None,
        source=_key(source, where.host) if source else "",
        algorithm=whole.algorithm if whole else algorithm,
    )


def _not_allowed(methods: str) -> Refusal:
    message = "this address does not know that method"
    return Refusal(405, "UNSUPPORTED", message, (("allow", methods),))


def _first(options: _Options, key: str) -> str:
    return options.get(key, [""])[0]


def _key(name: str, host: str) -> str:
    """The repository's key in the store."""
    key = f"{host}/{name}" if host else name
    if not _NAME.fullmatch(name) or (host and not _HOST.fullmatch(host)) or len(key) > _LONGEST:
        raise _Malformed(_NAME_INVALID)
    return key


def _tag(text: str) -> str:
    if not _TAG.fullmatch(text):
        raise _Malformed(_TAG_INVALID)
    return text


def _digest(text: str) -> Digest:
    try:
        return Digest.parse_registered(text)
    except InvalidDigest:
        raise _Malformed(_DIGEST_INVALID) from None


def _page(options: _Options) -> tuple[int | None, str]:
    limit = _first(options, "n")
    if limit and not _NUMBER.fullmatch(limit):
        raise _Malformed(Refusal(400, "PAGINATION_NUMBER_INVALID", "n is not a number of entries"))
    return (int(limit) if limit else None, _first(options, "last"))
