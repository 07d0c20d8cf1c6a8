"""An app rendered without a cluster, as if it were installed with its defaults.

Invariant: nothing is written and no cluster is asked; what is rendered is what packing has proven
complete, with the first answers that suffice: the form's defaults, else documented ones.
"""

from __future__ import annotations

from champ_offline.catalog.entry import AppEntry
from champ_offline.catalog.index import Catalog
from champ_offline.errors import ChampError, ExitCode
from champ_offline.helm.engine import Capabilities
from champ_offline.oci import media_types
from champ_offline.oci.manifest import Manifest
from champ_offline.oci.strict_json import NotStrict, parse
from champ_offline.particulars.asks import Asks, asks
from champ_offline.preflight.change import Planned
from champ_offline.release.actions import HOOKS_OF
from champ_offline.release.images.subject import known_answers, release_name, values_of
from champ_offline.release.objects import items
from champ_offline.release.prospect import placed
from champ_offline.store.blobs import BlobStore


class AsksUntold(ChampError):
    """An app has answers for everything neither by default nor documented ones."""

    id = "particulars.asks-untold"
    exit_code = ExitCode.PREFLIGHT
    message = (
        "What {app} {version} asks of a cluster depends on answers that somebody has to give"
        " ({problem})."
    )
    remedy = "The plan tells it once the form is filled in."


def asked(catalog: Catalog, entry: AppEntry, blobs: BlobStore) -> Asks:
    """What the app asks of a cluster.

    Raises AsksUntold, and the errors of forms, values, charts and rendering.
    """
    # Imported here: a list of apps needs no Helm.
    from champ_offline.helm.remote import OfflineRenderer

    form = catalog.form(entry)
    found = next(known_answers(entry, form, blobs), None)
    if found is None:
        problem = form.problems(form.complete({}, None, "x".__mul__))[0]
        raise AsksUntold(app=entry.name, version=entry.version, problem=problem)
    name, answers = found
    values = values_of(entry, catalog.file(entry, entry.values), name, answers)
    release = release_name(entry.name)
    with OfflineRenderer() as renderer:
        rendered = renderer.render(
            catalog.chart(entry),
            release,
            release,
            values,
            upgrade=False,
            capabilities=Capabilities(""),
        )
    hooks = [one for one in items(rendered.hooks, release) if HOOKS_OF[False] & {*one.hook}]
    made = Planned(
        release=release,
        namespace=release,
        upgrade=False,
        objects=placed(items(rendered.manifests, release)),
        hooks=placed(hooks),
        definitions=placed(items(rendered.crds, release)),
    )
    return asks(made, name, _condition(entry, blobs))


def _condition(entry: AppEntry, blobs: BlobStore) -> str:
    """The chart's own condition on versions of Kubernetes; empty where it has none."""
    config = Manifest.from_bytes(blobs.read(entry.chart.digest)).config
    if config is None or config.media_type != media_types.HELM_CONFIG:
        return ""
    try:
        metadata = parse(blobs.read(config.digest))
    except NotStrict:
        return ""
    found = metadata.get("kubeVersion") if isinstance(metadata, dict) else None
    return found if isinstance(found, str) else ""
