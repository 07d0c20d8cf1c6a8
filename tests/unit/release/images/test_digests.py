"""Where images stand in objects, and how they are held to digests."""

from __future__ import annotations

import pytest

from champ_offline.helm.engine import Document, Rendered
from champ_offline.oci.digest import Digest
from champ_offline.release.images.digests import ImagesMissing, find, pin

WEB, WEB_AT = "docker.io/library/web:1.27", Digest.of(b"web")
JOB, JOB_AT = "quay.io/some/job:2", Digest.of(b"job")
KNOWN = {WEB: WEB_AT, JOB: JOB_AT}


def rendered(*texts: str) -> Rendered:
    return Rendered(tuple(Document(f"t{n}.yaml", text) for n, text in enumerate(texts)))


def pinned(text: str, registry: str = "") -> str:
    return pin(rendered(text), KNOWN, registry).rendered.manifests[0].text


CRON = """\
# kept: comment
apiVersion: batch/v1
kind: CronJob
metadata: {name: c, annotations: {about: "image: web:1.27"}}
spec:
  schedule: "22:30"
  jobTemplate:
    spec:
      template:
        spec:
          initContainers:
          - {name: a, image: 'web:1.27'}
          containers:
          - name: b
            image: "quay.io/some/job:2"   # the job
            command: [run, "image: x"]
          ephemeralContainers:
          - name: d
            image: >-
              web:1.27
            stdin: true
"""


def test_every_container_of_a_cron_job_is_held_and_all_else_stays() -> None:
    text = pinned(CRON)
    assert f'''{{name: a, image: "{WEB}@{WEB_AT}"}}''' in text
    assert f'image: "{JOB}@{JOB_AT}"   # the job\n            command' in text
    assert f'image: "{WEB}@{WEB_AT}"\n            stdin: true' in text
    lines = zip(CRON.splitlines(), text.splitlines(), strict=False)
    assert [old for old, new in lines if old == new][:5] == CRON.splitlines()[:5]
    assert '"22:30"' in text


def test_used_images_are_listed_by_name() -> None:
    assert pin(rendered(CRON), KNOWN).images == {WEB: WEB_AT, JOB: JOB_AT}


def test_an_anchor_keeps_its_aliases() -> None:
    text = pinned(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n"
        "  - {name: a, image: &i web:1.27}\n  - {name: b, image: *i}\n"
    )
    assert f'image: &i "{WEB}@{WEB_AT}"' in text
    assert "image: *i" in text


def test_an_image_volume_is_an_image() -> None:
    text = pinned(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n"
        "  volumes: [{name: v, image: {reference: 'web:1.27', pullPolicy: Always}}]\n"
    )
    assert f'reference: "{WEB}@{WEB_AT}"' in text


def test_custom_resources_name_images_at_any_depth() -> None:
    custom = (
        "apiVersion: db.example/v1\nkind: Database\nmetadata: {name: d}\n"
        "spec: {parts: [{backup: {image: 'quay.io/some/job:2'}}]}\n"
    )
    assert f"{JOB}@{JOB_AT}" in pinned(custom)


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [
        ("v1", "ConfigMap"),
        ("networking.k8s.io/v1", "Ingress"),
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    ],
)
def test_what_only_is_called_image_is_left_alone(api_version: str, kind: str) -> None:
    text = f"apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: x}}\na: {{image: x.png}}\n"
    assert find(rendered(text).manifests) == []
    assert pinned(text) == text


def test_a_digest_already_there_must_be_the_bundles() -> None:
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{image: %s}]}\n"
    good = pod % f"web:1.27@{WEB_AT}"
    assert f"{WEB}@{WEB_AT}" in pinned(good)
    assert f"docker.io/library/web@{WEB_AT}" in pinned(pod % f"web@{WEB_AT}")
    with pytest.raises(ImagesMissing):
        pinned(pod % f"web:1.27@{Digest.of(b'other')}")


@pytest.mark.parametrize("image", ["web", "web:9", "Not An Image", "''", "web@sha256:12"])
def test_what_the_bundle_does_not_have_is_missing(image: str) -> None:
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{image: %s}]}\n"
    with pytest.raises(ImagesMissing) as caught:
        pinned(pod % image)
    assert caught.value.exit_code == 4
    assert caught.value.fields["count"] == 1


def test_references_can_lead_to_a_registry_and_stay_there_when_sealed_again() -> None:
    pod = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{image: web:1.27}]}\n"
    )
    text = pinned(pod, "10.1.2.3:5000")
    assert f"10.1.2.3:5000/docker.io/library/web@{WEB_AT}" in text
    assert pinned(text, "10.1.2.3:5000") == text
    assert pin(rendered(text), KNOWN, "10.1.2.3:5000").images == {WEB: WEB_AT}


def test_a_reference_that_was_led_elsewhere_before_is_led_anew() -> None:
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{image: %s}]}\n"
    before = pinned(pod % "web:1.27", "10.1.2.3:5000/champ")
    assert f"10.1.2.3:5000/champ/docker.io/library/web@{WEB_AT}" in before
    assert pinned(before, "harbor.zone/x") == before.replace("10.1.2.3:5000/champ", "harbor.zone/x")
    assert f'"{WEB}@{WEB_AT}"' in pinned(before)
    assert pin(rendered(before), KNOWN).images == {WEB: WEB_AT}


def test_only_names_that_were_pushed_are_led_to() -> None:
    """The same image under a name that no bundle brought, in capitals, or with a port."""
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{image: %s}]}\n"
    for other in (f"mirror.zone/web@{WEB_AT}", f"web:9@{WEB_AT}"):
        text = pinned(pod % other, "harbor.zone/x")
        assert f"harbor.zone/x/docker.io/library/web@{WEB_AT}" in text
        assert pinned(text, "harbor.zone/x") == text
    known = {"Odd.Zone:5000/app:1": WEB_AT}
    text = pin(rendered(pod % "Odd.Zone:5000/app:1"), known, "h:1").rendered.manifests[0].text
    assert f"h:1/odd.zone_5000/app@{WEB_AT}" in text
    assert pin(rendered(text), known).rendered.manifests[0].text == pod.replace(
        "%s", f'"Odd.Zone:5000/app:1@{WEB_AT}"'
    )
