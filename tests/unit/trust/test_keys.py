"""Key files: locked as openssl reads them, and back; wrong passphrases; steady signatures."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest
from securesystemslib.signer import SSlibKey

from champ_offline.trust import keys, pkcs8
from champ_offline.trust.key_errors import KeyUnreadable, PassphraseNeeded, PassphraseWrong

PASSPHRASE = "Grüße 密码 with spaces"


def unlock(_folder: Path) -> bytes:
    return PASSPHRASE.encode()


def openssl(*words: str | Path, expect: int = 0) -> str:
    done = subprocess.run(["openssl", *words], capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (expect == 0), done.stderr
    return done.stdout


@pytest.mark.parametrize("algorithm", keys.ALGORITHMS)
def test_openssl_opens_what_we_lock(tmp_path: Path, algorithm: str) -> None:
    signer = keys.generate("somebody", algorithm)
    keys.save(signer, tmp_path, "root", PASSPHRASE.encode())
    path = tmp_path / "keys" / "root.pem"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.read_text().startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    told = openssl("pkey", "-in", path, "-passin", f"pass:{PASSPHRASE}", "-pubout")
    assert told.encode() == keys.public_pem(signer.public_key)
    openssl("pkey", "-in", path, "-passin", "pass:another", "-pubout", expect=1)
    parsed = openssl("asn1parse", "-in", path)
    for part in ("PBES2", "scrypt", "aes-256-cbc", ":8000"):
        assert part in parsed


@pytest.mark.parametrize(
    ("kind", "algorithm"),
    [
        (["ED25519"], keys.ED25519),
        (["EC", "-pkeyopt", "ec_paramgen_curve:P-256"], keys.P256),
    ],
)
def test_we_open_what_openssl_locks(tmp_path: Path, kind: list[str], algorithm: str) -> None:
    (tmp_path / "keys").mkdir()
    clear, path = tmp_path / "clear.pem", tmp_path / "keys" / "root.pem"
    openssl("genpkey", "-algorithm", *kind, "-out", clear)
    openssl(
        "pkcs8", "-topk8", "-in", clear, "-out", path, "-passout", f"pass:{PASSPHRASE}",
        "-v2", "aes-256-cbc", "-scrypt",
    )  # fmt: skip
    signer = keys.load(tmp_path, "root", unlock)
    assert keys.algorithm_of(signer.public_key) == algorithm
    public = openssl("pkey", "-in", clear, "-pubout")
    assert keys.public_pem(signer.public_key).decode() == public


@pytest.mark.parametrize("algorithm", keys.ALGORITHMS)
def test_signatures_are_the_same_every_time_and_fit(tmp_path: Path, algorithm: str) -> None:
    keys.save(keys.generate("somebody", algorithm), tmp_path, "root", None)
    signer = keys.load(tmp_path, "root", keys.nobody)
    first, second = signer.sign(b"payload"), signer.sign(b"payload")
    assert first.signature == second.signature
    signer.public_key.verify_signature(first, b"payload")


def test_openssl_verifies_an_image_signature(tmp_path: Path) -> None:
    keys.save(keys.generate("", keys.P256), tmp_path, keys.IMAGES, b"locked")
    signer = keys.load_images(tmp_path, lambda _folder: b"locked")
    files = {"payload": b"what cosign signs", "public": keys.public_pem(signer.public_key)}
    files["signature"] = bytes.fromhex(signer.sign(files["payload"]).signature)
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    said = openssl(
        "dgst", "-sha256", "-verify", tmp_path / "public", "-signature", tmp_path / "signature",
        tmp_path / "payload",
    )  # fmt: skip
    assert said == "Verified OK\n"


def test_image_signatures_want_p256(tmp_path: Path) -> None:
    keys.save(keys.generate("", keys.ED25519), tmp_path, keys.IMAGES, None)
    with pytest.raises(KeyUnreadable, match="P-256"):
        keys.load_images(tmp_path, keys.nobody)


def test_a_wrong_passphrase_and_none_at_all_are_told_apart(tmp_path: Path) -> None:
    keys.save(keys.generate("somebody"), tmp_path, "root", PASSPHRASE.encode())
    with pytest.raises(PassphraseWrong) as caught:
        keys.load(tmp_path, "root", lambda _folder: b"another one")
    assert "root.pem" in str(caught.value)
    assert "another one" not in str(caught.value)
    with pytest.raises(PassphraseNeeded):
        keys.load(tmp_path, "root", keys.nobody)


def test_an_unlocked_key_asks_nobody(tmp_path: Path) -> None:
    signer = keys.generate("somebody")
    keys.save(signer, tmp_path, "root", None)
    assert keys.load(tmp_path, "root", keys.nobody).public_key.keyid == signer.public_key.keyid


@pytest.mark.parametrize(
    "text",
    [
        "no key",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    ],
)
def test_files_that_are_no_keys_are_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "root.pem").write_text(text)
    with pytest.raises(KeyUnreadable) as caught:
        keys.load(tmp_path, "root", unlock)
    assert "root.pem" in str(caught.value)
    with pytest.raises(KeyUnreadable):
        keys.load(tmp_path, "targets", unlock)


@pytest.mark.parametrize(
    ("scheme", "number"),
    [(("-scrypt", "-scrypt_N", "65536", "-scrypt_r", "2"), 65536), (("-iter", "100000"), 100_000)],
)
def test_a_key_that_takes_for_ever_to_open_is_refused(
    tmp_path: Path, scheme: tuple[str, ...], number: int
) -> None:
    keys.save(keys.generate("somebody"), tmp_path, "root", None)
    clear, path = tmp_path / "keys" / "root.pem", tmp_path / "keys" / "targets.pem"
    password = f"pass:{PASSPHRASE}"
    openssl("pkcs8", "-topk8", "-in", clear, "-out", path, "-passout", password, *scheme)
    keys.load(tmp_path, "targets", unlock)
    pem = path.read_text().splitlines()
    der, cost = base64.b64decode("".join(pem[1:-1])), b"\x02\x03" + number.to_bytes(3, "big")
    assert cost in der
    costly = base64.encodebytes(der.replace(cost, b"\x02\x03\x7f\xff\xff")).decode()
    path.write_text(f"{pem[0]}\n{costly}{pem[-1]}\n")
    with pytest.raises(KeyUnreadable, match="too much memory or time"):
        keys.load(tmp_path, "targets", unlock)


def test_keys_of_other_kinds_are_refused(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    path = tmp_path / "keys" / "root.pem"
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-out", path)
    with pytest.raises(KeyUnreadable, match="neither Ed25519 nor P-256"):
        keys.load(tmp_path, "root", unlock)


@pytest.mark.parametrize("kind", [["X25519"], ["EC", "-pkeyopt", "ec_paramgen_curve:P-384"]])
def test_a_public_key_is_of_the_scheme_it_names(tmp_path: Path, kind: list[str]) -> None:
    clear = tmp_path / "clear.pem"
    openssl("genpkey", "-algorithm", *kind, "-out", clear)
    public = openssl("pkey", "-in", clear, "-pubout")
    with pytest.raises(ValueError, match="another kind"):
        keys.public_pem(SSlibKey("id", "ecdsa", "ecdsa-sha2-nistp256", {"public": public}))


def test_two_locked_files_of_one_key_share_no_byte_of_salt() -> None:
    signer = keys.generate("somebody")
    first, second = signer.pem(b"same"), signer.pem(b"same")
    assert first != second
    assert pkcs8.is_encrypted(first)


def test_no_wrong_passphrase_is_taken_for_a_damaged_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One in some 250 wrong passphrases gives a well-formed padding around nonsense."""
    monkeypatch.setattr(pkcs8, "COST", 2)
    monkeypatch.setattr(pkcs8, "PARALLEL", 1)
    keys.save(keys.generate("somebody"), tmp_path, "root", b"right")
    for number in range(1500):
        guess = str(number).encode()
        with pytest.raises(PassphraseWrong):
            keys.load(tmp_path, "root", lambda _folder, guess=guess: guess)  # type: ignore[misc]
