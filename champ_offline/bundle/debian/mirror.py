"""Where packages come from: the archives that this host's own apt already uses.

Invariant: no host name stands in this code base or in a lock; a lock holds suites and paths, and
the signature (not the mirror) says whether an index is Debian's.
"""

from __future__ import annotations

from dataclasses import dataclass

from champ_offline.bundle.debian.errors import MirrorUnknown
from champ_offline.bundle.debian.process import run

SECURITY = "-security"
UPDATES = "-updates"
_FORMAT = "$(COMPONENT) $(RELEASE) $(REPO_URI)"


@dataclass(frozen=True)
class Mirror:
    """The base addresses of Debian's archive and of its security archive, both ending in "/"."""

    archive: str
    security: str

    def base(self, suite: str) -> str:
        """The address under which the paths of `suite` lie."""
        return self.security if suite.endswith(SECURITY) else self.archive

    def split(self, suite: str, uri: str) -> tuple[str, str] | None:
        """(`suite` or its security suite, path) of a file of this mirror, or None."""
        for name in (suite + SECURITY, suite):
            base = self.base(name)
            if uri.startswith(base):
                return name, uri.removeprefix(base)
        return None


def of_this_host() -> Mirror:
    """The mirror in the host's apt sources; raises MirrorUnknown, DebianToolMissing."""
    command = ["apt-get", "indextargets", "--no-release-info", "--format", _FORMAT]
    done = run([*command, "Created-By: Packages"])
    return from_targets(done.stdout)


def from_targets(listing: str) -> Mirror:
    """The mirror in lines of `component release address`; raises MirrorUnknown."""
    rows = [line.split(" ", 2) for line in listing.splitlines() if line.count(" ") >= 2]
    main = [(release, uri) for component, release, uri in rows if component == "main"]
    # Other vendors' archives have no -updates suite, so its address is Debian's own mirror.
    archive = [uri for release, uri in main if release.endswith(UPDATES)]
    security = [uri for release, uri in main if release.endswith(SECURITY)]
    if not archive or not security:
        raise MirrorUnknown(suite="main, -updates, -security")
    return Mirror(_slash(archive[0]), _slash(security[0]))


def _slash(uri: str) -> str:
    return uri if uri.endswith("/") else f"{uri}/"
