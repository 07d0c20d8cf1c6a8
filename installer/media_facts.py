"""What is to be known of a bundle on a medium before it is taken: for the screens and the verb.

Invariant: looking changes nothing in the zone or on the medium; what a refused bundle says of
itself is not shown as true.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from champ_offline.bundle.media import own_name
from champ_offline.errors import ChampError
from installer.error_text import note
from installer.language import translate as _
from installer.quantities import duration, minute, size
from installer.sticks import Found
from installer.terminal_text import printable

if TYPE_CHECKING:
    from champ_offline.appliance import Appliance
    from champ_offline.bundle.intake import Forecast
    from champ_offline.bundle.verify import VerifiedBundle

Opened: TypeAlias = "Callable[[], Appliance]"


@dataclass(frozen=True)
class Facts:
    """`bundle` is there where its signatures were accepted, `forecast` where it could be imported.

    `refusal` says why not.
    """

    found: Found
    bundle: VerifiedBundle | None = None
    forecast: Forecast | None = None
    refusal: ChampError | None = None

    @property
    def name(self) -> str:
        """The bundle's, with its version; that of its folder before it is accepted."""
        return own_name(self.bundle.document) if self.bundle else self.found.folder.name


def facts(opened: Opened, found: Found) -> Facts:
    """Check the signatures, and see what an import would take; reads a few MiB of the medium."""
    bundle: VerifiedBundle | None = None
    try:
        appliance = opened()
        bundle = appliance.inspect([found.folder])
        return Facts(found, bundle, appliance.forecast(bundle))
    except ChampError as refusal:
        return Facts(found, bundle, refusal=refusal)


def state(known: Facts | None) -> str:
    """Whether it was accepted, in a word."""
    if known is None:
        return _("being read")
    return _("refused") if known.refusal else _("accepted")


def new_here(known: Facts | None) -> str:
    """How much an import would bring."""
    if known is None or known.forecast is None:
        return ""
    return _("nothing new") if known.forecast.held else size(known.forecast.new_bytes)


def room(known: Facts | None) -> str:
    """Whether it fits."""
    if known is None or known.forecast is None or known.forecast.held:
        return ""
    return _("fits") if known.forecast.fits else _("NO ROOM")


def time(known: Facts | None) -> str:
    """How long reading it will take."""
    seconds = known.forecast.seconds if known and known.forecast else None
    return "" if seconds is None else duration(seconds)


def told(known: Facts) -> str:
    """All of it, a line each."""
    lines = [note(known.refusal)] if known.refusal else []
    if known.bundle is not None:
        lines += _vouched(known.bundle)
    if known.forecast is not None:
        lines.append(_("New here: {what}").format(what=arriving(known.forecast)))
        if read := reading(known.forecast):
            lines.append(_("To be read: {what}").format(what=read))
    kind = f" ({known.found.kind})" if known.found.kind else ""
    lines.append(_("In {folder}").format(folder=known.found.folder) + kind)
    return "\n".join(map(printable, lines))


def arriving(forecast: Forecast) -> str:
    """What is new in the zone, and whether it fits."""
    if forecast.held:
        return _("nothing; the zone holds all of it")
    fits = _("it fits") if forecast.fits else _("IT DOES NOT FIT")
    text = _("{new}; {free} free: {fits}")
    return text.format(new=size(forecast.new_bytes), free=size(forecast.free), fits=fits)


def reading(forecast: Forecast) -> str:
    """How long the medium will take; empty where nothing is to be read or its pace is unknown."""
    if forecast.seconds is None or forecast.rate is None:
        return ""
    return _("{size} at {rate}/s, about {time}").format(
        size=size(forecast.to_read),
        rate=size(int(forecast.rate)),
        time=duration(forecast.seconds),
    )


def document(known: Facts) -> dict[str, Any]:
    """For programs: null where it is not known because the bundle was refused."""
    bundle, forecast = known.bundle, known.forecast
    content = bundle and bundle.document
    return {
        "folder": known.found.folder,
        "medium": known.found.medium,
        "file_system": known.found.kind,
        "bundle": content and content.name,
        "version": content and content.version,
        "zones": content and content.zones,
        "created": content and content.created,
        "expires": bundle and bundle.trusted.expires,
        "signers": bundle and bundle.trusted.signers,
        "digest": bundle and bundle.trusted.digest,
        "size": content and content.size,
        "held": forecast and forecast.held,
        "new": forecast and forecast.new_bytes,
        "free": forecast and forecast.free,
        "fits": forecast and forecast.fits,
        "to_read": forecast and forecast.to_read,
        "seconds": forecast and forecast.seconds,
    }


def _vouched(bundle: VerifiedBundle) -> list[str]:
    trusted, content = bundle.trusted, bundle.document
    holders = ", ".join(dict.fromkeys(signer.holder for signer in trusted.signers))
    signed = _("Signed by {holders} on {day} UTC, valid until {end}")
    text = _("For zones: {zones}")
    return [
        signed.format(
            holders=holders,
            day=minute(content.created),
            end=trusted.expires.date().isoformat(),
        ),
        text.format(zones=", ".join(content.zones) or _("any")),
    ]
