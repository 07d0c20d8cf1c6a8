"""Images in whole objects, embedded documents and parts, on objects as real operators have them."""

from __future__ import annotations

import base64
import json
import textwrap

import pytest

from champ_offline.helm.engine import Document
from champ_offline.helm.manifests import NotAnObject
from champ_offline.release.images.mentions import Mention, mentions

LOCKED = frozenset({"docker.io/library/nginx"})


def told(text: str) -> dict[str, str]:
    """Path -> reference, "!" before what a plan holds."""
    found = mentions(Document("t.yaml", textwrap.dedent(text)), LOCKED)
    return {one.path: ("!" if one.held else "") + one.reference for one in found}


def test_env_args_and_containers_of_a_deployment() -> None:
    assert told("""\
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: operator}
        spec:
          template:
            spec:
              initContainers: [{name: i, image: alpine}]
              containers:
              - name: op
                image: quay.io/op/op:v1
                args: [--listen=:8080, --worker-image, worker:stable, "--x-image=a/b:1"]
                env:
                - {name: RELATED_IMAGE_BACKUP, value: org/backup}
                - {name: ENDPOINT, value: "redis:6379"}
              volumes: [{name: v, image: {reference: quay.io/data/set:1}}]
        """) == {
        "spec.template.spec.initContainers[0].image": "!alpine",
        "spec.template.spec.containers[0].image": "!quay.io/op/op:v1",
        "spec.template.spec.containers[0].args[2]": "worker:stable",
        "spec.template.spec.containers[0].args[3]": "a/b:1",
        "spec.template.spec.containers[0].env[0].value": "org/backup",
        "spec.template.spec.volumes[0].image.reference": "!quay.io/data/set:1",
    }


def config_map(key: str, text: str) -> str:
    item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {key: text}}
    return json.dumps(item)


def test_a_pod_template_in_a_config_map() -> None:
    pod = """\
# image: quay.io/commented/out:1
spec:
  containers:
  - {name: step, image: alpine}
  volumes: [{image: {reference: files}}]
---
kind: Second
steps: [{image: "gcr.io/tekton/git-init:v0.40"}]
"""
    assert told(config_map("pod.yaml", pod)) == {
        "data.pod.yaml » [0].spec.containers[0].image": "alpine",
        "data.pod.yaml » [0].spec.volumes[0].image.reference": "files",
        "data.pod.yaml » [1].steps[0].image": "gcr.io/tekton/git-init:v0.40",
    }


def test_json_in_yaml_in_a_config_map_is_followed() -> None:
    inner = json.dumps({"executor": {"image": "argoproj/argoexec:v3.5"}}, indent="\t")
    outer = json.dumps({"settings": inner})
    assert told(config_map("config", outer)) == {
        "data.config » settings » executor.image": "argoproj/argoexec:v3.5"
    }


def test_settings_that_are_no_yaml() -> None:
    xml = "<a>\n<image>jenkins/inbound-agent:jdk17</image>\n<url>http://x:8080/</url></a>"
    assert told(config_map("config.xml", xml)) == {"data.config.xml": "jenkins/inbound-agent:jdk17"}
    template = "{{ if .x }}\n  image: {{ .hub }}/proxy\n  init: quay.io/i/init:1\n{{ end }}"
    assert told(config_map("inject", template)) == {"data.inject": "quay.io/i/init:1"}


def test_hub_and_tag_of_a_mesh() -> None:
    values = {
        "global": {
            "hub": "docker.io/istio",
            "tag": "1.20.0",
            "proxy": {"image": "proxyv2"},
            "proxy_init": {"image": "proxyv2", "tag": "1.19.0"},
        }
    }
    assert told(config_map("values", json.dumps(values))) == {
        "data.values » global.proxy.image": "docker.io/istio/proxyv2:1.20.0",
        "data.values » global.proxy_init.image": "docker.io/istio/proxyv2:1.19.0",
    }


def test_a_helper_named_by_its_key_alone() -> None:
    text = config_map("image", "velero/velero-restic-restore-helper:v1.9.0")
    assert told(text) == {"data.image": "velero/velero-restic-restore-helper:v1.9.0"}


def test_custom_resources_in_one_piece_and_in_parts() -> None:
    assert told("""\
        apiVersion: monitoring.coreos.com/v1
        kind: Prometheus
        metadata: {name: p}
        spec:
          image: quay.io/prometheus/prometheus:v2.50
          version: v2.50
          baseImage: quay.io/base/it
          sidecar: {image: quay.io/split/it, tag: "1.20"}
          other: {repository: org/app, tag: "1.0", registry: ghcr.io}
          digest: {image: {repository: quay.io/by/digest}}
          chart: {repository: "https://charts.example/x", tag: v1}
          empty: {image: null, x: {image: }}
        """) == {
        "spec.image": "!quay.io/prometheus/prometheus:v2.50",
        "spec.baseImage": "quay.io/base/it",
        "spec.sidecar.image": "quay.io/split/it:1.20",
        "spec.other.repository": "ghcr.io/org/app:1.0",
        "spec.digest.image.repository": "quay.io/by/digest",
    }


def test_an_image_beside_a_tag_in_a_container_is_still_held() -> None:
    found = told("""\
        apiVersion: v1
        kind: Pod
        metadata: {name: p}
        spec: {containers: [{image: web, tag: "1"}]}
        """)
    assert found["spec.containers[0].image"] == "!web"


def test_a_definition_speaks_only_by_its_defaults() -> None:
    assert told("""\
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        metadata: {name: d}
        spec:
          versions:
          - schema:
              openAPIV3Schema:
                description: for example quay.io/described/only:1
                properties:
                  image: {type: string, default: busybox:stable, example: "quay.io/e/e:1"}
                  port: {default: "redis:6379"}
        """) == {
        "spec.versions[0].schema.openAPIV3Schema.properties.image.default": "busybox:stable"
    }


def test_secrets_are_looked_into() -> None:
    data = base64.b64encode(b"image: quay.io/s/s:1\n").decode()
    binary = base64.b64encode(bytes(range(256))).decode()
    text = json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "s"},
            "data": {"c": data, "b": binary, "n": "not base64!"},
            "stringData": {"d": "quay.io/t/t:1"},
        }
    )
    assert told(text) == {"data.c » image": "quay.io/s/s:1", "stringData.d": "quay.io/t/t:1"}


def test_annotations_and_keys_count() -> None:
    assert told("""\
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: a, annotations: {sidecar.istio.io/proxyImage: "docker.io/istio/p:1"}}
        data:
          map: '{"quay.io/as/key:1": true}'
        """) == {
        "metadata.annotations.sidecar.istio.io/proxyImage": "docker.io/istio/p:1",
        "data.map » quay.io/as/key:1": "quay.io/as/key:1",
    }


def test_a_bomb_of_aliases_is_read_once() -> None:
    levels = ["a0: &a0 [quay.io/x/x:1]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    text = config_map("bomb", "\n".join(levels))
    assert told(text) == {"data.bomb » a0[0]": "quay.io/x/x:1"}


@pytest.mark.parametrize("text", ["- a\n", "a: b\n", "a: [\n"])
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(NotAnObject):
        mentions(Document("t.yaml", text), LOCKED)


def test_mentions_are_sorted_values() -> None:
    text = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {b: q.io/b:1, a: q.io/a:1}\n"
    )
    assert mentions(Document("t", text), LOCKED) == (
        Mention("ConfigMap", "c", "data.a", "q.io/a:1"),
        Mention("ConfigMap", "c", "data.b", "q.io/b:1"),
    )
