"""The options of verbs that make keys: what kind, and what locks them.

Invariant: no passphrase is an option's value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from installer.cli.options import GIVEN_FILE
from installer.language import translate as _


def algorithm(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--algorithm`."""
    return click.option(
        "--algorithm", type=click.Choice(("ed25519", "p256")), default="ed25519",
        show_default=True, help=_("What kind of keys to make."),
    )(function)  # fmt: skip


def locking(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--passphrase-file FILE` and `--unencrypted`."""
    function = click.option(
        "--unencrypted", is_flag=True,
        help=_("Do not lock the keys with a passphrase; for laboratories only."),
    )(function)  # fmt: skip
    return click.option(
        "--passphrase-file", type=GIVEN_FILE, metavar="FILE",
        help=_("Read the passphrase from a file that only its owner may read."),
    )(function)  # fmt: skip
