"""The description of a Debian image: what a person types, with the layers it is built of.

Invariant: only known keys with well-formed values come out; whatever decides about the image's
bytes is in `digest`, including the files that the description copies.

An image file (paths are relative to the file that names them):

    format: 1
    suite: bookworm
    layers: [../../layers/bookworm/base.yaml, orthanc-layer.yaml]
    config: {user: "10001:10001", entrypoint: [...], command: [...], environment: {K: v},
             directory: /, ports: [8042/tcp], volumes: [/data], stop_signal: SIGTERM, labels: {}}

A layer file:

    format: 1
    name: base
    packages: [libc6]          # with what they depend on, without what they recommend
    provided: [perl-base]      # taken as installed, here and in the layers above: never in an image
    drop: [usr/share/doc/*]    # left out, here and above (`*` crosses slashes); unless in keep
    keep: [usr/share/doc/*/copyright]
    remove: [etc/init.d/*]     # taken out of this layer when everything else is in
    trust_store: etc/ssl/certs/ca-certificates.crt   # the certificates of this layer, joined
    applets: {of: usr/bin/busybox, names: [sh, ls]}  # links, where no package has the name
    directories: [{path: var/lib/x, mode: "0750", owner: "10001:10001"}]
    links: [{path: etc/localtime, target: /usr/share/zoneinfo/Etc/UTC}]
    files: [{path: etc/passwd, mode: "0644", owner: "0:0", text: "..." (or from: file)}]
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path

from champ_offline.bundle.debian.errors import DescriptionFileMissing
from champ_offline.bundle.debian.names import BadName, canonical
from champ_offline.durable import typed_yaml
from champ_offline.durable.typed_yaml import Node, Table
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import encode

_SUITE = re.compile(r"[a-z]+")
_NAME = re.compile(r"[a-z][a-z0-9-]*")
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")  # Debian policy 5.6.1
_MODE = re.compile(r"0[0-7]{3,4}")
_OWNER = re.compile(r"[0-9]{1,9}:[0-9]{1,9}")
_LARGEST_FILE = 4 * 1024 * 1024


@dataclass(frozen=True)
class Made:
    """A directory, link or file that the description adds; `text` and `target` as its kind has."""

    kind: str
    path: str
    mode: int
    uid: int
    gid: int
    target: str = ""
    text: str = ""


@dataclass(frozen=True)
class LayerDescription:
    """One layer: packages, what is left out of them, and what is made beside them."""

    file: str
    name: str
    packages: tuple[str, ...]
    provided: tuple[str, ...]
    drop: tuple[str, ...]
    keep: tuple[str, ...]
    remove: tuple[str, ...]
    trust_store: str
    applets_of: str
    applets: tuple[str, ...]
    made: tuple[Made, ...]


@dataclass(frozen=True)
class ImageDescription:
    """One image; `config` is the "config" object of OCI image-spec 1.1, config.md."""

    file: str
    suite: str
    layers: tuple[LayerDescription, ...]
    config: dict[str, object]

    @property
    def digest(self) -> Digest:
        """Of everything here that decides about bytes; where the files lie does not."""
        layers = [{**asdict(layer), "file": ""} for layer in self.layers]
        return Digest.of(encode({"suite": self.suite, "layers": layers, "config": self.config}))

    @classmethod
    def from_file(cls, path: Path) -> ImageDescription:
        """Read an image file and its layer files.

        Raises the refusals of typed_yaml and DescriptionFileMissing.
        """
        root = typed_yaml.read(path).table("format", "suite", "layers", "config")
        root["format"].integer(1, 1)
        layers = [_layer(_file(node, path.parent)) for node in root["layers"].items()]
        if not layers:
            raise root["layers"].refuse("at least one layer file")
        names = [layer.name for layer in layers]
        if len(set(names)) != len(names):
            raise root["layers"].refuse("layers of different names")
        suite = root["suite"].text(_SUITE, "a Debian release name such as bookworm")
        return cls(str(path), suite, tuple(layers), _config(root["config"]))


def _file(node: Node, folder: Path) -> Path:
    path = folder / node.text()
    if not path.is_file():
        raise DescriptionFileMissing(
            file=node.file, line=node.line, key=node.key, missing=node.text()
        )
    return path


def _layer(path: Path) -> LayerDescription:
    root = typed_yaml.read(path).table(
        "format", "name", "packages", "provided", "drop", "keep", "remove",
        "trust_store", "applets", "directories", "links", "files",
    )  # fmt: skip
    root["format"].integer(1, 1)
    applets = root.get("applets", {"of": "none"}).table("of", "names")
    return LayerDescription(
        file=str(path),
        name=root["name"].text(_NAME, "a name of a-z, 0-9 and -"),
        packages=tuple(root.get("packages", []).texts(_PACKAGE, "a Debian package name")),
        provided=tuple(root.get("provided", []).texts(_PACKAGE, "a Debian package name")),
        drop=tuple(root.get("drop", []).texts()),
        keep=tuple(root.get("keep", []).texts()),
        remove=tuple(root.get("remove", []).texts()),
        trust_store=_name(root["trust_store"]) if "trust_store" in root else "",
        applets_of=_name(applets["of"]),
        applets=tuple(applets.get("names", []).texts(re.compile(r"[a-z0-9_.\[-]+"), "a name")),
        made=tuple(_made(root, path.parent)),
    )


def _made(root: Table, folder: Path) -> list[Made]:
    found = []
    for item in root.get("directories", []).items():
        row = item.table("path", "mode", "owner")
        found.append(Made("directory", _name(row["path"]), *_rights(row, "0755")))
    for item in root.get("links", []).items():
        row = item.table("path", "target")
        found.append(Made("link", _name(row["path"]), 0o777, 0, 0, target=row["target"].text()))
    for item in root.get("files", []).items():
        row = item.table("path", "mode", "owner", "text", "from")
        text = _text(row, folder)
        found.append(Made("file", _name(row["path"]), *_rights(row, "0644"), text=text))
    return found


def _text(row: Table, folder: Path) -> str:
    if "from" not in row:
        return row["text"].text()
    if "text" in row:
        raise row["text"].refuse("either text or from, not both")
    path = _file(row["from"], folder)
    data = path.read_bytes()
    if len(data) > _LARGEST_FILE:
        raise row["from"].refuse("a file of at most {most} bytes", most=_LARGEST_FILE)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise row["from"].refuse("a text file in UTF-8") from error


def _rights(row: Table, mode: str) -> tuple[int, int, int]:
    bits = int(row.get("mode", mode).text(_MODE, "octal digits such as 0755"), 8)
    uid, _, gid = row.get("owner", "0:0").text(_OWNER, "user:group in numbers").partition(":")
    return bits, int(uid), int(gid)


def _name(node: Node) -> str:
    try:
        name = canonical(node.text())
    except BadName:
        raise node.refuse("a path inside the image without a leading slash") from None
    if not name:
        raise node.refuse("a path inside the image")
    return name


def _config(node: Node) -> dict[str, object]:
    row = node.table(
        "user", "entrypoint", "command", "environment",
        "directory", "ports", "volumes", "stop_signal", "labels",
    )  # fmt: skip
    environment = [(key, value.text()) for key, value in row.get("environment", {}).entries()]
    port = re.compile(r"[1-9][0-9]{0,4}/(tcp|udp)")
    config: dict[str, object] = {
        "User": row["user"].text(_OWNER, "user:group in numbers, in quotes"),
        "Entrypoint": row.get("entrypoint", []).texts(),
        "Cmd": row.get("command", []).texts(),
        "Env": [f"{key}={value}" for key, value in environment],
        "WorkingDir": row.get("directory", "/").text(),
        "ExposedPorts": {text: {} for text in row.get("ports", []).texts(port, "such as 80/tcp")},
        "Volumes": {text: {} for text in row.get("volumes", []).texts()},
        "StopSignal": row.get("stop_signal", "").text(),
        "Labels": {key: value.text() for key, value in row.get("labels", {}).entries()},
    }
    return {key: value for key, value in config.items() if value}
