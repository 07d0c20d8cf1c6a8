"""hosts.toml: what is written, what any of them says, and that no secret of it is shown."""

from __future__ import annotations

import tomllib

import pytest

from champ_offline.node import hosts
from champ_offline.node.address import Address, AddressInvalid
from champ_offline.node.hosts import HostsFile, HostsFileInvalid, endpoints

ZONE = Address("registry.zone", 5443)
SECRET = "Basic bm9kZXM6UEFTU1dPUkQ="


@pytest.mark.parametrize(
    ("text", "host", "port", "shown"),
    [
        ("registry.zone:5443", "registry.zone", 5443, "registry.zone:5443"),
        ("https://Registry.Zone:5443/", "registry.zone", 5443, "registry.zone:5443"),
        ("10.0.0.5", "10.0.0.5", 443, "10.0.0.5:443"),
        ("[FD00::5]:5443", "fd00::5", 5443, "[fd00::5]:5443"),
        ("zone-1_a", "zone-1_a", 443, "zone-1_a:443"),
    ],
)
def test_addresses(text: str, host: str, port: int, shown: str) -> None:
    found = Address.parse(text)
    assert (found.host, found.port, str(found)) == (host, port, shown)
    assert Address.parse(found.url) == found


@pytest.mark.parametrize(
    "text",
    [
        "", ":5443", "a:0", "a:65536", "a:port", "a/b", "u@a:1", "http://a", "a b", 'a"b', "a]:1",
        "fd00::5", "[10.0.0.5]:1", "[zone]:1", "300.0.0.5", "a..b", "-a", "a\n", "a" * 254,
    ],
)  # fmt: skip
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(AddressInvalid):
        Address.parse(text)


@pytest.mark.parametrize("authorization", ["", SECRET])
def test_what_is_written_is_read_back(authorization: str) -> None:
    written = HostsFile(ZONE, "zone-ca-1.crt", authorization)
    data = written.to_bytes()
    table, server = endpoints(data, "hosts.toml")
    for endpoint in (table, server):
        assert endpoint.address == ZONE
        assert endpoint.authorities == ("zone-ca-1.crt",)
        assert endpoint.capabilities == ("pull", "resolve")
        assert endpoint.authorization == authorization
        assert not endpoint.unverified
    assert hosts.is_untouched(data, "hosts.toml")
    assert "skip_verify" not in data.decode()
    assert SECRET not in repr(written)
    assert SECRET not in repr(table)


def test_a_file_that_was_changed_since_is_not_ours_alone() -> None:
    data = HostsFile(ZONE, "zone-ca-1.crt").to_bytes()
    for changed in (data + b"# by hand\n", data.replace(b"5443", b"5444", 1), b"[host"):
        assert not hosts.is_untouched(changed, "hosts.toml")
    assert hosts.is_ours(data + b"# by hand\n")
    assert not hosts.is_ours(data[1:])


def test_other_peoples_files() -> None:
    text = """
        server = "registry-1.example"
        [host."http://10.0.0.9:5000"]
          skip_verify = true
          ca = ["a.crt", "/etc/b.crt"]
        [host."https://second/v2"]
          capabilities = ["pull"]
          [host."https://second/v2".header]
            Authorization = ["Bearer x"]
    """
    first, second, server = endpoints(text.encode(), "f")
    assert (first.address, first.unverified) == (None, True)
    assert first.authorities == ("a.crt", "/etc/b.crt")
    assert (second.address, second.resolves) == (Address("second", 443), False)
    assert second.authorization == "Bearer x"
    assert server.url == "https://registry-1.example"
    (alone,) = endpoints(b"", "f")
    assert (alone.url, alone.address) == ("", None)


@pytest.mark.parametrize(
    "data", [b"server = ", b"host = 3", b'[host]\na = "b"', b"\xff\xfe", b"a = " + b"[" * 100_000]
)
def test_files_that_containerd_cannot_read(data: bytes) -> None:
    with pytest.raises(HostsFileInvalid):
        endpoints(data, "f")
    with pytest.raises(HostsFileInvalid):
        hosts.shown(data.replace(b"host = 3", b"host = ").replace(b'"b"', b""), "f")


@pytest.mark.parametrize(
    "text",
    [
        f'[header]\nauthorization = "{SECRET}"',
        f'[header]\nx-key = ["one", "{SECRET}"]',
        f'[host."https://a".header]\nx-key = [\n "{SECRET}",\n]',
        f'header = {{ "x" = {{ y = "{SECRET}" }} }}',
        '[header]\nauthorization = "\\u0042asic bm9kZXM6UEFTU1dPUkQ="',
        f"# Authorization: {SECRET}",
        '[host."https://me:bm9kZXM6@a"]',
    ],
)
def test_secrets_are_hidden(text: str) -> None:
    tomllib.loads(text)
    found = "\n".join(hosts.shown(text.encode(), "f"))
    assert "bm9kZXM6" not in found
    assert "***" in found


def test_the_rest_is_shown() -> None:
    data = HostsFile(ZONE, "zone-ca-1.crt", SECRET).to_bytes()
    found = hosts.shown(data, "f")
    assert 'server = "https://registry.zone:5443"' in found
    assert 'ca = "zone-ca-1.crt"' in found
