"""Completes names that the zone knows while a command is typed: `shell_complete` of parameters.

Invariant: quick and silent: without a zone, or with one that cannot be read, nothing is offered.
"""

from __future__ import annotations

from collections.abc import Callable

import click

from installer.cli.session import Session

Completer = Callable[[click.Context, click.Parameter, str], list[str]]


def releases(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """The releases of the zone's clusters."""
    return _known(context, "RELEASES", begun)


def apps(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """The apps in the zone's catalog."""
    return _known(context, "APPS", begun)


def bundles(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """The bundles that the zone holds."""
    return _known(context, "BUNDLES", begun)


def clusters(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """The clusters that have a name."""
    return _known(context, "CLUSTERS", begun)


def clients(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """The clients of the zone's registry."""
    return _known(context, "CLIENTS", begun)


def backups(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """The numbers of saved data."""
    return _known(context, "BACKUPS", begun)


def _known(context: click.Context, kind: str, begun: str) -> list[str]:
    zone = context.ensure_object(Session).zone
    if zone is None:
        return []
    from champ_offline.glance import Names, names

    return [name for name in names(zone, Names[kind]) if name.startswith(begun)]
