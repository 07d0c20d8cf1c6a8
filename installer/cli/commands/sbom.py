"""`champ --zone DIR sbom find [TEXT]` and `sbom show IMAGE`: which packages lie in the images."""

from __future__ import annotations

import json
from typing import Any

import click

from installer.cli.diagnostics import say
from installer.cli.options import Verb
from installer.cli.output import Column
from installer.cli.session import Session
from installer.language import translate as _


@click.group("sbom", help=_("Find packages in the images that the zone holds."))
def command() -> None:
    """Group the verbs that read software bills of materials."""


@command.command(
    "find",
    cls=Verb,
    help=_(
        "List every image, app and release with a package that has TEXT in its name, or with any."
        " Nothing found ends with code 14."
    ),
)
@click.argument("text", default="")
@click.option(
    "--version",
    "versions",
    metavar="RANGE",
    help=_(
        "Only these versions, for example “<2.17.1” or “>=2.0,<2.17.1”. One alone means exactly"
        " that; it needs neither the epoch nor the revision of a distribution's package:"
        " “3.0.22” finds 3.0.22-1~deb12u2."
    ),
)
@click.pass_obj
def find(session: Session, text: str, versions: str | None) -> None:
    """One row for each package in each image."""
    search = session.appliance().packages.find(text, versions)
    output = session.output
    if output.form != "table":
        output.document(search)
        return
    output.rows(search.sightings, _columns())
    if search.bare:
        bare = _("These images have no list of packages and were not searched: {images}")
        say(bare.format(images=", ".join(search.bare)))


@command.command(
    "show", cls=Verb, help=_("Write the CycloneDX document of IMAGE, a name or a digest.")
)
@click.argument("image")
@click.pass_obj
def show(session: Session, image: str) -> None:
    """The document as it was packed, indented."""
    sboms = session.appliance().sboms
    session.output.document(json.loads(sboms.document(sboms.image(image))))


def _columns() -> list[Column]:
    return [
        Column("package", _("PACKAGE")),
        Column("version", _("VERSION")),
        Column("type", _("TYPE")),
        Column("image", _("IMAGE")),
        Column("apps", _("APP"), _apps),
        Column("releases", _("RELEASE"), _releases),
        Column("purl", _("PACKAGE URL")),
    ]


def _apps(apps: list[dict[str, Any]]) -> str:
    return ", ".join(f"{app['name']} {app['version']}" for app in apps) or "—"


def _releases(releases: list[dict[str, Any]]) -> str:
    told = (f"{one['namespace']}/{one['release']} ({one['revision']})" for one in releases)
    return ", ".join(told) or "—"
