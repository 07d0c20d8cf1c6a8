"""A champ.sh of a few lines, which does what the real one promises (installation/FORMAT.md)."""

from __future__ import annotations

from pathlib import Path

from champ_offline.bundle.installer import SignedInstaller, signed_file

_TEXT = """\
#!/bin/sh
NAME='{name}'
folder=$CHAMP_UNPACK/$NAME
[ -x "$folder/champ" ] || {{
    mkdir -p "$CHAMP_UNPACK/.unpacking-$$"
    printf '#!/bin/sh\\n{acts}\\n' >"$CHAMP_UNPACK/.unpacking-$$/champ"
    chmod 755 "$CHAMP_UNPACK/.unpacking-$$/champ"
    mv "$CHAMP_UNPACK/.unpacking-$$" "$folder"
}}
exec "$folder/champ" "$@"
"""


def name_of(version: int) -> str:
    return f"{version}.0-{version:012x}"


def champ_sh(folder: Path, version: int, acts: str = "echo champ") -> Path:
    """Write one whose program does what `acts` says."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "champ.sh"
    path.write_text(_TEXT.format(name=name_of(version), acts=f"{acts} {version}.0"))
    return path


def signed(path: Path, packed: int) -> SignedInstaller:
    found = signed_file(path)
    return SignedInstaller(path, found.size, found.digest, packed)
