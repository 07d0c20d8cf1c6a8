"""Images of a Docker engine, read as the stream that `docker save` would write.

Invariant: the stream is read once and never kept as a whole; only layers the engine itself named
beforehand (or that a layout blob's own name gives) reach the blob store. The engine's address is
the recipe's `host`, else what Docker's own environment says (DOCKER_HOST). This is the only module
that imports docker.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import docker
import docker.errors
import requests.exceptions
import urllib3.exceptions

from champ_offline.bundle.sources import image
from champ_offline.bundle.sources.image import Image
from champ_offline.bundle.sources.layer import Layer, take
from champ_offline.bundle.sources.source import (
    CHUNK,
    FETCH,
    LINUX_AMD64,
    PIN,
    Pinned,
    Platform,
    ReferenceNotFound,
    SourceChanged,
    SourceFailed,
    SourceUnreachable,
)
from champ_offline.bundle.sources.tarball import Member, NotAnImageArchive, scan
from champ_offline.errors import Phrase, Quoted
from champ_offline.events import Progress, Subscriber
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import LIMIT, Manifest
from champ_offline.store.blobs import BlobStore

_TIMEOUT_SECONDS = 60
_DOCUMENTS_TOTAL = 64 * 1024 * 1024


class _Pipe:
    """The engine's answer as something to read from."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")

    def read(self, size: int, /) -> bytes:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._rest = memoryview(chunk)
        data, self._rest = self._rest[:size], self._rest[size:]
        return bytes(data)


class DockerEngineSource:
    """One image of a Docker engine, by name or image ID."""

    def __init__(self, name: str, *, host: str = "", platform: Platform = LINUX_AMD64) -> None:
        self._name = name
        self._host = host
        self._platform = platform
        self._where = f"the Docker engine at {host}" if host else "the Docker engine"

    def pin(self, notify: Subscriber) -> Pinned:
        """The image ID and the manifest digest it leads to; reads the stream, stores nothing."""
        found = self._receive(None, notify)
        return Pinned(self._name, found.descriptor.digest, found.size, Digest.of(found.config))

    def fetch(self, digest: Digest, blobs: BlobStore, notify: Subscriber) -> Descriptor:
        """Put the image `digest` into `blobs`; see ImageSource.fetch."""
        found = self._receive(blobs, notify)
        if found.descriptor.digest != digest:
            raise SourceChanged(
                reference=self._name,
                where=self._where,
                found=found.descriptor.digest,
                digest=digest,
            )
        blobs.add(found.config)
        blobs.add(found.manifest)
        return found.descriptor

    def _receive(self, blobs: BlobStore | None, notify: Subscriber) -> Image:
        with self._engine() as engine:
            known: dict[str, Any] = engine.inspect_image(self._name)  # type: ignore[no-untyped-call]
            named = (known.get("RootFS") or {}).get("Layers") or []
            reception = _Reception(frozenset(map(Digest.parse, named)), blobs)
            step, total, done = FETCH if blobs else PIN, int(known.get("Size") or 0), 0

            def counted(chunks: Iterable[bytes]) -> Iterator[bytes]:
                nonlocal done
                for chunk in chunks:
                    yield chunk
                    done += len(chunk)
                    notify(Progress(step, done, max(total, done), subject=self._name))

            stream = _Pipe(counted(engine.get_image(str(known["Id"]), chunk_size=CHUNK)))
            for member in scan(stream, self._where):
                reception.accept(member, self._where)
        return reception.image(self._platform, self._where)

    @contextmanager
    def _engine(self) -> Iterator[docker.APIClient]:
        try:
            client = self._client()
            try:
                yield client.api
            finally:
                client.close()
        except docker.errors.NotFound as error:
            raise ReferenceNotFound(reference=self._name, where=self._where) from error
        except docker.errors.APIError as error:
            said = Quoted(str(error.explanation)[:200])
            raise SourceFailed(where=self._where, reference=self._name, reason=said) from error
        except (
            docker.errors.DockerException,
            requests.exceptions.RequestException,
            urllib3.exceptions.HTTPError,
        ) as error:
            reason = Phrase("it does not answer, or broke the connection")
            raise SourceUnreachable(
                where=self._where, reference=self._name, reason=reason
            ) from error
        except zlib.error as error:
            raise NotAnImageArchive(where=self._where, reason=Quoted(error)) from error

    def _client(self) -> docker.DockerClient:
        if self._host:
            return docker.DockerClient(base_url=self._host, timeout=_TIMEOUT_SECONDS)
        return docker.from_env(timeout=_TIMEOUT_SECONDS)


class _Reception:
    """What came along so far: documents in memory, layers hashed (and stored when wanted)."""

    def __init__(self, named: frozenset[Digest], blobs: BlobStore | None) -> None:
        self._named = named
        self._blobs = blobs
        self._documents: dict[str, bytes] = {}
        self._layers: dict[Digest, Layer] = {}
        self._room = _DOCUMENTS_TOTAL

    def accept(self, member: Member, where: str) -> None:
        """Read one member; JSON is kept, layers are hashed, the rest is skipped."""
        chunks = member.chunks()
        first = next(chunks, b"")
        if first[:1] in (b"{", b"[") and member.size <= LIMIT:
            self._room -= member.size
            if self._room < 0:
                raise NotAnImageArchive(where=where, reason=Phrase("its documents are too large"))
            self._documents[member.name] = first + b"".join(chunks)
        elif member.name.endswith("/layer.tar") or member.name.startswith("blobs/sha256/"):
            layer = take(_joined(first, chunks), self._blobs, lambda d: self._wants(d, member.name))
            self._layers[layer.descriptor.digest] = layer

    def _wants(self, digest: Digest, name: str) -> bool:
        return digest in self._named or name == image.blob_name(digest)

    def image(self, platform: Platform, where: str) -> Image:
        """The one image received; raises NotAnImageArchive when something lacks."""

        def read(name: str) -> bytes:
            if name not in self._documents:
                raise NotAnImageArchive(
                    where=where, reason=Phrase("{name} is missing", name=name[:100])
                )
            return self._documents[name]

        if image.INDEX not in self._documents:
            entry = image.saved(read, "", where)
            by_diff = {layer.diff_id: layer for layer in self._layers.values()}
            return image.assemble(read(entry.config), by_diff, where)
        chosen = image.in_layout(read, "", platform, where)
        data = image.checked(read, chosen.digest, where)
        manifest = Manifest.from_bytes(data)
        for layer in manifest.layers:
            got = self._layers.get(layer.digest)
            if got is None or got.descriptor.size != layer.size:
                raise NotAnImageArchive(
                    where=where, reason=Phrase("layer {digest} is missing", digest=layer.digest)
                )
        if manifest.config is None:
            raise NotAnImageArchive(where=where, reason=Phrase("its manifest has no config"))
        return Image(data, image.checked(read, manifest.config.digest, where), manifest.layers)


def _joined(first: bytes, rest: Iterable[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest
