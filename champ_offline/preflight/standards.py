"""The Pod Security Standards: what keeps a pod from the levels baseline and restricted.

Invariant: pure; one function for each control, in the order and with the versions of
k8s.io/pod-security-admission v0.35.4 (https://kubernetes.io/docs/concepts/security/
pod-security-standards/). A shape that the API server refuses for itself is no violation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from champ_offline.preflight.shapes import (
    Object,
    at,
    entries,
    flag,
    flat,
    table,
    text,
    texts,
    whole,
)

Version: TypeAlias = tuple[int, int]
Rule: TypeAlias = Callable[[Object, Version], Iterable[str]]

LEVELS = ("privileged", "baseline", "restricted")
LATEST: Version = (1, 999)

_KINDS = ("initContainers", "containers", "ephemeralContainers")
_CAPABILITIES = frozenset({
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD",
    "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
})  # fmt: skip
_VOLUMES = frozenset({
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim",
    "projected", "secret",
})  # fmt: skip
_SELINUX: tuple[tuple[Version, frozenset[str]], ...] = (
    ((1, 0), frozenset({"", "container_t", "container_init_t", "container_kvm_t"})),
    ((1, 31), frozenset({"container_engine_t"})),
)
_SYSCTLS: tuple[tuple[Version, frozenset[str]], ...] = (
    ((1, 0), frozenset({
        "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range", "net.ipv4.ip_unprivileged_port_start",
    })),
    ((1, 27), frozenset({"net.ipv4.ip_local_reserved_ports"})),
    ((1, 29), frozenset({
        "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes",
    })),
    ((1, 32), frozenset({"net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"})),
)  # fmt: skip
_PROFILES = frozenset({"RuntimeDefault", "Localhost"})
_APPARMOR = "container.apparmor.security.beta.kubernetes.io/"


def violations(template: Object, level: str, version: Version = LATEST) -> tuple[str, ...]:
    """What keeps the pods of a template from `level`, in Kubernetes' terms, each once."""
    rules: tuple[Rule, ...] = ()
    if level in LEVELS[1:]:
        rules = _BASELINE
    if level == LEVELS[2]:
        rules += _RESTRICTED
    return tuple(dict.fromkeys(found for rule in rules for found in rule(template, version)))


def _containers(template: Object) -> list[Object]:
    return [one for kind in _KINDS for one in entries(template, "spec", kind)]


def _contexts(template: Object) -> Iterator[tuple[str, Object]]:
    """The security contexts of the pod and of each container, with whose they are."""
    yield "pod", table(template, "spec", "securityContext")
    for one in _containers(template):
        yield text(one, "name"), table(one, "securityContext")


def _allowed(rows: tuple[tuple[Version, frozenset[str]], ...], version: Version) -> set[str]:
    return {name for since, names in rows if since <= version for name in names}


def _host_process(template: Object, _version: Version) -> Iterator[str]:
    for _, context in _contexts(template):
        if flag(context, "windowsOptions", "hostProcess"):
            yield "hostProcess"


def _host_namespaces(template: Object, _version: Version) -> Iterator[str]:
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if flag(template, "spec", key):
            yield f"{key}=true"


def _privileged(template: Object, _version: Version) -> Iterator[str]:
    for one in _containers(template):
        if flag(one, "securityContext", "privileged"):
            yield f"privileged ({text(one, 'name')})"


def _capabilities(template: Object, _version: Version) -> Iterator[str]:
    for one in _containers(template):
        for added in texts(one, "securityContext", "capabilities", "add"):
            if added not in _CAPABILITIES:
                yield f"capability {added} ({text(one, 'name')})"


def _host_paths(template: Object, _version: Version) -> Iterator[str]:
    for volume in entries(template, "spec", "volumes"):
        if isinstance(volume.get("hostPath"), dict):
            yield f"hostPath volume {text(volume, 'name')}"


def _host_ports(template: Object, _version: Version) -> Iterator[str]:
    for one in _containers(template):
        for port in entries(one, "ports"):
            if number := whole(port, "hostPort"):
                yield f"hostPort {number}"


def _host_probes(template: Object, version: Version) -> Iterator[str]:
    if version < (1, 34):
        return
    places = [(probe,) for probe in ("livenessProbe", "readinessProbe", "startupProbe")]
    hooks = [("lifecycle", "postStart"), ("lifecycle", "preStop")]
    for one in _containers(template):
        for path in (*places, *hooks):
            for way in ("httpGet", "tcpSocket"):
                if text(one, *path, way, "host"):
                    yield f"{path[-1]} with host ({text(one, 'name')})"


def _apparmor(template: Object, _version: Version) -> Iterator[str]:
    for whose, context in _contexts(template):
        profile = table(context, "appArmorProfile")
        if profile and text(profile, "type") not in _PROFILES:
            yield f"appArmorProfile {text(profile, 'type')} ({whose})"
    for key, value in flat(template, "metadata", "annotations").items():
        fine = value in {"", "runtime/default"} or value.startswith("localhost/")
        if key.startswith(_APPARMOR) and not fine:
            yield f"appArmorProfile {value}"


def _selinux(template: Object, version: Version) -> Iterator[str]:
    allowed = _allowed(_SELINUX, version)
    for whose, context in _contexts(template):
        options = table(context, "seLinuxOptions")
        if text(options, "type") not in allowed or text(options, "user") or text(options, "role"):
            yield f"seLinuxOptions ({whose})"


def _proc_mount(template: Object, version: Version) -> Iterator[str]:
    if not (version >= (1, 35) and _own_users(template)):
        yield from _proc_mounts(template)


def _proc_mounts(template: Object) -> Iterator[str]:
    for one in _containers(template):
        mount = text(one, "securityContext", "procMount")
        if mount not in {"", "Default"}:
            yield f"procMount {mount} ({text(one, 'name')})"


def _seccomp(template: Object, version: Version) -> Iterator[str]:
    if version < (1, 19):
        return
    for whose, context in _contexts(template):
        profile = table(context, "seccompProfile")
        if profile and text(profile, "type") not in _PROFILES:
            yield f"seccompProfile {text(profile, 'type')} ({whose})"


def _sysctls(template: Object, version: Version) -> Iterator[str]:
    allowed = _allowed(_SYSCTLS, version)
    for one in entries(template, "spec", "securityContext", "sysctls"):
        if text(one, "name") not in allowed:
            yield f"sysctl {text(one, 'name')}"


def _restricted_proc_mount(template: Object, _version: Version) -> Iterator[str]:
    yield from _proc_mounts(template)


def _volume_types(template: Object, _version: Version) -> Iterator[str]:
    for volume in entries(template, "spec", "volumes"):
        kinds = {key for key, value in volume.items() if isinstance(value, dict)}
        if kinds and not kinds & _VOLUMES:
            yield f"{min(map(str, kinds))} volume {text(volume, 'name')}"


def _escalation(template: Object, version: Version) -> Iterator[str]:
    if version >= (1, 25) and _windows(template):
        return
    for one in _containers(template):
        if flag(one, "securityContext", "allowPrivilegeEscalation") is not False:
            yield f"allowPrivilegeEscalation != false ({text(one, 'name')})"


def _non_root(template: Object, version: Version) -> Iterator[str]:
    if version >= (1, 35) and _own_users(template):
        return
    pod = flag(template, "spec", "securityContext", "runAsNonRoot")
    if pod is False:
        yield "runAsNonRoot != true (pod)"
    for one in _containers(template):
        own = flag(one, "securityContext", "runAsNonRoot")
        if own is False or (own is None and pod is not True):
            yield f"runAsNonRoot != true ({text(one, 'name')})"


def _user(template: Object, version: Version) -> Iterator[str]:
    if version < (1, 23) or (version >= (1, 35) and _own_users(template)):
        return
    for whose, context in _contexts(template):
        if whole(context, "runAsUser") == 0:
            yield f"runAsUser=0 ({whose})"


def _seccomp_set(template: Object, version: Version) -> Iterator[str]:
    if version < (1, 19) or (version >= (1, 25) and _windows(template)):
        return
    pod = text(template, "spec", "securityContext", "seccompProfile", "type") in _PROFILES
    for one in _containers(template):
        if not table(one, "securityContext", "seccompProfile") and not pod:
            yield f"seccompProfile not set ({text(one, 'name')})"


def _capabilities_dropped(template: Object, version: Version) -> Iterator[str]:
    if version < (1, 22) or (version >= (1, 25) and _windows(template)):
        return
    for one in _containers(template):
        given = table(one, "securityContext", "capabilities")
        if "ALL" not in texts(given, "drop"):
            yield f"capabilities drop ALL not set ({text(one, 'name')})"
        for added in texts(given, "add"):
            if added != "NET_BIND_SERVICE" and added in _CAPABILITIES:
                yield f"capability {added} ({text(one, 'name')})"


def _windows(template: Object) -> bool:
    return text(template, "spec", "os", "name") == "windows"


def _own_users(template: Object) -> bool:
    """Whether the pod's users are not the node's (spec.hostUsers)."""
    return at(template, "spec", "hostUsers") is False


_BASELINE: tuple[Rule, ...] = (
    _host_process, _host_namespaces, _privileged, _capabilities, _host_paths, _host_ports,
    _host_probes, _apparmor, _selinux, _proc_mount, _seccomp, _sysctls,
)  # fmt: skip
_RESTRICTED: tuple[Rule, ...] = (
    _restricted_proc_mount, _volume_types, _escalation, _non_root, _user, _seccomp_set,
    _capabilities_dropped,
)  # fmt: skip
