"""What a release is rendered from, as one digest: where it is the same, so is what is rendered.

Invariant: there is no digest where rendering depends on more than chart, values, images and what
the cluster says of itself: on objects that are there, on time, on chance, or on the revision.
"""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Mapping
from typing import Any

from champ_offline.cluster.interface import Offer
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import encode

# What templates do: all that is not text. What else is in a file is only read.
_ACTION = re.compile(rb"\{\{.*?\}\}", re.DOTALL)
# Functions and values of Helm's templates (sprig's too) that give something else each time, in
# another order, or something of the cluster or of the release's past. A word in a comment counts
# too: that only costs time.
_ELSE = re.compile(
    rb"\b(lookup|getHostByName|now|ago|date\w*|mustDateModify|htmlDate\w*|rand\w*|shuffle|uuidv4"
    rb"|gen[A-Z]\w*|bcrypt|htpasswd|encryptAES|buildCustomCert|keys|values"
    rb"|Revision|IsInstall|IsUpgrade)\b"
)
_KINDS = b"Capabilities"
# Expands texts of the values, which may then have any of the above.
_NESTED = re.compile(rb"\btpl\b")
_LARGEST = 64 * 1024 * 1024


def source(
    chart: bytes,
    values: Mapping[str, Any],
    images: Mapping[str, Digest],
    registry: str,
    offer: Offer,
) -> Digest | None:
    """The digest; None where it would not say all. `registry` is where images are held to."""
    text = _text(chart)
    if text is None:
        return None
    does = b"\n".join(_ACTION.findall(text))
    if _NESTED.search(does):
        does += json.dumps(values, ensure_ascii=False).encode("utf-8", "surrogatepass")
    if _ELSE.search(does):
        return None
    kinds = _KINDS in does
    return Digest.of(
        encode(
            {
                "chart": str(Digest.of(chart)),
                "images": {name: str(digest) for name, digest in images.items()},
                "registry": registry,
                "version": offer.version,
                "kinds": list(offer.api_versions) if kinds else [],
            }
        )
    )


def _text(chart: bytes) -> bytes | None:
    """All files of a chart and of those in it, one after the other; None if they cannot be read."""
    found, left = [], _LARGEST
    try:
        with tarfile.open(fileobj=io.BytesIO(chart), mode="r:gz") as archive:
            for member in archive:
                left -= member.size
                # A chart packed in a chart hides what it has.
                if left < 0 or member.name.endswith((".tgz", ".gz")):
                    return None
                if member.isfile():
                    found.append(archive.extractfile(member).read())  # type: ignore[union-attr]
    except (tarfile.TarError, OSError, EOFError):
        return None
    return b"\n".join(found)
