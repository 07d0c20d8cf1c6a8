"""Reads an image from a registry as containerd does, and checks what arrives; nothing is kept.

Invariant: names that a registry tells are checked before they are asked for again; what arrives is
bounded and compared with its digest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeAlias
from urllib.parse import quote

from champ_offline.errors import Phrase
from champ_offline.node.address import Address
from champ_offline.node.wire import Answer
from champ_offline.node.wire_errors import (
    ContentDiffers,
    CredentialsMissing,
    CredentialsRefused,
    ImageMissing,
    NothingServed,
    PullForbidden,
    ReadFailed,
)
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest, InvalidDigest
from champ_offline.oci.manifest import LIMIT, Manifest
from champ_offline.oci.reference import Reference
from champ_offline.oci.strict_json import NotStrict, parse

Ask: TypeAlias = Callable[[str, str, int, Mapping[str, str]], Answer]

_MOST_NAMES = _MOST_TAGS = 20
_LISTING = 64 * 1024
_PIECE = 64 * 1024
_WHOLE = 4 * 1024 * 1024
_NAME = re.compile(r"[a-z0-9][a-z0-9._:/-]{0,300}")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
# Tags that tools make out of a digest: cosign's, and those of the referrers' fallback.
_BESIDE = re.compile(r"sha(256|512)-[0-9a-f]{64,128}(\..*)?")
_AFTER_BESIDE = "sha512-g"
_CONFIGS = frozenset({media_types.IMAGE_CONFIG, "application/vnd.docker.container.image.v1+json"})
_REQUEST = re.compile(r"[A-Za-z0-9-]{1,64}")
_ACCEPT = {"Accept": ", ".join(sorted(media_types.DOCUMENTS))}
_OK, _PARTIAL, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND = 200, 206, 401, 403, 404


class Puller:
    """Asks one registry; `known` is whether credentials go along."""

    def __init__(self, ask: Ask, address: Address, *, known: bool) -> None:
        self._ask, self._address, self._known = ask, address, known

    def read(self, image: str | None) -> str:
        """Read a manifest and a part of its content; what was read.

        `image` is a reference as in a pod, None for one that the registry lists. Raises
        ImageMissing, NothingServed, ContentDiffers, ReadFailed, CredentialsMissing,
        CredentialsRefused, PullForbidden, InvalidReference, InvalidManifest and what `wire.Asking`
        raises.
        """
        name, mark = self._any() if image is None else _split(Reference.parse(image))
        shown = f"{name}@{mark}" if ":" in mark else f"{name}:{mark}"
        digest = self._digest(name, mark, shown)
        manifest = self._manifest(name, digest)
        if manifest.manifests:
            manifest = self._manifest(name, self._served(name, manifest.manifests, shown))
        self._content(name, manifest)
        return f"{shown} {digest}"

    def _any(self) -> tuple[str, str]:
        """An image that the registry lists; what else it lists where none of it is an image."""
        other: tuple[str, str] | None = None
        catalog = self._get(f"/v2/_catalog?n={_MOST_NAMES}", _LISTING)
        for name in islice(_listed(catalog.body, "repositories", _NAME), _MOST_NAMES):
            tag = self._tag(name)
            if tag is None:
                continue
            if self._is_image(name, tag):
                return name, tag
            other = other or (name, tag)
        if other is None:
            raise NothingServed(address=self._address)
        return other

    def _tag(self, name: str) -> str | None:
        """A tag that somebody gave; those of signatures and the like count only without one."""
        # Tags come sorted (distribution-spec 1.1, "Listing Tags"): a name may have many signatures.
        beside: str | None = None
        for page in (f"n={_MOST_TAGS}", f"n=1&last={_AFTER_BESIDE}"):
            tags = self._get(f"/v2/{name}/tags/list?{page}", _LISTING)
            for tag in _listed(tags.body, "tags", _TAG):
                if not _BESIDE.fullmatch(tag):
                    return tag
                beside = beside or tag
            if beside is None:
                return None
        return beside

    def _is_image(self, name: str, tag: str) -> bool:
        manifest = self._manifest(name, self._digest(name, tag, f"{name}:{tag}"))
        if manifest.subject is not None or manifest.config is None:
            return bool(manifest.manifests)
        return manifest.config.media_type in _CONFIGS

    def _digest(self, name: str, mark: str, shown: str) -> Digest:
        target = _target(name, "manifests", mark)
        answer = self._ask("HEAD", target, 0, _ACCEPT)
        if answer.status == _NOT_FOUND:
            raise ImageMissing(image=shown)
        self._refuse(answer, target)
        told = answer.headers.get("docker-content-digest", mark)
        try:
            return Digest.parse_registered(told)
        except InvalidDigest as error:
            raise ReadFailed(target=target, status=Phrase("no digest"), request="—") from error

    def _served(self, name: str, manifests: Sequence[Descriptor], shown: str) -> Digest:
        """The first of an index that is there: not every platform of it has to be."""
        for one in manifests[:_MOST_NAMES]:
            target = _target(name, "manifests", str(one.digest))
            answer = self._ask("HEAD", target, 0, _ACCEPT)
            if answer.status != _NOT_FOUND:
                self._refuse(answer, target)
                return one.digest
        raise ImageMissing(image=shown)

    def _manifest(self, name: str, digest: Digest) -> Manifest:
        answer = self._get(_target(name, "manifests", str(digest)), LIMIT + 1)
        _compare(answer.body, digest)
        return Manifest.from_bytes(answer.body, Digest.parse_registered)

    def _content(self, name: str, manifest: Manifest) -> None:
        """One small blob whole, compared; the beginning of the largest one."""
        sized = sorted((one for one in manifest.children if one.size), key=lambda one: one.size)
        for one in sized[:1]:
            if one.size <= _WHOLE:
                target = _target(name, "blobs", str(one.digest))
                _compare(self._get(target, one.size + 1).body, one.digest)
        for one in sized[-1:]:
            self._range(_target(name, "blobs", str(one.digest)), one)

    def _range(self, target: str, blob: Descriptor) -> None:
        length = min(blob.size, _PIECE)
        answer = self._ask("GET", target, length + 1, {"Range": f"bytes=0-{length - 1}"})
        self._refuse(answer, target)
        if answer.status == _PARTIAL and len(answer.body) != length:
            raise ContentDiffers(digest=blob.digest)

    def _get(self, target: str, limit: int) -> Answer:
        answer = self._ask("GET", target, limit, _ACCEPT)
        self._refuse(answer, target)
        return answer

    def _refuse(self, answer: Answer, target: str) -> None:
        if answer.status == _UNAUTHORIZED:
            error = CredentialsRefused if self._known else CredentialsMissing
            raise error(address=self._address)
        if answer.status == _FORBIDDEN:
            raise PullForbidden(address=self._address, target=target)
        if answer.status not in {_OK, _PARTIAL}:
            told = answer.headers.get("x-request-id", "")
            request = told if _REQUEST.fullmatch(told) else "—"
            raise ReadFailed(target=target, status=answer.status, request=request)


def _split(reference: Reference) -> tuple[str, str]:
    return reference.name, str(reference.digest or reference.tag)


def _target(name: str, kind: str, mark: str) -> str:
    """As containerd asks a mirror: the name's own registry goes along as `ns`."""
    host, slash, rest = name.partition("/")
    if slash and ("." in host or ":" in host):
        return f"/v2/{rest}/{kind}/{mark}?ns={quote(host, safe=':')}"
    return f"/v2/{name}/{kind}/{mark}"


def _listed(body: bytes, key: str, form: re.Pattern[str]) -> Iterator[str]:
    """The texts of a listing that have the form they must."""
    try:
        document = parse(body)
    except NotStrict:
        return
    found = document.get(key) if isinstance(document, dict) else None
    for one in found if isinstance(found, list) else []:
        if isinstance(one, str) and form.fullmatch(one) and ".." not in one:
            yield one


def _compare(data: bytes, digest: Digest) -> None:
    if Digest.of(data, digest.algorithm) != digest:
        raise ContentDiffers(digest=digest)
