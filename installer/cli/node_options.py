"""The options that say which node is meant and where it keeps what.

Invariant: paths below --root are the node's own, so they must be absolute.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import click

from champ_offline.errors import system_said
from installer.cli.errors import FileNotRead
from installer.cli.options import GIVEN_DIRECTORY
from installer.language import translate as _

if TYPE_CHECKING:
    from champ_offline.node.authority import Authority
    from champ_offline.node.trust import Trusted

_CERTS = "/etc/containerd/certs.d"
_CONFIG = "/etc/containerd/config.toml"


def places(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--root DIR` and `--certs-dir DIR`."""
    function = click.option(
        "--certs-dir", metavar="DIR", default=_CERTS, show_default=True, callback=_absolute,
        help=_("Where the node's containerd reads mirror files."),
    )(function)  # fmt: skip
    return click.option(
        "--root", type=GIVEN_DIRECTORY, metavar="DIR", default=Path("/"), show_default=True,
        help=_("The folder that the node calls /, where it is not this machine."),
    )(function)  # fmt: skip


def containerd_config(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--containerd-config FILE`."""
    return click.option(
        "--containerd-config", "config", metavar="FILE", default=_CONFIG, show_default=True,
        callback=_absolute, help=_("The node's configuration of containerd; it is only read."),
    )(function)  # fmt: skip


def place_of(root: Path, certs_dir: PurePosixPath) -> Trusted:
    """Where the node's mirror file is."""
    from champ_offline.node.root import NodeRoot
    from champ_offline.node.trust import Trusted

    return Trusted(NodeRoot(root), certs_dir)


def authority_in(path: Path, fingerprint: str | None = None) -> Authority:
    """The zone's authority in a file. Raises FileNotRead and what `read_authority` raises."""
    from champ_offline.clock import now_utc
    from champ_offline.node.authority import LIMIT, read_authority

    try:
        with path.open("rb") as file:
            data = file.read(LIMIT + 1)
    except OSError as error:
        raise FileNotRead(path=path, reason=system_said(error)) from error
    return read_authority(data, path, now_utc(), fingerprint)


def _absolute(_context: click.Context, _parameter: click.Parameter, value: str) -> PurePosixPath:
    path = PurePosixPath(value)
    if not path.is_absolute() or ".." in path.parts:
        raise click.BadParameter(_("Give the whole path, as the node has it."))
    return path
