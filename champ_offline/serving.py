"""The registry that nodes pull from: the zone's own and who may what there, or one of the site.

Composition: it wires and decides nothing; what serves is loaded by whoever serves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from champ_offline.bundle.held import KnownBundle
from champ_offline.durable.database import Database
from champ_offline.durable.lock import FolderUse
from champ_offline.external.settings import Settings
from champ_offline.paths import ZonePaths
from champ_offline.store.blobs import BlobStore
from champ_offline.store.refs import Ref, Refs

if TYPE_CHECKING:
    from champ_offline.external.verbs import External
    from champ_offline.registry.authority import Authority
    from champ_offline.registry.clients import Clients
    from champ_offline.registry.start import Address, Running


class Serving:
    """Of one zone; `bundles` are those it holds."""

    def __init__(
        self,
        database: Database,
        blobs: BlobStore,
        paths: ZonePaths,
        bundles: Callable[[], Iterable[KnownBundle]],
        clock: Callable[[], datetime],
    ) -> None:
        self._database, self._blobs, self._refs = database, blobs, Refs(database)
        self._paths, self._bundles, self._clock = paths, bundles, clock
        self._settings = Settings(database, clock)

    def serve(
        self, where: Address, on_ready: Callable[[], None], running: Running | None = None
    ) -> None:
        """Serve the store over TLS until SIGTERM."""
        from champ_offline.registry.start import serve_zone

        serve_zone(self._paths, self._database, self._clock, where, on_ready, running)

    @property
    def served(self) -> bool:
        """Whether a process of this machine serves the zone now."""
        if not self._paths.pki.is_dir():
            return False
        with FolderUse(self._paths.pki) as use:
            return not use.alone()

    @property
    def names(self) -> list[Ref]:
        """All that can be pulled by a name, sorted."""
        return self._refs.all()

    @property
    def clients(self) -> Clients:
        """Who may do what."""
        from champ_offline.registry.clients import Clients

        return Clients(self._database, self._clock)

    @property
    def authority(self) -> Authority:
        """The certificate authority that nodes trust."""
        from champ_offline.registry.authority import Authority

        return Authority(self._database, self._paths.pki, self._clock)

    @property
    def external(self) -> External:
        """The registry of the site that nodes pull from, if they do; pushes to it."""
        from champ_offline.external.verbs import External

        stored = (self._database, self._blobs, self._refs)
        return External(*stored, self._paths, self._called, self._clock)

    @property
    def elsewhere(self) -> str:
        """Where nodes pull from instead of here; empty where they pull from here."""
        target = self._settings.target()
        return target.address if target else ""

    def in_use(self) -> External | None:
        """The registry of the site, where nodes pull from that."""
        return self.external if self.elsewhere else None

    def _called(self, name: str) -> set[str]:
        return {str(one.digest) for one in self._bundles() if one.document.name == name}
