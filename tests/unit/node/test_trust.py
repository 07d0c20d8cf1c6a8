"""What `champ node trust` writes, keeps and puts back; crashes between any two of its writes."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from champ_offline.node.address import Address
from champ_offline.node.authority import (
    Authority,
    AuthorityDiffers,
    AuthorityNotValid,
    AuthorityUnreadable,
    NotAnAuthority,
    read_authority,
)
from champ_offline.node.hosts import endpoints
from champ_offline.node.root import (
    NodeFileUnreadable,
    NodeNotWritable,
    NodePathLinked,
    NodeRoot,
)
from champ_offline.node.trust import (
    MirrorMoved,
    NothingTrusted,
    Trusted,
    carry_out,
    plan_return,
    plan_trust,
)
from tests.unit.node.authorities import NOW, YEAR, made

ZONE = Address("registry.zone", 5443)
SECRET = "Basic bm9kZXM6UEFTU1dPUkQ="
FOREIGN = b'server = "https://elsewhere:5000"\n[header]\nauthorization = "Basic c2VjcmV0"\n'


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return _authority(tmp_path / "pki")


@pytest.fixture
def place(tmp_path: Path) -> Trusted:
    (tmp_path / "node").mkdir()
    return Trusted(NodeRoot(tmp_path / "node"))


def _authority(folder: Path) -> Authority:
    path = made(folder).authority
    return read_authority(path.read_bytes(), path, NOW)


def trust(place: Trusted, authority: Authority, authorization: str = "") -> None:
    carry_out(place, plan_trust(place, ZONE, authority, authorization))


def files(place: Trusted) -> dict[str, bytes]:
    folder = place.node.at(place.folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else {}


def write(place: Trusted, data: bytes, mode: int = 0o644) -> Path:
    path = place.node.at(place.path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(mode)
    return path


def test_the_files_and_their_modes(place: Trusted, authority: Authority) -> None:
    plan = plan_trust(place, ZONE, authority)
    assert files(place) == {}
    assert (plan.severe, plan.diff) == (False, ())
    carry_out(place, plan)
    found = files(place)
    assert set(found) == {"hosts.toml", authority.file}
    assert found[authority.file] == authority.pem
    assert place.node.mode(place.path) == 0o644
    for endpoint in endpoints(found["hosts.toml"], "f"):
        assert (endpoint.address, endpoint.authorities) == (ZONE, (authority.file,))


def test_the_same_again_is_nothing(place: Trusted, authority: Authority) -> None:
    trust(place, authority, SECRET)
    plan = plan_trust(place, ZONE, authority, SECRET)
    assert (plan.writes, plan.removes, plan.severe) == ((), (), False)
    assert place.node.mode(place.path) == 0o600


def test_a_mode_that_lets_others_read_the_password_is_mended(
    place: Trusted, authority: Authority
) -> None:
    trust(place, authority, SECRET)
    place.node.at(place.path).chmod(0o644)
    plan = plan_trust(place, ZONE, authority, SECRET)
    assert ([write.path for write in plan.writes], plan.severe) == ([place.path], False)
    carry_out(place, plan)
    assert place.node.mode(place.path) == 0o600


def test_what_somebody_else_wrote_is_kept_and_put_back(
    place: Trusted, authority: Authority
) -> None:
    path = write(place, FOREIGN, 0o600)
    plan = plan_trust(place, ZONE, authority, SECRET)
    assert plan.severe
    assert '-server = "https://elsewhere:5000"' in plan.diff
    assert f'+server = "{ZONE.url}"' in plan.diff
    assert not [line for line in plan.diff if "c2VjcmV0" in line or "bm9kZXM6" in line]
    assert SECRET not in repr(plan)
    carry_out(place, plan)
    assert files(place)["hosts.toml.before"] == FOREIGN
    assert place.node.mode(place.folder / "hosts.toml.before") == 0o600
    back = plan_return(place)
    assert (back.name, back.severe) == (str(ZONE), True)
    carry_out(place, back)
    assert files(place) == {"hosts.toml": FOREIGN}
    assert path.stat().st_mode & 0o777 == 0o600


def test_where_nothing_was_before_nothing_is_left(place: Trusted, authority: Authority) -> None:
    trust(place, authority)
    carry_out(place, plan_return(place))
    assert not place.node.at(place.folder).exists()
    with pytest.raises(NothingTrusted):
        plan_return(place)
    write(place, FOREIGN)
    with pytest.raises(NothingTrusted):
        plan_return(place)


def test_another_authority_replaces_ours_and_the_first_stays_kept(
    place: Trusted, authority: Authority, tmp_path: Path
) -> None:
    write(place, FOREIGN)
    trust(place, authority)
    other = _authority(tmp_path / "other")
    plan = plan_trust(place, ZONE, other)
    assert plan.severe
    carry_out(place, plan)
    assert set(files(place)) == {"hosts.toml", other.file, "hosts.toml.before"}
    assert files(place)["hosts.toml.before"] == FOREIGN


def test_what_was_changed_by_hand_is_kept_too(place: Trusted, authority: Authority) -> None:
    write(place, FOREIGN)
    trust(place, authority)
    edited = files(place)["hosts.toml"] + b"# by hand\n"
    write(place, edited)
    plan = plan_trust(place, ZONE, authority)
    assert plan.severe
    carry_out(place, plan)
    assert files(place)["hosts.toml.before-2"] == edited
    carry_out(place, plan_return(place))
    assert files(place)["hosts.toml"] == edited
    carry_out(place, plan_return(place))
    assert files(place) == {"hosts.toml": FOREIGN}


def test_a_file_that_cannot_be_read_as_toml_is_kept(place: Trusted, authority: Authority) -> None:
    write(place, b'authorization = "secret')
    plan = plan_trust(place, ZONE, authority)
    assert plan.severe
    assert not [line for line in plan.diff if "secret" in line]
    carry_out(place, plan)
    assert files(place)["hosts.toml.before"] == b'authorization = "secret'


def test_a_crash_between_two_writes_leaves_the_old_pair_or_the_new(
    place: Trusted, authority: Authority, tmp_path: Path
) -> None:
    trust(place, authority)
    old = files(place)
    other = _authority(tmp_path / "other")
    plan = plan_trust(place, ZONE, other)
    for done in range(len(plan.writes) + 1):
        write(place, old["hosts.toml"])
        carry_out(place, replace(plan, writes=plan.writes[:done], removes=()))
        found = files(place)
        (named,) = endpoints(found["hosts.toml"], "f")[0].authorities
        assert found[named] in {authority.pem, other.pem}
        assert (found["hosts.toml"] == old["hosts.toml"]) == (named == authority.file)
    again = plan_trust(place, ZONE, other)
    carry_out(place, again)
    assert other.file in files(place)


def test_a_plan_is_for_the_file_it_was_made_for(place: Trusted, authority: Authority) -> None:
    for before in (None, FOREIGN):
        if before is not None:
            write(place, before)
        plan = plan_trust(place, ZONE, authority)
        write(place, b"# somebody else's, meanwhile\n")
        with pytest.raises(MirrorMoved):
            carry_out(place, plan)
        assert files(place) == {"hosts.toml": b"# somebody else's, meanwhile\n"}


@pytest.mark.parametrize("linked", ["etc", "etc/containerd", "etc/containerd/certs.d/_default"])
def test_nothing_is_written_through_a_link(
    place: Trusted, authority: Authority, tmp_path: Path, linked: str
) -> None:
    inside, outside = place.node.folder / "inside", tmp_path / "outside"
    link = place.node.folder / linked
    link.parent.mkdir(parents=True, exist_ok=True)
    for target, error in ((inside, NodePathLinked), (outside, NodeFileUnreadable)):
        target.mkdir()
        link.symlink_to(target, target_is_directory=True)
        with pytest.raises(error, match=link.name):
            trust(place, authority)
        assert list(target.iterdir()) == []
        link.unlink()


def test_a_linked_mirror_file_is_replaced_and_not_followed(
    place: Trusted, authority: Authority, tmp_path: Path
) -> None:
    inside = place.node.folder / "real.toml"
    path = write(place, b"")
    path.unlink()
    inside.write_bytes(FOREIGN)
    path.symlink_to(inside)
    trust(place, authority)
    assert inside.read_bytes() == FOREIGN
    assert not path.is_symlink()


def test_a_read_only_node_says_so(place: Trusted, authority: Authority) -> None:
    (place.node.folder / "etc").write_text("a file where a folder should be")
    with pytest.raises(NodePathLinked):
        trust(place, authority)
    blocked = Trusted(NodeRoot(Path("/proc/self/fdinfo")))
    with pytest.raises(NodeNotWritable):
        trust(blocked, authority)


# The authority


def test_the_fingerprint_is_that_of_openssl(tmp_path: Path) -> None:
    path = made(tmp_path / "pki").authority
    words = ["openssl", "x509", "-in", str(path), "-noout", "-fingerprint", "-sha256"]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    found = read_authority(path.read_bytes(), path, NOW)
    assert said.partition("=")[2] == found.fingerprint
    plain = found.fingerprint.replace(":", " ").lower()
    for expected in (said, found.fingerprint, plain):
        assert read_authority(path.read_bytes(), path, NOW, expected) == found
    for wrong in (found.fingerprint[:-1] + "x", "", plain[:20]):
        with pytest.raises(AuthorityDiffers):
            read_authority(path.read_bytes(), path, NOW, wrong)


def test_what_is_no_authority(tmp_path: Path) -> None:
    pki = made(tmp_path / "pki")
    both = pki.certificate.read_bytes()
    leaf, rest = both.split(b"-----END CERTIFICATE-----\n", 1)
    for data, error in [
        (leaf + b"-----END CERTIFICATE-----\n", NotAnAuthority),
        (both, AuthorityUnreadable),
        (pki.key.read_bytes(), AuthorityUnreadable),
        (rest + pki.key.read_bytes(), AuthorityUnreadable),
        (b"", AuthorityUnreadable),
        (b"\x00" * 100_000, AuthorityUnreadable),
        (rest * 200, AuthorityUnreadable),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", AuthorityUnreadable),
    ]:
        with pytest.raises(error):
            read_authority(data, "ca.crt", NOW)


@pytest.mark.parametrize("away", [timedelta(days=-3), YEAR * 11])
def test_an_authority_out_of_its_time(tmp_path: Path, away: timedelta) -> None:
    path = made(tmp_path / "pki").authority
    with pytest.raises(AuthorityNotValid):
        read_authority(path.read_bytes(), path, NOW + away)
