"""What every HelmEngine must do. Subclasses give `engine`, `cluster` and a fresh `namespace`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from champ_offline.cluster.interface import Cluster
from champ_offline.errors import ChampError
from champ_offline.helm import faults, manifests
from champ_offline.helm.engine import Capabilities, HelmEngine, Options, Rendered
from champ_offline.release.seal import seal
from tests.simulators.charts import HOOK, NOWHERE, SAMPLE, chart, small

NAME = "contract"
QUICK = Options(timeout=4)
PLAIN = {name: text for name, text in SAMPLE.items() if not name.startswith("crds/")}
KNOWN = Capabilities("v1.35.4", ("v1", "apps/v1", "apps/v1/Deployment"))
SALT = "0123456789abcdef"


def render(engine: HelmEngine, data: bytes, namespace: str) -> Rendered:
    """The chart rendered with values that differ from its defaults."""
    given = {"greeting": "good-day", "password": "pass-word"}
    return engine.render(data, NAME, namespace, given, upgrade=False, capabilities=KNOWN)


def kinds(rendered: Rendered) -> dict[str, list[str]]:
    """Kinds of each part."""
    parts = {
        "manifests": rendered.manifests,
        "hooks": rendered.hooks,
        "crds": rendered.crds,
    }
    return {
        part: sorted(str(manifests.load(one.text, one.source)["kind"]) for one in documents)
        for part, documents in parts.items()
    }


class HelmEngineContract:
    """The suite."""

    def test_an_unknown_release_is_nothing(self, engine: HelmEngine, namespace: str) -> None:
        assert engine.status("nobody", namespace) is None
        assert engine.history("nobody", namespace) == ()
        with pytest.raises(faults.ReleaseUnknown):
            engine.values("nobody", namespace)
        with pytest.raises(faults.ReleaseUnknown):
            engine.uninstall("nobody", namespace, QUICK)
        with pytest.raises(faults.ReleaseUnknown):
            engine.upgrade(small(), "nobody", namespace, {}, QUICK)

    def test_render_tells_the_parts_apart_and_writes_nothing(
        self, engine: HelmEngine, cluster: Cluster, namespace: str
    ) -> None:
        rendered = render(engine, chart(), namespace)
        assert kinds(rendered) == {
            "manifests": ["ConfigMap", "Deployment", "Secret"],
            "hooks": ["ConfigMap"],
            "crds": ["CustomResourceDefinition"],
        }
        assert rendered.notes == f"Thanks for {NAME}.\n"
        assert engine.status(NAME, namespace) is None
        assert cluster.get("v1", "ConfigMap", namespace, f"{NAME}-config") is None

    def test_rendered_text_comes_as_the_template_gave_it(
        self, engine: HelmEngine, namespace: str
    ) -> None:
        rendered = render(engine, small(), namespace)
        [config] = [one for one in rendered.manifests if f"name: {NAME}-config" in one.text]
        assert "greeting: good-day\n" in config.text
        assert "template: '{{ .Values.untouched }}'\n" in config.text
        assert "    ---\n      two\n    # three\n" in config.text

    def test_install_records_what_was_given(self, engine: HelmEngine, namespace: str) -> None:
        made = engine.install(small(), NAME, namespace, {"greeting": "moin"}, QUICK)
        assert (made.status, made.revision, made.app_version) == ("deployed", 1, "1.0")
        found = engine.status(NAME, namespace)
        assert found is not None
        assert (found.chart, found.chart_version) == ("sample", "0.1.0")
        assert "greeting: moin" in found.manifest
        assert engine.values(NAME, namespace) == {"greeting": "moin"}
        assert [one.revision for one in engine.history(NAME, namespace)] == [1]
        assert [one.name for one in engine.releases(namespace)] == [NAME]
        assert (NAME, namespace) in [(one.name, one.namespace) for one in engine.releases()]

    def test_a_name_is_installed_once(self, engine: HelmEngine, namespace: str) -> None:
        engine.install(small(), NAME, namespace, {}, QUICK)
        with pytest.raises(faults.ReleaseNameTaken):
            engine.install(small(), NAME, namespace, {}, QUICK)

    def test_hooks_run_and_stay_out_of_the_release(
        self, engine: HelmEngine, cluster: Cluster, namespace: str
    ) -> None:
        engine.install(small(), NAME, namespace, {}, QUICK)
        found = engine.status(NAME, namespace)
        assert found is not None
        assert f"{NAME}-hook" not in found.manifest
        assert cluster.get("v1", "ConfigMap", namespace, f"{NAME}-hook") is not None

    def test_hooks_can_be_left_out(
        self, engine: HelmEngine, cluster: Cluster, namespace: str
    ) -> None:
        hook = HOOK.replace("pre-upgrade", "pre-upgrade,pre-rollback,pre-delete")
        hooked = chart({**PLAIN, "templates/hook.yaml": hook})
        where = ("v1", "ConfigMap", namespace, f"{NAME}-hook")
        without = replace(QUICK, hooks=False)
        engine.install(hooked, NAME, namespace, {}, without)
        engine.upgrade(hooked, NAME, namespace, {"greeting": "moin"}, without)
        engine.rollback(NAME, namespace, 1, without)
        assert cluster.get(*where) is None
        engine.rollback(NAME, namespace, 2, QUICK)
        assert cluster.get(*where) is not None
        engine.uninstall(NAME, namespace, without)
        assert engine.status(NAME, namespace) is None

    def test_upgrade_uses_exactly_the_values_given(
        self, engine: HelmEngine, cluster: Cluster, namespace: str
    ) -> None:
        engine.install(small(), NAME, namespace, {"greeting": "moin"}, QUICK)
        made = engine.upgrade(small(), NAME, namespace, {}, QUICK)
        assert (made.status, made.revision) == ("deployed", 2)
        assert engine.values(NAME, namespace) == {}
        live = cluster.get("v1", "ConfigMap", namespace, f"{NAME}-config")
        assert live is not None
        assert live["data"]["greeting"] == "hello"
        statuses = [one.status for one in engine.history(NAME, namespace)]
        assert statuses == ["superseded", "deployed"]

    def test_an_object_that_left_the_chart_is_deleted(
        self, engine: HelmEngine, cluster: Cluster, namespace: str
    ) -> None:
        engine.install(small(), NAME, namespace, {}, QUICK)
        fewer = {name: text for name, text in PLAIN.items() if name != "templates/work.yaml"}
        engine.upgrade(chart(fewer), NAME, namespace, {}, QUICK)
        assert cluster.get("apps/v1", "Deployment", namespace, f"{NAME}-work") is None

    def test_a_failed_upgrade_is_put_back(
        self, engine: HelmEngine, cluster: Cluster, namespace: str
    ) -> None:
        engine.install(small(), NAME, namespace, {"greeting": "moin"}, QUICK)
        before = engine.status(NAME, namespace)
        broken = {"greeting": "oh", "replicas": 1, "image": NOWHERE}
        with pytest.raises(faults.ReleaseFailed):
            engine.upgrade(small(), NAME, namespace, broken, QUICK)
        after = engine.status(NAME, namespace)
        assert before is not None
        assert after is not None
        assert (after.status, after.revision) == ("deployed", 3)
        assert after.manifest == before.manifest
        live = cluster.get("v1", "ConfigMap", namespace, f"{NAME}-config")
        assert live is not None
        assert live["data"]["greeting"] == "moin"

    def test_a_failed_install_leaves_nothing(
        self, engine: HelmEngine, cluster: Cluster, namespace: str
    ) -> None:
        with pytest.raises(faults.ReleaseFailed):
            engine.install(small(), NAME, namespace, {"replicas": 1, "image": NOWHERE}, QUICK)
        assert engine.status(NAME, namespace) is None
        assert cluster.get("v1", "ConfigMap", namespace, f"{NAME}-config") is None

    def test_what_should_not_be_put_back_stays_for_a_look(
        self, engine: HelmEngine, namespace: str
    ) -> None:
        left = Options(timeout=4, rollback_on_failure=False)
        with pytest.raises(faults.ReleaseFailed):
            engine.install(small(), NAME, namespace, {"replicas": 1, "image": NOWHERE}, left)
        found = engine.status(NAME, namespace)
        assert found is not None
        assert found.status == "failed"

    def test_cancel_ends_the_call_and_rollback_leaves_that_state(
        self, engine: HelmEngine, namespace: str
    ) -> None:
        engine.install(small(), NAME, namespace, {}, QUICK)
        error = _cancelled_upgrade(engine, namespace)
        assert isinstance(error, faults.EngineCancelled)
        stuck = engine.status(NAME, namespace)
        assert stuck is not None
        assert stuck.status == "pending-upgrade"
        with pytest.raises(faults.ReleaseBusy):
            engine.upgrade(small(), NAME, namespace, {}, QUICK)
        engine.rollback(NAME, namespace, 1, QUICK)
        after = engine.status(NAME, namespace)
        assert after is not None
        assert (after.status, after.revision) == ("deployed", 3)

    def test_uninstall_removes_once(
        self, engine: HelmEngine, cluster: Cluster, namespace: str
    ) -> None:
        engine.install(small(), NAME, namespace, {}, QUICK)
        engine.uninstall(NAME, namespace, QUICK)
        assert engine.status(NAME, namespace) is None
        assert cluster.get("apps/v1", "Deployment", namespace, f"{NAME}-work") is None
        with pytest.raises(faults.ReleaseUnknown):
            engine.uninstall(NAME, namespace, QUICK)

    def test_the_schema_refuses_values(self, engine: HelmEngine, namespace: str) -> None:
        wrong = {"greeting": 7}
        with pytest.raises(faults.ValuesRefused):
            engine.render(small(), NAME, namespace, wrong, upgrade=False, capabilities=KNOWN)
        with pytest.raises(faults.ValuesRefused):
            engine.check(small(), NAME, namespace, wrong, upgrade=False)

    def test_a_template_may_fail(self, engine: HelmEngine, namespace: str) -> None:
        failing = chart(dict(SAMPLE), templates_config='{{ fail "say which" }}')
        with pytest.raises(faults.RenderFailed, match="say which"):
            render(engine, failing, namespace)

    def test_garbage_is_no_chart(self, engine: HelmEngine, namespace: str) -> None:
        with pytest.raises(faults.ChartInvalid):
            render(engine, b"not a chart at all", namespace)

    def test_check_knows_the_clusters_kinds(self, engine: HelmEngine, namespace: str) -> None:
        strange = small_with("apiVersion: nowhere.example/v9\nkind: Nothing\nmetadata: {name: x}\n")
        with pytest.raises(faults.RenderFailed):
            engine.check(strange, NAME, namespace, {}, upgrade=False)

    def test_check_sees_objects_of_others(self, engine: HelmEngine, namespace: str) -> None:
        fixed = small_with("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: fixed}\n")
        engine.install(fixed, "first", namespace, {}, QUICK)
        with pytest.raises(faults.ObjectNotOurs):
            engine.check(fixed, NAME, namespace, {}, upgrade=False)

    def test_an_unknown_namespace_fails_the_install(self, engine: HelmEngine) -> None:
        with pytest.raises(faults.ReleaseFailed):
            engine.install(small(), NAME, "champ-not-there", {}, QUICK)

    def test_sealing_what_a_sealed_chart_renders_gives_it_again(
        self, engine: HelmEngine, namespace: str
    ) -> None:
        first = render(engine, chart(), namespace)
        sealed = seal(chart(), first, SALT)
        second = render(engine, sealed, namespace)
        assert [one.text for one in second.manifests] == [one.text for one in first.manifests]
        assert [one.text for one in second.hooks] == [one.text for one in first.hooks]
        assert [one.text for one in second.crds] == [one.text for one in first.crds]
        assert second.notes == first.notes
        assert seal(sealed, second, SALT) == sealed

    def test_a_sealed_chart_applies_what_it_holds(
        self, engine: HelmEngine, cluster: Cluster, namespace: str
    ) -> None:
        sealed = seal(chart(), render(engine, chart(), namespace), SALT)
        engine.install(sealed, NAME, namespace, {"greeting": "good-day"}, QUICK)
        live = cluster.get("v1", "ConfigMap", namespace, f"{NAME}-config")
        assert live is not None
        assert live["data"] == {
            "greeting": "good-day",
            "template": "{{ .Values.untouched }}",
            "multi": "---\n  two\n# three\n",
        }
        assert cluster.get("v1", "ConfigMap", namespace, f"{NAME}-hook") is not None
        assert cluster.get(
            "apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "samples.champ.example"
        )
        assert engine.values(NAME, namespace) == {"greeting": "good-day"}


def small_with(template: str) -> bytes:
    """A chart of one object."""
    files = {"Chart.yaml": SAMPLE["Chart.yaml"], "templates/only.yaml": template}
    return chart(files)


def _cancelled_upgrade(engine: HelmEngine, namespace: str) -> ChampError | None:
    """What an upgrade that would wait for long raises when it is cancelled."""
    caught: list[ChampError] = []
    broken = {"replicas": 1, "image": NOWHERE}
    waiting = Options(timeout=60)

    def upgrade() -> None:
        try:
            engine.upgrade(small(), NAME, namespace, broken, waiting)
        except ChampError as error:
            caught.append(error)

    thread = threading.Thread(target=upgrade)
    thread.start()
    time.sleep(2.0)
    engine.cancel()
    thread.join(timeout=30)
    return caught[0] if caught else None


def eventually(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Whether the condition comes true in time: real clusters do not act at once."""
    deadline = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return met
