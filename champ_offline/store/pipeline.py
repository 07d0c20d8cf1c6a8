"""Blob writes whose fsync happens behind the caller's back, so that disk and hash work together.

Invariant: a blob's bytes are checked before its commit returns; it is durable and named when the
pipeline was left without an error, and until then nobody may rely on it.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from champ_offline.oci.digest import Digest
from champ_offline.store.blobs import BlobStore, BlobWriter

_MOST_WAITING = 4


class Pipeline:
    """Writers into one store, at most four of whose files wait for the disk at any time."""

    def __init__(self, store: BlobStore) -> None:
        self._store = store
        self._disk = ThreadPoolExecutor(max_workers=1, thread_name_prefix="blob-sync")
        self._waiting: deque[Future[None]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._disk.shutdown(wait=True)
        if error is None:
            self._settle(0)

    def writer(self) -> PipelineWriter:
        """A new blob being written."""
        return PipelineWriter(self, self._store.writer())

    def submit(self, writer: BlobWriter) -> None:
        """Make a checked blob durable soon; raises what an earlier one met (OSError)."""
        self._settle(_MOST_WAITING - 1)
        self._waiting.append(self._disk.submit(_finish, writer))

    def _settle(self, most: int) -> None:
        while len(self._waiting) > most:
            self._waiting.popleft().result()


class PipelineWriter:
    """As `BlobWriter`, but `commit` only checks and hands over."""

    def __init__(self, pipeline: Pipeline, writer: BlobWriter) -> None:
        self._pipeline, self._writer = pipeline, writer
        self._handed_over = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if not self._handed_over:
            self._writer.__exit__(*exception)

    def write(self, data: bytes | memoryview) -> None:
        """Append `data`; raises OSError as the file system does."""
        self._writer.write(data)

    def commit(self, expected: Digest | None = None, size: int | None = None) -> Digest:
        """Check the bytes and queue the blob; raises BlobMismatch."""
        digest = self._writer.check(expected, size)
        self._handed_over = True
        self._pipeline.submit(self._writer)
        return digest


def _finish(writer: BlobWriter) -> None:
    with writer:
        writer.commit()
