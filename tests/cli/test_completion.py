"""What a shell completes when a person presses TAB: real shells on a terminal, and what is loaded.

In these shells `champ` is a script that answers completions, and keeps what it is run with.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from champ_offline.catalog.index import APPS
from champ_offline.glance import Names, names
from tests.architecture.source import ROOT
from tests.architecture.test_start_up import HEAVY
from tests.cli.command import champ
from tests.cli.test_way_of_a_bundle import Site

SECONDS = 60.0
READY = "now> "
STARTS = {
    "bash": ["bash", "--noprofile", "--norc", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
}
SETS_UP = {
    "bash": 'eval "$(champ completion bash)"; PS1="now"; PS1="$PS1> "',
    "zsh": (
        'autoload -U compinit; compinit -u; eval "$(champ completion zsh)"; PS1="now"; PS1="$PS1> "'
    ),
    "fish": "champ completion fish | source; function fish_prompt; printf 'now%s' '> '; end",
}
# \t is the key TAB; what a name is completed to ends with a space.
TYPED = [
    ("champ hist\tpac\t\n", "history pacs"),
    ("champ roll\tpac\t--wi\t\n", "rollback pacs --with-data"),
    ("champ pl\torth\t--ans\tansw\t\n", "plan orthanc --answers answers.yaml"),
    ("champ zone reti\tde\t1\n", "zone retire demo 1"),
    ("champ --lang z\tcata\t\n", "--lang zh catalog"),
    ("champ status --clus\tmai\t\n", "status --cluster main"),
]
PROBE = """
import json, sys
from installer.__main__ import main
code = main([])
sys.stderr.write(json.dumps([code, sorted(sys.modules)]))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A zone with a bundle; what it installed and serves is written where it keeps it."""
    site = Site(tmp_path_factory.mktemp("completion"))
    site.says("trust", "init", str(site.folder / "keys"), "--holder", "A", "--unencrypted")
    site.says("lock", str(site.recipe))
    keys = ("--signing", str(site.folder / "keys"))
    site.says("pack", str(site.recipe), *keys, "--out", str(site.stick))
    site.zone("zone", "init", "--name", "core", "--root", str(site.root))
    site.zone("import", str(site.stick))
    site.zone("catalog")
    site.zone("cluster", "list")
    (site.folder / "answers.yaml").write_text("a: 1\n")
    with closing(sqlite3.connect(site.folder / "zone" / "champ.db")) as base, base:
        base.execute("INSERT INTO releases VALUES ('c', 'n', 'pacs', 1, 1)")
        base.execute("INSERT INTO clusters VALUES ('main', 'c', 'a', 'k', 't')")
        columns = [row[1] for row in base.execute("PRAGMA table_info(refs)")]
        row = base.execute("SELECT * FROM refs LIMIT 1").fetchone()
        copied = {**dict(zip(columns, row, strict=True)), "name": f"{APPS}orthanc"}
        marks = ", ".join("?" * len(columns))
        base.execute(f"INSERT INTO refs VALUES ({marks})", [copied[one] for one in columns])  # noqa: S608 - question marks
    _script(site.folder)
    return site


def _script(folder: Path) -> None:
    path = folder / "bin" / "champ"
    path.parent.mkdir()
    path.write_text(
        "#!/bin/sh\n"
        f'if [ -z "$_CHAMP_COMPLETE" ] && [ "$1" != completion ]; then echo "$*" >> {folder}/ran\n'
        f'else exec {sys.executable} -m installer "$@"; fi\n'
    )
    path.chmod(0o755)


@pytest.fixture(params=list(STARTS))
def terminal(request: pytest.FixtureRequest, site: Site) -> Iterator[int]:
    """The end of a terminal on which that shell waits for a line."""
    command = STARTS[request.param]
    path = f"{site.folder / 'bin'}:{os.environ['PATH']}"
    child, end = pty.fork()
    if child == 0:
        os.chdir(site.folder)
        kept = {"PATH": path, "HOME": str(site.folder), "TERM": "xterm", "PYTHONPATH": str(ROOT)}
        program = shutil.which(command[0]) or ""
        os.execve(program, command, {**kept, **_zone(site)})  # noqa: S606 - as a terminal does
    fcntl.ioctl(end, termios.TIOCSWINSZ, b"\x18\0\x50\0\0\0\0\0")
    os.write(end, f"{SETS_UP[request.param]}\n".encode())
    _until(end, READY)
    yield end
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(end)


def _zone(site: Site) -> dict[str, str]:
    return {"CHAMP_ZONE": str(site.folder / "zone"), "LANG": "C.UTF-8"}


def _until(end: int, text: str) -> None:
    """Read what appears until `text` does; bounded."""
    seen, deadline = b"", time.monotonic() + SECONDS
    while text.encode() not in seen:
        ready = select.select([end], [], [], max(0.0, deadline - time.monotonic()))[0]
        assert ready, seen.decode(errors="replace")
        seen += os.read(end, 4096)


def test_a_line_typed_with_tabs(terminal: int, site: Site) -> None:
    ran = site.folder / "ran"
    for typed, line in TYPED:
        ran.unlink(missing_ok=True)
        os.write(terminal, typed.encode())
        _until(terminal, READY)
        deadline = time.monotonic() + SECONDS
        while not ran.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert ran.read_text().split() == line.split()


def _completed(line: str, site: Site | None = None, **environment: str) -> tuple[int, str, str]:
    words = line.split(" ")
    zone = {} if site is None else _zone(site)
    done = champ(
        COMP_WORDS=line, COMP_CWORD=str(len(words) - 1), _CHAMP_COMPLETE="bash_complete",
        **zone, **environment,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("champ pl", ["plan"]),
        ("champ rollback ", ["pacs"]),
        ("champ form ", ["orthanc"]),
        ("champ zone retire ", ["demo"]),
        ("champ cluster show ", ["main"]),
        ("champ cluster add ", []),
        ("champ registry client remove ", []),
        ("champ zone re", ["retention", "retire"]),
        ("champ plan x --ve", ["--version"]),
        ("champ completion ", ["bash", "zsh", "fish"]),
        ("champ nonsense x", []),
        ("champ --zone /nowhere rollback ", []),
    ],
)
def test_what_is_offered(site: Site, line: str, offered: list[str]) -> None:
    code, out, said = _completed(line, site)
    assert said == ""
    assert code == 0
    assert [row.partition(",")[2] for row in out.splitlines() if "," in row] == offered


def test_without_a_zone_verbs_are_offered_and_no_names() -> None:
    assert _completed("champ rollback ") == (0, "\n", "")
    assert "plain,import" in _completed("champ i")[1]


def test_looking_changes_nothing_and_waits_for_nobody(site: Site, tmp_path: Path) -> None:
    zone = shutil.copytree(site.folder / "zone", tmp_path / "zone")
    before = sorted((path.name, path.stat().st_mtime_ns) for path in zone.iterdir())
    with closing(sqlite3.connect(site.folder / "zone" / "champ.db")) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        writer.execute("INSERT INTO releases VALUES ('c', 'n', 'not yet', 1, 1)")
        assert names(site.folder / "zone", Names.RELEASES) == ["pacs"]
        writer.rollback()
    assert names(zone, Names.RELEASES) == ["pacs"]
    assert sorted((path.name, path.stat().st_mtime_ns) for path in zone.iterdir()) == before
    assert names(tmp_path, Names.RELEASES) == []
    (zone / "champ.db").write_bytes(b"no database" * 99)
    assert names(zone, Names.RELEASES) == []


@pytest.mark.parametrize("kind", list(Names))
def test_every_query_fits_the_tables(site: Site, kind: Names) -> None:
    with closing(sqlite3.connect(site.folder / "zone" / "champ.db")) as base:
        assert all(len(row) == 1 for row in base.execute(kind.value))


@pytest.mark.parametrize("line", ["champ ", "champ rollback ", "champ plan x --", "champ zone "])
def test_completing_loads_nothing_heavy(line: str, site: Site) -> None:
    zone = _zone(site)
    asked = {
        "COMP_WORDS": line,
        "COMP_CWORD": str(line.count(" ")),
        "_CHAMP_COMPLETE": "bash_complete",
    }
    done = subprocess.run(
        [sys.executable, "-c", PROBE], cwd=ROOT, env={**os.environ, **zone, **asked},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    code, modules = json.loads(done.stderr)
    assert code == 0
    assert (HEAVY - {"sqlite3"}) & set(modules) == set()


@pytest.mark.parametrize("shell", list(STARTS))
def test_the_script_is_printed_for_each_shell(shell: str) -> None:
    done = champ("completion", shell)
    assert done.returncode == 0
    assert done.stderr == ""
    assert f"_CHAMP_COMPLETE={shell}_complete" in done.stdout
