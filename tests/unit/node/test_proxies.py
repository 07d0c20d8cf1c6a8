"""Proxies in the environment of containerd's service, and their exceptions as Go takes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from champ_offline.node.address import Address
from champ_offline.node.examine import needed
from champ_offline.node.proxies import read_environment
from champ_offline.node.root import NodeRoot
from champ_offline.node.trust import Trusted

ZONE = Address("registry.zone", 5443)
PROXY = "HTTPS_PROXY=http://me:secret@proxy.corp:3128"


def unit(
    root: Path, text: str, path: str = "etc/systemd/system/containerd.service.d/p.conf"
) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def proxy(root: Path, address: Address = ZONE) -> str:
    return read_environment(NodeRoot(root)).proxy(address)


@pytest.mark.parametrize(
    "line",
    [
        f'[Service]\nEnvironment="{PROXY}" "OTHER=1"',
        f"Environment={PROXY.replace('HTTPS', 'https').replace('PROXY', 'proxy')}",
        f"# a remark\nEnvironment = A=1 \\\n {PROXY}",
        "Environment=HTTPS_PROXY=proxy.corp:3128",
        f"Environment=HTTPS_PROXY=http://first\nEnvironment=\nEnvironment={PROXY}",
    ],
)
def test_a_proxy_is_found_and_its_password_is_not_told(tmp_path: Path, line: str) -> None:
    unit(tmp_path, line)
    assert proxy(tmp_path) == "proxy.corp:3128"
    (found,) = [one for one in needed(Trusted(NodeRoot(tmp_path)), ZONE) if one.check == "proxy"]
    assert found.error is not None
    assert found.error.id == "node.proxy-in-the-way"
    assert "secret" not in f"{found.error} {found.error.advice}"
    assert str(tmp_path / "etc/systemd/system/containerd.service.d/p.conf") in found.error.advice


@pytest.mark.parametrize(
    "text", ["", "Environment=HTTP_PROXY=http://proxy", "Environment='unclosed", "\xff\x00="]
)
def test_no_proxy_for_https(tmp_path: Path, text: str) -> None:
    unit(tmp_path, text)
    assert proxy(tmp_path) == ""


@pytest.mark.parametrize(
    ("listed", "host", "excepted"),
    [
        ("registry.zone", "registry.zone", True),
        ("a, .zone", "registry.zone", True),
        ("zone", "registry.zone", True),
        ("*.zone", "registry.zone", True),
        ("REGISTRY.ZONE", "registry.zone", True),
        (".registry.zone", "registry.zone", False),
        ("other", "registry.zone", False),
        ("", "registry.zone", False),
        ("*", "registry.zone", True),
        ("registry.zone:5443", "registry.zone", True),
        ("registry.zone:443", "registry.zone", False),
        ("10.0.0.0/8", "10.0.0.5", True),
        ("10.0.0.5", "10.0.0.5", True),
        ("10.1.0.0/16", "10.0.0.5", False),
        ("fd00::/8", "fd00::5", True),
        ("zone", "10.0.0.5", False),
        ("", "127.0.0.1", True),
        ("", "localhost", True),
    ],
)
def test_exceptions(tmp_path: Path, listed: str, host: str, excepted: bool) -> None:
    unit(tmp_path, f'Environment={PROXY}\nEnvironment="NO_PROXY={listed}"')
    assert (proxy(tmp_path, Address(host, 5443)) == "") is excepted


def test_files_by_their_precedence(tmp_path: Path) -> None:
    unit(tmp_path, f"Environment={PROXY}", "usr/lib/systemd/system/containerd.service")
    assert proxy(tmp_path) == "proxy.corp:3128"
    # The unit in /etc counts in place of the distribution's.
    unit(
        tmp_path,
        "EnvironmentFile=-/etc/default/containerd",
        "etc/systemd/system/containerd.service",
    )
    assert proxy(tmp_path) == ""
    unit(tmp_path, "# proxies\nhttps_proxy='other:1'\n", "etc/default/containerd")
    assert proxy(tmp_path) == "other:1"
    unit(tmp_path, "Environment=HTTPS_PROXY=", "usr/lib/systemd/system/containerd.service.d/z.conf")
    assert proxy(tmp_path) == ""
    unit(tmp_path, f"Environment={PROXY}", "etc/systemd/system/containerd.service.d/z.conf")
    assert proxy(tmp_path) == "proxy.corp:3128"
