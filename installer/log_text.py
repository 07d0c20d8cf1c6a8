"""Lines of a container's log as a terminal may show them, and what is said between them.

Invariant: nothing of a log drives the terminal: colours are left out, all else is shown as what it
is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from installer.language import translate as _
from installer.terminal_text import printable

if TYPE_CHECKING:
    from champ_offline.cluster.logs import Container
    from champ_offline.release.logs import Break

# Select Graphic Rendition (ECMA-48, 8.3.117): colour and weight, which many programs always write.
_COLOURS = re.compile(r"\x1b\[[0-9;:]*m")
_TAB = 8


def plain(line: str) -> str:
    """The line without colours and tabs, other control characters as their escapes."""
    return printable(_COLOURS.sub("", line).expandtabs(_TAB))


def broken(one: Break) -> str:
    """What happened between two readings of a container's log."""
    where = printable(f"{one.pod}/{one.container}")
    if one.anew:
        return _("--- {container} was started anew ---").format(container=where)
    return _("--- {container}: lines may be missing here ---").format(container=where)


def standing(one: Container) -> str:
    """`it runs, restarts: 2`; why, where that was told."""
    states = {"running": _("it runs"), "ended": _("it has ended")}
    text = states.get(one.state, _("it waits"))
    if one.reason:
        text += f" ({printable(one.reason)})"
    restarts = _("restarts: {count}").format(count=one.restarts)
    return f"{text}, {restarts}" if one.restarts else text
