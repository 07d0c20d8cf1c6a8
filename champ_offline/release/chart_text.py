"""What a chart's templates ask of a cluster, read from their text.

Invariant: bounded in what is unpacked; nothing is written anywhere.
"""

from __future__ import annotations

import io
import re
import tarfile

from champ_offline.helm.faults import ChartInvalid

_ASKED = re.compile(rb"""APIVersions\.Has\s+\(?\s*["`]([A-Za-z0-9./-]{1,200})["`]""")
_LARGEST = 64 * 1024 * 1024
_DEEPEST = 4


def asked_kinds(chart: bytes) -> frozenset[str]:
    """The `group/version[/Kind]` texts that the templates of a chart (.tgz) and of its subcharts
    ask for with `.Capabilities.APIVersions.Has`; raises ChartInvalid.
    """
    return frozenset(text.decode() for text in _asked(chart, _DEEPEST))


def _asked(chart: bytes, depth: int) -> set[bytes]:
    found: set[bytes] = set()
    left = _LARGEST
    try:
        with tarfile.open(fileobj=io.BytesIO(chart), mode="r:gz") as archive:
            for member in archive:
                left -= member.size
                if left < 0:
                    raise ChartInvalid(release="", reason="it unpacks to more than 64 MiB")
                file = archive.extractfile(member) if member.isfile() else None
                if file is None:
                    continue
                if "/templates/" in member.name:
                    found |= set(_ASKED.findall(file.read()))
                elif "/charts/" in member.name and member.name.endswith(".tgz") and depth:
                    found |= _asked(file.read(), depth - 1)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise ChartInvalid(release="", reason=str(error)) from error
    return found
