"""What the registry speaks below HTTP, asked with OpenSSL as a scanner would."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.served.ground import bare
from tests.hostile.served.process import Served, served


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    zone: Path = bare(tmp_path_factory.mktemp("tls") / "zone")
    with served(zone, {}, tls=True) as found:
        yield found


def client(target: Served, *options: str, typed: str = "") -> tuple[int, str]:
    """How `openssl s_client` ends, and what it says."""
    command = ["openssl", "s_client", "-connect", f"localhost:{target.port}", *options]
    done = subprocess.run(
        [*command, "-CAfile", str(target.authority), "-verify_return_error"],
        input=typed,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_old_versions_are_refused(target: Served, version: str) -> None:
    code, told = client(target, version, "-cipher", "ALL@SECLEVEL=0")
    assert code != 0
    assert "alert" in told


@pytest.mark.parametrize(("version", "named"), [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")])
def test_versions_that_are_spoken(target: Served, version: str, named: str) -> None:
    """And the certificate leads to the zone's CA and has the name."""
    code, told = client(target, version, "-verify_hostname", "localhost")
    assert code == 0, told
    assert named in told
    assert "Verify return code: 0 (ok)" in told


@pytest.mark.parametrize(
    "ciphers", ["AES128-SHA", "ECDHE-ECDSA-AES128-SHA256", "DHE", "3DES", "RC4", "NULL", "aNULL"]
)
def test_ciphers_without_forward_secrecy_or_aead_are_refused(target: Served, ciphers: str) -> None:
    code, _ = client(target, "-tls1_2", "-cipher", f"{ciphers}:@SECLEVEL=0")
    assert code != 0


def test_no_renegotiation(target: Served) -> None:
    """`R` asks for it; the session ends or goes on, but is not negotiated again."""
    _, told = client(target, "-tls1_2", typed="R\n")
    assert "RENEGOTIATING" in told
    assert told.count("verify return:1") <= 2


@pytest.mark.parametrize(
    ("offered", "taken"), [("http/1.1", "http/1.1"), ("h2,http/1.1", "http/1.1")]
)
def test_http_1_is_taken(target: Served, offered: str, taken: str) -> None:
    code, told = client(target, "-alpn", offered)
    assert code == 0
    assert f"ALPN protocol: {taken}" in told


def test_http_2_alone_is_refused(target: Served) -> None:
    code, told = client(target, "-alpn", "h2")
    assert code != 0
    assert "no application protocol" in told


def test_nothing_said_is_http_1(target: Served) -> None:
    code, told = client(target)
    assert code == 0
    assert "No ALPN negotiated" in told


def test_no_compression(target: Served) -> None:
    assert "Compression: NONE" in client(target, "-tls1_2")[1]
