"""The Helm SDK: the only module that imports `helm_python`, and it runs in the child process.

Invariant: arguments and results are plain JSON values, and every exception of the SDK leaves here
as an `SdkFault` with the SDK's code and Helm's own words.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any, TypeAlias

# The public Config.render has no place for kube_version and api_versions, which the native function
# takes; without them templates would see the SDK's own defaults instead of the cluster. Nor have
# the verbs that change something a place for disable_hooks and force_conflicts.
from helm_python import Chart, Config, HelmError, _native
from helm_python.errors import ErrorCode

Arguments: TypeAlias = dict[str, Any]

# Helm would read the server's whole description (a second of processor time for each four calls)
# only to find that the server itself checks fields strictly, as all do that this product works with
# (Kubernetes 1.27 and later); whatever is applied is sent for strict checking all the same. The
# methods of Config have no place for this.
_ALWAYS = {"disable_openapi_validation": True}
# Each holds what it learnt of the cluster, some megabytes; a release is worked on in one go.
_CONFIGS = 2


class SdkFault(Exception):
    """What the SDK raised: `code` as named in helm_c.h without its prefix, and the detail."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class Session:
    """The verbs of HelmEngine on one kubeconfig file; configs of the last namespaces are kept."""

    def __init__(self, kubeconfig: str) -> None:
        self._kubeconfig = kubeconfig
        self._configs: dict[str, Config] = {}
        self._verbs: dict[str, Callable[[Arguments], Any]] = {
            "expand": self._expand,
            "render": self._render,
            "check": self._check,
            "install": self._install,
            "upgrade": self._upgrade,
            "rollback": self._rollback,
            "uninstall": self._uninstall,
            "history": self._history,
            "status": self._status,
            "values": self._values,
            "releases": self._releases,
        }

    def call(self, verb: str, arguments: Arguments) -> Any:  # noqa: ANN401 (a JSON value)
        """Run one verb; raises SdkFault."""
        try:
            return self._verbs[verb](arguments)
        except HelmError as error:
            code = "" if error.code is None else ErrorCode(error.code).name
            raise SdkFault(code, str(error)) from error

    def close(self) -> None:
        """Free the SDK's handles."""
        while self._configs:
            self._configs.popitem()[1].close()

    def _config(self, namespace: str) -> Config:
        if namespace not in self._configs:
            while len(self._configs) >= _CONFIGS:
                self._configs.pop(next(iter(self._configs))).close()
            self._configs[namespace] = Config(
                kubeconfig_path=self._kubeconfig, namespace=namespace, storage_driver="secret"
            )
        return self._configs[namespace]

    def _render(self, given: Arguments) -> Arguments:
        config = self._config(given["namespace"])
        with _chart(given) as chart:
            options = {
                "name": given["release"],
                "namespace": given["namespace"],
                "revision": given["revision"],
                "is_install": not given["upgrade"],
                "is_upgrade": given["upgrade"],
                "kube_version": given["kube_version"],
                "api_versions": given["api_versions"],
            }
            files = _native.call_string(
                "helm_render_with_config",
                config._raw(),  # noqa: SLF001
                chart._raw(),  # noqa: SLF001
                json.dumps(given["values"]),
                json.dumps(options),
            )
            return _files(chart, files)

    def _expand(self, given: Arguments) -> Arguments:
        """Render without any cluster; lookups find nothing."""
        options = {
            "name": given["release"],
            "namespace": given["namespace"],
            "revision": 2 if given["upgrade"] else 1,
            "is_install": not given["upgrade"],
            "is_upgrade": given["upgrade"],
            "api_versions": given["api_versions"],
        }
        if given["kube_version"]:
            options["kube_version"] = given["kube_version"]
        with _chart(given) as chart:
            files = _native.call_string(
                "helm_render",
                chart._raw(),  # noqa: SLF001
                json.dumps(given["values"]),
                json.dumps(options),
            )
            return _files(chart, files)

    def _check(self, given: Arguments) -> None:
        self._change(given, {"dry_run": "server"}, upgrade=given["upgrade"])

    def _install(self, given: Arguments) -> Arguments:
        return self._change(given, _applying(given), upgrade=False)

    def _upgrade(self, given: Arguments) -> Arguments:
        return self._change(given, _applying(given), upgrade=True)

    def _change(self, given: Arguments, options: Arguments, *, upgrade: bool) -> Arguments:
        """Install or upgrade with more options, which are named as the library names them."""
        config = self._config(given["namespace"])
        with _chart(given) as chart:
            done = _native.call_string(
                "helm_upgrade" if upgrade else "helm_install",
                config._raw(),  # noqa: SLF001
                _native.HANDLE(0),  # no context: a call is ended by ending this process
                chart._raw(),  # noqa: SLF001
                None,
                given["release"],
                json.dumps(given["values"]),
                json.dumps({**options, **_ALWAYS, **({"reset_values": True} if upgrade else {})}),
            )
        found: Arguments = json.loads(done)
        return found

    def _rollback(self, given: Arguments) -> None:
        how = {"version": given["revision"], "force_conflicts": given["force"]}
        config, told = self._config(given["namespace"]), json.dumps({**_waiting(given), **how})
        _native.call_status("helm_rollback", config._raw(), given["release"], told)  # noqa: SLF001

    def _uninstall(self, given: Arguments) -> None:
        config, told = self._config(given["namespace"]), json.dumps(_waiting(given))
        _native.call_string("helm_uninstall", config._raw(), given["release"], told)  # noqa: SLF001

    def _history(self, given: Arguments) -> list[Arguments]:
        return self._config(given["namespace"]).history(given["release"])

    def _status(self, given: Arguments) -> Arguments:
        """The stored release: what `helm status` adds is a look at each object and its pods."""
        found = self._config(given["namespace"]).get_all(given["release"])
        summary: Arguments = found["summary"]
        return summary

    def _values(self, given: Arguments) -> Arguments:
        return self._config(given["namespace"]).get_values(given["release"])

    def _releases(self, given: Arguments) -> list[Arguments]:
        config = self._config(given["namespace"] or "default")
        return config.list(all_states=True, all_namespaces=not given["namespace"], limit=0)


def _chart(given: Arguments) -> Chart:
    return Chart.load_archive(base64.b64decode(given["chart"]))


def _files(chart: Chart, rendered: str) -> Arguments:
    crds = {item["filename"]: item["data"] for item in chart.crds}
    return {"files": json.loads(rendered), "crds": crds, "chart": chart.name}


def _applying(given: Arguments) -> Arguments:
    return {
        **_waiting(given),
        "rollback_on_failure": given["rollback_on_failure"],
        "description": given["description"],
        "force_conflicts": given["force"],
    }


def _waiting(given: Arguments) -> Arguments:
    return {
        "timeout_seconds": given["timeout"],
        "wait": given["wait"],
        "disable_hooks": not given["hooks"],
    }
