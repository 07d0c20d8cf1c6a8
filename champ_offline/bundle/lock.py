"""bundle.lock: every reference of a recipe held to one digest (FORMAT.md, "The lock").

Invariant: a lock belongs to the exact bytes of one recipe; `champ pack` packs the digests in it and
nothing else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from champ_offline.errors import ChampError, ExitCode, Phrase, system_said
from champ_offline.oci.digest import Digest, InvalidDigest
from champ_offline.oci.strict_json import NotStrict, parse, wrong_in

FORMAT = 1


class LockMissing(ChampError):
    """There is no lock beside the recipe, or where one was named."""

    id = "lock.missing"
    exit_code = ExitCode.USAGE
    message = "There is no lock {path}."
    remedy = "Run `champ lock` on the recipe to write it."


class LockUnreadable(ChampError):
    """A lock file cannot be read or is not of the form FORMAT.md gives."""

    id = "lock.unreadable"
    exit_code = ExitCode.USAGE
    message = "The lock {path} cannot be read: {reason}."
    remedy = "Run `champ lock` on the recipe to write it anew."


class LockOutdated(ChampError):
    """The recipe, or something it names on this machine, changed since it was locked."""

    id = "lock.outdated"
    exit_code = ExitCode.PREFLIGHT
    message = "The lock no longer fits {path}: {what}."
    remedy = "Run `champ lock` again and review what changed."


@dataclass(frozen=True)
class LockedImage:
    """One image of the recipe: its name in the zone, the digest of its manifest.

    `debian` is the lock document of an image built from packages, empty for other sources.
    """

    name: str
    digest: Digest
    debian: dict[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class LockedArtifact:
    """A chart or an app of the recipe: its name in the zone, the digest of its manifest."""

    name: str
    digest: Digest


@dataclass(frozen=True)
class Lock:
    """All of a recipe, pinned; `recipe` is the digest of the recipe's bytes."""

    recipe: Digest
    images: tuple[LockedImage, ...]
    charts: tuple[LockedArtifact, ...]
    apps: tuple[LockedArtifact, ...]

    def image(self, name: str) -> LockedImage | None:
        """The locked image of that name, or None."""
        return next((image for image in self.images if image.name == name), None)

    def to_bytes(self) -> bytes:
        """The lock as JSON that a person can review in a diff."""
        document = {
            "format": FORMAT,
            "recipe": str(self.recipe),
            "images": [_image_document(image) for image in self.images],
            "charts": [{"name": c.name, "digest": str(c.digest)} for c in self.charts],
            "apps": [{"name": a.name, "digest": str(a.digest)} for a in self.apps],
        }
        return json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n"

    @classmethod
    def from_file(cls, path: Path) -> Lock:
        """Read a lock; raises LockMissing, LockUnreadable."""
        try:
            document = parse(path.read_bytes())
            if document["format"] != FORMAT:
                raise LockUnreadable(
                    path=path, reason=Phrase("its format is not {format}", format=FORMAT)
                )
            return cls(
                recipe=Digest.parse(document["recipe"]),
                images=tuple(
                    LockedImage(row["name"], Digest.parse(row["digest"]), row.get("debian", {}))
                    for row in document["images"]
                ),
                charts=_artifacts(document["charts"]),
                apps=_artifacts(document["apps"]),
            )
        except FileNotFoundError as error:
            raise LockMissing(path=path) from error
        except OSError as error:
            raise LockUnreadable(path=path, reason=system_said(error)) from error
        except (NotStrict, InvalidDigest) as error:
            reason = wrong_in(error)
            raise LockUnreadable(path=path, reason=reason) from error
        except KeyError as error:
            raise LockUnreadable(
                path=path, reason=Phrase("it lacks “{name}”", name=error.args[0])
            ) from error
        except (TypeError, AttributeError) as error:
            reason = Phrase("it is not of the form that `champ lock` writes")
            raise LockUnreadable(path=path, reason=reason) from error


def _artifacts(rows: list[dict[str, str]]) -> tuple[LockedArtifact, ...]:
    return tuple(LockedArtifact(row["name"], Digest.parse(row["digest"])) for row in rows)


def _image_document(image: LockedImage) -> dict[str, Any]:
    document: dict[str, Any] = {"name": image.name, "digest": str(image.digest)}
    if image.debian:
        document["debian"] = image.debian
    return document
