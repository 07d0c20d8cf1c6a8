"""Values that no honest client sends, for each part of a request."""

from __future__ import annotations

from tests.contracts.distribution.client import IMAGE, INDEX, OCTETS, digest_of
from tests.hostile.served.ground import BLOB, OWNED, PUSHED

_ZEROS = "0" * 64

NAMES = (
    OWNED, PUSHED, "fuzz/a", "fuzz/a/b/c", "team/x", "nobody", "a" * 255, "a" * 256, "..", ".",
    "../../champ.db", "..%2f..%2fchamp.db", "%2e%2e/%2e%2e/pki/ca.key", "fuzz/../../pki", "A", "%",
    "fuzz/a%00b", "fuzz/%ff", "fuzz/\u00e9", "%c0%ae%c0%ae/x", "fuzz\\a", "fuzz/blobs/uploads", "-",
    "_catalog", "fuzz/a/blobs/uploads/x", "localhost:5000/fuzz/a", "fuzz/a;b=c", "%25%32%65", "*",
    "fuzz/a%0d%0aX-Injected:%201", "fuzz/" + "a/" * 100 + "a", "fuzz/manifests/1", "fuzz/*",
    "fuzz//x",
)  # fmt: skip
TAGS = (
    "1", "latest", "a" * 128, "a" * 129, ".a", "a b", "%2e%2e", "..", "", "%00", "\u00e9", "%s",
    "-", "sha256-" + _ZEROS, "1/../..", "1%2f..%2f..%2fchamp.db", "$(id)", "{0}",
)  # fmt: skip
DIGESTS = (
    "sha256:" + _ZEROS, "sha512:" + _ZEROS * 2, "sha256:" + "0" * 63, "sha256:" + "A" * 64,
    "sha256:../../champ.db", "sha256:..%2f..%2f..%2fchamp.db", "sha512:../uploads/0", "sha256",
    "md5:" + "0" * 32, "sha256:", ":", "sha256:" + _ZEROS * 2, "sha512:" + _ZEROS,
    "sha256:%00" + "0" * 62, "sha256%3a" + _ZEROS, "sha256+b64:" + _ZEROS, "blake3:" + _ZEROS,
    "sha256:" + "\u0660" * 64,
)  # fmt: skip
VALUES = (
    "", "0", "1", "-1", "999999", "1000000", "9" * 20, "1e3", "0x10", "\u0661", "+1", " 1", "%00",
    "..", "a" * 300, "application/x", "*", "\u00e9", "%ff", "a&n=2", "<script>", "'",
)  # fmt: skip
OPTIONS = (
    "n", "last", "ns", "digest", "mount", "from", "artifactType", "tag", "scope", "service", "",
    "digest-algorithm", "account", "_state",
)  # fmt: skip
METHODS = (
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", "Put", "PRI",
    "PROPFIND", "X" * 300, "CONNECT", "GE\u0000T",
)  # fmt: skip
RANGES = (
    "bytes=0-0", "bytes=0-", "bytes=-1", "bytes=5-1", "bytes=999999999-", "bytes=-", "bytes=--1",
    "bytes=0-" + "9" * 18, "bytes=" + "9" * 30 + "-", "items=0-1", "bytes=a-b", "bytes=0-1,3-4",
    "bytes=0-0" + ",0-0" * 500, "bytes 0-1", "bytes=\u0661-",
)  # fmt: skip
CONTENT_RANGES = (
    "0-4", "0-0", "1-5", "5-1", "0-" + "9" * 18, "9" * 30 + "-1", "bytes 0-4/5", "*", "-", "a-b",
)  # fmt: skip
TYPES = (
    IMAGE, INDEX, OCTETS, "", "application/json; charset=utf-8", "text/html", "a" * 5000,
    "a/b\u00e9",
)  # fmt: skip
AUTHORIZATIONS = (
    "Basic", "Basic x", "Basic OjpH", "Basic " + "A" * 20000, "Bearer", "Bearer a.b.c", "Digest x",
    "Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9..", "Bearer eyJhbGciOiJub25lIn0.e30.", "\u00e9",
)  # fmt: skip
HOSTS = (
    "localhost", "evil.example", "localhost:1", "", "[::1]", "a" * 300, "x@localhost",
    "localhost/..",
)  # fmt: skip
SCOPES = (
    "repository:fuzz/a:pull,push", "registry:catalog:*", "a:b", "::", "+" * 500, "x" * 5000,
)  # fmt: skip
PATHS = (
    "/", "*", "//", "/v2", "/v2//", "/v1/", "/../v2/", "/v2/../../etc/passwd", "?", "", "/v2/#frag",
    "/%2e%2e/%2e%2e/etc/passwd", "/champ.db", "/pki/ca.key", "/store/sha256/", "/uploads/0",
    "/v2/%2e%2e/champ.db", "/v2/?ns=../..", "http://localhost/v2/", "http://evil.example/v2/",
    "https://localhost:99999/v2/", "localhost:443", "/v2/_catalog/", "/v2/a/b/c/d/e",
    "/healthz/../v2/", "/healthz", "/metrics", "/metrics?x=" + "y" * 3000, "/" + "a" * 9000,
    "file:///etc/passwd",
)  # fmt: skip
HEADERS = (
    ("Range", RANGES), ("Content-Range", CONTENT_RANGES), ("Content-Type", TYPES),
    ("If-None-Match", ("*", '"sha256:"', f'"{digest_of(BLOB)}"', "W/" * 999)),
    ("If-Range", ("x", f'"{digest_of(BLOB)}"')), ("Accept", ("*/*", "a" * 9000)),
    ("Cookie", ("a" * 40000,)), ("Expect", ("100-continue", "x")), ("X-\u00e9", ("1",)),
    ("Connection", ("close", "keep-alive", "upgrade", "Host")), ("Upgrade", ("h2c", "websocket")),
    ("X-Forwarded-For", ("127.0.0.1\x0b",)), ("Content-Encoding", ("gzip",)), ("X", ("y",)),
    ("X-Request-Id", ("a" * 64, "../..", '"', "a" * 3000)),
)  # fmt: skip
PIECES = (
    "../", "%2e%2e%2f", "..%2f", "%00", "//", "/./", "\u202e", "%c0%ae", "%5c", ";x", "%", "%0d%0a",
    "%u002e", "\t", "#", "?", "%ff", "\u0131", "\u212a",
)  # fmt: skip
CHUNK_SIZES = (
    b"zz", b"-1", b"5 ", b"0x5", b"ffffffffffffffff", b"1" * 40, b"", b"5;a=" + b"b" * 9000, b"5\n",
    b"\x00", b"00000005", b'5;x="\r\n"',
)  # fmt: skip
LENGTHS = (
    b"-1", b"+5", b"5, 5", b"5, 6", b"0x5", b"", b"1" * 30, b"5 5", b"\xb2",
    b"18446744073709551615",
)  # fmt: skip
CODINGS = (
    b"chunked, chunked", b"identity", b"gzip, chunked", b"chunked\x0b", b"xchunked", b"Chunked",
    b"chunked;q=1", b" chunked", b"chunked, identity",
)  # fmt: skip
