"""A bundle on media as `verify` shows it: what it is, who signed it, what it carries.

Invariant: only a VerifiedBundle can be shown, so nothing here was not vouched for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from installer.cli.output import Column
from installer.language import translate as _
from installer.quantities import size
from installer.words import about

if TYPE_CHECKING:
    from champ_offline.bundle.verify import VerifiedBundle


def bundle_summary(bundle: VerifiedBundle) -> dict[str, Any]:
    """The document of `champ verify --json`; sizes in bytes."""
    document, trusted = bundle.document, bundle.trusted
    return {
        "bundle": document.name,
        "version": document.version,
        "created": document.created,
        "zones": document.zones,
        "digest": trusted.digest,
        "root_version": trusted.root_version,
        "signers": trusted.signers,
        "expires": trusted.expires,
        "overridden": trusted.overridden,
        "folder": bundle.folder,
        "volumes": [{"name": v.name, "size": v.entry.size} for v in bundle.volumes],
        "blobs": document.blobs,
        "size": document.size,
        "apps": document.apps,
        "images": document.images,
        "installer": bundle.installer.presence,
    }


def columns(overridden: int = 0) -> list[Column]:
    """What of it a table shows; with a row for each of so many overrides."""
    return [
        Column("bundle", _("bundle")),
        Column("version", _("version")),
        Column("zones", _("for zones"), lambda zones: ", ".join(zones) or _("any")),
        Column("created", _("signed on")),
        Column("expires", _("valid until")),
        Column("signers", _("signed by"), _signers),
        *[Column("overridden", _("overridden"), _override(n)) for n in range(overridden)],
        Column("apps", _("apps"), _apps),
        Column("images", _("images"), lambda images: str(len(images))),
        Column("volumes", _("volumes"), lambda volumes: str(len(volumes))),
        Column("size", _("size"), size),
        Column("installer", _("installer"), installer_words),
        Column("digest", _("digest")),
    ]


def installer_words(presence: str) -> str:
    """How the champ.sh on the media stands to what was signed."""
    return {
        "signed": _("champ.sh, as signed"),
        "another bundle's": _("champ.sh of another bundle on this medium"),
        "not signed": _("champ.sh, which nobody signed: do not trust it"),
        "missing": _("champ.sh is missing; the bundle can be used without it"),
    }.get(presence, _("none"))


def _signers(signers: list[dict[str, Any]]) -> str:
    return ", ".join(dict.fromkeys(str(signer["holder"]) for signer in signers))


def _override(number: int) -> Callable[[list[dict[str, Any]]], str]:
    """Shows one override of the list: what it was about, and the reason given."""

    def show(found: list[dict[str, Any]]) -> str:
        return f"{about(found[number]['about'])}: {found[number]['reason']}"

    return show


def _apps(apps: list[dict[str, Any]]) -> str:
    return ", ".join(f"{app['name']} {app['version']}" for app in apps)
