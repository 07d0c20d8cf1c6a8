"""Room that is kept is taken once, given back once, and taken again."""

from __future__ import annotations

from pathlib import Path

from champ_offline.durable.reserve import SIZE, Reserve


def test_room_is_kept_and_spent(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "reserve")
    assert not reserve.spend()
    for _ in range(2):
        reserve.keep()
        kept = (tmp_path / "reserve").stat()
        assert (kept.st_size, kept.st_blocks * 512 >= SIZE) == (SIZE, True)
        reserve.keep()
        assert (tmp_path / "reserve").stat().st_ino == kept.st_ino
        assert reserve.spend()
        assert list(tmp_path.iterdir()) == []
