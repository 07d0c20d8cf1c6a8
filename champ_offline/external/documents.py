"""Manifests and indexes at an external registry, and who refers to them.

Invariant: what is found there counts only after its bytes, as the target gives them, were hashed.
Where the target has no referrers API, its clients look for a list under a tag: that list is kept as
the distribution-spec 1.1 says ("Referrers Tag Schema"), and what others wrote into it stays.
"""

from __future__ import annotations

from typing import Any

from champ_offline.errors import Phrase
from champ_offline.external.endpoint import Ask, Endpoint
from champ_offline.external.errors import ReferrersTagTaken, TargetDiffers
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import LIMIT, encode
from champ_offline.oci.strict_json import NotStrict, bounded

_ACCEPT = {"Accept": ", ".join(sorted(media_types.DOCUMENTS))}
_MOST_PAGES = 50
_ATTEMPTS = 3


class Documents:
    """Of one repository of the target."""

    def __init__(self, endpoint: Endpoint, repository: str) -> None:
        self._endpoint, self._repository = endpoint, repository

    def read(self, reference: str) -> bytes | None:
        """The bytes under a tag or digest; None where there are none."""
        asked = Ask("GET", self._repository, f"manifests/{reference}", _ACCEPT)
        reply = self._endpoint.ask(asked, {200, 404})
        return reply.body if reply.status == 200 else None

    def has(self, digest: Digest) -> bool:
        """Whether the manifest is there; raises TargetDiffers for other bytes under its digest."""
        data = self.read(str(digest))
        if data is not None and Digest.of(data, digest.algorithm) != digest:
            raise self.differs(digest)
        return data is not None

    def at(self, tag: str) -> Digest | None:
        """The digest of the manifest that a tag leads to; None where there is no such tag."""
        data = self.read(tag)
        return None if data is None else Digest.of(data)

    def answers(self, digest: Digest) -> bool:
        """Whether the target says that it has the manifest: asked of many, so nothing is read."""
        asked = Ask("HEAD", self._repository, f"manifests/{digest}", _ACCEPT)
        reply = self._endpoint.ask(asked, {200, 404})
        said = reply.headers.get("docker-content-digest", str(digest))
        return reply.status == 200 and said == str(digest)

    def put(self, data: bytes, media_type: str, reference: str) -> bool:
        """Put a manifest; whether the target says that it counts its subject.

        Raises TargetDiffers where the target names it by another digest.
        """
        asked = Ask(
            "PUT",
            self._repository,
            f"manifests/{reference}",
            {"Content-Type": media_type},
            lambda: (data,),
            len(data),
        )
        reply = self._endpoint.ask(asked, {201})
        digest = Digest.of(data)
        if reply.headers.get("docker-content-digest", str(digest)) != str(digest):
            raise self.differs(digest)
        return "oci-subject" in reply.headers

    def list_referrer(self, subject: Digest, referrer: Descriptor, *, counted: bool) -> None:
        """Have `referrer` found by whoever asks what refers to `subject`.

        `counted`: the target said so when it was pushed. Raises TargetDiffers where it was wrong,
        ReferrersTagTaken.
        """
        listed = self._listed(subject)
        if listed is not None and str(referrer.digest) in listed:
            return
        if listed is not None and counted:
            raise self.differs(referrer.digest)
        tag = referrers_tag(subject)
        for _ in range(_ATTEMPTS):  # others may write that list too
            data = self.read(tag)
            try:
                longer = with_entry(data, referrer)
            except NotStrict:
                where = self._endpoint.target.address
                raise ReferrersTagTaken(where=where, tag=tag, repository=self._repository) from None
            if longer is None:
                return
            self.put(longer, media_types.IMAGE_INDEX, tag)
        raise self.differs(referrer.digest)

    def differs(self, digest: Digest) -> TargetDiffers:
        """The error of a target that has something else."""
        where = self._endpoint.target.address
        return TargetDiffers(where=where, what=self._repository, digest=digest)

    def _listed(self, subject: Digest) -> set[str] | None:
        """The digests of what refers to it; None where the target has no referrers API."""
        found: set[str] = set()
        rest = f"referrers/{subject}"
        for _ in range(_MOST_PAGES):
            asked = Ask("GET", self._repository, rest)
            reply = self._endpoint.ask(asked, {200, 400, 404, 405})
            entries = _entries(reply.body) if reply.status == 200 else None
            if entries is None:
                return None
            found |= {str(entry.get("digest")) for entry in entries}
            rest = next_page(reply.headers.get("link", ""))
            if not rest:
                break
        return found


def referrers_tag(subject: Digest) -> str:
    """The tag under which the list of `subject` is ("Referrers Tag Schema")."""
    return f"{subject.algorithm[:32]}-{subject.hex[:64]}"


def with_entry(data: bytes | None, referrer: Descriptor) -> bytes | None:
    """The list with `referrer` in it; None where it is in it. Raises NotStrict for another form.

    A list that is not there yet is an empty one; the fields and entries of others stay.
    """
    document = _index(data) if data is not None else None
    if data is not None and document is None:
        raise NotStrict(Phrase("it is no image index"))
    whole: dict[str, Any] = document or {
        "schemaVersion": 2,
        "mediaType": media_types.IMAGE_INDEX,
        "manifests": [],
    }
    if any(entry.get("digest") == str(referrer.digest) for entry in whole["manifests"]):
        return None
    longer = encode({**whole, "manifests": [*whole["manifests"], referrer.to_document()]})
    if len(longer) > LIMIT:
        raise NotStrict(Phrase("it is too long"))
    return longer


def _index(data: bytes) -> dict[str, Any] | None:
    try:
        document = bounded(data) if len(data) <= LIMIT else None
    except NotStrict:
        return None
    if not isinstance(document, dict):
        return None
    entries = document.get("manifests")
    listed = isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries)
    index = document.get("mediaType", media_types.IMAGE_INDEX) == media_types.IMAGE_INDEX
    return document if listed and index else None


def _entries(data: bytes) -> list[dict[str, Any]] | None:
    document = _index(data)
    return None if document is None else list(document["manifests"])


def next_page(link: str) -> str:
    """The address of the next page (RFC 8288), on this server; empty without one."""
    address, _, rest = link.partition(">")
    address = address.strip().removeprefix("<")
    return address if 'rel="next"' in rest and address.startswith("/") else ""
