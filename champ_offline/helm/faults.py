"""What Helm can answer instead of a result, told apart by the engine's code and Helm's own words.

Invariant: both engines translate through `fault`, so the same failure is the same error whichever
engine met it; Helm's text is a field, shortened, never part of a template.
"""

from __future__ import annotations

from champ_offline.errors import ChampError, ExitCode, Phrase, Quoted

_LONGEST = 1500


class HelmUnreachable(ChampError):
    """Helm could not talk to the Kubernetes API server."""

    id = "helm.cluster-unreachable"
    exit_code = ExitCode.PREFLIGHT
    message = "Helm cannot reach the cluster: {reason}."
    remedy = "Check the kubeconfig's server address and that the API server answers, then repeat."


class HelmForbidden(ChampError):
    """The kubeconfig's user may not do what Helm had to do."""

    id = "helm.forbidden"
    exit_code = ExitCode.PREFLIGHT
    message = "The cluster does not allow this user to work on release {release}: {reason}."
    remedy = "Use a kubeconfig whose user may change the objects of namespace {namespace}."


class ChartInvalid(ChampError):
    """The chart's archive cannot be read as a chart."""

    id = "helm.chart-invalid"
    exit_code = ExitCode.CORRUPT
    message = "The chart of release {release} cannot be read: {reason}."
    remedy = "Import the bundle that carries the app again; if it stays so, pack the app anew."


class ValuesRefused(ChampError):
    """The chart's own schema refuses the values."""

    id = "helm.values-refused"
    exit_code = ExitCode.PREFLIGHT
    message = "The chart refuses the values for release {release}: {reason}."
    remedy = "Correct the answers named above and plan again."


class RenderFailed(ChampError):
    """A template of the chart failed, or gave something that is not a Kubernetes object."""

    id = "helm.render-failed"
    exit_code = ExitCode.PREFLIGHT
    message = "The chart of release {release} cannot be rendered: {reason}."
    remedy = "Check the answers; if they are right, report this to whoever packed the app."


class ReleaseUnknown(ChampError):
    """There is no such release."""

    id = "helm.release-unknown"
    exit_code = ExitCode.NOT_FOUND
    message = "There is no release {release} in namespace {namespace}."
    remedy = "Check both names; `champ status` lists the releases."


class ReleaseNameTaken(ChampError):
    """An install met a release of the same name."""

    id = "helm.release-name-taken"
    exit_code = ExitCode.PREFLIGHT
    message = "Release {release} exists in namespace {namespace} already."
    remedy = "Plan an upgrade of it, or choose another name."


class ReleaseBusy(ChampError):
    """Another Helm works on the release, or one was killed while it did."""

    id = "helm.release-busy"
    exit_code = ExitCode.LOCKED
    message = "Another operation on release {release} in namespace {namespace} has not ended."
    remedy = "Wait for it; if nobody is at work, run `champ recover`."


class ObjectNotOurs(ChampError):
    """An object that the chart creates exists and belongs to something else."""

    id = "helm.object-not-ours"
    exit_code = ExitCode.PREFLIGHT
    message = "An object of release {release} exists already and is not part of it: {reason}."
    remedy = "Remove that object or install the app into another namespace."


class ReleaseFailed(ChampError):
    """Helm began to change the cluster and did not come to a good end."""

    id = "helm.release-failed"
    exit_code = ExitCode.NEEDS_PERSON
    message = "Helm did not finish release {release} in namespace {namespace}: {reason}."
    remedy = "See `champ status {release}` for the objects that are not well."


class FieldsHeld(ReleaseFailed):
    """Helm stopped at fields that somebody else holds."""

    id = "helm.fields-held"
    exit_code = ExitCode.NEEDS_PERSON
    message = (
        "Helm stopped changing release {release} in namespace {namespace}: others hold some of its"
        " fields ({reason})."
    )
    remedy = (
        "Plan again: the plan names who holds which fields, and they can be taken back where they"
        " are accepted."
    )


class EngineMissing(ChampError):
    """The engine itself is not there or cannot be started."""

    id = "helm.engine-missing"
    exit_code = ExitCode.PREFLIGHT
    message = "The Helm engine cannot be started: {reason}."
    remedy = "Install this program again; it carries its engine with it."


class EngineCrashed(ChampError):
    """The engine's process ended in the middle of a call."""

    id = "helm.engine-crashed"
    exit_code = ExitCode.NEEDS_PERSON
    message = "The Helm engine ended unexpectedly during “{verb}” ({status}): {last}."
    remedy = "Run the command again: what was interrupted is recovered first."


class EngineStuck(ChampError):
    """The engine did not answer long after its own time limit; its process was ended."""

    id = "helm.engine-stuck"
    exit_code = ExitCode.NEEDS_PERSON
    message = "The Helm engine did not answer “{verb}” within {seconds} seconds and was ended."
    remedy = "Check that the API server answers, then run the command again."


class EngineCancelled(ChampError):
    """Somebody asked to end the call."""

    id = "helm.cancelled"
    exit_code = ExitCode.INTERRUPTED
    message = "“{verb}” was cancelled."
    remedy = "Run the command again: what was interrupted is recovered first."


_BY_WORDS: tuple[tuple[str, type[ChampError]], ...] = (
    ("cluster unreachable", HelmUnreachable),
    ("has no deployed releases", ReleaseUnknown),
    ("release: not found", ReleaseUnknown),
    ("cannot reuse a name", ReleaseNameTaken),
    ("another operation (install/upgrade/rollback)", ReleaseBusy),
    ("cannot be imported into the current release", ObjectNotOurs),
    ("don't meet the specifications of the schema", ValuesRefused),
    (" is forbidden: User ", HelmForbidden),
    ("failed to load chart", ChartInvalid),
    ("Chart.yaml file is missing", ChartInvalid),
    ("does not appear to be a gzipped archive", ChartInvalid),
    ("chart requires kubeVersion", RenderFailed),
    ("execution error at", RenderFailed),
    ("error calling", RenderFailed),
    ("parse error", RenderFailed),
    ("unable to build kubernetes objects", RenderFailed),
    ("Apply failed with ", FieldsHeld),
)
_BY_CODE: dict[str, type[ChampError]] = {
    "CHART_LOAD": ChartInvalid,
    "CHART_INVALID": ChartInvalid,
    "VALUES": ValuesRefused,
    "RENDER": RenderFailed,
    "KUBE": HelmUnreachable,
    "NOT_FOUND": ReleaseUnknown,
}


def fault(code: str, detail: str, *, release: str, namespace: str) -> ChampError:
    """The error for an engine's `code` (empty where it has none) and Helm's own `detail`."""
    kind = _BY_CODE.get(code)
    if kind is None:
        kind = next((error for words, error in _BY_WORDS if words in detail), ReleaseFailed)
    said = Quoted(" ".join(detail.split()).rstrip(".")[:_LONGEST])
    reason = said or Phrase("no reason given")
    return kind(release=release, namespace=namespace, reason=reason)
