"""The causes that are known by name: what is in the way, of what, and what to do about it.

Invariant: values for people and programs, like every other error's texts; they are told and never
raised. What the cluster, a registry or a container said is a field.
"""

from __future__ import annotations

from typing import Self

from champ_offline.errors import ChampError, ExitCode

# What `said` holds where a container said nothing, or its log is not to be had.
SILENT = "-"
_LONGEST = 500


class Trouble(ChampError):
    """Base of the causes; `kind` and `name` are the object's."""

    exit_code = ExitCode.PUT_BACK

    def quiet(self) -> Self:
        """The same without what the app itself said, which may be about patients."""
        return type(self)(**{**self.fields, **dict.fromkeys(self._spoken, SILENT)})

    @property
    def _spoken(self) -> tuple[str, ...]:
        return ("said",) if "said" in self.fields else ()


def quiet(error: ChampError) -> str:
    """The sentence of a cause, for records that are kept: without what the app said, bounded.

    Empty for an error that is no cause: its words are somebody else's.
    """
    return str(error.quiet())[:_LONGEST] if isinstance(error, Trouble) else ""


class ImageNotFound(Trouble):
    """The registry has no such image."""

    id = "cause.image-not-found"
    message = "{kind} {name}: the registry that the node asks has no image {image}."
    remedy = (
        "See with `champ registry doctor` on the node which registry it asks, and with `champ"
        " doctor` whether the zone's store is whole."
    )


class ImagePullDenied(Trouble):
    """The registry does not give the image to the node."""

    id = "cause.image-pull-denied"
    message = "{kind} {name}: the registry refuses the image {image} to the node: {reason}."
    remedy = "Let nodes read the registry (docs/nodes.md), or give the app a pull secret."


class RegistryUnreachable(Trouble):
    """The node does not reach the registry."""

    id = "cause.registry-unreachable"
    message = "{kind} {name}: the node does not reach the registry for {image}: {reason}."
    remedy = "Start the registry, or open the way from the nodes to it (`champ registry doctor`)."


class RegistryCertificate(Trouble):
    """The node does not accept the registry's certificate."""

    id = "cause.registry-certificate"
    message = "{kind} {name}: the node refuses the registry's certificate for {image}: {reason}."
    remedy = (
        "Compare the node's clock; restart the registry, which renews its certificate; let the node"
        " trust the zone's authority with `champ node trust`."
    )


class ImageUnusable(Trouble):
    """The image is there and is no image for this node, or its name is none."""

    id = "cause.image-unusable"
    message = "{kind} {name}: the node cannot use the image {image}: {reason}."
    remedy = "Have the app packed anew with an image for the nodes' architecture."


class ImageNotPulled(Trouble):
    """The image cannot be had, for a reason of another kind."""

    id = "cause.image-not-pulled"
    message = "{kind} {name}: the image {image} cannot be pulled: {reason}."
    remedy = "See the log of the registry and that of the node's container runtime."


class CrashLoop(Trouble):
    """A container ends again and again."""

    id = "cause.crash-loop"
    message = (
        "{kind} {name}: container {container} ended with exit code {code}, restarts: {restarts};"
        " its last words: {said}."
    )
    remedy = "Read its log above and correct the answers, or what the app needs to start."


class OutOfMemory(Trouble):
    """A container needed more memory than it may have."""

    id = "cause.out-of-memory"
    message = (
        "{kind} {name}: container {container} needed more memory than its limit of {limit} and was"
        " ended, restarts: {restarts}."
    )
    remedy = "Raise the app's memory limit in its answers."


class StartRefused(Trouble):
    """The node's runtime cannot start a container."""

    id = "cause.start-refused"
    message = "{kind} {name}: container {container} cannot be started: {reason}."
    remedy = "Have the app corrected by whoever packed it; see the node's log for more."


class ConfigMissing(Trouble):
    """Something that a pod is configured by is not there."""

    id = "cause.config-missing"
    message = "{kind} {name} needs the {what} {wanted}, which is not there."
    remedy = "Make it in this namespace, or correct the answer that names it."


class ConfigKeyMissing(Trouble):
    """A Secret or ConfigMap lacks a key."""

    id = "cause.config-key-missing"
    message = (
        "{kind} {name} needs the key {key} of the {what} {wanted}, which has none of that name."
    )
    remedy = "Add the key, or correct the answer that names it."


class NoRoom(Trouble):
    """No node has enough of something left."""

    id = "cause.no-room"
    message = "{kind} {name}: no node has enough {resource} left: {why}."
    remedy = "Free some on a node, add a node, or let the app ask for less in its answers."


class NoNodeLike(Trouble):
    """No node is as the pod asks."""

    id = "cause.no-node-like"
    message = "{kind} {name}: no node is as its selector or affinity asks: {why}."
    remedy = "Label a node as the app asks, or correct the answer that names the node."


class NodesTainted(Trouble):
    """The nodes keep pods like this one away."""

    id = "cause.nodes-tainted"
    message = "{kind} {name}: the nodes keep it away by their taints: {why}."
    remedy = "Let a node take such pods, or give the app a toleration in its answers."


class Unschedulable(Trouble):
    """No node is found, for a reason of another kind."""

    id = "cause.unschedulable"
    message = "{kind} {name} finds no node: {why}."
    remedy = "See what the cluster says of each node, and change that or the answers."


class QuotaExceeded(Trouble):
    """The namespace's quota does not allow it."""

    id = "cause.quota-exceeded"
    message = "{kind} {name} may not make its pods: the quota {quota} is used up ({why})."
    remedy = "Raise the quota of the namespace, or let the app ask for less in its answers."


class AdmissionRefused(Trouble):
    """The cluster's admission refuses a pod."""

    id = "cause.admission-refused"
    message = "{kind} {name} may not make its pods: {reason}."
    remedy = "Have the app follow the rules of the cluster, or change the rules for this namespace."


class ProbeFails(Trouble):
    """A container runs and does not answer its probe."""

    id = "cause.failing-probe"
    message = "{kind} {name}: the {probe} probe of container {container} fails: {reason}."
    remedy = "Wait if it starts slowly; else read its log and correct the answers."

    @property
    def _spoken(self) -> tuple[str, ...]:
        return ("reason",)


class VolumePending(Trouble):
    """A claim gets no volume."""

    id = "cause.volume-pending"
    message = "{kind} {name} gets no volume: {reason}."
    remedy = "Offer a volume of that class and size, or name another class in the answers."


class StorageClassMissing(Trouble):
    """A claim asks for a class that the cluster does not have."""

    id = "cause.storage-class-missing"
    message = "{kind} {name} gets no volume: there is no storage class {wanted}."
    remedy = "Name a storage class of this cluster in the answers, or make that one."


class VolumeNotMounted(Trouble):
    """A volume is there and does not come to its pod."""

    id = "cause.volume-not-mounted"
    message = "{kind} {name} does not get its volume: {reason}."
    remedy = "See the storage system and the node; another node may still hold the volume."


class HookFailed(Trouble):
    """A Helm hook failed."""

    id = "cause.hook-failed"
    message = "The app's {hook} hook {name} failed: {reason}; its last words: {said}."
    remedy = "Read its log above; correct what it complains about."


class JobFailed(Trouble):
    """A job came to its end without success."""

    id = "cause.job-failed"
    message = "{kind} {name} failed: {reason}; its last words: {said}."
    remedy = "Read its log above; correct what it complains about."


class JobDeadline(Trouble):
    """A job took longer than it may."""

    id = "cause.job-deadline"
    message = "{kind} {name} was ended at its deadline: {reason}; its last words: {said}."
    remedy = "See why it is slow, or let the app give it more time in its answers."


class NodeNotReady(Trouble):
    """A node that the release's pods are on, or should go to, is away."""

    id = "cause.node-not-ready"
    message = "Node {name} is not ready: {reason}."
    remedy = "Bring the node back: its power, network, kubelet and disk."


class ServerAway(Trouble):
    """The API server does not answer for a while."""

    id = "cause.api-server-away"
    message = "The API server at {name} does not answer: {reason}."
    remedy = "Nothing is lost: it is waited for. See the control plane's nodes."


class PodFailed(Trouble):
    """A pod was ended by its node or the cluster."""

    id = "cause.pod-failed"
    message = "{kind} {name} was ended: {reason}."
    remedy = "See the node's memory and disk; the pod is made anew where its owner can."


class Unexplained(Trouble):
    """What is not known by name, in the cluster's own words."""

    id = "cause.unexplained"
    message = "{kind} {name}: {reason}."
    remedy = "See the object's events and the documentation of the app."
