"""Why a policy does not let something happen: reasons with an id, words and what to do.

Invariant: a reason is told and stops one thing; none stands for more than one rule of the policy.
"""

from __future__ import annotations

from champ_offline.errors import ChampError, ExitCode


class Forbidden(ChampError):
    """Base of all reasons for which a policy keeps something from being done."""

    exit_code = ExitCode.APPROVAL_MISSING


class BundleNotNamed(Forbidden):
    """No pattern under `bundles` is about the bundle."""

    id = "policy.bundle-not-named"
    message = "The policy takes in no bundle called {bundle}."
    remedy = "Name it under `bundles` in the policy, or take it in with `champ import`."


class HolderMissing(Forbidden):
    """No holder that the policy names signed the bundle."""

    id = "policy.holder-missing"
    message = "Bundle {bundle} was signed by {found}, by none of the holders the policy names."
    remedy = "Ask where it comes from; name its holder under `holders`, or use `champ import`."


class AppNotNamed(Forbidden):
    """No rule is about the release."""

    id = "policy.app-not-named"
    message = "No rule of the policy is about {app} as release {release} in {namespace}."
    remedy = "Add a rule to the policy, or change the release with `champ plan` and `champ apply`."


class ClusterNotAllowed(Forbidden):
    """The rule is for other clusters."""

    id = "policy.cluster-not-named"
    message = "The policy's rule about {release} is not for the cluster {cluster}."
    remedy = "Check the kubeconfig; add the cluster under `clusters` if it is meant."


class StepNotAllowed(Forbidden):
    """The rule allows no such step between versions."""

    id = "policy.step-not-allowed"
    message = "The policy does not allow the step of {release} from {found} to {wanted} ({step})."
    remedy = "Change it with `champ plan` and `champ apply`, or allow the step under `steps`."


class InstallNotAllowed(Forbidden):
    """The rule upgrades what is there and installs nothing."""

    id = "policy.install-not-allowed"
    message = "{app} does not run here, and the policy installs nothing new of it."
    remedy = "Install it with `champ plan` and `champ apply`, or set `install: true` in its rule."


class OutsideHours(Forbidden):
    """No window of the policy is open."""

    id = "policy.outside-hours"
    message = "It is {now}; the policy lets nothing begin before {opens}."
    remedy = "Start the run again then, or let it wait with `outside: wait`."


class TimeOver(Forbidden):
    """The run began longer ago than the policy lets it begin changes."""

    id = "policy.time-over"
    message = "The run is at work for longer than the {minutes} minutes that the policy gives it."
    remedy = "Start the run again; it goes on with what is left."


class EffectNotAllowed(Forbidden):
    """A severe effect on an object that the rule does not name."""

    id = "policy.effect-not-allowed"
    message = "{object} of {release} would be {effect}, which the policy does not allow."
    remedy = "Read it with `champ plan`; apply that plan, or name the object under `allow: {key}`."


class VolumeTouched(Forbidden):
    """A claim on a volume would be changed, and the rule does not name it."""

    id = "policy.volume-touched"
    message = "The volume claim {object} of {release} would be {effect}; the policy forbids that."
    remedy = "Read it with `champ plan`; apply that plan, or name the claim under `allow: volumes`."


class WarningStops(Forbidden):
    """A warning about a plan that the rule does not go on with."""

    id = "policy.warning-stops"
    message = "A warning keeps {release} from being changed: {warning} ({object})."
    remedy = "Read it with `champ plan`; apply that plan, or name “{warning}” under `warnings`."


class CheckStops(ChampError):
    """A check found what the cluster would refuse; no policy goes on with that."""

    id = "policy.check-stops"
    exit_code = ExitCode.PREFLIGHT
    message = "A check keeps {release} from being changed: {check} ({object})."
    remedy = "Read it with `champ plan`, and see to what it names; then start the run again."


class TroubledBefore(Forbidden):
    """A warning: the release is not well before anything is changed."""

    id = "policy.troubled-before"
    message = "{release} is not healthy as it is: {cause}."
    remedy = "See `champ status {release}`; let the policy go on with this id under `warnings`."


class Stopped(Forbidden):
    """Something failed before, and the policy says `failed: stop`."""

    id = "policy.stopped"
    message = "{failed} failed before, and the policy then begins nothing more."
    remedy = "See to what failed, then start the run again."


class TroubledAfter(ChampError):
    """The release does not do well after it was changed, or after a run that changed nothing."""

    id = "policy.troubled-after"
    exit_code = ExitCode.NEEDS_PERSON
    message = "{release} has version {version} and is not healthy: {cause}."
    remedy = "See `champ status {release}`; `champ rollback {release}` goes back."
