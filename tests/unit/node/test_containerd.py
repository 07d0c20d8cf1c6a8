"""containerd's configuration: what of it is about mirror files, and the fix that is told."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from champ_offline.errors import ChampError
from champ_offline.node.containerd import CERTS, ContainerdConfigInvalid, read_settings
from champ_offline.node.root import NodeFileUnreadable, NodeRoot

TWO = 'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\n'
THREE = "version = 3\n[plugins.'io.containerd.cri.v1.images'.registry]\n"
GOOD = f'config_path = "{CERTS}"\n'


def write(root: Path, text: str, name: str = "config.toml") -> None:
    path = root / "etc/containerd" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def problems(root: Path) -> list[ChampError]:
    node = NodeRoot(root)
    return read_settings(node).problems(CERTS, node)


def ids(root: Path) -> list[str]:
    return [error.id for error in problems(root)]


@pytest.mark.parametrize(
    "text",
    [
        TWO + GOOD,
        THREE + GOOD,
        THREE.replace("3", "4", 1) + GOOD,
        f"[plugins.cri.registry]\n{GOOD}",
        TWO + f'config_path = "{CERTS}/"\n',
        f"version = 2\nplugins.'io.containerd.grpc.v1.cri'.registry = {{{GOOD.strip()}}}\n",
    ],
)
def test_all_forms_of_the_file(tmp_path: Path, text: str) -> None:
    write(tmp_path, text)
    assert ids(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (TWO, "node.mirrors-not-read"),
        (THREE + 'config_path = ""', "node.mirrors-not-read"),
        ("version = 2", "node.mirrors-not-read"),
        ("", "node.mirrors-not-read"),
        # A file of version 3 has images in a plugin of their own.
        (TWO.replace("2", "3", 1) + GOOD, "node.mirrors-not-read"),
        (TWO + 'config_path = "/etc/docker/certs.d"', "node.mirrors-elsewhere"),
        (THREE + f'config_path = "{CERTS}:/etc/docker/certs.d"', "node.several-mirror-folders"),
        (TWO + '[plugins."io.containerd.grpc.v1.cri".registry.mirrors."a"]\n', "node.old-mirrors"),
    ],
)
def test_what_is_in_the_way(tmp_path: Path, text: str, found: str) -> None:
    write(tmp_path, text.replace('mirrors."a"]\n', 'mirrors."a"]\nendpoint = ["x"]\n'))
    assert ids(tmp_path) == [found]


def test_old_credentials_by_tls_stand_in_the_way_too(tmp_path: Path) -> None:
    table = '[plugins."io.containerd.grpc.v1.cri".registry.configs."a".tls]\nca_file = "x"\n'
    write(tmp_path, TWO + GOOD + table)
    assert ids(tmp_path) == ["node.old-mirrors"]


def test_the_fix_names_file_table_and_setting(tmp_path: Path) -> None:
    for text, table in ((TWO, "io.containerd.grpc.v1.cri"), (THREE, "io.containerd.cri.v1.images")):
        write(tmp_path, text)
        (error,) = problems(tmp_path)
        assert f'[plugins."{table}".registry]' in error.advice
        assert 'config_path = "/etc/containerd/certs.d"' in error.advice
        assert str(tmp_path / "etc/containerd/config.toml") in error.advice
        assert "restart containerd" in error.advice


def test_without_a_file(tmp_path: Path) -> None:
    (error,) = problems(tmp_path)
    assert error.id == "node.containerd-config-missing"
    assert "version = 2" in error.advice


@pytest.mark.parametrize("plugin", ["cri", "io.containerd.grpc.v1.cri"])
def test_a_switched_off_plugin_is_told(tmp_path: Path, plugin: str) -> None:
    write(tmp_path, f'disabled_plugins = ["{plugin}"]\n{TWO}{GOOD}')
    (error,) = problems(tmp_path)
    assert error.id == "node.images-disabled"
    assert plugin in error.advice


def test_imports_are_followed(tmp_path: Path) -> None:
    write(tmp_path, 'version = 2\nimports = ["/etc/containerd/conf.d/*.toml", "./more.toml"]\n')
    write(tmp_path, TWO + GOOD, "conf.d/10-zone.toml")
    write(tmp_path, 'imports = ["config.toml"]\n', "more.toml")
    assert ids(tmp_path) == []


def test_a_later_file_takes_the_whole_section(tmp_path: Path) -> None:
    """containerd 1.x replaces the plugin's section; what an earlier file set in it is gone."""
    write(tmp_path, 'version = 2\nimports = ["late.toml"]\n' + TWO.split("\n", 1)[1] + GOOD)
    write(tmp_path, '[plugins."io.containerd.grpc.v1.cri"]\nsandbox_image = "x"\n', "late.toml")
    (error,) = problems(tmp_path)
    assert error.id == "node.mirrors-not-read"
    assert error.fields["path"] == tmp_path / "etc/containerd/late.toml"


@pytest.mark.parametrize("text", ["version = ", "version = 'x'", "version = -1", "\x00", "a = {"])
def test_files_that_containerd_cannot_read(tmp_path: Path, text: str) -> None:
    write(tmp_path, text)
    with pytest.raises(ContainerdConfigInvalid):
        problems(tmp_path)


def test_imports_are_bounded(tmp_path: Path) -> None:
    write(tmp_path, 'imports = ["conf.d/*.toml"]')
    for number in range(70):
        write(tmp_path, "", f"conf.d/{number:02}.toml")
    with pytest.raises(ContainerdConfigInvalid, match="too many"):
        problems(tmp_path)
    write(tmp_path, 'imports = ["gone.toml"]')
    with pytest.raises(ContainerdConfigInvalid, match="missing"):
        problems(tmp_path)
    write(tmp_path, "#" * (1024 * 1024 + 1))
    with pytest.raises(NodeFileUnreadable, match="larger"):
        problems(tmp_path)


def test_links_out_of_a_mounted_node_are_not_read(tmp_path: Path) -> None:
    outside = tmp_path / "outside.toml"
    outside.write_text(TWO + GOOD)
    node = tmp_path / "node"
    (node / "etc/containerd").mkdir(parents=True)
    (node / "etc/containerd/config.toml").symlink_to(outside)
    with pytest.raises(NodeFileUnreadable, match="leads out"):
        read_settings(NodeRoot(node))
    assert read_settings(NodeRoot(tmp_path), PurePosixPath("/outside.toml")).folders == (CERTS,)
    write(tmp_path, 'imports = ["../../../../../../outside.toml"]\nversion = 2\n')
    assert ids(tmp_path) == []
