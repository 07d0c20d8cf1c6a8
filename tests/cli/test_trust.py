"""`champ trust` as people use it: passphrases, screens, refusals."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from installer.terminal_text import width
from tests.architecture.source import ROOT
from tests.cli.command import loaded_champ

PASSPHRASE = "correct horse 电池"


def says(*words: object, code: int = 0) -> str:
    done = loaded_champ(*map(str, words))
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def passphrase_file(folder: Path, mode: int = 0o600) -> Path:
    path = folder / "passphrase"
    path.write_text(f"{PASSPHRASE}\n", encoding="utf-8")
    path.chmod(mode)
    return path


def on_a_terminal(words: list[str], typed: list[str]) -> tuple[int, str]:
    """Run champ on a terminal of its own, answering each question; exit code and what it showed."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(ROOT)
        os.execv(  # noqa: S606 - a child on the terminal just made
            sys.executable, [sys.executable, "-m", "installer", "--lang", "en", *words]
        )
    shown = b""
    for answer in typed:
        while not shown.rstrip(b" ").endswith(b":"):
            shown += os.read(terminal, 4096)
        os.write(terminal, f"{answer}\n".encode())
        shown += b"\n"
    with suppress(OSError):  # the terminal is gone with the child
        while block := os.read(terminal, 4096):
            shown += block
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown.decode()


def test_a_passphrase_is_typed_twice_and_never_shown(tmp_path: Path) -> None:
    words = ["trust", "init", str(tmp_path / "s"), "--holder", "Team"]
    code, shown = on_a_terminal(words, [PASSPHRASE, "another"])
    assert (code, "cli.passphrases-differ" in shown) == (2, True)
    assert not (tmp_path / "s").exists()
    code, shown = on_a_terminal(words, [PASSPHRASE, PASSPHRASE])
    assert code == 0, shown
    assert PASSPHRASE not in shown
    pem = tmp_path / "s" / "keys" / "root.pem"
    opened = subprocess.run(
        ["openssl", "pkey", "-in", pem, "-passin", f"pass:{PASSPHRASE}", "-noout"], check=False
    )
    assert opened.returncode == 0


def test_without_a_terminal_the_passphrase_comes_from_a_private_file(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    words = ["trust", "init", folder, "--holder", "Team"]
    assert "trust.passphrase-needed" in says(*words, code=2)
    file = passphrase_file(tmp_path, 0o644)
    assert "cli.passphrase-file-open" in says(*words, "--passphrase-file", file, code=2)
    file.chmod(0o600)
    says(*words, "--passphrase-file", file)
    says("trust", "rotate", folder)
    draft = folder / "draft" / "2.root.json"
    sign = ["trust", "sign", draft, "--signing", folder]
    assert "trust.passphrase-needed" in says(*sign, code=2)
    file.write_text("wrong\n")
    assert "trust.passphrase-wrong" in says(*sign, "--passphrase-file", file, code=2)
    passphrase_file(tmp_path)
    assert json.loads(says(*sign, "--passphrase-file", file, "--json"))["complete"]


def test_an_empty_passphrase_is_refused(tmp_path: Path) -> None:
    file = passphrase_file(tmp_path)
    file.write_text("\n")
    words = ["trust", "init", tmp_path / "s", "--holder", "T", "--passphrase-file", file]
    assert "trust.passphrase-empty" in says(*words, code=2)


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A signing folder of three holders, two of whom must sign."""
    words: list[str | Path] = []
    for name in ("Anna", "Bo", "Chen"):
        says("trust", "key", "new", tmp_path / name, "--holder", name, "--unencrypted")
        words += ["--add", tmp_path / name / "public.json"]
    folder = tmp_path / "shared"
    says("trust", "init", folder, *words, "--threshold", "root=2", "--unencrypted")
    draft = folder / "draft" / "1.root.json"
    says("trust", "sign", draft, "--signing", tmp_path / "Anna", "--signing", tmp_path / "Bo")
    return folder


@pytest.mark.parametrize("language", ["en", "zh"])
def test_one_screen_shows_who_must_sign(shared: Path, language: str) -> None:
    says("trust", "rotate", shared, "--remove", "Chen")
    for where in (["--signing", shared], ["--root", shared / "root.json"]):
        screen = says("trust", "show", *where, "--lang", language)
        lines = screen.splitlines()
        assert len(lines) <= 24
        assert all(width(line) <= 80 for line in lines)
        targets = "targets" if language == "en" else "目标"
        assert all(name in screen for name in ("Anna", "Bo", "Chen", targets, "ed25519"))
    draft = says("trust", "show", "--root", shared / "draft" / "2.root.json", "--lang", "en")
    assert "0 signed, 2 needed" in draft
    assert "Chen" not in draft


def test_a_holders_view_and_the_roots_are_the_same_in_json(shared: Path) -> None:
    by_folder = json.loads(says("trust", "show", "--signing", shared, "--json"))
    by_root = json.loads(says("trust", "show", "--root", shared / "root.json", "--json"))
    assert by_folder["fingerprint"] == by_root["fingerprint"]
    root = next(role for role in by_folder["roles"] if role["role"] == "root")
    assert (root["threshold"], len(root["keys"])) == (2, 3)


def test_another_image_key_is_made_when_the_old_one_was_put_aside(shared: Path) -> None:
    words = ["trust", "key", "images", shared, "--unencrypted"]
    before = (shared / "images.pub").read_bytes()
    assert "trust.keys-exist" in says(*words, code=2)
    (shared / "keys" / "images.pem").unlink()
    (shared / "images.pub").unlink()
    says(*words)
    assert (shared / "images.pub").read_bytes() not in {before, b""}


def test_the_image_key_is_readable_by_openssl(shared: Path) -> None:
    public = shared / "images.pub"
    done = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", public, "-noout", "-text"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "NIST CURVE: P-256" in done.stdout


@pytest.mark.parametrize(
    ("words", "code", "named"),
    [
        (["init", "{tmp}/x"], 2, "--holder"),
        (["init", "{tmp}/x", "--holder", "A", "--add", "{tmp}/file"], 2, "--add"),
        (["init", "{tmp}/x", "--holder", " ", "--unencrypted"], 2, "trust.holder-invalid"),
        (["init", "{tmp}/x", "--add", "{tmp}/none", "--unencrypted"], 14, "cli.not-there"),
        (["rotate", "{tmp}/x"], 14, "cli.not-there"),
        (["rotate", "{tmp}"], 2, "trust.not-a-signing-folder"),
        (["rotate", "{tmp}", "--threshold", "mirrors=1"], 2, "ROLE=N"),
        (["rotate", "{tmp}", "--threshold", "root=two"], 2, "ROLE=N"),
        (["sign", "{tmp}/none.json"], 14, "cli.not-there"),
        (["export", "{tmp}", "--signing", "{tmp}/x"], 14, "cli.not-there"),
        (["export", "{tmp}/x", "--signing", "{tmp}"], 2, "trust.not-a-signing-folder"),
        (["show", "{tmp}", "--root", "{tmp}/file"], 2, "--root"),
        (["show", "--root", "{tmp}/x"], 14, "cli.not-there"),
        (["show"], 2, "cli.zone-not-named"),
    ],
)
def test_mistakes_are_answered_with_a_sentence(
    tmp_path: Path, words: list[str], code: int, named: str
) -> None:
    (tmp_path / "file").touch()
    said = says("trust", *[word.format(tmp=tmp_path) for word in words], code=code)
    assert named in said
    assert "Traceback" not in said


def test_media_without_roots_are_named(tmp_path: Path, shared: Path) -> None:
    zone = ["--zone", tmp_path / "zone"]
    says(*zone, "zone", "init", "--name", "core", "--root", shared / "root.json")
    assert "trust.roots-missing" in says(*zone, "trust", "update", tmp_path, code=14)
    says("trust", "export", tmp_path / "stick", "--signing", shared)
    told = json.loads(says(*zone, "trust", "update", tmp_path / "stick", "--json"))
    assert (told["before"], told["version"]) == (1, 1)


def test_roots_go_by_no_link_on_the_medium(tmp_path: Path, shared: Path) -> None:
    (tmp_path / "stick").mkdir()
    (tmp_path / "away").mkdir()
    (tmp_path / "stick" / "champ").symlink_to(tmp_path / "away")
    export = ["trust", "export", tmp_path / "stick", "--signing", shared]
    assert "pack.target-linked" in says(*export, code=2)
    assert not list((tmp_path / "away").iterdir())


def rotated(folder: Path, tmp_path: Path, times: int) -> None:
    for _time in range(times):
        draft = json.loads(says("trust", "rotate", folder, "--json"))["file"]
        says("trust", "sign", draft, "--signing", tmp_path / "Anna", "--signing", tmp_path / "Bo")


def test_roots_with_a_gap_change_nothing(tmp_path: Path, shared: Path) -> None:
    zone = ["--zone", tmp_path / "zone"]
    says(*zone, "zone", "init", "--name", "core", "--root", shared / "root.json")
    rotated(shared, tmp_path, 3)
    says("trust", "export", tmp_path / "stick", "--signing", shared)
    lost = tmp_path / "stick/champ/trust/3.root.json"
    data = lost.read_bytes()
    lost.unlink()
    said = says(*zone, "trust", "update", tmp_path / "stick", code=3)
    assert "trust.roots-gap" in said
    assert "root 3 is missing" in said
    assert json.loads(says(*zone, "trust", "show", "--json"))["version"] == 1
    lost.write_bytes(data)
    says(*zone, "trust", "update", tmp_path / "stick")
    assert json.loads(says(*zone, "trust", "show", "--json"))["version"] == 4


@pytest.mark.parametrize("lost", [1, 2, 3, 4])
def test_a_signing_folder_that_lost_a_root_is_not_an_old_one(
    tmp_path: Path, shared: Path, lost: int
) -> None:
    rotated(shared, tmp_path, 3)
    (shared / f"roots/{lost}.root.json").unlink()
    for words in (
        ["show", "--signing", shared],
        ["export", tmp_path / "stick", "--signing", shared],
        ["rotate", shared],
    ):
        said = loaded_champ("trust", *map(str, words))
        assert said.returncode in {2, 3}
        assert "trust.roots-gap" in said.stderr or lost == 1
    assert not (tmp_path / "stick").exists()


def test_options_that_would_be_passed_over_are_refused(tmp_path: Path) -> None:
    file, folder = passphrase_file(tmp_path), tmp_path / "s"
    alone = ["trust", "init", folder, "--holder", "T"]
    assert "--threshold" in says(*alone, "--threshold", "root=2", "--unencrypted", code=2)
    said = says(*alone, "--unencrypted", "--passphrase-file", file, code=2)
    assert "--unencrypted" in said
    assert not folder.exists()
    for name in "abc":
        (tmp_path / name).mkdir()
    words = ["trust", "sign", file, *["--passphrase-file", file] * 2]
    three = [word for name in "abc" for word in ("--signing", tmp_path / name)]
    assert "2 files with passphrases for 3 folders" in says(*words, *three, code=2)


def test_an_open_private_key_that_is_not_locked_is_refused(tmp_path: Path, shared: Path) -> None:
    pem = tmp_path / "Anna/keys/root.pem"
    draft = json.loads(says("trust", "rotate", shared, "--json"))["file"]
    pem.chmod(0o644)
    said = says("trust", "sign", draft, "--signing", tmp_path / "Anna", code=2)
    assert "trust.key-file-open" in said
    assert "0644" in said
    pem.chmod(0o600)
    says("trust", "sign", draft, "--signing", tmp_path / "Anna")


def spoiled(path: Path) -> Path:
    """The document says something else than was signed."""
    data = path.read_bytes()
    path.write_bytes(data.replace(b"Anna", b"Eve "))
    assert path.read_bytes() != data
    return path


def test_a_path_that_is_not_there_is_called_so(tmp_path: Path, shared: Path) -> None:
    for words in (["show", tmp_path / "nosuch"], ["show", tmp_path / "nosuch" / "deeper"]):
        said = says("trust", *words, code=14)
        assert f"{words[1]} does not exist." in said
        assert "[trust.no-such-folder]" in said
    zone = ["--zone", tmp_path / "zone"]
    says(*zone, "zone", "init", "--name", "core", "--root", shared / "root.json")
    assert "trust.no-such-folder" in says(*zone, "trust", "update", tmp_path / "nosuch", code=14)
    assert "cli.not-there" in says("trust", "show", "--signing", tmp_path / "nosuch", code=14)
    assert "trust.roots-missing" in says("trust", "show", tmp_path, code=14)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_folder_with_a_draft_alone_waits_for_signatures(tmp_path: Path, language: str) -> None:
    words: list[str | Path] = []
    for name in ("Anna", "Bo"):
        says("trust", "key", "new", tmp_path / name, "--holder", name, "--unencrypted")
        words += ["--add", tmp_path / name / "public.json"]
    folder = tmp_path / "shared"
    says("trust", "init", folder, *words, "--threshold", "root=2", "--unencrypted")
    draft = folder / "draft" / "1.root.json"
    says("trust", "sign", draft, "--signing", tmp_path / "Anna")
    screen = says("trust", "show", "--signing", folder, "--lang", language)
    assert ("waits for signatures" if language == "en" else "等待签名") in screen
    assert any(line.endswith("Bo") and "Anna" not in line for line in screen.splitlines())
    told = json.loads(says("trust", "show", "--signing", folder, "--json"))
    assert told["unsigned"]
    assert (told["draft"][0]["signed"], told["draft"][0]["missing"]) == (["Anna"], ["Bo"])
    for act in (["rotate", folder], ["export", tmp_path / "stick", "--signing", folder]):
        said = says("trust", *act, "--lang", language, code=3)
        assert "[trust.root-unsigned]" in said
        assert str(draft) in said
    zone = ["--zone", tmp_path / "zone", "zone", "init", "--name", "core"]
    assert "[trust.root-unsigned]" in says(*zone, "--root", draft, code=3)
    says("trust", "sign", draft, "--signing", tmp_path / "Bo")
    assert not json.loads(says("trust", "show", "--signing", folder, "--json"))["unsigned"]


def test_what_is_to_be_done_depends_on_where_a_root_lies(tmp_path: Path, shared: Path) -> None:
    zone = ["--zone", tmp_path / "zone"]
    says(*zone, "zone", "init", "--name", "core", "--root", shared / "root.json")
    stick = tmp_path / "stick"
    says("trust", "export", stick, "--signing", shared)
    spoiled(stick / "champ/trust/1.root.json")
    for words in ([*zone, "trust", "update", stick], ["trust", "show", stick]):
        said = says(*words, code=13)
        assert "[trust.exported-roots-damaged]" in said
        assert "champ trust export" in said
        assert "media repair" not in said
    lone = tmp_path / "lone.json"
    lone.write_bytes((stick / "champ/trust/1.root.json").read_bytes())
    (tmp_path / "other").write_text("no root")
    second = ["--zone", tmp_path / "second", "zone", "init", "--name", "core", "--root"]
    shown = ["trust", "show", "--root"]
    for words in ([*second, lone], [*second, tmp_path / "other"], [*shown, tmp_path / "other"]):
        said = says(*words, code=13)
        assert "[trust.root-file-damaged]" in said
        assert "release engineer" in said
        assert "media repair" not in said
    spoiled(shared / "roots/1.root.json")
    for words in (["show", "--signing", shared], ["rotate", shared]):
        said = says("trust", *words, code=13)
        assert "[trust.signing-folder-damaged]" in said
        assert "backup" in said


def test_a_threshold_that_no_root_can_have_is_refused_as_it_was_typed(tmp_path: Path) -> None:
    says("trust", "key", "new", tmp_path / "anna", "--holder", "Anna", "--unencrypted")
    words = ["trust", "init", tmp_path / "s", "--add", tmp_path / "anna" / "public.json"]
    huge = f"root={'9' * 23}"
    assert huge in says(*words, "--unencrypted", "--threshold", huge, code=2)
    said = says(*words, "--unencrypted", "--threshold", "root=2", code=3)
    assert "the threshold of role root is 2; keys that it has: 1." in said


def test_a_root_on_a_stick_that_was_changed_is_named_with_a_remedy_that_fits(
    tmp_path: Path,
) -> None:
    keys, stick, zone = tmp_path / "keys", tmp_path / "stick", tmp_path / "zone"
    says("trust", "init", keys, "--holder", "Team", "--unencrypted")
    says("--zone", zone, "zone", "init", "--name", "core", "--root", keys / "root.json")
    says("trust", "rotate", keys)
    says("trust", "sign", keys / "draft" / "2.root.json", "--signing", keys)
    says("trust", "export", stick, "--signing", keys)
    second = stick / "champ" / "trust" / "2.root.json"
    changed = bytearray(second.read_bytes())
    changed[300] ^= 1
    second.write_bytes(changed)
    said = says("--zone", zone, "trust", "update", stick, code=13)
    assert f"{second} is not the root that was signed" in said
    assert "champ trust export" in said
    assert "media repair" not in said
