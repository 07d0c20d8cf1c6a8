"""Network namespaces and what joins them.

Invariant: no namespace made here has a default route; a process inside reaches the addresses of its
zone and nothing else. Entering is by `nsenter --net`: `ip netns exec` would mount /sys anew and
hide the control groups from a kubelet.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import threading
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import TypeVar

from tests.lab.commands import call
from tests.lab.errors import LabError
from tests.lab.processes import end_all, processes

Result = TypeVar("Result")

FOLDER = Path("/run/netns")
CLONE_NEWNET = 0x40000000
# RFC 2544's range for measurements: neither the internet's nor a usual site's.
OUTSIDE = IPv4Network("198.18.0.0/15")


def make(name: str) -> None:
    """Make the network namespace `name`, its loopback up."""
    call("ip", "netns", "add", name)
    call("ip", "-n", name, "link", "set", "lo", "up")


def members(name: str) -> list[int]:
    """The ids of all processes in the namespace `name`, but for the caller's own."""
    try:
        wanted = (FOLDER / name).stat()
    except FileNotFoundError:
        return []
    found = []
    for pid in processes():
        try:
            its = Path(f"/proc/{pid}/ns/net").stat()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if pid != os.getpid() and (its.st_dev, its.st_ino) == (wanted.st_dev, wanted.st_ino):
            found.append(pid)
    return found


def is_namespace(name: str) -> bool:
    """Whether `name` is a whole namespace: a file alone is what a kill in its making leaves."""
    here = Path("/proc/self/ns/net").stat()
    try:
        return (FOLDER / name).stat().st_dev == here.st_dev
    except FileNotFoundError:
        return False


def remove(name: str) -> None:
    """End every process in the namespace and remove it, with all its devices."""
    if is_namespace(name):
        end_members(name)
    if (FOLDER / name).exists():
        call("ip", "netns", "delete", name)


def end_members(name: str) -> None:
    """End every process in the namespace; raises LeftBehind."""
    end_all(lambda: members(name), what=f"A process in the namespace {name}")


def write_setting(name: str, path: str, value: str) -> None:
    """Set /proc/sys/`path` in the namespace `name`, where this kernel has it."""

    def write() -> None:
        setting = Path("/proc/sys") / path
        if setting.exists():
            setting.write_text(value)

    inside(name, write)


def device_name(seed: str) -> str:
    """A name for a network device of this machine: at most 15 characters, the same for a seed."""
    return f"champ{hashlib.sha256(seed.encode()).hexdigest()[:9]}"


def enter(name: str) -> list[str]:
    """The words to put before a command that is to run in the namespace `name`."""
    return ["nsenter", f"--net={FOLDER / name}"]


def inside(name: str, act: Callable[[], Result]) -> Result:
    """What `act` returns or raises, run by a thread of its own inside the namespace `name`."""
    results: list[Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            _set_namespace(FOLDER / name)
            results.append(act())
        except BaseException as error:  # noqa: BLE001 - handed to the caller's thread below
            errors.append(error)

    thread = threading.Thread(target=run, name=f"in {name}")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def outside_pair(seed: str) -> tuple[IPv4Address, IPv4Address, int]:
    """Two addresses and their prefix length for a link to this machine, not in use on it."""
    taken = {
        IPv4Address(info["local"])
        for link in json.loads(call("ip", "-json", "-4", "address", "show"))
        for info in link["addr_info"]
    }
    count = OUTSIDE.num_addresses // 4
    first = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:4], "big")
    for step in range(count):
        base = OUTSIDE[4 * ((first + step) % count)]
        if base + 1 not in taken:
            return base + 1, base + 2, 30
    raise LabError(f"No free pair of addresses is left in {OUTSIDE}.")


def _set_namespace(path: Path) -> None:
    # os.setns came with Python 3.12.
    library = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if library.setns(descriptor, CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path))
    finally:
        os.close(descriptor)
