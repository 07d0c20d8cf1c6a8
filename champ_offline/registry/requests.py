"""What clients can ask of the registry, as values: one type for each endpoint of the specification.

Invariant: values only; `routes` makes them from request lines, and nothing else does outside tests.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import urlencode

from champ_offline.oci.digest import ALGORITHMS, Digest


@dataclass(frozen=True)
class Repository:
    """A request about one repository: its key, and the part of it that came as `?ns=`."""

    name: str
    host: str = ""

    @property
    def asked(self) -> str:
        """The name as it stood in the path."""
        return self.name.removeprefix(f"{self.host}/") if self.host else self.name

    def address(self, rest: str, **query: str | int) -> str:
        """The path and query of something else in the repository, as this client names it."""
        fields = {**({"ns": self.host} if self.host else {}), **query}
        return f"/v2/{self.asked}/{rest}" + (f"?{urlencode(fields)}" if fields else "")


@dataclass(frozen=True)
class Ping:
    """`GET /v2/`: is this a registry?"""


@dataclass(frozen=True)
class HealthRequest:
    """`GET /healthz`: can requests be answered now?"""


@dataclass(frozen=True)
class MetricsRequest:
    """`GET /metrics`: counts and measures for Prometheus."""


@dataclass(frozen=True)
class CatalogRequest:
    """`GET /v2/_catalog?n=&last=`."""

    limit: int | None
    last: str


@dataclass(frozen=True, kw_only=True)
class ManifestRequest(Repository):
    """`GET /v2/<name>/manifests/<reference>`."""

    reference: str | Digest


@dataclass(frozen=True, kw_only=True)
class BlobRequest(Repository):
    """`GET /v2/<name>/blobs/<digest>`."""

    digest: Digest


@dataclass(frozen=True, kw_only=True)
class TagsRequest(Repository):
    """`GET /v2/<name>/tags/list?n=&last=`."""

    limit: int | None
    last: str


@dataclass(frozen=True, kw_only=True)
class ReferrersRequest(Repository):
    """`GET /v2/<name>/referrers/<digest>?artifactType=`."""

    digest: Digest
    artifact_type: str


@dataclass(frozen=True, kw_only=True)
class BeginUpload(Repository):
    """`POST /v2/<name>/blobs/uploads/`.

    With `digest`, the body is the whole blob. With `mount`, the blob is looked for in repository
    `source`, or where that is empty in all the client may read. `algorithm` hashes what comes.
    """

    digest: Digest | None = None
    mount: Digest | None = None
    source: str = ""
    algorithm: str = ALGORITHMS[0]


@dataclass(frozen=True, kw_only=True)
class UploadStatus(Repository):
    """`GET /v2/<name>/blobs/uploads/<id>`."""

    upload: str


@dataclass(frozen=True, kw_only=True)
class UploadChunk(Repository):
    """`PATCH /v2/<name>/blobs/uploads/<id>`."""

    upload: str


@dataclass(frozen=True, kw_only=True)
class FinishUpload(Repository):
    """`PUT /v2/<name>/blobs/uploads/<id>?digest=`."""

    upload: str
    digest: Digest


@dataclass(frozen=True, kw_only=True)
class CancelUpload(Repository):
    """`DELETE /v2/<name>/blobs/uploads/<id>`."""

    upload: str


@dataclass(frozen=True, kw_only=True)
class PutManifest(Repository):
    """`PUT /v2/<name>/manifests/<reference>`; with a digest, `?tag=` any number of times."""

    reference: str | Digest
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DeleteManifest(Repository):
    """`DELETE /v2/<name>/manifests/<reference>`: a tag, or a manifest and its tags."""

    reference: str | Digest


@dataclass(frozen=True, kw_only=True)
class DeleteBlob(Repository):
    """`DELETE /v2/<name>/blobs/<digest>`."""

    digest: Digest


@dataclass(frozen=True)
class TokenRequest:
    """`GET /v2/token?scope=`, credentials in its headers; or `POST /v2/token` with them in a form.

    `scopes` are as the client wrote them; `client` is None where a form named none.
    """

    scopes: tuple[str, ...]
    client: str | None = None
    password: str = field(default="", repr=False)


@dataclass(frozen=True)
class TokenForm:
    """`POST /v2/token`: its body says what is asked (`token_form`)."""


@dataclass(frozen=True)
class Refusal:
    """A request that gets an error in the spec's form ("Error Codes")."""

    status: int
    code: str
    message: str
    headers: tuple[tuple[str, str], ...] = ()


Read: TypeAlias = (
    Ping | CatalogRequest | ManifestRequest | BlobRequest | TagsRequest | ReferrersRequest
)
AboutItself: TypeAlias = HealthRequest | MetricsRequest
AboutUpload: TypeAlias = BeginUpload | UploadStatus | UploadChunk | FinishUpload | CancelUpload
Change: TypeAlias = PutManifest | DeleteManifest | DeleteBlob
AboutToken: TypeAlias = TokenRequest | TokenForm
Request: TypeAlias = Read | AboutItself | AboutUpload | Change | AboutToken | Refusal
