"""API versions that Kubernetes took away, or will: since when, and what took their place.

Invariant: data alone. Sources: the lifecycle that k8s.io/api v0.35.4 declares of its types
(zz_generated.prerelease-lifecycle.go) and, for kinds that are not in it, the Deprecated API
Migration Guide (https://kubernetes.io/docs/reference/using-api/deprecation-guide/).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

Version: TypeAlias = tuple[int, int]


@dataclass(frozen=True)
class Removal:
    """Deprecated since and removed with these versions of Kubernetes; `instead` to be used."""

    deprecated: Version
    removed: Version
    instead: str


_ADMISSION = "MutatingWebhookConfiguration ValidatingWebhookConfiguration"
_POLICIES = "ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding"
_MUTATING = "MutatingAdmissionPolicy MutatingAdmissionPolicyBinding"
_FLOW = "FlowSchema PriorityLevelConfiguration"
_CLAIMS = "DeviceClass ResourceClaim ResourceClaimTemplate ResourceSlice"
_ROLES = "ClusterRole ClusterRoleBinding Role RoleBinding"
_STORAGE = "CSIDriver CSINode StorageClass VolumeAttachment"

# API version, kinds, deprecated with 1.x, removed with 1.x, what takes their place.
_ROWS: tuple[tuple[str, str, int, int, str], ...] = (
    ("apps/v1beta1", "Deployment StatefulSet ControllerRevision", 8, 16, "apps/v1"),
    ("apps/v1beta2", "Deployment StatefulSet DaemonSet ReplicaSet ControllerRevision", 9, 16,
     "apps/v1"),
    ("extensions/v1beta1", "Deployment DaemonSet ReplicaSet", 8, 16, "apps/v1"),
    ("extensions/v1beta1", "NetworkPolicy", 9, 16, "networking.k8s.io/v1"),
    ("extensions/v1beta1", "PodSecurityPolicy", 10, 16, "Pod Security admission"),
    ("extensions/v1beta1", "Ingress", 14, 22, "networking.k8s.io/v1"),
    ("admissionregistration.k8s.io/v1beta1", _ADMISSION, 16, 22, "admissionregistration.k8s.io/v1"),
    ("apiextensions.k8s.io/v1beta1", "CustomResourceDefinition", 16, 22, "apiextensions.k8s.io/v1"),
    ("apiregistration.k8s.io/v1beta1", "APIService", 19, 22, "apiregistration.k8s.io/v1"),
    ("certificates.k8s.io/v1beta1", "CertificateSigningRequest", 19, 22, "certificates.k8s.io/v1"),
    ("coordination.k8s.io/v1beta1", "Lease", 19, 22, "coordination.k8s.io/v1"),
    ("networking.k8s.io/v1beta1", "Ingress IngressClass", 19, 22, "networking.k8s.io/v1"),
    ("rbac.authorization.k8s.io/v1beta1", _ROLES, 17, 22, "rbac.authorization.k8s.io/v1"),
    ("scheduling.k8s.io/v1beta1", "PriorityClass", 14, 22, "scheduling.k8s.io/v1"),
    ("storage.k8s.io/v1beta1", _STORAGE, 19, 22, "storage.k8s.io/v1"),
    ("storage.k8s.io/v1alpha1", "CSIStorageCapacity VolumeAttachment", 21, 24, "storage.k8s.io/v1"),
    ("autoscaling/v2beta1", "HorizontalPodAutoscaler", 22, 25, "autoscaling/v2"),
    ("batch/v1beta1", "CronJob", 21, 25, "batch/v1"),
    ("discovery.k8s.io/v1beta1", "EndpointSlice", 21, 25, "discovery.k8s.io/v1"),
    ("events.k8s.io/v1beta1", "Event", 22, 25, "events.k8s.io/v1"),
    ("node.k8s.io/v1beta1", "RuntimeClass", 22, 25, "node.k8s.io/v1"),
    ("policy/v1beta1", "PodDisruptionBudget", 21, 25, "policy/v1"),
    ("policy/v1beta1", "PodSecurityPolicy", 21, 25, "Pod Security admission"),
    ("autoscaling/v2beta2", "HorizontalPodAutoscaler", 23, 26, "autoscaling/v2"),
    ("flowcontrol.apiserver.k8s.io/v1beta1", _FLOW, 23, 26, "flowcontrol.apiserver.k8s.io/v1"),
    ("storage.k8s.io/v1beta1", "CSIStorageCapacity", 24, 27, "storage.k8s.io/v1"),
    ("flowcontrol.apiserver.k8s.io/v1beta2", _FLOW, 26, 29, "flowcontrol.apiserver.k8s.io/v1"),
    ("admissionregistration.k8s.io/v1alpha1", _POLICIES, 29, 32, "admissionregistration.k8s.io/v1"),
    ("flowcontrol.apiserver.k8s.io/v1beta3", _FLOW, 29, 32, "flowcontrol.apiserver.k8s.io/v1"),
    ("admissionregistration.k8s.io/v1beta1", _POLICIES, 31, 34, "admissionregistration.k8s.io/v1"),
    ("storage.k8s.io/v1alpha1", "VolumeAttributesClass", 32, 35, "storage.k8s.io/v1"),
    ("storage.k8s.io/v1beta1", "VolumeAttributesClass", 34, 37, "storage.k8s.io/v1"),
    ("networking.k8s.io/v1beta1", "IPAddress ServiceCIDR", 34, 37, "networking.k8s.io/v1"),
    ("certificates.k8s.io/v1alpha1", "ClusterTrustBundle", 34, 37, "certificates.k8s.io/v1beta1"),
    ("coordination.k8s.io/v1alpha2", "LeaseCandidate", 35, 38, "coordination.k8s.io/v1beta1"),
    ("admissionregistration.k8s.io/v1alpha1", _MUTATING, 35, 38,
     "admissionregistration.k8s.io/v1beta1"),
    ("resource.k8s.io/v1beta1", _CLAIMS, 35, 38, "resource.k8s.io/v1"),
    ("resource.k8s.io/v1beta2", _CLAIMS, 36, 39, "resource.k8s.io/v1"),
)  # fmt: skip

REMOVALS: Mapping[tuple[str, str], Removal] = {
    (api_version, kind): Removal((1, deprecated), (1, removed), instead)
    for api_version, kinds, deprecated, removed, instead in _ROWS
    for kind in kinds.split()
}
