"""Images of an OCI registry (distribution-spec 1.1, "Pull"), through oras for the way in.

Invariant: oras gives the session, the credentials (docker's config.json and its helpers) and the
token exchange, nothing else: it does not check digests, so every byte is streamed and hashed here.
A document has at most 4 MiB and a blob no more bytes than its descriptor says. This is the only
module that imports oras. Of a multi-platform index the manifest of one platform (linux/amd64 unless
the recipe says otherwise) is the image; its upstream digest stays as it is.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import oras.auth  # type: ignore[import-untyped]
import oras.container  # type: ignore[import-untyped]
import oras.provider  # type: ignore[import-untyped]
import requests
import requests.exceptions as trouble
import urllib3.exceptions

from champ_offline.bundle.sources.source import (
    CHUNK,
    FETCH,
    LINUX_AMD64,
    PIN,
    Pinned,
    Platform,
    ReferenceNotFound,
    SourceBlobDiffers,
    SourceFailed,
    SourceRefused,
    SourceUnreachable,
    choose,
)
from champ_offline.errors import Because, ChampError, ExitCode, Phrase
from champ_offline.events import Progress, StepStarted, Subscriber
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import LIMIT, Manifest
from champ_offline.oci.reference import Reference
from champ_offline.store.blobs import BlobMismatch, BlobStore

_ACCEPT = ", ".join(sorted(media_types.DOCUMENTS))
_TIMEOUT_SECONDS = (10, 60)
_WAITS_SECONDS = (0.5, 1.0, 2.0)
_BUSY = frozenset({429, 500, 502, 503, 504})
_DEEPEST = 4
_DOCKER_HUB = {"docker.io": "registry-1.docker.io"}
# Under this key `docker login` files the credentials of docker.io.
_DOCKER_HUB_LOGIN = "https://index.docker.io/v1/"


class TlsRefused(ChampError):
    """No trusted TLS connection comes about."""

    id = "source.tls-refused"
    exit_code = ExitCode.PREFLIGHT
    message = "There is no trusted TLS connection to {where}: {reason}."
    remedy = (
        "Name the CA's file as ca_file in bundle.yaml; a registry without TLS wants plain_http."
    )


_REASONS = {
    "CERTIFICATE_VERIFY_FAILED": Phrase(
        "its certificate is not signed by a CA this machine trusts"
    ),
    "WRONG_VERSION_NUMBER": Phrase("it does not speak TLS"),
    "Connection refused": Phrase("connection refused"),
    "Name or service not known": Phrase("its name is not known"),
    "Temporary failure in name resolution": Phrase("its name cannot be looked up"),
    "No route to host": Phrase("no route to host"),
    "Network is unreachable": Phrase("the network is unreachable"),
}
_T = TypeVar("_T")


class _Again(Because):
    """An attempt failed in a way that another one may not."""


class RegistrySource:
    """One image of a registry. `sleep` waits between attempts, given in seconds."""

    def __init__(
        self,
        reference: Reference,
        *,
        platform: Platform = LINUX_AMD64,
        plain_http: bool = False,
        ca_file: Path | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._reference = reference
        self._platform = platform
        self._sleep = sleep
        self._where = reference.registry
        # Without a handler of its own, oras's warnings would appear on stderr.
        logging.getLogger("oras.logger").addHandler(logging.NullHandler())
        self._verify: bool | str = str(ca_file) if ca_file else True
        self._oras = oras.provider.Registry(insecure=plain_http, tls_verify=self._verify)
        self._basic = oras.auth.get_auth_backend("basic", self._oras.session, tls_verify=True)
        self._headers: dict[str, str] = {"Accept-Encoding": "identity"}
        self._load_credentials()
        host = _DOCKER_HUB.get(reference.registry, reference.registry)
        self._base = f"{self._oras.prefix}://{host}/v2/{reference.repository}"

    def pin(self, notify: Subscriber) -> Pinned:
        """What the tag (or digest) means now, for the platform asked for."""
        notify(StepStarted(PIN, str(self._reference)))
        wanted = self._reference.digest
        data = self._document(str(wanted or self._reference.tag), wanted)
        for _ in range(_DEEPEST):
            manifest = Manifest.from_bytes(data)
            if manifest.media_type not in media_types.INDEXES:
                break
            entry = choose(manifest, self._platform, str(self._reference))
            data = self._document(str(entry.digest), entry.digest)
        if manifest.config is None:
            raise SourceFailed(
                where=self._where,
                reference=self._reference,
                reason=Phrase("its indexes are too deep"),
            )
        size = len(data) + sum({child.digest: child.size for child in manifest.children}.values())
        return Pinned(str(self._reference), Digest.of(data), size, manifest.config.digest)

    def fetch(self, digest: Digest, blobs: BlobStore, notify: Subscriber) -> Descriptor:
        """Put manifest `digest` and all it points at into `blobs`; see ImageSource.fetch."""
        notify(StepStarted(FETCH, str(self._reference)))
        data = self._document(str(digest), digest)
        manifest = Manifest.from_bytes(data)
        for child in manifest.manifests:
            self.fetch(child.digest, blobs, notify)
        wanted = {child.digest: child for child in manifest.children if not manifest.manifests}
        total, done = sum(child.size for child in wanted.values()), 0
        for child in wanted.values():
            if not blobs.has(child.digest):
                self._blob(child, blobs, self._meter(notify, done, total))
            done += child.size
            notify(Progress(FETCH, done, total, subject=str(self._reference)))
        blobs.add(data)
        return Descriptor(manifest.media_type, digest, len(data))

    def _meter(self, notify: Subscriber, before: int, total: int) -> Callable[[int], None]:
        subject = str(self._reference)
        return lambda done: notify(Progress(FETCH, before + done, total, subject=subject))

    def _document(self, name: str, digest: Digest | None) -> bytes:
        """The bytes of a manifest or index, held to `digest` and to the registry's own word."""

        def read(response: requests.Response) -> bytes:
            data = bytearray()
            for chunk in response.iter_content(CHUNK):
                data += chunk
                if len(data) > LIMIT:
                    reason = Phrase("a manifest has more than {limit} bytes", limit=LIMIT)
                    raise SourceFailed(where=self._where, reference=self._reference, reason=reason)
            said = response.headers.get("Docker-Content-Digest", "")
            for expected in filter(None, (str(digest or ""), said)):
                if str(Digest.of(bytes(data))) != expected:
                    raise self._differs(expected)
            return bytes(data)

        return self._get(f"manifests/{name}", _ACCEPT, read)

    def _blob(self, wanted: Descriptor, blobs: BlobStore, meter: Callable[[int], None]) -> None:
        def store(response: requests.Response) -> None:
            done = 0
            with blobs.writer() as writer:
                for chunk in response.iter_content(CHUNK):
                    done += len(chunk)
                    if done > wanted.size:
                        raise self._differs(wanted.digest)
                    writer.write(chunk)
                    meter(done)
                if done < wanted.size:
                    raise _Again(Phrase("the connection ended too early"))
                try:
                    writer.commit(expected=wanted.digest)
                except BlobMismatch as error:
                    raise self._differs(wanted.digest) from error

        self._get(f"blobs/{wanted.digest}", "*/*", store)

    def _get(self, path: str, accept: str, use: Callable[[requests.Response], _T]) -> _T:
        """Ask, check the answer and `use` it; connection trouble is tried again, with waits."""
        for wait in (*_WAITS_SECONDS, None):
            try:
                with self._translated(), self._ask(f"{self._base}/{path}", accept) as response:
                    self._check(response, path)
                    return use(response)
            except _Again as error:
                if wait is None:
                    raise SourceUnreachable(
                        where=self._where, reference=self._reference, reason=error.reason
                    ) from error
                self._sleep(wait)
        raise AssertionError

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except trouble.SSLError as error:
            raise TlsRefused(where=self._where, reason=_reason(error)) from error
        except trouble.Timeout as error:
            raise _Again(Phrase("no answer in time")) from error
        except (trouble.ConnectionError, trouble.ChunkedEncodingError) as error:
            raise _Again(_reason(error)) from error
        except (trouble.RequestException, urllib3.exceptions.HTTPError) as error:
            reason = Phrase("its answer cannot be read")
            raise SourceFailed(
                where=self._where, reference=self._reference, reason=reason
            ) from error

    def _check(self, response: requests.Response, path: str) -> None:
        status = response.status_code
        if status in {401, 403}:
            raise SourceRefused(where=self._where, reference=self._reference)
        if status == 404:
            wanted = path.rpartition("/")[2]
            mark = "@" if ":" in wanted else ":"
            missing = f"{self._reference.name}{mark}{wanted}"
            raise ReferenceNotFound(reference=missing, where=self._where)
        if status in _BUSY:
            raise _Again(Phrase("it answers with HTTP status {status}", status=status))
        if status != 200:
            reason = Phrase("HTTP status {status}", status=status)
            raise SourceFailed(where=self._where, reference=self._reference, reason=reason)

    def _ask(self, url: str, accept: str) -> requests.Response:
        """One request; a 401 is answered once with what the registry asks for."""
        response = self._request(url, accept)
        if response.status_code != 401:
            return response
        response.close()
        scheme = response.headers.get("Www-Authenticate", "").partition(" ")[0].lower()
        if scheme == "basic" and getattr(self._basic, "_basic_auth", None):
            self._headers.update(self._basic.get_auth_header())
        elif scheme == "bearer":
            headers, changed = self._oras.auth.authenticate_request(response, {}, refresh=True)
            if not changed:
                return response
            self._headers.update(headers)
        else:
            return response
        return self._request(url, accept)

    def _request(self, url: str, accept: str) -> requests.Response:
        found: Any = self._oras.session.get(
            url,
            headers={**self._headers, "Accept": accept},
            stream=True,
            timeout=_TIMEOUT_SECONDS,
            verify=self._verify,
        )
        response: requests.Response = found
        return response

    def _load_credentials(self) -> None:
        container = oras.container.Container(str(self._reference))
        if self._reference.registry in _DOCKER_HUB:
            container.registry = _DOCKER_HUB_LOGIN
        for backend in (self._oras.auth, self._basic):
            backend.load_configs(container)

    def _differs(self, digest: object) -> SourceBlobDiffers:
        return SourceBlobDiffers(where=self._where, digest=digest, reference=self._reference)


def _reason(error: trouble.RequestException) -> Phrase:
    text = str(error)
    for sign, reason in _REASONS.items():
        if sign in text:
            return reason
    return Phrase("the connection broke")
