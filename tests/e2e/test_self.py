"""The program installs itself on a bare host, is updated from a signed stick, and goes back."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from champ_offline import __version__
from champ_offline.installation.one_file import HEADER_BYTES
from champ_offline.installation.places import ONE_FILE, Places
from champ_offline.installation.programs import Programs
from tests.architecture.source import ROOT
from tests.e2e.bare_host import STICK, BareHost
from tests.e2e.own_systemd import Systemd, booted
from tests.e2e.served_zone import HOST, ServedZone, until
from tests.lab import bare_roots
from tests.unit.sources.archives import Sample, unfold

TOP = "/opt/champ-offline"
NEWER = "99.0"
SERVICE = "champ-registry.service"


def renamed(data: bytes, version: str) -> bytes:
    """The same program under another version's name, as a later build would have it."""
    header, payload = data[:HEADER_BYTES], data[HEADER_BYTES:]
    header = re.sub(rb"NAME='[^-]*-", b"NAME='%s-" % version.encode(), header)
    header = re.sub(rb"\nHEADER=\w+\n", b"\nHEADER=\n", header).rstrip(b"\n")
    header += b"\n" * (HEADER_BYTES - 64 - len(header))
    line = b"\nHEADER=%s\n" % hashlib.sha256(header).hexdigest().encode()
    return header.replace(b"\nHEADER=\n", line, 1) + payload


class Host(BareHost):
    """A host on which `champ` is what is installed."""

    def champ(self, *words: str, code: int = 0) -> str:
        done = self.run(f"/usr/local/bin/champ {' '.join(words)}", HOME="/root", code=code)
        return done.stdout if code == 0 else done.stderr

    def gives(self, *words: str) -> Any:
        return json.loads(self.champ("--json", *words))


@pytest.fixture(scope="module")
def host(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Host:
    """A Debian 11 whose stick holds champ.sh, a newer one, and a recipe."""
    folder = tmp_path_factory.mktemp("self")
    stick = folder / "stick"
    stick.mkdir()
    shutil.copyfile(built, stick / ONE_FILE)
    (stick / "newer.sh").write_bytes(renamed(built.read_bytes(), NEWER))
    unfold(stick / "layout", Sample().layout_files())
    image = f"images:\n  - name: champ.local/demo:1\n    archive: {{path: {STICK}/layout}}\n"
    (stick / "bundle.yaml").write_text(f'format: 1\nname: demo\nversion: "1"\n{image}')
    return Host(bare_roots.debian_root("bullseye", folder / "root"), stick)


@pytest.fixture(scope="module")
def installed(host: Host) -> Host:
    """The host with champ.sh installed, keys, a zone, and two sticks: one brings a newer one."""
    denied = host.run(f"sh {STICK}/{ONE_FILE} self install", user=1000, code=4)
    assert "Only root can change /opt/champ-offline" in denied.stderr
    made = host.run(f"sh {STICK}/{ONE_FILE} --json self install", HOME="/root")
    assert json.loads(made.stdout)["program"] == f"{TOP}/current/champ"
    host.champ("trust", "init", "/root/keys", "--holder", "Team", "--unencrypted")
    host.champ("lock", f"{STICK}/bundle.yaml", "--out", "/root/lock")
    pack = ("pack", f"{STICK}/bundle.yaml", "--lock", "/root/lock", "--signing", "/root/keys")
    host.champ(*pack, "--no-sbom", "--out", "/root/same")
    host.champ(*pack, "--no-sbom", "--out", "/root/newer", "--installer", f"{STICK}/newer.sh")
    host.champ("--zone", "/root/zone", "zone", "init", "--name", "core",
               "--root", "/root/keys/root.json")  # fmt: skip
    return host


def current(host: Host) -> str:
    found = host.gives("self", "status")
    assert [one["name"] for one in found["versions"] if one["current"]] == [found["current"]]
    return str(found["current"]).partition("-")[0]


def test_the_manual_is_where_man_looks(installed: Host) -> None:
    for page in ("man1/champ.1", "zh_CN/man1/champ.1"):
        shown = installed.run(f"cat /usr/local/share/man/{page}").stdout
        source = page.replace("man1/", "")
        assert shown == (ROOT / "docs/man" / source).read_text(encoding="utf-8")


def test_it_is_on_the_path_and_owned_by_root(installed: Host) -> None:
    assert installed.champ("--version") == f"champ {__version__}\n"
    assert current(installed) == __version__
    again = json.loads(
        installed.run(f"sh {STICK}/{ONE_FILE} --json self install", HOME="/root").stdout
    )
    assert (again["changed"], again["removed"]) == (False, [])
    assert "no version before" in installed.champ("self", "rollback", code=14)


def test_a_pack_carries_the_program_that_packed_it(installed: Host) -> None:
    same = installed.root / "root/same" / ONE_FILE
    assert same.read_bytes() == (installed.stick / ONE_FILE).read_bytes()
    told = installed.gives("verify", "/root/same", "--root", "/root/keys/root.json")
    assert told["installer"] == "signed"


def test_units_name_the_path_that_updates_keep(installed: Host) -> None:
    words = "--zone /root/zone self install --host 0.0.0.0 --name r.zone"
    installed.run(f"sh {STICK}/{ONE_FILE} {words}", HOME="/root")
    written = installed.root / "etc/systemd/system/champ-registry.service"
    unit = written.read_text(encoding="utf-8")
    assert f"ExecStart={TOP}/current/champ --zone /root/zone registry serve" in unit


def test_updated_and_gone_back(installed: Host) -> None:
    made = installed.gives("self", "update", "/root/newer", "--root", "/root/keys/root.json")
    assert (made["changed"], made["now"].startswith(f"{NEWER}-")) == (True, True)
    assert current(installed) == NEWER
    assert installed.champ("--version") == f"champ {__version__}\n"  # the same bytes inside
    assert installed.gives("self", "rollback")["changed"] is True
    assert current(installed) == __version__
    again = installed.gives("--zone", "/root/zone", "self", "update", "/root/newer")
    assert again["changed"] is True
    older = installed.champ("--zone", "/root/zone", "self", "update", "/root/same", code=3)
    assert "[self.installer-older]" in older


def test_a_reload_takes_on_the_new_version(built: Path, tmp_path: Path) -> None:
    """systemd runs it with few rights, from its own C library; the unit stays as it is."""
    zone = ServedZone.made(tmp_path)
    places = Places(tmp_path / "opt", None, units=tmp_path / "units")
    programs = Programs(places)
    first = programs.install(built)
    where = ["--host", HOST, "--port", str(zone.port), "--log", str(zone.log)]
    written = ["--write", str(places.units)]
    words = [str(places.program), "--zone", str(zone.zone), "registry", "unit", *where, *written]
    subprocess.run(words, check=True, capture_output=True)
    zone.certify()
    with booted(places.units, SERVICE, zone.folder / "systemd") as systemd:
        zone.ready()
        assert program_of(systemd) == places.versions / first.now / "champ"
        newer = tmp_path / "newer.sh"
        newer.write_bytes(renamed(built.read_bytes(), NEWER))
        second = programs.install(newer)
        systemd.ctl("reload", SERVICE)
        new = places.versions / second.now / "champ"
        until(lambda: program_of(systemd) == new, "the old version serves on", zone.log)
        systemd.ctl("stop", SERVICE)


def program_of(systemd: Systemd) -> Path:
    """What the service's main process runs, seen from its own place in the world."""
    enter = ["nsenter", "-t", str(systemd.process), "-m", "-p"]
    link = f"/proc/{systemd.shows(SERVICE, 'MainPID')}/exe"
    done = subprocess.run([*enter, "readlink", link], capture_output=True, text=True, check=False)
    return Path(done.stdout.strip())


def test_a_changed_installer_is_refused_by_everybody(installed: Host) -> None:
    stick = installed.root / "root/changed"
    shutil.copytree(installed.root / "root/newer", stick)
    data = bytearray((stick / ONE_FILE).read_bytes())
    data[-1] ^= 1
    (stick / ONE_FILE).write_bytes(data)
    before = installed.gives("self", "status")
    for words in (
        ("--zone", "/root/zone", "self", "update", "/root/changed"),
        ("--zone", "/root/zone", "import", "/root/changed"),
        ("verify", "/root/changed", "--root", "/root/keys/root.json"),
    ):
        assert "[media.installer-changed]" in installed.champ(*words, code=11)
    assert installed.gives("self", "status") == before
    (stick / ONE_FILE).unlink()
    missing = installed.champ("--zone", "/root/zone", "self", "update", "/root/changed", code=14)
    assert "[media.installer-missing]" in missing
    installed.champ("--zone", "/root/zone", "import", "/root/changed")
