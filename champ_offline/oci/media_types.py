"""The media types this product reads and writes."""

IMAGE_INDEX = "application/vnd.oci.image.index.v1+json"
IMAGE_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
IMAGE_CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER_TAR = "application/vnd.oci.image.layer.v1.tar"
LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
LAYER_ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"
# Content that may not be passed on: manifests name it, registries need not have it (image-spec 1.1,
# layer.md, "Non-Distributable Layers", and Docker's name for the same).
NOT_DISTRIBUTED = frozenset(
    {
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    }
)
# Bytes that mean nothing here.
OCTETS = "application/octet-stream"
EMPTY = "application/vnd.oci.empty.v1+json"

DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"

# https://helm.sh/docs/topics/registries/ ("Helm chart manifest")
HELM_CONFIG = "application/vnd.cncf.helm.config.v1+json"
HELM_CHART = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"

# https://cyclonedx.org/specification/overview/ ("Recognized file patterns")
CYCLONEDX = "application/vnd.cyclonedx+json"

APP = "application/vnd.champ.app.v1"
APP_CONFIG = "application/vnd.champ.app.config.v1+json"
APP_FILE = "application/vnd.champ.app.file.v1"

# What cosign and policy engines look for: bundle/signatures.py.
SIGSTORE_BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
COSIGN_SIGNATURE = "application/vnd.dev.cosign.artifact.sig.v1+json"
SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"

INDEXES = frozenset({IMAGE_INDEX, DOCKER_LIST})
MANIFESTS = frozenset({IMAGE_MANIFEST, DOCKER_MANIFEST})
# The documents that point at further content.
DOCUMENTS = INDEXES | MANIFESTS
