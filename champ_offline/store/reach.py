"""What content leads to: from a manifest to everything below it, by reading the store.

Invariant: only a manifest whose bytes hash to its name is followed, so a damaged one never makes
something else look unneeded; each is read once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from champ_offline.errors import ChampError, ExitCode
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import Manifest
from champ_offline.store.blobs import BlobStore
from champ_offline.store.mark import StoreGone


class ManifestUnreadable(ChampError):
    """A manifest that something leads to is missing or damaged: what is below it is not known."""

    id = "store.manifest-unreadable"
    exit_code = ExitCode.CORRUPT
    message = "Manifest {digest} is missing or damaged, so what it needs cannot be told."
    remedy = "`champ store check` names what it belongs to; import that bundle again first."


class Reach:
    """Follows descriptors through one store."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._children: dict[Digest, tuple[Descriptor, ...]] = {}

    def below(self, roots: Iterable[Descriptor], *, whole: bool = True) -> Iterator[Descriptor]:
        """The roots and everything below them, each once.

        `whole` raises ManifestUnreadable for a manifest that cannot be followed; else it is given
        and what is below it is left out.
        """
        waiting, seen = list(roots), set()
        while waiting:
            one = waiting.pop()
            document = one.media_type in media_types.DOCUMENTS
            if (one.digest, document) in seen:
                continue
            seen.add((one.digest, document))
            yield one
            if document:
                waiting.extend(self._of(one.digest, whole=whole))

    def follows(self, one: Descriptor) -> bool:
        """Whether everything directly below that manifest is known."""
        try:
            self._of(one.digest, whole=True)
        except ManifestUnreadable:
            return False
        return one.media_type in media_types.DOCUMENTS

    def _of(self, digest: Digest, *, whole: bool) -> tuple[Descriptor, ...]:
        if digest not in self._children:
            try:
                self._children[digest] = self._read(digest)
            except StoreGone:
                raise
            except ChampError as error:
                if whole:
                    raise ManifestUnreadable(digest=digest) from error
                return ()
        return self._children[digest]

    def _read(self, digest: Digest) -> tuple[Descriptor, ...]:
        data = self._blobs.read(digest)
        if Digest.of(data, digest.algorithm) != digest:
            raise ManifestUnreadable(digest=digest)
        return Manifest.from_bytes(data, Digest.parse_registered).children
