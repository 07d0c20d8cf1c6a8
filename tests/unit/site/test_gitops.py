"""Exports for Argo CD and Flux: whole, word for word, the same every time, and without a secret."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml

from champ_offline.helm.engine import Document, Rendered
from champ_offline.journal.audit import Audit
from champ_offline.oci.digest import Digest
from champ_offline.operations import PlanNotOurs
from champ_offline.release import seal
from champ_offline.release.plan import Plan
from champ_offline.site.gitops.application import (
    Application,
    SecretInManifest,
    SecretLeftOut,
    files,
)
from champ_offline.site.gitops.export import Export, ExportNotWritten, export
from champ_offline.site.gitops.gather import NotPlannedYet
from champ_offline.site.gitops.objects import Tool
from champ_offline.site.plan import SitePlan
from tests.unit.site.conftest import Zone
from tests.unit.site.test_applying import FOUR, many

URL = "https://git.zone/site.git"
DIGEST = Digest.of(b"a plan")


def exported(zone: Zone, plan: SitePlan, tool: Tool = Tool.ARGOCD) -> tuple[Export, Path]:
    folder = zone.folder.parent / tool.value
    return zone.sites.export(plan, tool, URL, folder), folder


def objects(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text()))


def test_every_application_has_its_manifests_word_for_word(zone: Zone) -> None:
    plan = zone.plan(FOUR)
    made, folder = exported(zone, plan)
    assert made.applications == 4
    pacs = folder / "clusters/main/apps/imaging.pacs"
    (member,) = (one for one in zone.sites.carried(plan).plans() if one.release == "pacs")
    assert member.sealed is not None
    sealed = seal.opened(zone.vault.get(member.sealed))
    texts = {
        one.text for one in (*sealed.manifests, *sealed.hooks) if "kind: Secret" not in one.text
    }
    written = {one.read_text() for one in pacs.glob("*-0*.yaml")}
    assert written == texts
    build = objects(pacs / "kustomization.yaml")[0]
    assert sorted(build["resources"]) == sorted(one.name for one in pacs.glob("*-0*.yaml"))
    assert {json.loads(one["patch"])[0]["value"] for one in build["patches"]} == {"imaging"}
    assert len(build["patches"]) == len(written)


def test_argo_cd_is_led_to_each_in_its_wave(zone: Zone) -> None:
    made, folder = exported(zone, zone.plan(FOUR))
    found = {
        one["metadata"]["name"]: one for one in objects(folder / "clusters/main/applications.yaml")
    }
    waves = {
        n: o["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"] for n, o in found.items()
    }
    assert waves == {"alone.alone": "1", "imaging.db": "1", "imaging.pacs": "2"}
    assert found["imaging.pacs"]["spec"]["source"]["path"] == "clusters/main/apps/imaging.pacs"
    assert found["imaging.pacs"]["spec"]["syncPolicy"]["automated"]["prune"] is False
    (root,) = objects(folder / "clusters/edge/root.yaml")
    assert root["spec"]["source"] == {
        "repoURL": URL,
        "targetRevision": "HEAD",
        "path": "clusters/edge",
    }
    assert [(one.cluster, one.name, one.after) for one in made.ordered] == [
        ("edge", "viewer.viewer", ("main/imaging.db", "main/imaging.pacs"))
    ]


def test_flux_is_told_what_comes_before_what(zone: Zone) -> None:
    _made, folder = exported(zone, zone.plan(FOUR), Tool.FLUX)
    found = {
        one["metadata"]["name"]: one["spec"]
        for one in objects(folder / "clusters/main/kustomizations.yaml")
    }
    assert found["imaging.pacs.before"]["dependsOn"] == [{"name": "imaging.db"}]
    assert found["imaging.pacs.before"]["path"] == "./clusters/main/apps/imaging.pacs/before"
    assert found["imaging.pacs"]["dependsOn"] == [{"name": "imaging.pacs.before"}]
    assert (found["imaging.pacs"]["prune"], found["imaging.pacs"]["force"]) == (False, False)
    assert "dependsOn" not in found["imaging.db.before"]
    spaces = [one["metadata"]["name"] for one in objects(folder / "clusters/main/namespaces.yaml")]
    assert spaces == ["alone", "imaging"]


def test_no_secret_is_in_any_file_and_each_is_listed(zone: Zone) -> None:
    plan = zone.plan(FOUR)
    made, folder = exported(zone, plan)
    passwords = {
        text
        for one in zone.sites.carried(plan).plans()
        if one.values is not None
        for text in zone.vault.inputs(one.values).secrets
    }
    assert len(passwords) >= 8
    for path in folder.rglob("*"):
        text = path.read_text() if path.is_file() else ""
        assert "kind: Secret" not in text
        assert not [one for one in passwords if one in text]
    assert made.secrets[1] == SecretLeftOut(
        "main", "alone", "alone-secret", "Opaque", ("password",)
    )
    assert len(made.secrets) == 4
    record = json.loads((folder / "champ-export.json").read_bytes())
    assert record["secrets"][0]["keys"] == ["password"]


def test_a_secret_elsewhere_than_in_a_secret_is_refused(zone: Zone) -> None:
    own = zone.folder.parent / "own.yaml"
    own.write_text("databasePassword: abcdefghijklmnop\n")
    own.chmod(0o600)
    text = many(1, ", secrets_file: own.yaml, answers: {greeting: abcdefghijklmnop}")
    with pytest.raises(SecretInManifest, match="ConfigMap app0-config of app0") as raised:
        exported(zone, zone.plan(text))
    assert "abcdefgh" not in str(raised.value)
    assert not (zone.folder.parent / "argocd").exists()


def test_the_same_plan_gives_the_same_bytes_and_digests_that_fit(zone: Zone) -> None:
    plan = zone.plan(FOUR)
    made, folder = exported(zone, plan)
    again = zone.sites.export(plan, Tool.ARGOCD, URL, folder.with_name("again"))
    assert made.files == again.files
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    sums = {line.partition("  ")[2]: line.partition("  ")[0] for line in lines}
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert sums.keys() == there - {"SHA256SUMS"}
    assert all(sha256((folder / n).read_bytes()).hexdigest() == s for n, s in sums.items())
    record = json.loads((folder / "champ-export.json").read_bytes())
    assert record["plan"] == str(plan.digest)
    assert {one["plan"] for one in record["applications"]} == {
        str(one.plan) for one in plan.members
    }
    row = Audit(zone.appliance._database, zone.appliance._clock).rows()[-1]
    detail = json.loads(row.detail)
    assert (row.act, detail["plan"]) == ("site.export", str(plan.digest))
    assert detail["sums"] == str(made.digest)


def test_what_the_plan_leaves_alone_is_exported_too_and_what_it_removes_is_not(zone: Zone) -> None:
    zone.apply(zone.plan(many(3)))
    plan = zone.plan(
        many(2, top="        prune: true\n").replace("app1: {", 'app1: {version: "2.0", ')
    )
    folder = zone.folder.parent / "argocd"
    (folder / ".git").mkdir(parents=True)
    zone.sites.export(plan, Tool.ARGOCD, URL, folder)
    apps = {path.name for path in (folder / "clusters/main/apps").iterdir()}
    assert apps == {"app0.app0", "app1.app1"}
    assert (folder / ".git").is_dir()


def test_what_an_earlier_export_wrote_goes_and_nothing_else(zone: Zone) -> None:
    _made, folder = exported(zone, zone.plan(many(2)))
    (folder / "clusters/main/README").write_text("ours")
    gone = folder / "clusters/main/apps/app1.app1/kustomization.yaml"
    assert gone.exists()
    exported(zone, zone.plan(many(1)))
    assert not gone.exists()
    assert (folder / "clusters/main/README").exists()
    outside = zone.folder.parent / "site.yaml"
    (folder / "SHA256SUMS").write_text(f"{'0' * 64}  clusters/../../site.yaml\n")
    exported(zone, zone.plan(many(1)))
    assert outside.exists()


def test_what_cannot_be_exported_is_refused(zone: Zone) -> None:
    zone.places["main"].helm.unready = {"pacs": "db"}
    with pytest.raises(NotPlannedYet, match="main/pacs"):
        exported(zone, zone.plan(FOUR))
    zone.places["main"].helm.unready = {}
    plan = zone.plan(FOUR)
    foreign = SitePlan.from_bytes(
        plan.to_bytes().replace(b'"unchanged":[]', b'"unchanged":["x/y"]')
    )
    with pytest.raises(PlanNotOurs):
        exported(zone, foreign)
    (zone.folder.parent / "file").write_text("")
    with pytest.raises(ExportNotWritten, match="file"):
        zone.sites.export(plan, Tool.FLUX, "x", zone.folder.parent / "file")


def test_the_plan_of_one_release_can_be_exported(zone: Zone) -> None:
    plan = next(one for one in zone.sites.carried(zone.plan(FOUR)).plans() if one.release == "db")
    assert isinstance(plan, Plan)
    made = zone.sites.export(plan, Tool.FLUX, "flux-system", zone.folder.parent / "one")
    assert made.applications == 1
    assert "clusters/main/apps/imaging.db/kustomization.yaml" in made.files


def documents(*texts: str) -> tuple[Document, ...]:
    return tuple(Document("x", text) for text in texts)


def app(rendered: Rendered, *secrets: str) -> Application:
    return Application(
        "main", "ns", "r", "app", "1", DIGEST, DIGEST, 1, (), (), rendered, frozenset(secrets)
    )


CRD = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: x}
spec: {group: a.example, names: {kind: KIND}, scope: SCOPE}
"""


def test_only_what_has_a_namespace_is_told_one() -> None:
    rendered = Rendered(
        manifests=documents(
            "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: a}}",
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: b.c}}",
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: d, namespace: other}}",
            "{apiVersion: a.example/v1, kind: Inner, metadata: {name: e}}",
            "{apiVersion: a.example/v1, kind: Wide, metadata: {name: f}}",
            "{apiVersion: unknown.example/v1, kind: Odd, metadata: {name: g}}",
        ),
        crds=documents(
            CRD.replace("KIND", "Inner").replace("SCOPE", "Namespaced"),
            CRD.replace("KIND", "Wide").replace("SCOPE", "Cluster"),
        ),
    )
    made = files(app(rendered), apart=False)
    build = yaml.safe_load(made.files["clusters/main/apps/ns.r/kustomization.yaml"])
    assert [(p["target"]["kind"], p["target"]["name"]) for p in build["patches"]] == [
        ("ConfigMap", r"^b\.c$"),
        ("Inner", "^e$"),
    ]


CONFIG = "{apiVersion: v1, kind: ConfigMap, metadata: {name: b}}"
HOOK = """\
apiVersion: batch/v1
kind: Job
metadata: {name: %s, annotations: {helm.sh/hook: %s}}
"""
AFTER = "post-install"


def test_hooks_of_other_events_are_left_out_and_told() -> None:
    hooks = documents(*(HOOK % one for one in (("a", "pre-upgrade"), ("b", "test"), ("c", AFTER))))
    made = files(app(Rendered((), hooks)), apart=True)
    assert made.phases == ("after", "before")
    assert [(one.name, one.hook) for one in made.hooks] == [("b", "test")]


def test_an_application_of_secrets_alone_has_no_files_and_nobody_waits_for_it() -> None:
    secret = "{apiVersion: v1, kind: Secret, metadata: {name: a}, data: {x: MTIzNDU2Nzg=}}"
    alone = app(Rendered(documents(secret)))
    other = replace(alone, release="s", needs=("ns.r",), rendered=Rendered(documents(CONFIG)))
    made = export(Tool.FLUX, "flux-system", "core", DIGEST, [alone, other])
    assert (made.applications, len(made.secrets)) == (2, 1)
    assert not [path for path in made.files if "/ns.r/" in path]
    (found,) = yaml.safe_load_all(made.files["clusters/main/kustomizations.yaml"])
    assert (found["metadata"]["name"], "dependsOn" in found["spec"]) == ("ns.s", False)


def test_a_secret_that_is_folded_or_coded_is_found() -> None:
    folded = (
        '{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {x: "corr\\x65ct-horse"}}'
    )
    with pytest.raises(SecretInManifest, match="ConfigMap a of r"):
        files(app(Rendered(documents(folded)), "correct-horse"), apart=False)
    coded = (
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {x: Y29ycmVjdC1ob3JzZQ==}}"
    )
    with pytest.raises(SecretInManifest, match="ConfigMap a of r"):
        files(app(Rendered(documents(coded)), "correct-horse"), apart=False)
