"""A key that never leaves its token: the lines of docs/signer-programs.md, on SoftHSM."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.e2e.commands import CHAMP, PROJECT, Champ, run
from tests.e2e.terminal import Terminal

PAGE = PROJECT / "docs/signer-programs.md"
OPENSC = "/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so"
SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"
PIN, OFFICER_PIN = "5678", "12345678"
CONFIGURATION = "directories.tokendir = {folder}\nobjectstore.backend = file\nlog.level = ERROR\n"


@dataclass
class Token:
    """A token in software; `folder` is where its holder works."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"SOFTHSM2_CONF": str(self.folder / "softhsm2.conf")}

    def asks(self, *words: str | Path) -> str:
        """Run a command that asks for the PIN, type it, and return what the terminal showed."""
        folder = PROJECT / "build" / "screens" / "token"
        with Terminal("token", [str(word) for word in words], self.environment, folder) as terminal:
            terminal.sees("enter User PIN")
            terminal.type(PIN)
            terminal.press("Enter")
            return terminal.sees("ended with ")


def blocks(language: str) -> list[str]:
    """The code of the page in that language, with this token's module."""
    text = PAGE.read_text(encoding="utf-8").replace(OPENSC, SOFTHSM)
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.fixture
def token(tmp_path: Path) -> Token:
    """An initialised token without keys."""
    made = Token(tmp_path)
    (tmp_path / "tokens").mkdir()
    configuration = CONFIGURATION.format(folder=tmp_path / "tokens")
    (tmp_path / "softhsm2.conf").write_text(configuration, encoding="utf-8")
    words = ["--init-token", "--free", "--label", "anna", "--so-pin", OFFICER_PIN, "--pin", PIN]
    run(["softhsm2-util", *words], extra=made.environment)
    return made


def test_a_root_is_signed_by_a_key_in_a_token(token: Token) -> None:
    anna, bo, shared = (token.folder / name for name in ("anna", "bo", "shared"))
    public_key = key_in(token)
    (signer,) = (yaml.safe_load(block) for block in blocks("yaml"))
    (anna / "keys").mkdir(parents=True)
    signer["public_key"] = public_key
    (anna / "keys/root.command.yaml").write_text(yaml.safe_dump(signer), encoding="utf-8")
    made = token.asks(CHAMP, "trust", "key", "new", anna, "--holder", "Anna", "--role", "root")
    assert "ended with 0" in made
    assert [path.name for path in (anna / "keys").iterdir()] == ["root.command.yaml"]

    champ = Champ()
    roles = ("--role", "targets", "--role", "snapshot", "--role", "timestamp")
    champ("trust", "key", "new", bo, "--holder", "Bo", *roles, "--unencrypted")
    public = ("--add", anna / "public.json", "--add", bo / "public.json")
    champ("trust", "init", shared, *public, "--unencrypted")
    draft = shared / "draft/1.root.json"
    assert "ended with 0" in token.asks(CHAMP, "trust", "sign", draft, "--signing", anna)
    zone = Champ(zone=token.folder / "zone")
    zone("zone", "init", "--name", "core", "--root", shared / "root.json")


def key_in(token: Token) -> str:
    """Make a key with the page's commands; its public half as PEM."""
    (commands,) = (block.splitlines() for block in blocks("sh"))
    make, *read = (
        [
            str(token.folder / word) if word.startswith("anna.") else word
            for word in shlex.split(line)
        ]
        for line in commands
    )
    assert "ended with 0" in token.asks(*make)
    for words in read:
        run(words, extra=token.environment)
    return (token.folder / "anna.pem").read_text(encoding="ascii")
