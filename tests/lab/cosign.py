"""Debian's cosign, taken out of its package: the lab's own suite has none.

Invariant: nothing is installed and no setting of this machine changes; apt verifies sid's signed
lists, and the package against them, in folders of the lab's cache. The program is whole or absent.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.lab.commands import call
from tests.lab.errors import CommandFailed

SUITE = "sid"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
CONFIGURATION = """\
Dir::State "{root}";
Dir::State::lists "{root}/lists";
Dir::Cache "{root}";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "{root}/sources";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Default-Release "{suite}";
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
"""
SOURCE = """\
Types: deb
URIs: {archive}
Suites: {suite}
Components: main
Signed-By: {keyring}
"""


def program(cache: Path) -> Path:
    """Where the program is once `fetch` was here."""
    return cache / "cosign" / "cosign"


def fetch(cache: Path, say: Callable[[str], None] = print) -> Path:
    """The program, fetched where it is missing; raises CommandFailed with apt's words."""
    ready = program(cache)
    if ready.is_file():
        return ready
    say(f"Fetching cosign from Debian {SUITE} ...")
    cache.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(dir=cache, prefix=".fetching-"))
    try:
        _download(making)
        package = next(making.glob("cosign_*.deb"))
        call("dpkg-deb", "--extract", package, making / "package")
        call(making / "package/usr/bin/cosign", "version")
        ready.parent.mkdir(exist_ok=True)
        (making / "package/usr/bin/cosign").replace(ready)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return ready


def _download(root: Path) -> None:
    for name in ("lists/partial", "archives/partial", "sources"):
        (root / name).mkdir(parents=True)
    (root / "apt.conf").write_text(CONFIGURATION.format(root=root, suite=SUITE))
    source = SOURCE.format(archive=archive(), suite=SUITE, keyring=KEYRING)
    (root / "sources/debian.sources").write_text(source)
    _apt_get(root, "update", "--quiet")
    _apt_get(root, "download", "--quiet", "cosign")


def archive() -> str:
    """The mirror of Debian that this machine's apt uses: the one with an -updates suite."""
    listing = call("apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)")
    for line in listing.splitlines():
        release, _, address = line.partition(" ")
        if release.endswith("-updates"):
            return address
    raise CommandFailed("apt has no source of Debian with an -updates suite.")


def _apt_get(root: Path, *words: str) -> None:
    environment = {**os.environ, "APT_CONFIG": str(root / "apt.conf"), "LC_ALL": "C"}
    ended = subprocess.run(
        ["apt-get", *words], cwd=root, env=environment, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if ended.returncode != 0:
        last = " / ".join(ended.stderr.strip().splitlines()[-4:])
        raise CommandFailed(f"apt-get {words[0]} of {SUITE} ended with {ended.returncode}: {last}")
