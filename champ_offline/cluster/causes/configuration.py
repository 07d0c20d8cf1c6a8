"""What a pod is configured by and does not get: Secrets, ConfigMaps, keys in them, accounts.

Invariant: pure; names come from the words of kubelet and of the controllers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from champ_offline.cluster.causes.scene import Object, about
from champ_offline.cluster.causes.words import ConfigKeyMissing, ConfigMissing, Trouble

_KINDS = {
    "secret": "Secret",
    "configmap": "ConfigMap",
    "serviceaccount": "ServiceAccount",
    "persistentvolumeclaim": "PersistentVolumeClaim",
}
_NAME = r'"(?:[^"/]+/)?(?P<name>[^"]+)"'
_GONE = re.compile(rf"\b(?P<kind>{'|'.join(_KINDS)})s? {_NAME} not found", re.IGNORECASE)
_KEY = re.compile(
    r"couldn't find key (?P<key>\S+) in (?P<kind>Secret|ConfigMap) (?:[^/ ]+/)?(?P<name>[^ ,;]+)"
)
_MOUNTED_KEY = re.compile(
    r'volume "(?P<volume>[^"]+)".*references non-existent (?:secret|config) key: (?P<key>[^ ,;]+)'
)


def missing(item: Object, said: str) -> Trouble | None:
    """What `item` needs and does not get, by the words said of it; None where these name none."""
    if found := _KEY.search(said):
        return ConfigKeyMissing(
            **about(item), key=found["key"], what=found["kind"], wanted=found["name"]
        )
    if found := _MOUNTED_KEY.search(said):
        what, wanted = _source(item, found["volume"])
        return ConfigKeyMissing(**about(item), key=found["key"], what=what, wanted=wanted)
    if found := _GONE.search(said):
        what = _KINDS[found["kind"].lower()]
        return ConfigMissing(**about(item), what=what, wanted=found["name"])
    return None


def named(events: Iterable[Object]) -> frozenset[tuple[str, str]]:
    """The Secrets and ConfigMaps, as (kind, name), that events of mounting miss."""
    return frozenset(
        (_KINDS[found["kind"].lower()], found["name"])
        for event in events
        if event.get("reason") == "FailedMount"
        for found in _GONE.finditer(str(event.get("message", "")))
        if _KINDS[found["kind"].lower()] in {"Secret", "ConfigMap"}
    )


def _source(pod: Object, volume: str) -> tuple[str, str]:
    """The kind and name of what a pod mounts as `volume`."""
    for one in pod.get("spec", {}).get("volumes") or []:
        if one.get("name") == volume and "secret" in one:
            return "Secret", str(one["secret"].get("secretName", volume))
        if one.get("name") == volume and "configMap" in one:
            return "ConfigMap", str(one["configMap"].get("name", volume))
    return "volume", volume
