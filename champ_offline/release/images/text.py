"""What in free text is an image reference: in arguments, variables, scripts, settings.

Invariant: pure; every rule stands in `_is_image`, its reasons in ADR 0018. What a program joins at
run time from parts that stand in several texts cannot be seen here.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Container, Iterator
from dataclasses import dataclass

from champ_offline.oci.digest import InvalidDigest
from champ_offline.oci.reference import InvalidReference, Reference

_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]*")
# Before a token: what makes it the rest of something longer, such as `$(HUB)/proxy:1` or `~/x`.
_REST_OF = frozenset("/$\\~%._:@+-}")
# After a token: a variable or a template that gives its end, as in `quay.io/a/b:v{{ .tag }}`.
_COMPLETED_BY = frozenset("${%")
_IMAGE_SCHEME = re.compile(r"\b(?:docker|docker-pullable|oci)://")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>,;|`]*")
_COMMENT = re.compile(r"^[ \t]*(?:#|//).*$", re.MULTILINE)
# `image: `, `"image": "`, `--solver-image=`, `--image `, `<image>`, `IMAGE=`
_NAMED_BEFORE = re.compile(r"([A-Za-z][\w.-]*)[\"']?\s*(?::=|[:=>]|(?<=\s))\s*[\"']?$")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_PICTURE = re.compile(r"\.(?:png|jpe?g|gif|svg|webp|ico|bmp|tiff?|iso|img|qcow2|raw|vmdk|dcm)$")
_NUMBER = re.compile(r"[0-9]+")
_DOTTED = re.compile(r"v?[0-9]+\.[A-Za-z0-9._-]+")
_EFFECTS = frozenset({"NoSchedule", "PreferNoSchedule", "NoExecute"})
_LOOK_BACK = 80


@dataclass(frozen=True)
class _Token:
    """A candidate: its text, and whether what stands before it speaks of an image."""

    text: str
    named: bool

    @property
    def name(self) -> str:
        return self.text.partition("@")[0]

    @property
    def has_digest(self) -> bool:
        return "@" in self.text

    @property
    def tag(self) -> str:
        return self.name.rpartition("/")[2].partition(":")[2]

    @property
    def host(self) -> str:
        """The part that names a registry; empty where there is none."""
        head, slash, rest = self.name.partition("/")
        return head if slash and _is_host(head, rest) else ""


def references(text: str, *, named: bool, locked: Container[str]) -> Iterator[str]:
    """The image references in `text`, as they stand there.

    `named`: the text's own key speaks of an image (`is_image_key`). `locked`: the names
    `registry/repository` of the images that are packed, for telling `nginx:1.28` from `host:80`.
    """
    for token in _tokens(text, named=named):
        if _is_image(token, locked):
            yield token.text


def is_image_key(key: str) -> bool:
    """Whether a value under `key` names an image: image, baseImage, RELATED_IMAGE_X, image-name."""
    words = [word.lower() for word in _WORDS.findall(key)]
    if not words or not {"image", "images"} & set(words):
        return False
    if words[-1] in {"image", "images"} or words[:2] == ["related", "image"]:
        return True
    return words[-1] in {"repository", "repo", "name", "ref", "reference", "uri"}


def is_reference(text: str) -> bool:
    """Whether the whole text has the form of an image reference, short forms included."""
    try:
        Reference.parse(text)
    except (InvalidReference, InvalidDigest):
        return False
    return True


def has_tag_or_digest(text: str) -> bool:
    """Whether a reference says more than the repository's name."""
    token = _Token(text, named=True)
    return bool(token.tag) or token.has_digest


def _is_image(token: _Token, locked: Container[str]) -> bool:
    """The rules; a token that no reference could be has been sorted out."""
    if token.has_digest:
        return True
    if token.host:
        if token.tag:
            return token.tag not in _EFFECTS
        return token.named and not _PICTURE.search(token.name)
    if Reference.parse(token.text).name in locked:
        # `redis:6379` is a service and `redis:7` may be one, unless a key says otherwise.
        return token.named or bool(token.tag and not _NUMBER.fullmatch(token.tag))
    if token.named:
        return bool(token.tag) or ("/" in token.name and not _PICTURE.search(token.name))
    return "/" in token.name and bool(_DOTTED.fullmatch(token.tag))


def _tokens(text: str, *, named: bool) -> Iterator[_Token]:
    text = _URL.sub(" ", _IMAGE_SCHEME.sub(" ", _COMMENT.sub("", text)))
    for match in _TOKEN.finditer(text):
        if match.start() and text[match.start() - 1] in _REST_OF:
            continue
        found = _trimmed(match[0], completed=text[match.end() : match.end() + 1] in _COMPLETED_BY)
        if found and is_reference(found) and not _is_address(found):
            before = text[max(0, match.start() - _LOOK_BACK) : match.start()]
            yield _Token(found, named or _speaks_of_image(before))


def _trimmed(token: str, *, completed: bool) -> str:
    """The token without the end of a sentence, and without a tag of which the end is missing."""
    if not completed:
        return token.rstrip(".:-")
    head, slash, last = token.rpartition("/")
    repository, colon, _ = last.partition(":")
    return f"{head}{slash}{repository}" if colon else ""


def _speaks_of_image(before: str) -> bool:
    found = _NAMED_BEFORE.search(before)
    return found is not None and is_image_key(found[1])


def _is_address(token: str) -> bool:
    """Whether it is a number of some sort: a time, an address, a network, a checksum."""
    name = token.partition("@")[0]
    return not re.search("[a-z]", name) or re.match(r"(?:sha256|sha512):", token) is not None


def _is_host(head: str, rest: str) -> bool:
    host, _, port = head.partition(":")
    if host == "localhost":
        return True
    if _is_ipv4(host):
        return not _NUMBER.fullmatch(rest.partition(":")[0])  # a network such as 10.0.0.0/8
    if host.endswith("kubernetes.io"):
        return False  # keys of labels and taints
    return bool(port and re.search("[a-z]", host)) or bool(
        re.fullmatch(r"[A-Za-z0-9.-]+\.[A-Za-z]{2,}", host)
    )


def _is_ipv4(host: str) -> bool:
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True
