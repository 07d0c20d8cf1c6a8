"""A node's files: certificates that verify, keys that only root reads, nothing of this machine."""

from __future__ import annotations

import base64
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.exceptions import InvalidSignature

from tests.lab import node_files
from tests.lab.certificates import Authority
from tests.lab.node_files import NodeSettings


@pytest.fixture
def settings(tmp_path: Path) -> NodeSettings:
    authority = Authority(tmp_path / "registry", "registry")
    return NodeSettings(
        name="core", address="10.77.0.2", outside_address="198.18.0.2", cgroup="champ-core",
        registry="https://10.77.0.1:5000", ca=authority.certificate,
    )  # fmt: skip


def test_the_kubeconfig_stands_alone(tmp_path: Path, settings: NodeSettings) -> None:
    path = node_files.write(tmp_path / "node", settings)
    document = yaml.safe_load(path.read_text())
    cluster = document["clusters"][0]["cluster"]
    user = document["users"][0]["user"]
    assert cluster["server"] == "https://198.18.0.2:6443"
    assert path.stat().st_mode & 0o777 == 0o600
    certificate = x509.load_pem_x509_certificate(base64.b64decode(user["client-certificate-data"]))
    authority = x509.load_pem_x509_certificate(
        base64.b64decode(cluster["certificate-authority-data"])
    )
    certificate.verify_directly_issued_by(authority)
    assert "system:masters" in certificate.subject.rfc4514_string()


def test_keys_are_for_their_owner_and_certificates_for_a_month(
    tmp_path: Path, settings: NodeSettings
) -> None:
    node_files.write(tmp_path / "node", settings)
    keys = list((tmp_path / "node/pki").glob("*.key"))
    assert len(keys) == 8
    assert {key.stat().st_mode & 0o777 for key in keys} == {0o600}
    for path in (tmp_path / "node/pki").glob("*.crt"):
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        left = certificate.not_valid_after_utc - datetime.now(UTC)
        assert timedelta(days=29) < left <= timedelta(days=30)


def test_every_pull_goes_to_the_zone_registry(tmp_path: Path, settings: NodeSettings) -> None:
    node_files.write(tmp_path / "node", settings)
    folder = tmp_path / "node/etc/certs.d/_default"
    assert '[host."https://10.77.0.1:5000"]' in (folder / "hosts.toml").read_text()
    (authority,) = folder.glob("*.crt")
    assert authority.read_bytes() == settings.ca.read_bytes()
    assert f'ca = "{authority.name}"' in (folder / "hosts.toml").read_text()


def test_components_get_only_the_nodes_own_paths(tmp_path: Path, settings: NodeSettings) -> None:
    node_files.write(tmp_path / "node", settings)
    written = [path for path in (tmp_path / "node/etc").rglob("*") if path.is_file()]
    assert not [path for path in written if str(tmp_path) in path.read_text()]
    commands = node_files.arguments(settings)
    assert not [word for words in commands.values() for word in words if str(tmp_path) in word]


def test_every_file_that_an_argument_names_is_written(
    tmp_path: Path, settings: NodeSettings
) -> None:
    node_files.write(tmp_path / "node", settings)
    words = [word for command in node_files.arguments(settings).values() for word in command]
    named = [word.rpartition("=")[2] for word in words if "/run/node/" in word]
    assert len(named) > 10
    for path in named:
        assert (tmp_path / "node" / path.removeprefix("/run/node/")).is_file(), path


def test_a_leaf_is_trusted_by_its_authority_alone(tmp_path: Path) -> None:
    ours, theirs = Authority(tmp_path / "a", "a"), Authority(tmp_path / "b", "b")
    certificate, key = ours.issue("server", "server", addresses=["127.0.0.1", "host.example"])
    ssl.create_default_context().load_cert_chain(certificate, key)

    leaf = x509.load_pem_x509_certificate(certificate.read_bytes())
    leaf.verify_directly_issued_by(x509.load_pem_x509_certificate(ours.certificate.read_bytes()))
    with pytest.raises((InvalidSignature, ValueError)):
        leaf.verify_directly_issued_by(
            x509.load_pem_x509_certificate(theirs.certificate.read_bytes())
        )
