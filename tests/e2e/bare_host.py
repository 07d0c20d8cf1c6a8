"""A host with nothing on it and no network: a root of its own, entered for one script at a time.

Invariant: what a script mounts, starts or listens on ends with it; what it writes stays in the
root. The stick is mounted read-only and runs no programs.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

STICK = "/media/stick"
_ENTER = """
mount -t proc proc "$ROOT/proc"
mount --bind /dev "$ROOT/dev"
mkdir -p "$ROOT/media/stick"
mount --bind "$STICK" "$ROOT/media/stick"
mount -o remount,bind,ro,noexec,nosuid "$ROOT/media/stick"
eval "$MOUNTS"
exec env -i PATH=/usr/bin:/bin "$@"
"""


@dataclass(frozen=True)
class BareHost:
    """The folder that is its root, and the folder that is its stick."""

    root: Path
    stick: Path

    def copy(self, folder: Path) -> BareHost:
        """Another of its kind, to write to."""
        shutil.copytree(self.root, folder, symlinks=True)
        for shared in ("tmp", "var/tmp"):
            (folder / shared).chmod(0o1777)
        return BareHost(folder, self.stick)

    def words(
        self, script: str, *, user: int = 0, environment: Mapping[str, str] | None = None
    ) -> list[str]:
        """The command that runs a shell script inside; HOME is not set unless given."""
        given = [f"{name}={value}" for name, value in (environment or {}).items()]
        inside = ["/usr/sbin/chroot", f"--userspec={user}:{user}", str(self.root)]
        shell = [*given, *inside, "/bin/sh", "-c", script]
        apart = ("unshare", "--mount", "--pid", "--net", "--fork", "--kill-child")
        return [*apart, "sh", "-ec", _ENTER, "sh", *shell]

    def settings(self, mounts: Sequence[str] = ()) -> dict[str, str]:
        """The environment for the command; each of `mounts` is a shell command run outside."""
        return {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "ROOT": str(self.root),
            "STICK": str(self.stick),
            "MOUNTS": "\n".join(mounts),
        }

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
            self.words(script, user=user, environment=environment),
            env=self.settings(mounts), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert code is None or done.returncode == code, f"{done.returncode}: {done.stderr}"
        return done

    def names(self) -> set[str]:
        """Everything in the root, by its path."""
        return {path.relative_to(self.root).as_posix() for path in self.root.rglob("*")}
