"""What a chart's templates ask of a cluster, read from their text.

Invariant: bounded in what is unpacked; nothing is written anywhere.
"""

from __future__ import annotations

import re

from champ_offline.bundle.chart_archive import NotAnArchive, Room, read_archive
from champ_offline.helm.faults import ChartInvalid

_ASKED = re.compile(rb"""APIVersions\.Has\s+\(?\s*["`]([A-Za-z0-9./-]{1,200})["`]""")
_LARGEST = 64 * 1024 * 1024
_DEEPEST = 4


def asked_kinds(chart: bytes) -> frozenset[str]:
    """The `group/version[/Kind]` texts that the templates of a chart (.tgz) and of its subcharts
    ask for with `.Capabilities.APIVersions.Has`; raises ChartInvalid.
    """
    return frozenset(text.decode() for text in _asked(chart, _DEEPEST, Room(_LARGEST)))


def _asked(chart: bytes, depth: int, room: Room) -> set[bytes]:
    found: set[bytes] = set()
    try:
        files = read_archive(chart, room)
    except NotAnArchive as error:
        raise ChartInvalid(release="", reason=error.reason) from error
    for name, data in files.items():
        if "templates/" in name:
            found |= set(_ASKED.findall(data))
        elif "charts/" in name and name.endswith(".tgz") and depth:
            found |= _asked(data, depth - 1, room)
    return found
