"""What the registry counts of itself; `docs/registry-operations.md` has the table.

Invariant: labels are of a few known values, never a name of a repository or a client; counting a
request is a few additions in memory. The event loop alone counts requests; everything starts at
zero with the process.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from champ_offline import __version__
from champ_offline.registry.exposition import Buckets, Metric, Sample, Type, exposition
from champ_offline.registry.requests import (
    BeginUpload,
    BlobRequest,
    CancelUpload,
    DeleteBlob,
    DeleteManifest,
    FinishUpload,
    ManifestRequest,
    PutManifest,
    ReferrersRequest,
    Request,
    TagsRequest,
    TokenForm,
    TokenRequest,
    UploadChunk,
    UploadStatus,
)

_OTHER = "other"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
_KINDS: dict[type, str] = {
    **dict.fromkeys((BlobRequest, DeleteBlob), "blob"),
    **dict.fromkeys((ManifestRequest, PutManifest, DeleteManifest), "manifest"),
    **dict.fromkeys((BeginUpload, UploadStatus, UploadChunk, FinishUpload, CancelUpload), "upload"),
    **dict.fromkeys((TokenRequest, TokenForm), "token"),
    TagsRequest: "tags",
    ReferrersRequest: "referrers",
}
_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

BUILD = Metric("champ_build_info", Type.GAUGE, "The version that serves; always 1.", ("version",))
STARTED = Metric(
    "process_start_time_seconds", Type.GAUGE, "When this process began to serve, as Unix time."
)
REQUESTS = Metric(
    "champ_registry_requests_total",
    Type.COUNTER,
    "Requests answered, by method, kind of request and class of status.",
    ("method", "kind", "status"),
)
BYTES = Metric(
    "champ_registry_answered_bytes_total",
    Type.COUNTER,
    "Bytes of bodies handed to the server to send, by kind of request.",
    ("kind",),
)
FIRST_BYTE = Metric(
    "champ_registry_first_byte_seconds",
    Type.HISTOGRAM,
    "Seconds from a request to its answer's first byte, a request's own body included.",
    ("kind",),
)
WORKING = Metric(
    "champ_registry_requests_in_progress", Type.GAUGE, "Requests that have no answer yet."
)
SENDING = Metric(
    "champ_registry_files_being_sent", Type.GAUGE, "Files of the store that are being read."
)
CONNECTED = Metric("champ_registry_connections", Type.GAUGE, "Connections of clients.")
GONE = Metric(
    "champ_registry_clients_gone_total",
    Type.COUNTER,
    "Requests whose client went away before all of its body had come.",
)
UPLOADS = Metric(
    "champ_registry_uploads_in_progress", Type.GAUGE, "Uploads that were begun and not ended."
)
DAMAGED = Metric(
    "champ_registry_damaged_blobs_total",
    Type.COUNTER,
    "Blobs that this process found to be no longer what was verified.",
)
MISSING = Metric(
    "champ_registry_missing_blobs_total",
    Type.COUNTER,
    "Blobs that a client asked for and that were gone, or had something else in their place.",
)
ASIDE = Metric(
    "champ_registry_blobs_aside",
    Type.GAUGE,
    "Damaged blobs that are set aside now, whoever found them, and have not come again.",
)
REJECTED = Metric(
    "champ_registry_rejected_logins_total",
    Type.COUNTER,
    "Requests with a wrong password, or with something in its place that was never given out.",
)
CERTIFICATE = Metric(
    "champ_registry_certificate_end_timestamp_seconds",
    Type.GAUGE,
    "When the certificate in use ends, as Unix time.",
)
AUDIT = Metric(
    "champ_registry_audit_rows_total", Type.COUNTER, "Rows in the zone's audit chain, ever."
)
DROPPED = Metric(
    "champ_registry_log_lines_dropped_total",
    Type.COUNTER,
    "Lines of the log that could not be written.",
)
FREE = Metric(
    "champ_registry_store_free_bytes", Type.GAUGE, "Bytes that the store's disk has free."
)
USED = Metric(
    "champ_registry_store_used_bytes", Type.GAUGE, "Bytes that are used on the store's disk."
)


@dataclass(frozen=True)
class Looked:
    """What is looked up when somebody asks; None for what could not be."""

    connections: int
    files: int
    uploads: int | None
    aside: int | None
    audit_rows: int | None
    free: int | None
    used: int | None
    lines_dropped: int


@dataclass
class Metrics:
    """The counts of one process since it began to serve; `certificate_end` None without TLS."""

    started: datetime
    certificate_end: datetime | None = None
    working: int = 0
    gone: int = 0
    damaged: int = 0
    missing: int = 0
    rejected: int = 0
    requests: defaultdict[tuple[str, str, int], int] = field(
        default_factory=lambda: defaultdict(int)
    )
    sent: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    first_byte: dict[str, Buckets] = field(default_factory=dict)

    def answered(
        self, method: str, request: Request, status: int, size: int, seconds: float
    ) -> None:
        """Count an answer of `size` bytes whose first went out after `seconds`."""
        kind = _KINDS.get(type(request), _OTHER)
        self.requests[method if method in _METHODS else _OTHER, kind, status // 100] += 1
        self.sent[kind] += size
        found = self.first_byte.get(kind)
        if found is None:
            found = self.first_byte[kind] = Buckets.empty(_BOUNDS)
        found.counts[bisect_left(_BOUNDS, seconds)] += 1
        found.total += seconds

    def text(self, looked: Looked) -> bytes:
        """All of it for Prometheus."""
        return exposition([*self._counted(), *self._looked_up(looked)])

    def _counted(self) -> Iterator[tuple[Metric, list[Sample]]]:
        yield BUILD, [Sample(1, {"version": __version__})]
        yield STARTED, [Sample(self.started.timestamp())]
        requests = sorted(self.requests.copy().items())
        yield (
            REQUESTS,
            [
                Sample(count, {"method": method, "kind": kind, "status": f"{status}xx"})
                for (method, kind, status), count in requests
            ],
        )
        yield BYTES, [Sample(size, {"kind": kind}) for kind, size in sorted(self.sent.items())]
        timed = sorted(self.first_byte.copy().items())
        yield FIRST_BYTE, [one for kind, held in timed for one in held.samples({"kind": kind})]
        for metric, value in (
            (WORKING, self.working),
            (GONE, self.gone),
            (DAMAGED, self.damaged),
            (MISSING, self.missing),
            (REJECTED, self.rejected),
        ):
            yield metric, [Sample(value)]
        if self.certificate_end is not None:
            yield CERTIFICATE, [Sample(self.certificate_end.timestamp())]

    def _looked_up(self, looked: Looked) -> Iterator[tuple[Metric, list[Sample]]]:
        for metric, value in (
            (CONNECTED, looked.connections),
            (SENDING, looked.files),
            (UPLOADS, looked.uploads),
            (ASIDE, looked.aside),
            (AUDIT, looked.audit_rows),
            (FREE, looked.free),
            (USED, looked.used),
            (DROPPED, looked.lines_dropped),
        ):
            if value is not None:
                yield metric, [Sample(value)]
