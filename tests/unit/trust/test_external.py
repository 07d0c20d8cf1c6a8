"""Signer programs: real child processes, openssl in the place of an HSM's tool, and bad ones."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from champ_offline.durable.typed_yaml import MissingKey, WrongValue
from champ_offline.trust import external, keys
from champ_offline.trust.external import Command, CommandSigner
from champ_offline.trust.folder import SigningFolder
from champ_offline.trust.key_errors import SignerFailed, SignerTimedOut, SignerWrong

PAYLOAD = b"what is to be signed " * 20_000  # more than a pipe holds


def signer_file(folder: Path, role: str, public: str, command: list[str], more: str = "") -> Path:
    path = folder / "keys" / f"{role}.command.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    pem = "".join(f"  {line}\n" for line in public.splitlines())
    words = json.dumps(command)
    path.write_text(f"format: 1\npublic_key: |\n{pem}command: {words}\n{more}", encoding="utf-8")
    return path


def openssl_key(folder: Path, *kind: str) -> tuple[Path, str]:
    private = folder / "token.pem"
    subprocess.run(["openssl", "genpkey", *kind, "-out", private], check=True, capture_output=True)
    public = subprocess.run(
        ["openssl", "pkey", "-in", private, "-pubout"], check=True, capture_output=True, text=True
    )
    return private, public.stdout


@pytest.fixture
def p256(tmp_path: Path) -> tuple[Path, str]:
    return openssl_key(tmp_path, "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")


def python(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def test_openssl_signs_p256_in_the_place_of_a_token(tmp_path: Path, p256: tuple[Path, str]) -> None:
    private, public = p256
    command = ["openssl", "dgst", "-sha256", "-sign", str(private)]
    signer_file(tmp_path, "root", public, command)
    signer = keys.load(tmp_path, "root", keys.nobody)
    assert isinstance(signer, CommandSigner)
    signature = signer.sign(PAYLOAD)
    signer.public_key.verify_signature(signature, PAYLOAD)
    assert keys.public_pem(signer.public_key).decode() == public


def test_a_program_signs_ed25519_with_64_raw_bytes(tmp_path: Path) -> None:
    private, public = openssl_key(tmp_path, "-algorithm", "ED25519")
    text = (
        "import sys; from cryptography.hazmat.primitives.serialization import load_pem_private_key;"
        f"key = load_pem_private_key(open({str(private)!r}, 'rb').read(), None);"
        "sys.stdout.buffer.write(key.sign(sys.stdin.buffer.read()))"
    )
    signer_file(tmp_path, "root", public, python(text))
    signature = keys.load(tmp_path, "root", keys.nobody).sign(PAYLOAD)
    assert len(bytes.fromhex(signature.signature)) == 64


def test_keys_are_adopted_from_signer_files_and_seen_to_sign(
    tmp_path: Path, p256: tuple[Path, str]
) -> None:
    private, public = p256
    command = ["openssl", "dgst", "-sha256", "-sign", str(private)]
    signer_file(tmp_path, "root", public, command)
    folder = SigningFolder(tmp_path)
    made = folder.make_keys(
        "Holder of the token", ["root", "targets"], keys.ED25519, keys.not_locked
    )
    assert keys.algorithm_of(made.keys["root"]) == keys.P256
    assert not (tmp_path / "keys" / "root.pem").exists()
    assert (tmp_path / "keys" / "targets.pem").is_file()
    assert folder.signer("root", keys.nobody).sign(b"x").keyid == made.keys["root"].keyid


def test_a_signer_that_does_not_sign_makes_no_keys(tmp_path: Path, p256: tuple[Path, str]) -> None:
    signer_file(tmp_path, "root", p256[1], python("raise SystemExit(3)"))
    with pytest.raises(SignerFailed):
        SigningFolder(tmp_path).make_keys("A", ["root", "targets"], keys.ED25519, keys.not_locked)
    assert not (tmp_path / "public.json").exists()
    assert not (tmp_path / "keys" / "targets.pem").exists()


@pytest.mark.parametrize(
    ("command", "named"),
    [
        (["/nowhere/at-all"], "No such file"),
        (python("import sys; sys.exit('the token\\nis not there')"), "exit code 1, the token"),
        (python("import sys; sys.exit(9)"), "exit code 9, without a word"),
        (python("import sys\nwhile True: sys.stdout.write('x' * 4096)"), "more than 65536 bytes"),
    ],
)
def test_what_goes_wrong_is_said(
    tmp_path: Path, p256: tuple[Path, str], command: list[str], named: str
) -> None:
    path = signer_file(tmp_path, "root", p256[1], command)
    with pytest.raises(SignerFailed) as caught:
        keys.load(tmp_path, "root", keys.nobody).sign(PAYLOAD)
    assert named in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "text", ["import time; time.sleep(600)", "import os, time; os.close(1); time.sleep(600)"]
)
def test_a_program_that_hangs_is_ended(tmp_path: Path, p256: tuple[Path, str], text: str) -> None:
    signer_file(tmp_path, "root", p256[1], python(text), "seconds: 1\n")
    with pytest.raises(SignerTimedOut):
        keys.load(tmp_path, "root", keys.nobody).sign(PAYLOAD)


@pytest.mark.parametrize("given", ["''", "'x' * 64"])
def test_a_wrong_signature_never_leaves(tmp_path: Path, p256: tuple[Path, str], given: str) -> None:
    signer_file(tmp_path, "root", p256[1], python(f"import sys; sys.stdout.write({given})"))
    with pytest.raises(SignerWrong):
        keys.load(tmp_path, "root", keys.nobody).sign(b"payload")


def test_anothers_signature_never_leaves(tmp_path: Path, p256: tuple[Path, str]) -> None:
    other = tmp_path / "other"
    other.mkdir()
    private, _public = openssl_key(other, "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    signer_file(tmp_path, "root", p256[1], ["openssl", "dgst", "-sha256", "-sign", str(private)])
    with pytest.raises(SignerWrong):
        keys.load(tmp_path, "root", keys.nobody).sign(b"payload")


def test_signer_files_are_read_strictly(tmp_path: Path, p256: tuple[Path, str]) -> None:
    with pytest.raises(WrongValue, match="program"):
        Command.from_file(signer_file(tmp_path, "root", p256[1], []))
    with pytest.raises(WrongValue, match="public_key"):
        Command.from_file(signer_file(tmp_path, "root", "no key", ["true"]))
    _private, rsa = openssl_key(tmp_path, "-algorithm", "RSA")
    with pytest.raises(WrongValue, match="P-256"):
        Command.from_file(signer_file(tmp_path, "root", rsa, ["true"]))
    path = tmp_path / f"x{external.SUFFIX}"
    path.write_text("format: 1\ncommand: [a]\n")
    with pytest.raises(MissingKey):
        Command.from_file(path)
