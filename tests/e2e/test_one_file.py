"""champ.sh on hosts with nothing on them: old C libraries, none at all, and every bad folder."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from champ_offline import __version__
from champ_offline.installation.one_file import HEADER_BYTES
from champ_offline.installation.places import ONE_FILE
from installer.one_file.build import FOLDER
from tests.architecture.source import ROOT
from tests.e2e.bare_host import STICK, BareHost
from tests.e2e.terminal import Terminal
from tests.e2e.web_app import WebApp
from tests.lab import bare_roots
from tests.unit.sources.archives import Sample, unfold

CHAMP = f"sh {STICK}/{ONE_FILE}"
OPT = "opt/champ-offline/versions"
LARGEST = 70_000_000
APP = WebApp(
    name="small",
    versions=["1.0"],
    entrypoint=["/bin/true"],
    title={"en": "Small app", "zh": "小应用"},
    summary={"en": "Small.", "zh": "小。"},
    answers={"greeting": {"type": "string", "default": "hello"}},
    titles={"greeting": {"en": "Greeting", "zh": "问候"}},
    values="image: {{ components.web | tojson }}\n",
    templates={
        "pod.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: {{ .Release.Name }}}\n"
        "spec: {containers: [{name: web, image: {{ .Values.image }}}]}\n"
    },
)
Fresh = Callable[[str], BareHost]


@pytest.fixture(scope="session")
def hosts(built: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, BareHost]:
    """One host of each kind, never written to; the stick holds champ.sh and a recipe."""
    folder = tmp_path_factory.mktemp("hosts")
    stick = folder / "stick"
    stick.mkdir()
    shutil.copyfile(built, stick / ONE_FILE)
    recipe = APP.write(stick)
    unfold(recipe.parent / "layout", Sample().layout_files())
    document = yaml.safe_load(recipe.read_text(encoding="utf-8"))
    document["images"] = [{"name": "champ.local/small:1.0", "archive": {"path": "layout"}}]
    recipe.write_text(yaml.safe_dump(document), encoding="utf-8")
    roots = {
        "debian-11": bare_roots.debian_root("bullseye", folder / "debian-11"),
        "debian-12": bare_roots.debian_root("bookworm", folder / "debian-12"),
        "busybox": bare_roots.busybox_root(folder / "busybox"),
    }
    return {name: BareHost(root, stick) for name, root in roots.items()}


@pytest.fixture
def fresh(hosts: dict[str, BareHost], tmp_path: Path) -> Fresh:
    """Makes a host of a kind for one test."""
    return lambda kind: hosts[kind].copy(tmp_path / kind)


def versions(host: BareHost, place: str = OPT) -> list[str]:
    folder = host.root / place
    return sorted(one.name for one in folder.iterdir()) if folder.is_dir() else []


def test_it_is_one_small_file(built: Path) -> None:
    assert built.stat().st_size < LARGEST
    assert built.read_bytes()[:10] == b"#!/bin/sh\n"


@pytest.mark.parametrize("kind", ["debian-11", "debian-12", "busybox"])
def test_it_starts_where_there_is_no_python(fresh: Fresh, kind: str) -> None:
    host = fresh(kind)
    assert [path for path in host.names() if "python" in path] == []
    first = host.run(f"{CHAMP} --version; {CHAMP} --version", HOME="/root")
    assert first.stdout == f"champ {__version__}\n" * 2
    (version,) = versions(host)
    made = host.root / OPT / version
    assert version.startswith(f"{__version__}-")
    assert made.stat().st_mode & 0o7777 == 0o755
    assert {path.stat().st_mode & 0o022 for path in made.rglob("*")} == {0}
    helped = host.run(f"{CHAMP} --help", CHAMP_LANG="zh", LANG="C")
    assert "用法" in helped.stdout


@pytest.mark.parametrize("kind", ["debian-11", "busybox"])
def test_a_bundle_from_keys_to_catalog(fresh: Fresh, kind: str) -> None:
    """With Helm's engine, the values' child, OpenSSL, SQLite: all of it finds its libraries."""
    host = fresh(kind)
    script = f"""
    set -e
    cp -r {STICK}/small /root/small
    champ() {{ {CHAMP} "$@"; }}
    champ trust init /root/keys --holder Team --unencrypted >&2
    champ lock /root/small/bundle.yaml >&2
    champ pack /root/small/bundle.yaml --signing /root/keys --out /root/out --no-sbom >&2
    champ --zone /root/zone zone init --name core --root /root/keys/root.json >&2
    champ verify /root/out --root /root/keys/root.json >&2
    champ --zone /root/zone import /root/out >&2
    champ --zone /root/zone --json catalog
    """
    (app,) = json.loads(host.run(script, HOME="/root").stdout)
    assert (app["name"], app["version"]) == ("small", "1.0")


def test_names_are_found_by_what_the_host_has(fresh: Fresh) -> None:
    host = fresh("debian-11")
    (host.root / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nmed:x:7001:7001::/:/bin/sh\n")
    script = f"""
    {CHAMP} trust init /root/keys --holder Team --unencrypted >&2 &&
    {CHAMP} --zone /root/zone zone init --name core --root /root/keys/root.json >&2 &&
    chown -R 7001:7001 /root/zone &&
    {CHAMP} --zone /root/zone registry unit --host 0.0.0.0 --name r.zone
    """
    assert "User=med\n" in host.run(script, HOME="/root").stdout


def test_where_no_programs_run_another_folder_is_taken(fresh: Fresh) -> None:
    host = fresh("debian-11")
    closed = [f'mount -t tmpfs -o noexec tmpfs "$ROOT/{place}"' for place in ("opt", "root")]
    said = host.run(f"{CHAMP} --version", mounts=closed, HOME="/root")
    assert said.stdout == f"champ {__version__}\n"
    assert len(versions(host, "var/tmp/champ-offline-0/versions")) == 1
    refused = host.run(
        f"CHAMP_UNPACK=/opt/x {CHAMP} --version; ls -A /opt", mounts=closed, code=None
    )
    assert "/opt/x: programs cannot be run there (noexec?)" in refused.stderr
    assert refused.stdout == ""


def test_a_user_without_a_home(fresh: Fresh) -> None:
    host = fresh("busybox")
    assert host.run(f"{CHAMP} --version", user=1000).stdout == f"champ {__version__}\n"
    place = "var/tmp/champ-offline-1000/versions"
    assert len(versions(host, place)) == 1
    assert (host.root / place).stat().st_uid == 1000


def test_a_folder_that_somebody_else_made_is_not_used(fresh: Fresh) -> None:
    host = fresh("busybox")
    strange = host.root / "var/tmp/champ-offline-1000"
    strange.mkdir()
    os.chown(strange, 2000, 2000)
    strange.chmod(0o777)
    (host.root / "tmp/champ-offline-1000").symlink_to("/var/tmp/champ-offline-1000")
    refused = host.run(f"{CHAMP} --version", user=1000, code=4)
    assert "champ-offline-1000/versions: others may write to it" in refused.stderr
    assert list(strange.rglob("*")) == []
    (host.root / "tmp/champ-offline-1000").unlink()
    host.run(f"{CHAMP} --version", user=1000)
    assert len(versions(host, "tmp/champ-offline-1000/versions")) == 1


def test_blanks_and_chinese_in_every_path(fresh: Fresh) -> None:
    host = fresh("debian-11")
    script = f"""
    mkdir -p "/media/我的 U盘" && cp {STICK}/{ONE_FILE} "/media/我的 U盘/安装 程序.sh"
    cd "/media/我的 U盘" && CHAMP_UNPACK="/home/应用 程序" sh "安装 程序.sh" --version
    """
    assert host.run(script).stdout == f"champ {__version__}\n"
    assert len(versions(host, "home/应用 程序")) == 1


def test_three_first_starts_at_once(fresh: Fresh) -> None:
    host = fresh("debian-11")
    script = f"for i in 1 2 3; do {CHAMP} --version & done; wait"
    assert host.run(script).stdout == f"champ {__version__}\n" * 3
    assert len(versions(host)) == 1


def test_a_killed_unpack_holds_nobody_up(fresh: Fresh) -> None:
    host = fresh("debian-11")
    with subprocess.Popen(host.words(f"{CHAMP} --version"), stdin=subprocess.DEVNULL) as first:
        deadline = time.monotonic() + 60
        while not list(host.root.glob(f"{OPT}/.unpacking-*/_internal/*")):
            assert time.monotonic() < deadline
            time.sleep(0.005)
        first.send_signal(signal.SIGKILL)
    assert {name.rstrip("0123456789") for name in versions(host)} == {".lock", ".unpacking-"}
    assert host.run(f"{CHAMP} --version").stdout == f"champ {__version__}\n"
    assert len(versions(host)) == 1


@pytest.mark.parametrize("length", [HEADER_BYTES // 4, HEADER_BYTES, 20_000_000])
def test_a_file_that_was_cut_off(fresh: Fresh, built: Path, length: int) -> None:
    host = fresh("debian-11")
    (host.root / "media/cut.sh").write_bytes(built.read_bytes()[:length])
    before = host.names() | {"media/stick"}
    refused = host.run("sh /media/cut.sh --version", code=None)
    # In the middle of its text a shell itself finds that the end is missing.
    assert refused.returncode == (2 if length < HEADER_BYTES // 2 else 12), refused.stderr
    assert refused.stdout == ""
    assert host.names() == before


@pytest.mark.parametrize("place", [HEADER_BYTES - 1, 30_000_000])
def test_a_file_that_was_changed(fresh: Fresh, built: Path, place: int) -> None:
    host = fresh("busybox")
    data = bytearray(built.read_bytes())
    data[place] ^= 1
    (host.root / "media/changed.sh").write_bytes(data)
    before = host.names() | {"media/stick"}
    refused = host.run("sh /media/changed.sh --version", code=11, LANG="zh_CN.UTF-8")
    assert "已损坏" in refused.stderr
    assert host.names() == before
    english = host.run("sh /media/changed.sh", code=11, LANG="zh_CN.UTF-8", TERM="linux")
    assert "is damaged: its checksum does not fit" in english.stderr


def test_what_was_unpacked_is_used_again_or_made_anew(fresh: Fresh) -> None:
    host = fresh("debian-11")
    host.run(f"cp {STICK}/{ONE_FILE} /home/moved.sh; {CHAMP} --version")
    (version,) = versions(host)
    made = host.root / OPT / version
    before = made.stat().st_ino
    host.run("sh /home/moved.sh --version")
    assert made.stat().st_ino == before
    (made / "champ.pkg").unlink()
    assert host.run("sh /home/moved.sh --version").stdout == f"champ {__version__}\n"
    # A copy elsewhere leads its loader to the old place: it is no place to start from.
    copied = f"cp -a /{OPT} /home/copy && CHAMP_UNPACK=/home/copy {CHAMP} --version"
    assert host.run(copied).stdout == f"champ {__version__}\n"
    assert versions(host) == versions(host, "home/copy") == [version]
    assert made.stat().st_ino != before


def test_too_little_room(fresh: Fresh) -> None:
    host = fresh("busybox")
    small = ['mount -t tmpfs -o size=50m tmpfs "$ROOT/home"']
    script = f"CHAMP_UNPACK=/home/x {CHAMP} --version; echo $?; ls -A /home"
    refused = host.run(script, mounts=small)
    assert "/home/x: 52 MB free, 2" in refused.stderr
    assert refused.stdout == "4\n"


@pytest.mark.parametrize(
    ("told", "sentence"),
    [("Linux 5.10.0 aarch64", "is for Linux on x86_64"), ("Linux 2.6.32 x86_64", "kernel here")],
)
def test_another_machine(fresh: Fresh, told: str, sentence: str) -> None:
    host = fresh("debian-11")
    (host.root / "opt/uname").write_text(f"#!/bin/sh\necho {told}\n")
    (host.root / "opt/uname").chmod(0o755)
    assert sentence in host.run(f"PATH=/opt:$PATH {CHAMP}", code=4).stderr


def test_what_it_is_given_reaches_the_program(fresh: Fresh) -> None:
    """Arguments, an input, and the user's umask, also on the start that unpacks."""
    host = fresh("debian-11")
    script = f"""
    umask 077; {CHAMP} trust init "/root/a  b" --holder Team --unencrypted >&2; ls -ld "/root/a  b"
    """
    assert host.run(script).stdout.startswith("drwx------")


def test_the_screens_open(fresh: Fresh, tmp_path: Path) -> None:
    host = fresh("debian-11")
    given = {"TERM": "xterm-256color", "CHAMP_LANG": "zh"}
    start = tmp_path / "start.sh"
    start.write_text(f"exec {shlex.join(host.words(CHAMP, environment=given))}\n")
    with Terminal("bare", ["sh", str(start)], {}, tmp_path / "screens") as terminal:
        terminal.sees("CHAMP Offline", "网区文件夹")
        terminal.press("Escape")
        terminal.sees("ended with 0")


def test_every_library_comes_with_its_licence(built: Path) -> None:
    licences = built.parent / FOLDER / "licences"
    named = (licences / "debian/SOURCES").read_text(encoding="utf-8")
    libraries = [
        *built.parent.glob(f"{FOLDER}/glibc/*"),
        *built.parent.glob(f"{FOLDER}/_internal/lib*"),
    ]
    system = [one.name for one in libraries if not one.name.startswith("libpython")]
    assert len(system) > 15
    assert [name for name in system if name not in named] == []
    assert (licences / "debian/common-licenses/LGPL-2.1").is_file()
    assert (licences / "python/LICENSE.txt").is_file()


def test_another_folder_gives_the_same_bytes(built: Path, tmp_path: Path) -> None:
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    copy = tmp_path / "another folder"
    for name in filter(None, names.split("\0")):
        if not name.startswith(("tests/", "docs/guide/", "bundles/", "appstore_catalog/")):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, copy / name)
    epoch = subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    subprocess.run(
        [sys.executable, "-m", "installer.one_file", str(tmp_path / "out")],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": str(copy), "SOURCE_DATE_EPOCH": epoch.stdout.strip()},
        check=True,
        capture_output=True,
    )
    assert (tmp_path / "out" / ONE_FILE).read_bytes() == built.read_bytes()
