"""The documents' capsule: whole from any half of its sectors, harmless whatever it holds."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest

from champ_offline.bundle.parity import capsule
from champ_offline.bundle.parity.capsule import Form
from champ_offline.bundle.parity.documents import (
    DocumentsTooLarge,
    restore_documents,
    seal_documents,
)
from champ_offline.bundle.parity.layout import PAYLOAD, SECTOR

NOISE = random.Random(1)
DOCUMENTS = {
    "bundle.json": NOISE.randbytes(100_000),
    "metadata/1.root.json": NOISE.randbytes(3000),
    "metadata/12.root.json": b"",
    "metadata/snapshot.json": NOISE.randbytes(700),
    "metadata/targets.json": b"{}",
    "metadata/timestamp.json": NOISE.randbytes(600),
}


def restored(data: bytes) -> dict[str, bytes] | None:
    return restore_documents(io.BytesIO(data))


def test_documents_come_back() -> None:
    sealed = seal_documents(DOCUMENTS)
    assert restored(sealed) == DOCUMENTS
    assert len(sealed) % SECTOR == 0


@pytest.mark.parametrize("seed", range(20))
def test_any_half_of_the_sectors_is_enough_in_any_order(seed: int) -> None:
    sealed = seal_documents(DOCUMENTS)
    sectors = [sealed[at : at + SECTOR] for at in range(0, len(sealed), SECTOR)]
    kept = random.Random(seed).sample(sectors, len(sectors) // 2)
    assert restored(b"".join(kept)) == DOCUMENTS
    assert restored(b"".join(kept[1:])) is None


def test_small_documents_bear_the_loss_of_sixteen_sectors() -> None:
    sealed = seal_documents({"bundle.json": b"small"})
    assert len(sealed) == 17 * SECTOR
    assert restored(sealed[16 * SECTOR :]) == {"bundle.json": b"small"}


def test_a_link_or_folder_is_not_a_capsule(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    with (tmp_path / "empty").open("rb", buffering=0) as file:
        assert restore_documents(file) is None


@pytest.mark.parametrize(
    "content",
    [
        b"../../etc/passwd 3\nabc",
        b"metadata/../x.json 1\nx",
        b"bundle.json 99999999\nshort",
        b"bundle.json 1\nxbundle.json 1\ny",
        b"bundle.json -1\n",
        b"metadata/0.root.json 1\nx",
        b"noise",
        b"",
    ],
)
def test_other_names_and_false_sizes_are_refused(content: bytes) -> None:
    assert restored(b"".join(capsule.seal(content, Form(0, 1, 16), 0))) is None


@pytest.mark.parametrize("seed", range(5))
def test_noise_and_headers_of_any_numbers_are_refused(seed: int) -> None:
    noise = random.Random(seed)
    assert restored(noise.randbytes(100 * SECTOR)) is None
    sectors = [
        capsule._sector(
            capsule.Piece(
                Form(noise.randrange(9), noise.randrange(65536), noise.randrange(65536)),
                noise.randrange(65536),
                noise.randbytes(PAYLOAD),
            ),
            0,
        )
        for _ in range(2000)
    ]
    assert restored(b"".join(sectors)) is None


def test_foreign_sectors_do_not_hide_the_documents() -> None:
    other = seal_documents({"bundle.json": b"x" * 5000})
    sealed = seal_documents(DOCUMENTS)
    assert restored(other[: 5 * SECTOR] + sealed) == DOCUMENTS


def test_documents_larger_than_the_code_are_refused() -> None:
    with pytest.raises(DocumentsTooLarge) as caught:
        seal_documents({"bundle.json": bytes(PAYLOAD * 32768)})
    assert caught.value.fields["limit"] == PAYLOAD * 32768
