"""What in free text is an image and what is not, on texts as real charts have them."""

from __future__ import annotations

import pytest

from champ_offline.release.images.text import is_image_key, references

LOCKED = frozenset(
    {
        "docker.io/library/nginx",
        "docker.io/library/redis",
        "docker.io/bitnami/kubectl",
        "quay.io/prometheus/prometheus",
        "champ.local/orthanc",
    }
)
HEX = "a" * 64


def found(text: str, *, named: bool = False) -> list[str]:
    return list(references(text, named=named, locked=LOCKED))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Arguments of operators.
        (
            "--prometheus-config-reloader=quay.io/prometheus-operator/prometheus-config-reloader:v0.7",
            "quay.io/prometheus-operator/prometheus-config-reloader:v0.7",
        ),
        (
            "--acme-http01-solver-image=quay.io/jetstack/cert-manager-acmesolver:v1.14.2",
            "quay.io/jetstack/cert-manager-acmesolver:v1.14.2",
        ),
        ("--sidecar-image busybox:1.36", "busybox:1.36"),
        ("--helper-image=rancher/klipper-helm", "rancher/klipper-helm"),
        ("kubectl run x --image=alpine:3.20 -- sh", "alpine:3.20"),
        # With a registry, in any text.
        ("see ghcr.io/a/b:1.2.", "ghcr.io/a/b:1.2"),
        ("['ghcr.io/a/b:1.2','x']", "ghcr.io/a/b:1.2"),
        ("localhost:5000/app:latest", "localhost:5000/app:latest"),
        ("10.1.2.3:5000/app/x:latest", "10.1.2.3:5000/app/x:latest"),
        ("harbor:5443/lis/app:7", "harbor:5443/lis/app:7"),
        (f"quay.io/a/b@sha256:{HEX}", f"quay.io/a/b@sha256:{HEX}"),
        (f"quay.io/a/b:1@sha256:{HEX}", f"quay.io/a/b:1@sha256:{HEX}"),
        ("docker://quay.io/skopeo/stable:v1", "quay.io/skopeo/stable:v1"),
        ("oci://ghcr.io/org/manifests:1.0", "ghcr.io/org/manifests:1.0"),
        # The tag comes at run time: the repository is still spoken of.
        ('sandbox_image = "registry.k8s.io/pause:${PAUSE_VERSION}"', "registry.k8s.io/pause"),
        ("image: quay.io/a/proxy:{{ .tag }}", "quay.io/a/proxy"),
        # Without a registry: what the lock knows, and versions behind a path.
        ("FROM nginx:1.28-alpine", "nginx:1.28-alpine"),
        ("docker run bitnami/kubectl:latest", "bitnami/kubectl:latest"),
        ("jenkins/inbound-agent:3142.vcfca_0cd92128", "jenkins/inbound-agent:3142.vcfca_0cd92128"),
        ("uses grafana/promtail:2.9.3 here", "grafana/promtail:2.9.3"),
        # Settings in other languages.
        ("<image>jenkins/inbound-agent:alpine</image>", "jenkins/inbound-agent:alpine"),
        ('{{ if x }} "image": "busybox:stable"', "busybox:stable"),
        ("DEFAULT_IMAGE=busybox:stable", "busybox:stable"),
        ("image: redis:7", "redis:7"),
    ],
)
def test_it_is_an_image(text: str, expected: str) -> None:
    assert found(text) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "http://svc:8080",
        "https://quay.io/repository/a/b:1.2.3",
        "https://charts.example.org/a.b/c:1.0,https://x.example/y:1.0",
        "svc.namespace.svc.cluster.local:8080",
        "svc.namespace.svc:8080/metrics",
        "redis:6379",
        "redis:7",
        "nginx:80,nginx:443",
        "jdbc:postgresql://db.example:5432/lis",
        "tcp:10.0.0.1:80",
        "//scan.example.com:1521/orcl",
        "admin@example.org",
        "git@github.com:org/repo.git",
        "at 12:30 and 12:30:59, 2026-01-02T12:30:00Z",
        "2026.01.02/12:30",
        "5m30s 1h0m0s 0.5",
        f"sha256:{HEX}",
        f"checksum sha256:{HEX} of it",
        r"C:\Program Files\app.d\x:1",
        "C:/Windows/x.d/y:1.0",
        "[fd00::1]:8080/a fe80::1/64 ::1",
        "10.0.0.0/8",
        "10.0.0.0/8:80",
        "/var/lib/x.d/data:/data:ro",
        "./conf.d/x:ro ../a.b/c:1.0 ~/a.b/c:1.0",
        "node-role.kubernetes.io/control-plane:NoSchedule",
        "nvidia.com/gpu:NoSchedule",
        "app.kubernetes.io/name:web",
        "application/vnd.oci.image.manifest.v1+json",
        "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
        "arn:aws:iam::123456789012:role/my.role:x",
        "github.com/org/repo v1.2.3",
        "k8s.io/client-go@v0.30.1",
        "key: value, cpu:0.5 ratio:1.5",
        "$(REGISTRY)/proxy:1.20.0",
        "${HUB}/istio/proxyv2:1.20.0 {{ .hub }}/x/y:1.20.0",
        "# docker.io/library/old:1.0 is no longer used",
        "  // ghcr.io/a/b:1.2",
        "the image is large: see notes",
        "urn:oid:1.2.840.10008",
        "prometheus.io/scrape",
        "image: logo.png",
        "image: data:image/png;base64,AAAA",
        "imagePullPolicy: IfNotPresent",
        "imageStorage: 10Gi",
        "image: true",
    ],
)
def test_it_is_no_image(text: str) -> None:
    assert found(text) == []


def test_a_wrong_tag_of_a_locked_image_is_seen_without_its_registry() -> None:
    assert found("nginx:1.28.0") == ["nginx:1.28.0"]
    assert found("apache:1.28.0") == []


def test_several_are_all_found() -> None:
    text = "a=quay.io/a/a:1;b=quay.io/b/b:2 http://x:1/y quay.io/c/c:3"
    assert found(text) == ["quay.io/a/a:1", "quay.io/b/b:2", "quay.io/c/c:3"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("velero/velero-restic-restore-helper:v1.9", True),
        ("busybox:stable", True),
        ("quay.io/a/b", True),
        ("org/app", True),
        ("redis", True),  # locked: any tag of it does
        ("alpine", False),  # a word like any other
        ("icons/logo.svg", False),
        ("", False),
    ],
)
def test_a_key_that_speaks_of_images_lets_short_names_count(text: str, *, expected: bool) -> None:
    assert found(text, named=True) == ([text] if expected else [])


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("image", True),
        ("images", True),
        ("baseImage", True),
        ("RELATED_IMAGE_PROMETHEUS", True),
        ("JENKINS_AGENT_IMAGE", True),
        ("--acme-http01-solver-image", True),
        ("imageName", True),
        ("controller.image", True),
        ("imageRepository", True),
        ("image_ref", True),
        ("imagePullPolicy", False),
        ("imagePullSecrets", False),
        ("imageStorage", False),
        ("imageTag", False),
        ("imagery", False),
        ("image-gc-high-threshold", False),
        ("name", False),
        ("", False),
    ],
)
def test_keys(key: str, *, expected: bool) -> None:
    assert is_image_key(key) is expected
