"""What the report calls the acts of the audit chain and the steps of a change.

Invariant: every act that the library records of itself has a text (a test reads them); another one
is shown as it is.
"""

from __future__ import annotations

from installer.language import mark, translate

_ACTS = {
    "zone.init": mark("zone commissioned"),
    "zone.backup": mark("database backed up"),
    "zone.retention": mark("retention set"),
    "trust.update": mark("root of trust followed"),
    "bundle.import": mark("bundle imported"),
    "bundle.export": mark("bundle exported to another zone"),
    "bundle.displace": mark("pushed content displaced by a bundle"),
    "bundle.retire": mark("bundle let go of"),
    "store.collect": mark("space freed in the store"),
    "store.check": mark("damaged blobs set aside"),
    "registry.authority": mark("authority of the registry changed"),
    "cluster.add": mark("cluster named"),
    "cluster.remove": mark("cluster's name let go of"),
    "release.plan": mark("plan made, or concerns accepted"),
    "release.apply.begin": mark("change begun"),
    "release.apply.end": mark("change ended"),
    "release.settle": mark("Helm asked to put a change right"),
    "release.recover": mark("interrupted change recovered"),
    "data.begin": mark("saving or restoring data begun"),
    "data.end": mark("saving or restoring data ended"),
    "data.remove": mark("backup let go of"),
    "policy.decide": mark("decision under a policy"),
    "policy.run": mark("run under a policy"),
    "site.plan": mark("plan of the whole site made"),
    "site.apply": mark("plan of the whole site applied"),
    "site.export": mark("site exported for GitOps"),
    "audit.export": mark("audit chain exported"),
    "client.add": mark("registry client added or changed"),
    "client.remove": mark("registry client removed"),
    "access.anonymous": mark("access without a password changed"),
    "external.set": mark("external registry set"),
    "external.remove": mark("external registry no longer used"),
    "external.push.begin": mark("push to the external registry begun"),
    "external.push.end": mark("push to the external registry ended"),
    "external.tag.put-back": mark("tag put back in the external registry"),
    "registry.refused": mark("registry requests refused"),
    "registry.upload.begin": mark("upload begun"),
    "registry.upload.chunk": mark("part of an upload received"),
    "registry.upload.cancel": mark("upload cancelled"),
    "registry.blob.push": mark("blob pushed"),
    "registry.blob.mount": mark("blob mounted"),
    "registry.blob.delete": mark("blob deleted"),
    "registry.manifest.push": mark("manifest pushed"),
    "registry.manifest.delete": mark("manifest deleted"),
}
_STEPS = {
    "claims": mark("look at volume claims"),
    "namespace": mark("make the namespace"),
    "save-data": mark("save the data"),
    "restore-data": mark("restore the data"),
    "return-data": mark("bring the saved data back"),
    "helm": mark("Helm"),
    "settle": mark("put right"),
    "clear": mark("clear new claims"),
    "wake": mark("start what stood still"),
}
_MARKS = {
    "healthy": mark("healthy, as seen now"),
    "not-serving": mark("not serving: scaled to 0"),
    "troubled": mark("troubled, as seen now"),
    "unseen": mark("not looked at"),
}
_OVERRIDES = {
    "expired": mark("signatures whose time is over"),
    "clock": mark("the machine's clock"),
}


def act(name: str) -> str:
    """An act of the audit chain in the reader's language."""
    return translate(_ACTS[name]) if name in _ACTS else name


def step(name: str) -> str:
    """A step of a change in the reader's language."""
    return translate(_STEPS[name]) if name in _STEPS else name


def sign(sort: str) -> str:
    """What a sort of marks in the picture means."""
    return translate(_MARKS[sort])


def override(kind: str) -> str:
    """What kind of date somebody overrode."""
    return translate(_OVERRIDES[kind]) if kind in _OVERRIDES else kind


def acts() -> frozenset[str]:
    """The acts that have a text."""
    return frozenset(_ACTS)
