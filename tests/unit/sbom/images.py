"""Small images that hold one package of each ecosystem, as its own tools would leave it there."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from importlib.resources import files

from champ_offline.bundle.sbom.syft import PACKAGE
from champ_offline.oci.descriptor import Descriptor
from champ_offline.store.blobs import BlobStore
from tests.unit.sources.archives import Sample, tar

OS_RELEASE = b'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'


@dataclass(frozen=True)
class Ecosystem:
    """Files of one package, and what must be listed for it."""

    files: dict[str, bytes]
    name: str
    version: str
    kind: str


def debian(name: str = "libssl3", version: str = "3.0.11-1", source: str = "openssl") -> Ecosystem:
    fields = {
        "Package": name,
        "Status": "install ok installed",
        "Maintainer": "Somebody <nobody@example.org>",
        "Architecture": "amd64",
        "Source": source,
        "Version": version,
        "Description": "a library",
    }
    status = "".join(f"{key}: {value}\n" for key, value in fields.items()) + "\n"
    found = {"etc/os-release": OS_RELEASE, "var/lib/dpkg/status": status.encode()}
    return Ecosystem(found, name, version, "deb")


def python(name: str = "requests", version: str = "2.31.0") -> Ecosystem:
    folder = f"usr/lib/python3/dist-packages/{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nLicense: Apache-2.0\n"
    return Ecosystem({f"{folder}/METADATA": metadata.encode()}, name, version, "pypi")


def npm(name: str = "lodash", version: str = "4.17.20") -> Ecosystem:
    document = {"name": name, "version": version, "license": "MIT"}
    package = json.dumps(document).encode()
    return Ecosystem({f"app/node_modules/{name}/package.json": package}, name, version, "npm")


def java(artifact: str = "log4j-core", version: str = "2.14.1") -> Ecosystem:
    group = "org.apache.logging.log4j"
    jar = io.BytesIO()
    with zipfile.ZipFile(jar, "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n")
        archive.writestr(
            f"META-INF/maven/{group}/{artifact}/pom.properties",
            f"groupId={group}\nartifactId={artifact}\nversion={version}\n",
        )
    path = f"opt/app/lib/{artifact}-{version}.jar"
    return Ecosystem({path: jar.getvalue()}, f"{group}:{artifact}", version, "maven")


def go() -> Ecosystem:
    """A real Go program, the lister itself; its build information names its modules."""
    program = (files(PACKAGE) / "data" / "bin" / "syft").read_bytes()
    found = {"usr/local/bin/tool": program}
    return Ecosystem(found, "github.com/anchore/stereoscope", "v0.0.11", "golang")


def layer(*packages: Ecosystem) -> bytes:
    return tar({name: data for package in packages for name, data in package.files.items()})


def put(blobs: BlobStore, *layers: bytes, comment: str = "") -> Descriptor:
    """An image of these layers in the store."""
    image = Sample(list(layers), comment)
    for data in (*image.layers, image.config, image.manifest):
        blobs.add(data)
    return image.descriptor
