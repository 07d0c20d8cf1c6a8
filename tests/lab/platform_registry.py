"""A registry beside a zone's appliance that holds only what the zone's node itself needs.

Invariant: it is filled from the lab's own binaries; nothing of the product is in it.
"""

from __future__ import annotations

from pathlib import Path

from tests.lab import platform_images
from tests.lab.docker_registry import DockerRegistry
from tests.lab.records import Records
from tests.lab.zone import Zone

PORT = 5000


def serve(records: Records, zone: Zone, binaries: Path) -> DockerRegistry:
    """Start it on the zone's host, filled."""
    registry = DockerRegistry(
        records, zone.folder / "registry",
        namespace=zone.host_namespace, address=zone.host_address, port=PORT,
    )  # fmt: skip
    registry.start()
    for image in platform_images.make(binaries, zone.folder / "images"):
        kind = "oci-archive" if ".oci." in image.archive.name else "docker-archive"
        name = image.reference.partition("/")[2]
        target = f"docker://{registry.host}/{name}"
        trust = f"--dest-cert-dir={registry.ca.parent}"
        zone.run(["skopeo", "copy", "--quiet", "--insecure-policy", trust,
                  f"{kind}:{image.archive}", target])  # fmt: skip
    return registry
