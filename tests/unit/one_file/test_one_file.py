"""What is made of a frozen folder: the archive, the header before it, the loader's slot."""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from champ_offline.installation.one_file import HEADER_BYTES
from installer.one_file import c_library, elf
from installer.one_file.archive import Archive, archive, sort_zip
from installer.one_file.errors import BuildFailed
from installer.one_file.one_file import TEMPLATE, join


def folder(path: Path, mode: int) -> Path:
    (path / "b").mkdir(parents=True)
    (path / "b/run").write_bytes(b"program")
    (path / "b/run").chmod(mode | 0o100)
    (path / "a").write_bytes(b"data")
    (path / "a").chmod(mode)
    (path / "c").symlink_to("b/run")
    return path


def test_an_archive_follows_from_content_alone(tmp_path: Path) -> None:
    one, other = folder(tmp_path / "one", 0o640), folder(tmp_path / "other", 0o600)
    made = archive(one, 1_000_000)
    assert made == archive(other, 1_000_000)
    assert made.entries == 4
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(made.data))) as tar:
        listed = [(one.name, one.mode, one.uid, one.mtime) for one in tar]
    assert listed == [
        ("a", 0o644, 0, 1_000_000),
        ("b", 0o755, 0, 1_000_000),
        ("b/run", 0o755, 0, 1_000_000),
        ("c", 0o755, 0, 1_000_000),
    ]


def test_members_of_a_zip_get_an_order(tmp_path: Path) -> None:
    path = tmp_path / "z.zip"
    with zipfile.ZipFile(path, "w") as made:
        for name in ("b", "a"):
            made.writestr(name, name * 3)
    sort_zip(path)
    with zipfile.ZipFile(path) as found:
        assert found.namelist() == ["a", "b"]
        assert found.read("b") == b"bbb"


def test_the_header_has_its_checksum_and_the_archives() -> None:
    packed = Archive(b"payload", 5, 4096)
    made = join("1.2", packed, elf.Segment(3, 680, 768), (3, 2))
    header, data = made[:HEADER_BYTES], made[HEADER_BYTES:]
    assert data == b"payload"
    assert f"PAYLOAD={hashlib.sha256(b'payload').hexdigest()}\n".encode() in header
    assert f"NAME='1.2-{packed.digest[:12]}'\n".encode() in header
    emptied = re.sub(rb"\nHEADER=(\w+)\n", b"\nHEADER=\n", header)
    assert f"HEADER={hashlib.sha256(emptied).hexdigest()}\n".encode() in header
    assert re.findall(rb"@[A-Z_]+@", header) == []


def test_the_header_is_understood_by_a_posix_shell(tmp_path: Path) -> None:
    made = join("1", Archive(b"", 0, 0), elf.Segment(3, 680, 768), (3, 2))
    (tmp_path / "champ.sh").write_bytes(made)
    command = ["sh", "-n", str(tmp_path / "champ.sh")]
    checked = subprocess.run(command, capture_output=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, b"")


def test_each_sentence_of_the_header_is_there_in_chinese() -> None:
    """Every text in double quotes that a person reads is followed by its translation."""
    text = TEMPLATE.read_text(encoding="utf-8")
    spoken = [
        part for part in re.findall(r'"([^"]*)"', text) if re.search(r"[a-z]{3,} [a-z]", part)
    ]
    english = [part for part in spoken if not re.search(r"[一-鿿]", part)]
    assert len(english) >= 15
    for sentence in english:
        following = text.split(f'"{sentence}"', 1)[1].lstrip(" \\\n")
        assert re.match(r'"[^"]*[一-鿿]', following), sentence


def test_the_fields_of_real_files() -> None:
    data = Path(sys.executable).resolve().read_bytes()
    slot = elf.interpreter(data)
    assert data[slot.offset : slot.offset + slot.size].startswith(b"/lib64/ld-linux-x86-64.so.2\0")
    assert elf.oldest_kernel((c_library.source() / "libc.so.6").read_bytes()) >= (2, 6)


@pytest.mark.parametrize("data", [b"", b"#!/bin/sh\n", elf.MAGIC + bytes(58)])
def test_a_file_of_another_kind_is_refused(data: bytes) -> None:
    with pytest.raises(BuildFailed):
        elf.interpreter(data)
