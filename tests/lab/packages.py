"""The Debian packages the lab needs, and whether this machine can hold a lab at all.

Invariant: installing starts no service; an unsuitable machine is refused with one sentence before
anything is started.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab import cgroups
from tests.lab.errors import CommandFailed, Unsuitable

# Package to a program of it that is looked for.
PACKAGES = {
    "binutils": "strip",
    "conntrack": "conntrack",
    "containerd": "containerd",
    "containernetworking-plugins": "/usr/lib/cni/bridge",
    "dcmtk": "echoscu",
    "docker-registry": "docker-registry",
    "docker.io": "dockerd",
    "dosfstools": "mkfs.vfat",
    "e2fsprogs": "mkfs.ext4",
    "exfat-fuse": "mount.exfat-fuse",
    "exfatprogs": "mkfs.exfat",
    "file": "file",
    "fish": "fish",
    "fusefat": "fusefat",
    "groff-base": "groff",
    "iproute2": "ip",
    "iputils-ping": "ping",
    "iptables": "iptables",
    "mount": "losetup",
    "nginx-light": "nginx",
    "opensc": "pkcs11-tool",
    "openssl": "openssl",
    "runc": "runc",
    "skopeo": "skopeo",
    "softhsm2": "softhsm2-util",
    "systemd": "systemd-socket-activate",
    "screen": "screen",
    "tmux": "tmux",
    "util-linux": "nsenter",
    "wrk": "wrk",
    "zsh": "zsh",
}
POLICY = Path("/usr/sbin/policy-rc.d")
REFUSE_TO_START = "#!/bin/sh\n# Installing is not starting.\nexit 101\n"
CLONE_NEWNET = 0x40000000
CLONE_NEWNS = 0x00020000


def missing() -> list[str]:
    """The packages whose program is not here."""
    return [package for package, program in PACKAGES.items() if not _is_here(program)]


def check() -> None:
    """Raise Unsuitable, with the first reason, where no lab can be now."""
    check_machine()
    if absent := missing():
        names = " ".join(absent)
        raise Unsuitable(f"Packages are missing: {names}; “python -m tests.lab install” has them.")


def check_machine() -> None:
    """Raise Unsuitable, with the first reason, where no package would help either."""
    if os.geteuid() != 0:
        raise Unsuitable("The lab makes network namespaces and mounts, so it must run as root.")
    if not _can_unshare():
        raise Unsuitable("The lab needs network and mount namespaces, and may not make any here.")
    if not Path("/dev/loop-control").exists():
        raise Unsuitable("The lab plugs in sticks as loop devices, and there are none here.")
    if not cgroups.usable():
        raise Unsuitable(f"The lab needs control groups it can write below {cgroups.ROOT}.")


def install(say: Callable[[str], None] = print) -> list[str]:
    """Install what is missing with apt-get; the packages that were. Raises Unsuitable."""
    absent = missing()
    if not absent:
        return []
    if os.geteuid() != 0:
        raise Unsuitable(f"Only root can install the packages that are missing: {absent}.")
    if shutil.which("apt-get") is None:
        raise Unsuitable(f"Packages are missing and this is no Debian: {' '.join(absent)}.")
    say(f"Installing {' '.join(absent)} ...")
    with _no_services():
        _apt_get("update", "--quiet")
        _apt_get("install", "--quiet", "--yes", "--no-install-recommends", *absent)
    return absent


def _is_here(program: str) -> bool:
    # /usr/sbin is not on every root's path.
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/bin"
    return shutil.which(program, path=path) is not None


def _can_unshare() -> bool:
    child = os.fork()
    if child == 0:
        os._exit(ctypes.CDLL(None).unshare(CLONE_NEWNET | CLONE_NEWNS) != 0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _apt_get(*words: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    ended = subprocess.run(
        ["apt-get", *words], env=environment, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if ended.returncode != 0:
        last = " / ".join(ended.stderr.strip().splitlines()[-4:])
        raise CommandFailed(f"apt-get {words[0]} ended with {ended.returncode}: {last}")


@contextmanager
def _no_services() -> Iterator[None]:
    """Have packages' scripts start nothing (policy-rc.d, Debian's invoke-rc.d)."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text(REFUSE_TO_START)
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()
