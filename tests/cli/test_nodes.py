"""docs/nodes.md, command by command; what the verbs on a node print, ask and refuse."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from champ_offline.node.authority import read_authority
from tests.architecture.source import ROOT
from tests.cli.test_key_drill import champ
from tests.unit.node.authorities import NOW, made

PAGE = (ROOT / "docs" / "nodes.md").read_text(encoding="utf-8")
REFUSED = re.compile(r"# refused: ([a-z.-]+)$")
HOSTS = "node/etc/containerd/certs.d/_default/hosts.toml"
PASSWORD = "correct horse battery staple"
TRUST = "node trust registry.zone:5443 --ca ca.crt"


def lines() -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ca.crt").write_bytes(made(tmp_path / "pki").authority.read_bytes())
    (tmp_path / "node").mkdir()
    return tmp_path


def run(folder: Path, line: str) -> subprocess.CompletedProcess[str]:
    """A command on the node that is mounted as `node`."""
    return champ(folder, [*shlex.split(line), "--root", "node"])


def ask(folder: Path, line: str, code: int = 0) -> str:
    done = run(folder, line)
    assert done.returncode == code, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout if code == 0 else done.stderr


def test_the_page_goes_as_it_is_written(folder: Path) -> None:
    data = (folder / "ca.crt").read_bytes()
    fingerprint = read_authority(data, "ca.crt", NOW).fingerprint
    refused, looked = [], 0
    for line in lines():
        if not line.startswith("champ "):
            subprocess.run(["bash", "-ec", line], cwd=folder, check=True)
            continue
        words = shlex.split(line.replace("$FINGERPRINT", fingerprint), comments=True)[1:]
        done = champ(folder, [*words, "--root", "node"])
        expected = REFUSED.search(line)
        if "doctor" in words:
            # The example's registry is nowhere.
            assert done.returncode == 4, line
            looked += 1
        elif expected is None:
            assert done.returncode == 0, f"{line}\n{done.stderr}"
        else:
            assert done.returncode != 0, line
            assert f"[{expected.group(1)}]" in done.stderr, line
            refused.append(expected.group(1))
    assert (len(refused), looked) == (3, 2)
    assert not (folder / HOSTS).exists()


def test_what_is_shown(folder: Path) -> None:
    shown = ask(folder, f"{TRUST} --dry-run")
    assert "would be done" in shown
    assert not (folder / HOSTS).exists()
    done = json.loads(ask(folder, f"{TRUST} --json"))
    assert (done["registry"], done["result"]) == ("registry.zone:5443", "done")
    assert done["mirror_file"] == HOSTS
    assert min(done["written"]) == HOSTS
    assert [one["id"] for one in done["findings"] if one["id"]] == [
        "node.containerd-config-missing"
    ]
    assert json.loads(ask(folder, f"{TRUST} --json"))["written"] == []
    config = folder / "node/etc/containerd/config.toml"
    block = PAGE[PAGE.index("    version = 2") : PAGE.index("In a file that says")]
    config.write_text("".join(f"{line.strip()}\n" for line in block.splitlines()))
    assert "No restart is needed" in ask(folder, TRUST)


def test_in_chinese(folder: Path) -> None:
    done = champ(folder, ["--lang", "zh", *shlex.split(TRUST), "--root", "node"])
    assert done.returncode == 0
    assert "镜像" in done.stdout
    done = champ(folder, ["--lang", "zh", "registry", "doctor", "--root", "node"])
    assert done.returncode == 4
    assert "未检查" in done.stdout


def test_a_password_is_shown_nowhere(folder: Path) -> None:
    secret = folder / "password"
    secret.write_text(PASSWORD + "\n")
    secret.chmod(0o600)
    line = f"{TRUST} --user nodes --password-file password"
    found = [run(folder, line), run(folder, f"{TRUST} --confirm registry.zone:5443")]
    found += [run(folder, f"{line} --dry-run --json"), run(folder, "registry doctor --json")]
    pair = "bm9kZXM6"  # how base64 begins
    for done in found:
        assert PASSWORD not in done.stdout + done.stderr
        assert pair not in done.stdout + done.stderr
    assert [done.returncode for done in found] == [0, 0, 0, 4]
    assert "***" in found[1].stderr
    ask(folder, f"{line} --confirm registry.zone:5443")
    assert pair in (folder / HOSTS).read_text()
    assert (folder / HOSTS).stat().st_mode & 0o777 == 0o600
    secret.chmod(0o644)
    assert "cli.passphrase-file-open" in ask(folder, line, 2)


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("node trust registry.zone:99999 --ca ca.crt", 2, "node.address-invalid"),
        ("node trust registry.zone:5443 --ca gone.crt", 14, "cli.not-there"),
        (f"{TRUST} --fingerprint AA:BB", 3, "node.fingerprint-differs"),
        (f"{TRUST} --user nodes", 2, "cli.password-needed"),
        (f"{TRUST} --password-file ca.crt", 2, "--user"),
        (f"{TRUST} --user a:b", 2, "colon"),
        (f"{TRUST} --certs-dir certs.d", 2, "--certs-dir"),
        (f"{TRUST} --certs-dir /a/../../b", 2, "--certs-dir"),
        ("node untrust", 14, "node.nothing-trusted"),
        ("registry doctor", 2, "node.registry-not-named"),
        ("registry doctor a:b", 2, "node.address-invalid"),
        ("registry doctor a:1 --image 'Not An Image'", 2, "oci.invalid-reference"),
    ],
)
def test_refusals(folder: Path, line: str, code: int, said: str) -> None:
    assert said in ask(folder, line, code)
    assert not (folder / HOSTS).exists()


def test_a_foreign_file_wants_to_be_confirmed(folder: Path) -> None:
    path = folder / HOSTS
    path.parent.mkdir(parents=True)
    path.write_text('server = "https://elsewhere"\n')
    said = ask(folder, TRUST, 7)
    assert '-server = "https://elsewhere"' in said
    assert "cli.confirmation-missing" in said
    assert "cli.confirmation-missing" not in ask(folder, f"{TRUST} --confirm elsewhere", 7)
    assert path.read_text() == 'server = "https://elsewhere"\n'
    ask(folder, f"{TRUST} --confirm registry.zone:5443")
    assert "elsewhere" in ask(folder, "node untrust", 7)
    ask(folder, "node untrust --confirm registry.zone:5443")
    assert path.read_text() == 'server = "https://elsewhere"\n'


def test_on_a_terminal_it_asks(folder: Path) -> None:
    (folder / HOSTS).parent.mkdir(parents=True)
    (folder / HOSTS).write_text("")
    main, terminal = pty.openpty()
    words = [sys.executable, "-m", "installer", *shlex.split(TRUST), "--root", "node"]
    with subprocess.Popen(
        words, cwd=folder, stdin=terminal, stderr=terminal, stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:  # fmt: skip
        os.write(main, b"registry.zone:5443\n")
        assert process.wait(60) == 0
    asked = os.read(main, 10_000).decode()
    assert "registry.zone:5443" in asked
    os.close(terminal)
    os.close(main)
    assert "registry.zone" in (folder / HOSTS).read_text()


def test_a_doctor_of_the_zone_itself_is_another(folder: Path) -> None:
    """`champ registry doctor` needs no zone, `champ doctor` does."""
    assert "cli.zone-not-named" in champ(folder, ["doctor"]).stderr
