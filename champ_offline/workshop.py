"""The connected side: locks, packs, and checks of media outside of any zone.

Composition root beside `appliance`: it wires the parts and decides nothing. Every method is one
verb of the command line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from champ_offline.assembly import Assembly
from champ_offline.bundle.divide import Limits
from champ_offline.bundle.document import BundleDocument
from champ_offline.bundle.image_keys import ImageKey, image_keys
from champ_offline.bundle.layout import Layout
from champ_offline.bundle.lock import Lock
from champ_offline.bundle.offer import Offer
from champ_offline.bundle.pack import LARGEST_VOLUME, Packed, Packer
from champ_offline.bundle.patch import Patch, write_patch
from champ_offline.bundle.repair import RepairOrder, repair
from champ_offline.bundle.repair_list import RepairList
from champ_offline.bundle.repaired import Repaired
from champ_offline.bundle.turns import Turn, take_turns
from champ_offline.bundle.unvouched import with_volumes
from champ_offline.bundle.verify import VerifiedBundle, read_every_byte, verify
from champ_offline.clock import now_utc
from champ_offline.durable.write import make_directory, write_atomic
from champ_offline.errors import ChampError, ExitCode
from champ_offline.events import Subscriber
from champ_offline.paths import cache_directory
from champ_offline.release.images.completeness import Proof
from champ_offline.trust import keys
from champ_offline.trust.folder import SigningFolder, bundle_signers, common_roots, images_signer
from champ_offline.trust.overrides import NO_OVERRIDES, Overrides
from champ_offline.trust.roots import read_root, read_root_file

FOR_ANY_STICK = Limits(LARGEST_VOLUME)


class NotAFile(ChampError):
    """An output would replace something that is no ordinary file."""

    id = "workshop.not-a-file"
    exit_code = ExitCode.USAGE
    message = "{path} is a device, folder or pipe, not a file."
    remedy = "Name a file to be written."


@dataclass(frozen=True)
class LockSummary:
    """A written lock and what it pins."""

    path: Path
    lock: Lock


@dataclass(frozen=True)
class PackOrder:
    """What is packed, signed by whom, and where to.

    `signing` are folders of holders, at least one with the roots; `unlock` is asked for the
    passphrase of a folder. `lock` is the one beside the recipe where None; with `sboms` every image
    gets a list of its packages. `installer` is a champ.sh that travels along.
    """

    recipe: Path
    signing: tuple[Path, ...]
    out: Path
    lock: Path | None = None
    limits: Limits = FOR_ANY_STICK
    unlock: keys.Unlock = keys.nobody
    sboms: bool = True
    installer: Path | None = None


@dataclass(frozen=True)
class PackSummary:
    """A packed bundle, and what was rendered to prove it complete."""

    packed: Packed
    proof: Proof


@dataclass(frozen=True)
class VerifySummary:
    """A bundle of which every byte was read and found to be as signed."""

    bundle: VerifiedBundle
    bytes_read: int

    @property
    def document(self) -> BundleDocument:
        """What the bundle says of itself."""
        return self.bundle.document


class Workshop:
    """The verbs of the connected side over one cache folder."""

    def __init__(self, cache: Path | None = None, clock: Callable[[], datetime] = now_utc) -> None:
        self._cache = cache or cache_directory()
        self._clock = clock

    def lock(self, recipe: Path, output: Path | None, notify: Subscriber) -> LockSummary:
        """Pin everything `recipe` names; written beside it as bundle.lock, or to `output`."""
        path = output or recipe.with_name("bundle.lock")
        if path.exists() and not path.is_file():
            raise NotAFile(path=path)
        lock = Assembly(self._cache, recipe).pin(notify)
        make_directory(path.parent)
        write_atomic(path, lock.to_bytes())
        return LockSummary(path, lock)

    def pack(self, order: PackOrder, notify: Subscriber) -> PackSummary:
        """Pack exactly what the lock says into a bundle, signed by all keys there are.

        Before an image is fetched and a byte is written, the apps are proven complete. Raises
        KeysMissing, ImagesKeyMissing, and the errors of `Assembly.assemble` and of packing.
        """
        assembly = Assembly(self._cache, order.recipe)
        lock = assembly.locked(order.lock)
        folders = [SigningFolder(path) for path in order.signing]
        roots = common_roots(folders)
        signers = bundle_signers(folders, read_root(roots[-1], "root"), order.unlock)
        images_key = images_signer(folders, order.unlock)
        found = assembly.assemble(lock, images_key, notify, sboms=order.sboms)
        packer = Packer(assembly.blobs, roots, signers)
        packed = packer.pack(
            found.contents, order.out, order.limits, self._clock(), notify, order.installer
        )
        return PackSummary(packed, found.proof)

    def pack_only(self, wanted: Path, order: PackOrder, notify: Subscriber) -> Patch:
        """Pack what a repair list (the file `wanted`) names, and nothing else, as loose files.

        The list's bundle was packed from the same recipe, lock and keys, cut to the same limits.
        Signs no bundle: zones hold a patch against the documents they have. Raises
        RepairListMalformed, PatchUnlike, ImagesKeyMissing, and the errors of `Assembly.assemble`
        and `write_patch`.
        """
        listed = RepairList.from_file(wanted)
        assembly = Assembly(self._cache, order.recipe)
        lock = assembly.locked(order.lock)
        images_key = images_signer([SigningFolder(path) for path in order.signing], order.unlock)
        found = assembly.assemble(lock, images_key, notify, sboms=order.sboms)
        layout = Layout(assembly.blobs, found.contents)
        return write_patch(listed, layout, order.limits, order.out, notify)

    def verify(
        self,
        media: Sequence[Path],
        root: Path,
        notify: Subscriber,
        overrides: Overrides = NO_OVERRIDES,
    ) -> VerifySummary:
        """Check signatures and every byte of the bundle on the `media` under the root in a file.

        Volumes are read also where the documents are damaged; see `bundle.unvouched`.
        """
        bundle = self._judged(media, read_root_file(root), notify, overrides)
        return VerifySummary(bundle, read_every_byte(bundle, notify))

    def verify_all(
        self,
        media: Sequence[Path],
        root: Path,
        notify: Subscriber,
        overrides: Overrides = NO_OVERRIDES,
    ) -> tuple[Turn[VerifySummary], ...]:
        """Check every bundle on the `media`, one after the other, each as `verify` does."""
        trusted = read_root_file(root)

        def read(bundle: VerifiedBundle) -> VerifySummary:
            return VerifySummary(bundle, read_every_byte(bundle, notify))

        return take_turns(media, lambda at: self._judged(at, trusted, notify, overrides), read)

    def _judged(
        self, media: Sequence[Path], root: bytes, notify: Subscriber, overrides: Overrides
    ) -> VerifiedBundle:
        try:
            return verify(media, root, self._clock(), overrides=overrides)
        except ChampError as refusal:
            raise with_volumes(refusal, media, notify) from refusal

    def repair(
        self,
        order: RepairOrder,
        root: Path,
        notify: Subscriber,
        overrides: Overrides = NO_OVERRIDES,
    ) -> Repaired:
        """Mend the bundle on a medium in place, under the root in a file; see `bundle.repair`."""
        trusted = read_root_file(root)

        def accept(media: Sequence[Path], offer: Offer | None) -> VerifiedBundle:
            now = self._clock()
            return verify(media, trusted, now, overrides=overrides, known=(trusted,), offer=offer)

        return repair(order, accept, (), notify)

    def inspect(self, media: Sequence[Path], root: Path) -> VerifiedBundle:
        """The bundle on the `media`, its signatures checked under the root in a file, unread."""
        return verify(media, read_root_file(root), self._clock())

    def image_keys(self, media: Path, root: Path) -> list[ImageKey]:
        """The key that signed the images of the bundle at `media`; raises ImageKeyUnknown.

        Signatures are checked under the root in a file; no volume's content is read.
        """
        return image_keys([verify([media], read_root_file(root), self._clock()).document], media)
