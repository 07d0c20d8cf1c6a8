"""A host with nothing on it: a root of its own, entered for one script at a time.

Invariant: what a script mounts ends with it; what it writes stays in the root. The stick is mounted
read-only and runs no programs. A host that stands alone has no network, and whatever a script
starts there ends with it, too.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

STICK = "/media/stick"
_ENTER = """
mount -t proc proc "$ROOT/proc"
mount --bind /dev "$ROOT/dev"
mkdir -p "$ROOT/media/stick"
mount --bind "$STICK" "$ROOT/media/stick"
mount -o remount,bind,ro,noexec,nosuid "$ROOT/media/stick"
"""
_SHARE = """
mkdir -p "$ROOT"{place}
mount --bind {place} "$ROOT"{place}
"""


@dataclass(frozen=True)
class BareHost:
    """The folder that is its root, and the folder that is its stick.

    `shared` are folders of this machine that it sees under their own names. Unless it stands
    `alone`, it is in the network namespace of whoever enters it, and its processes are this
    machine's.
    """

    root: Path
    stick: Path
    shared: tuple[Path, ...] = ()
    alone: bool = True

    def copy(self, folder: Path) -> BareHost:
        """Another of its kind, to write to."""
        shutil.copytree(self.root, folder, symlinks=True)
        for shared in ("tmp", "var/tmp"):
            (folder / shared).chmod(0o1777)
        return replace(self, root=folder)

    def words(
        self,
        script: str,
        *,
        user: int = 0,
        environment: Mapping[str, str] | None = None,
        mounts: Sequence[str] = (),
    ) -> list[str]:
        """The command that runs a shell script inside; HOME is not set unless given.

        Each of `mounts` is a shell command that is run outside, where $ROOT is the root.
        """
        given = [f"{name}={value}" for name, value in (environment or {}).items()]
        inside = ["/usr/sbin/chroot", f"--userspec={user}:{user}", str(self.root)]
        shell = [*given, *inside, "/bin/sh", "-c", script]
        places = [f"ROOT={shlex.quote(str(self.root))}", f"STICK={shlex.quote(str(self.stick))}"]
        shared = [_SHARE.format(place=shlex.quote(str(place))) for place in self.shared]
        last = 'exec env -i PATH=/usr/bin:/bin "$@"'
        enter = "\n".join([*places, _ENTER, *shared, *mounts, last])
        more = ("--pid", "--net", "--fork", "--kill-child") if self.alone else ()
        return ["unshare", "--mount", *more, "sh", "-ec", enter, "sh", *shell]

    def run(
        self,
        script: str,
        *,
        user: int = 0,
        mounts: Sequence[str] = (),
        code: int | None = 0,
        **environment: str,
    ) -> subprocess.CompletedProcess[str]:
        """Run a script to its end, which must be `code` (None: any)."""
        done = subprocess.run(
            self.words(script, user=user, environment=environment, mounts=mounts),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert code is None or done.returncode == code, f"{done.returncode}: {done.stderr}"
        return done

    def names(self) -> set[str]:
        """Everything in the root, by its path."""
        return {path.relative_to(self.root).as_posix() for path in self.root.rglob("*")}
