"""A node is taught with `champ node trust`, pulls by images' own names, and every way it breaks."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from champ_offline.clock import now_utc
from champ_offline.registry.pki import ensure_certificates
from tests.architecture.source import ROOT
from tests.e2e.daemons import output
from tests.e2e.node_box import CONFIG, THREE, TWO, Box, Runtime, box, commands
from tests.lab import build
from tests.unit.sources.archives import Sample, layer, write

HOST = "registry.zone"
ADDRESS = f"{HOST}:5443"
PASSWORD = "correct horse battery staple"
IMAGE = "docker.io/library/web:1"
CERTS = Path("/etc/containerd/certs.d")
MIRROR = CERTS / "_default/hosts.toml"
HOSTS = Path("/etc/hosts")
PROXY = Path("/etc/systemd/system/containerd.service.d/proxy.conf")
OK = {"ok"}


class Zone:
    """A zone's registry on the node's own network; it is reached by a name."""

    def __init__(self, folder: Path, node: Box) -> None:
        self.folder, self._node = folder, node
        self._running = ExitStack()
        folder.mkdir()
        signing = folder / "signing"
        self._champ("trust", "init", signing, "--holder", "Anna", "--unencrypted")
        self.champ("zone", "init", "--name", "core", "--root", signing / "root.json")
        self.secret = folder / "password"
        self.secret.write_text(PASSWORD)
        self.secret.chmod(0o600)
        self.client("ci", "--push", "docker.io/*")

    @property
    def ca(self) -> Path:
        return self.folder / "zone/pki/ca.crt"

    def champ(self, *words: str | Path) -> str:
        return self._champ("--zone", self.folder / "zone", *words)

    def client(self, name: str, *roles: str) -> None:
        self.champ("registry", "client", "add", name, *roles, "--password-file", self.secret)

    def serve(self, *names: str) -> None:
        """Serve, or serve again under other names."""
        self.stop()
        self._running.enter_context(self._serving(names or (HOST,)))

    def stop(self) -> None:
        self._running.close()

    @contextmanager
    def _serving(self, names: tuple[str, ...]) -> Iterator[None]:
        champ = [sys.executable, "-m", "installer", "--zone", str(self.folder / "zone")]
        called = [word for name in names for word in ("--name", name)]
        command = self._node.enter(*champ, "registry", "serve", "--port", "5443", *called)
        with (
            (self.folder / "log").open("wb") as log,
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, cwd=ROOT) as process,
        ):
            try:
                assert process.stdout is not None
                assert process.stdout.readline()
                yield
            finally:
                process.terminate()
                assert process.wait(30) == 0

    @staticmethod
    def _champ(*words: str | Path) -> str:
        return output(sys.executable, "-m", "installer", *words)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Box]:
    with box(tmp_path / "node") as found:
        yield found


@pytest.fixture
def zone(node: Box, tmp_path: Path) -> Iterator[Zone]:
    """The zone serves one image, which a client pushed under its own name."""
    found = Zone(tmp_path / "zone", node)
    found.serve("127.0.0.1", HOST)
    trust = tmp_path / "trust"
    trust.mkdir()
    (trust / "ca.crt").write_bytes(found.ca.read_bytes())
    sample = Sample([layer("base", 300_000), layer("app")])
    archive = write(tmp_path / "web.tar", sample.layout_files("1"))
    words = [f"--dest-cert-dir={trust}", f"--dest-creds=ci:{PASSWORD}", f"oci-archive:{archive}:1"]
    done = node.run("skopeo", "copy", *words, f"docker://127.0.0.1:5443/{IMAGE}")
    assert done.returncode == 0, done.stderr
    try:
        yield found
    finally:
        found.stop()


@pytest.fixture(scope="session")
def programs() -> Path:
    return build.build(programs=build.RUNTIMES)


def told(node: Box, *words: str) -> list[tuple[str, str]]:
    """Every finding that is not well."""
    return [(one["check"], one["id"]) for one in node.doctor(*words) if one["id"]]


def finding(node: Box, name: str) -> dict[str, Any]:
    found = [one for one in node.doctor() if one["id"] == name]
    assert len(found) == 1, node.doctor()
    return found[0]


def follow(node: Box, advice: str) -> None:
    """Do to containerd's configuration what an advice says: a table and its setting."""
    match = re.search(r"In (\S+), under (\[.+?\]), set (config_path = \S+) ", advice)
    assert match is not None, advice
    path, table, setting = match.groups()
    node.write(Path(path), f"{node.read(Path(path))}\n{table}\n{setting}\n")


@pytest.mark.parametrize(
    ("program", "settings"), [("", TWO), ("containerd", THREE), ("containerd", TWO)]
)
def test_a_node_is_taught_and_pulls(
    node: Box, zone: Zone, programs: Path, program: str, settings: str
) -> None:
    containerd = programs / program if program else Path("/usr/bin/containerd")
    runtime = Runtime(node, containerd, programs / "cri", settings)
    node.write(CONFIG, runtime.settings)
    runtime.start()
    try:
        assert runtime.pull(IMAGE).returncode != 0
        done = node.champ("node", "trust", ADDRESS, "--ca", zone.ca)
        assert done.returncode == 0, done.stderr
        # Where the files are alone is not enough, for either version.
        assert runtime.pull(IMAGE).returncode != 0
        follow(node, finding(node, "node.mirrors-not-read")["remedy"])
        runtime.start()
        assert told(node) == [("name", "node.name-unknown")]
        node.write(HOSTS, f"{node.read(HOSTS)}127.0.0.1 {HOST}\n")
        found = node.doctor()
        assert {one["state"] for one in found} == {"ok"}, found
        pulled = runtime.pull(IMAGE)
        assert pulled.returncode == 0, pulled.stderr
        if settings == TWO and not program:
            done = runtime.ctr("images", "pull", "--hosts-dir", CERTS, IMAGE)
            assert done.returncode == 0, done.stderr
        missing = runtime.pull("docker.io/library/missing:1")
        assert "not found" in missing.stderr
        assert ("image", "node.image-missing") in told(node, "--image", "docker.io/library/missing")
        _close_the_zone(node, zone, runtime)
    finally:
        runtime.stop()


def _close_the_zone(node: Box, zone: Zone, runtime: Runtime) -> None:
    """Without a restart of containerd: its files are read for each pull."""
    zone.champ("registry", "access", "--anonymous", "none")
    assert told(node) == [("image", "node.credentials-missing")]
    assert runtime.pull(IMAGE).returncode != 0
    zone.client("nodes", "--pull", "*")
    words = ["--user", "nodes", "--password-file", str(zone.secret), "--confirm", ADDRESS]
    done = node.champ("node", "trust", ADDRESS, "--ca", zone.ca, *words)
    assert done.returncode == 0, done.stderr
    assert told(node) == []
    pulled = runtime.pull(IMAGE)
    assert pulled.returncode == 0, pulled.stderr
    zone.champ("registry", "client", "remove", "nodes")
    zone.client("nodes", "--pull", "team/*")
    assert told(node, "--image", IMAGE) == [("image", "node.pull-forbidden")]
    assert runtime.pull(IMAGE).returncode != 0
    zone.champ("registry", "client", "remove", "nodes")
    assert told(node) == [("registry", "node.credentials-refused")]


@pytest.fixture
def taught(node: Box, zone: Zone) -> Box:
    """A node that is well."""
    setting = f'[plugins."io.containerd.grpc.v1.cri".registry]\nconfig_path = "{CERTS}"\n'
    node.write(CONFIG, f"version = 2\n{setting}")
    node.write(HOSTS, f"{node.read(HOSTS)}127.0.0.1 {HOST}\n")
    done = node.champ("node", "trust", ADDRESS, "--ca", zone.ca)
    assert done.returncode == 0, done.stderr
    assert told(node) == []
    return node


def mend(node: Box, zone: Zone, name: str) -> None:
    """Run the command that a finding's advice gives, with the zone's authority at hand."""
    (command, *_) = [one for one in commands(finding(node, name)) if one.startswith("node trust")]
    words = [str(zone.ca) if word == "ca.crt" else word for word in shlex.split(command)]
    confirmed = [] if "--confirm" in words else ["--confirm", ADDRESS]
    done = node.champ(*words, *confirmed)
    assert done.returncode == 0, done.stderr


def test_each_part_that_breaks_is_the_one_that_is_told(taught: Box, zone: Zone) -> None:
    node, hosts = taught, taught.read(HOSTS)
    node.write(HOSTS, hosts.replace(HOST, "other"))
    assert told(node) == [("name", "node.name-unknown")]
    node.write(HOSTS, hosts.replace(f"127.0.0.1 {HOST}", f"10.9.9.9 {HOST}"))
    assert told(node) == [("port", "node.no-route")]
    node.write(HOSTS, hosts)
    zone.stop()
    assert told(node) == [("port", "node.port-closed")]
    zone.serve("127.0.0.1")
    assert told(node) == [("certificate's name", "node.name-not-in-certificate")]
    zone.serve(HOST, "127.0.0.1")
    assert told(node) == []
    node.write(PROXY, '[Service]\nEnvironment="HTTPS_PROXY=http://proxy:3128"\n')
    assert told(node) == [("proxy", "node.proxy-in-the-way")]
    node.write(PROXY, f"{node.read(PROXY)}Environment=NO_PROXY={HOST}\n")
    assert told(node) == []


def test_what_the_printed_command_mends(taught: Box, zone: Zone, tmp_path: Path) -> None:
    node = taught
    good = node.read(MIRROR)
    node.write(MIRROR, 'server = "https://elsewhere"\n')
    assert told(node, ADDRESS) == [
        ("mirror file", "node.mirror-elsewhere"),
        ("authority", "node.chain-unknown"),
    ]
    done = node.champ("node", "trust", ADDRESS, "--ca", zone.ca)
    assert done.returncode == 7
    done = node.champ("node", "trust", ADDRESS, "--ca", zone.ca, "--confirm", ADDRESS)
    assert done.returncode == 0
    assert told(node) == []
    assert node.read(MIRROR) == good
    assert node.read(MIRROR.with_name("hosts.toml.before")) == 'server = "https://elsewhere"\n'
    node.run("sh", "-c", f"rm {MIRROR.parent}/zone-ca-*.crt")
    mend(node, zone, "node.authority-missing")
    assert told(node) == []
    other = ensure_certificates(tmp_path / "other", ["127.0.0.1"], now_utc()).authority
    node.champ("node", "trust", ADDRESS, "--ca", other, "--confirm", ADDRESS)
    assert told(node) == [("authority", "node.chain-unknown")]
    mend(node, zone, "node.chain-unknown")
    assert told(node) == []
    node.write(MIRROR, good.replace('ca = "', 'skip_verify = true\nca = "'))
    mend(node, zone, "node.mirror-unverified")
    assert told(node) == []
    node.write(CERTS / "docker.io/hosts.toml", "")
    assert told(node) == [("other mirror files", "node.names-elsewhere")]
    done = node.champ("node", "untrust", "--confirm", ADDRESS)
    assert done.returncode == 0


TABLE = '[plugins."io.containerd.grpc.v1.cri".registry]'
IMAGES = "version = 3\n[plugins.'io.containerd.cri.v1.images'.registry]"
READS = f'version = 2\n{TABLE}\nconfig_path = "{CERTS}"\n'
FORMS = (
    READS,
    'version = 2\nimports = ["/etc/containerd/more.toml"]\n',
    f'version = 2\nimports = ["/etc/containerd/*re.toml"]\n{TABLE}\nconfig_path = "/elsewhere"\n',
)


@pytest.mark.parametrize(
    ("program", "form"),
    [
        *(("", form) for form in FORMS),
        *(("containerd", form) for form in FORMS),
        ("containerd", f'{IMAGES}\nconfig_path = "{CERTS}"\n'),
    ],
)
def test_its_configuration_is_read_as_containerd_reads_it(
    node: Box, programs: Path, program: str, form: str
) -> None:
    node.write(CONFIG, form)
    node.write(CONFIG.with_name("more.toml"), READS)
    assert f"config_path = '{CERTS}'" in dump(node, programs, program)
    found = node.doctor(ADDRESS)
    assert [one["state"] for one in found if one["check"] == "containerd"] == ["ok"]


@pytest.mark.parametrize(("program", "kept"), [("", False), ("containerd", True)])
def test_a_file_beside_its_configuration_would_undo_other_settings(
    node: Box, programs: Path, program: str, kept: bool
) -> None:
    """Why `champ node trust` says what to write and does not write it."""
    main = 'version = 2\nimports = ["/etc/containerd/more.toml"]\n'
    node.write(
        CONFIG, f'{main}[plugins."io.containerd.grpc.v1.cri"]\nsandbox_image = "own/pause"\n'
    )
    node.write(CONFIG.with_name("more.toml"), READS)
    found = dump(node, programs, program)
    assert f"config_path = '{CERTS}'" in found
    assert ("own/pause" in found) is kept


def test_several_folders_are_none_for_containerd_2(taught: Box, zone: Zone, programs: Path) -> None:
    runtime = Runtime(taught, programs / "containerd", programs / "cri", THREE)
    for folders, works in ((f"{CERTS}:/etc/docker/certs.d", False), (CERTS, True)):
        # `IMAGES` begins with the version, which the settings have already.
        table = IMAGES.partition("\n")[2]
        taught.write(CONFIG, f'{runtime.settings}{table}\nconfig_path = "{folders}"\n')
        runtime.start()
        try:
            assert (runtime.pull(IMAGE).returncode == 0) is works
        finally:
            runtime.stop()
        expected = [] if works else [("containerd", "node.several-mirror-folders")]
        assert told(taught) == expected


def test_what_runs_is_what_is_configured(taught: Box, programs: Path) -> None:
    runtime = Runtime(taught, Path("/usr/bin/containerd"), programs / "cri", TWO)
    taught.write(CONFIG, f'{runtime.settings}{TABLE}\nconfig_path = "{CERTS}"\n')
    other = CONFIG.with_name("other.toml")
    taught.write(other, taught.read(CONFIG))
    runtime.start()
    try:
        for when, expected in (
            ("1 minute ago", []),
            ("1 minute", [("containerd", "node.configuration-newer")]),
        ):
            assert taught.run("touch", "-d", when, CONFIG).returncode == 0
            assert told(taught) == expected
        taught.run("touch", "-d", "1 minute ago", CONFIG)
        found = told(taught, "--containerd-config", str(other))
        assert found == [("containerd", "node.runs-otherwise")]
    finally:
        runtime.stop()


@pytest.mark.parametrize(
    ("program", "settings", "works"), [("", TWO, False), ("containerd", TWO, True)]
)
def test_a_server_without_a_host_table(
    taught: Box, programs: Path, program: str, settings: str, works: bool
) -> None:
    """Why both are written, though the documentation asks for `server` alone."""
    containerd = programs / program if program else Path("/usr/bin/containerd")
    runtime = Runtime(taught, containerd, programs / "cri", settings)
    taught.write(CONFIG, f'{runtime.settings}{TABLE}\nconfig_path = "{CERTS}"\n')
    taught.write(MIRROR, taught.read(MIRROR).partition("[host")[0])
    runtime.start()
    try:
        assert (runtime.pull(IMAGE).returncode == 0) is works
    finally:
        runtime.stop()
    assert told(taught) == [("mirror file", "node.mirror-incomplete")]


def dump(node: Box, programs: Path, program: str) -> str:
    """What containerd makes of its file and all that it imports, quoted in one way."""
    containerd = programs / program if program else Path("/usr/bin/containerd")
    done = node.run(containerd, "--config", CONFIG, "config", "dump")
    assert done.returncode == 0, done.stderr
    return done.stdout.replace('"', "'")
