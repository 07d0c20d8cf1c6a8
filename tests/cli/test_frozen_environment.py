"""Children of a frozen build get the environment that the user gave."""

from __future__ import annotations

import pytest

from installer.frozen_environment import restore


@pytest.mark.parametrize(
    ("found", "left"),
    [
        ({"LD_LIBRARY_PATH": "own", "LD_LIBRARY_PATH_ORIG": "users"}, {"LD_LIBRARY_PATH": "users"}),
        ({"LD_LIBRARY_PATH": "own"}, {}),
        ({"_PYI_ARCHIVE_FILE": "x", "PATH": "/bin"}, {"PATH": "/bin"}),
    ],
)
def test_restore(found: dict[str, str], left: dict[str, str]) -> None:
    restore(found)
    assert found == left
