"""What a package may hold, and what is refused before it reaches a layer."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from champ_offline.bundle.debian.errors import PackageHostile, PackageUnreadable
from champ_offline.bundle.debian.layer import Filter, LayerMaker
from champ_offline.bundle.debian.package import PackageReader
from champ_offline.bundle.debian.spool import Spool
from champ_offline.bundle.debian.tree import Entry, Fingerprint, LayerTree
from tests.unit.debian.packages import TIME, File, deb, device, directory, link, locked, put

EPOCH = TIME + 10


def entries(tmp_path: Path, *members: tarfile.TarInfo | File, wanted: str = "") -> dict[str, Entry]:
    path = put(tmp_path, "sample", members)
    with Spool(tmp_path) as spool:
        reader = PackageReader("sample", spool, EPOCH)
        return dict(reader.entries(path, lambda name: name.startswith(wanted)))


def layer(
    tmp_path: Path,
    *members: tarfile.TarInfo | File,
    below: dict[str, Fingerprint] | None = None,
) -> dict[str, Entry]:
    data = deb("sample", members)
    (tmp_path / "sample.deb").write_bytes(data)
    tree = LayerTree(below or {})
    with Spool(tmp_path) as spool:
        maker = LayerMaker(tree, spool, EPOCH)
        maker.add_package(locked("sample", data), tmp_path / "sample.deb", Filter())
        maker.check()
    return tree.finish()[0]


@pytest.mark.parametrize(
    "name",
    [
        "../outside",
        "./usr/../../outside",
        "/etc/passwd",
        "usr/bin/..",
        "etc/.wh.passwd",
        "usr/.wh..wh..opq",
        "usr/.wh.share/x",
    ],
)
def test_names_that_leave_the_layer_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(PackageHostile) as caught:
        entries(tmp_path, File(name, b"x"))
    assert caught.value.fields["package"] == "sample"
    assert list(tmp_path.iterdir()) == [tmp_path / "sample.deb"]


@pytest.mark.parametrize(
    "member",
    [
        device("./dev/mem"),
        link("./etc/x", "../../etc/shadow", tarfile.LNKTYPE),
        link("./etc/x", "./etc/other-package", tarfile.LNKTYPE),
        link("./etc/x", ""),
        File("./lib", b"a file in place of /lib"),
        File("./usr/bin/x", uid=2**31),
    ],
)
def test_members_that_reach_elsewhere_are_refused(tmp_path: Path, member: tarfile.TarInfo) -> None:
    with pytest.raises(PackageHostile):
        entries(tmp_path, member)


def test_nothing_is_put_behind_a_link(tmp_path: Path) -> None:
    with pytest.raises(PackageHostile, match="under a link"):
        layer(tmp_path, link("./opt", "/etc"), File("./opt/passwd", b"root::0:0::/:/bin/sh\n"))


def test_nothing_is_put_behind_a_link_of_a_lower_layer(tmp_path: Path) -> None:
    below: dict[str, Fingerprint] = {"opt": ("link", 0o777, 0, 0, "/etc", "")}
    with pytest.raises(PackageHostile, match="under a link"):
        layer(tmp_path, File("./opt/passwd", b"x"), below=below)


def test_a_folder_of_a_lower_layer_is_not_replaced(tmp_path: Path) -> None:
    below: dict[str, Fingerprint] = {"etc": ("directory", 0o755, 0, 0, "", "")}
    with pytest.raises(PackageHostile, match="lower layer"):
        layer(tmp_path, link("./etc", "/proc/1/root"), below=below)


def test_set_user_id_is_taken_away_and_owners_stay(tmp_path: Path) -> None:
    found = entries(tmp_path, File("./usr/bin/su", b"x", mode=0o6755, uid=7))
    assert (found["usr/bin/su"].mode, found["usr/bin/su"].uid) == (0o755, 7)


def test_merged_directories_are_one(tmp_path: Path) -> None:
    found = entries(
        tmp_path, directory("./"), directory("./bin"), File("./bin/ls", b"x"), File("./lib/a", b"y")
    )
    assert sorted(found) == ["usr/bin/ls", "usr/lib/a"]


def test_times_lie_between_1970_and_the_epoch(tmp_path: Path) -> None:
    found = entries(tmp_path, File("./a", time=0), File("./b", time=EPOCH + 99), File("./c"))
    assert [found[name].time for name in "abc"] == [1, EPOCH, TIME]


def test_only_what_is_wanted_comes_out(tmp_path: Path) -> None:
    found = entries(tmp_path, File("./usr/share/doc/x"), File("./etc/y"), wanted="etc/")
    assert sorted(found) == ["etc/y"]


@pytest.mark.parametrize("cut", [0, 10, 200, 900])
def test_a_broken_package_is_named(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "sample.deb"
    path.write_bytes(deb("sample", [File("./etc/x", b"x" * 5000)])[:cut])
    with Spool(tmp_path) as spool, pytest.raises(PackageUnreadable, match="sample"):
        dict(PackageReader("sample", spool, EPOCH).entries(path, lambda _name: True))


def test_the_stanza_for_scanners_has_no_more_than_they_read(tmp_path: Path) -> None:
    data = deb("sample", [File("./etc/x")])
    (tmp_path / "sample.deb").write_bytes(data)
    tree = LayerTree({})
    with Spool(tmp_path) as spool:
        LayerMaker(tree, spool, EPOCH).add_package(
            locked("sample", data), tmp_path / "sample.deb", Filter()
        )
        content = tree.entries["var/lib/dpkg/status.d/sample"].content
        assert content is not None
        assert spool.read(content).decode() == (
            "Package: sample\nStatus: install ok installed\nVersion: 1.0-1\nArchitecture: all\n"
            "Maintainer: Somebody <nobody@example.org>\n"
        )
