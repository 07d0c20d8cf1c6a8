"""Which configuration a containerd runs with, by its command line."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from champ_offline.node.containerd import CONFIG
from champ_offline.node.running import _config


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["/usr/bin/containerd", ""], CONFIG),
        (["containerd", "--config", "/a/b.toml", ""], PurePosixPath("/a/b.toml")),
        (["containerd", "--log-level=info", "-c", "/a.toml"], PurePosixPath("/a.toml")),
        (["containerd", "--config=/a.toml", ""], PurePosixPath("/a.toml")),
        ([""], CONFIG),
    ],
)
def test_the_configuration_of_a_command_line(words: list[str], expected: PurePosixPath) -> None:
    assert _config(words) == expected
