"""Every cluster of a zone's part is at rest before a site plan is made or applied."""

from __future__ import annotations

from collections.abc import Iterable

from champ_offline.cluster.interface import ClusterUnreachable
from champ_offline.errors import ChampError, ExitCode
from champ_offline.releases import Releases


class SiteClusterAway(ChampError):
    """A cluster of the site does not answer, so nothing is planned or applied on any."""

    id = "site.cluster-away"
    exit_code = ExitCode.PREFLIGHT
    message = "Nothing was changed: “{name}” is away. {cause}."
    remedy = (
        "Then run the same command again. To go on with the others meanwhile, plan with a document"
        " that leaves “{name}” out: clusters that are not named are left as they are."
    )


def settled(releases: Releases, clusters: Iterable[str]) -> dict[str, str]:
    """Put right what a kill left on these; their identities by name.

    Raises SiteClusterAway, and what else `Releases.settle` raises.
    """
    found = {}
    for name in clusters:
        try:
            found[name] = releases.settle(name)
        except ClusterUnreachable as error:
            raise SiteClusterAway(name=name, cause=error) from error
    return found
