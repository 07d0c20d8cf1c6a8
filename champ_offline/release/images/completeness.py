"""Proof that a bundle is complete: every app rendered, every image it speaks of in the lock.

Invariant: either every mention is accounted for, or `ImagesNotPacked` names all that are not; what
a plan would refuse at the site is refused here. Nothing is written, no cluster is asked (ADR 0018).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from champ_offline.errors import ChampError, ExitCode
from champ_offline.events import Progress, StepFinished, StepStarted, Subscriber
from champ_offline.helm.engine import Capabilities, Document, Renderer
from champ_offline.helm.faults import RenderFailed, ValuesRefused
from champ_offline.helm.manifests import NotAnObject
from champ_offline.oci.digest import Digest, InvalidDigest
from champ_offline.oci.reference import InvalidReference, Reference
from champ_offline.release.images import chart_text
from champ_offline.release.images.digests import can_be_held
from champ_offline.release.images.mentions import Mention, mentions
from champ_offline.release.images.subject import Subject
from champ_offline.release.images.text import has_tag_or_digest

NOT_LOCKED = "not in the lock"
OTHER_TAG = "in the lock with another tag"
OTHER_DIGEST = "in the lock with another digest"
NO_COMPONENT = "in the lock, but no component of the app"
_SHOWN = 300


@dataclass(frozen=True, order=True)
class Finding:
    """An image that is not accounted for: whose, where, and `why`, one of this module's words."""

    app: str
    version: str
    answers: str
    kind: str
    name: str
    path: str
    reference: str
    why: str

    def __str__(self) -> str:
        return self.line(self.why)

    def line(self, why: str) -> str:
        """On one line, with `why` in the words given."""
        place = f"{self.app} {self.version} [{self.answers}] {self.kind}/{self.name} {self.path}"
        return f"{place}: {self.reference} ({why})"


class Findings(tuple[Finding, ...]):
    """Several, a line for each."""

    __slots__ = ()

    def __str__(self) -> str:
        return "".join(f"\n  {finding}" for finding in self)


class ImagesNotPacked(ChampError):
    """What the apps render speaks of images that the bundle would not carry."""

    id = "completeness.images-not-packed"
    exit_code = ExitCode.PREFLIGHT
    message = "Nothing was packed: {count} image reference(s) are not accounted for:{findings}."
    remedy = (
        "Add each image to the recipe's images (and to the app's components where it is said to be "
        "none), or, where the text is no image, to not_images in app.yaml with the reason."
    )

    @property
    def findings(self) -> tuple[Finding, ...]:
        """One for each place."""
        found: Findings = self.fields["findings"]
        return found


class NotRenderable(ChampError):
    """An app cannot be rendered with answers that its own documentation gives."""

    id = "completeness.not-renderable"
    exit_code = ExitCode.PREFLIGHT
    message = "Nothing was packed: {app} {version} cannot be rendered with “{answers}”: {reason}."
    remedy = "Correct the chart, the values template or the answers, then lock and pack again."


@dataclass(frozen=True)
class Case:
    """An app with one set of answers: in how many ways it was rendered, and what was found.

    `refused` of the `renderings` ended in an error of the chart's own, as they would in a cluster
    like that. `objects` is the number in the largest rendering, `images` are those of all.
    """

    app: str
    version: str
    answers: str
    renderings: int
    refused: int
    objects: int
    images: tuple[str, ...]


@dataclass(frozen=True)
class Proof:
    """What was rendered and looked through; that it exists says that nothing was missing."""

    cases: tuple[Case, ...]


def prove(
    subjects: tuple[Subject, ...],
    locked: Mapping[str, Digest],
    renderer: Renderer,
    notify: Subscriber,
) -> Proof:
    """Render every case of every subject; `locked` has each packed image's reference and digest.

    Raises ImagesNotPacked, NotRenderable, NotAnObject and the engine's own failures.
    """
    known = _Locked(locked)
    cases: list[Case] = []
    findings: dict[tuple[str, ...], Finding] = {}
    for subject in subjects:
        about = f"{subject.app} {subject.version}"
        notify(StepStarted("prove", about))
        for done, (answers, values) in enumerate(subject.cases.items(), start=1):
            case, missing = _case(subject, answers, values, known, renderer)
            cases.append(case)
            for finding in missing:
                # The same place with other answers says nothing more.
                key = (subject.app, subject.version, finding.kind, finding.path, finding.reference)
                findings.setdefault(key, finding)
            notify(Progress("prove", done, len(subject.cases), "answers", about))
        notify(StepFinished("prove", about))
    if findings:
        raise ImagesNotPacked(count=len(findings), findings=Findings(findings.values()))
    return Proof(tuple(cases))


class _Locked:
    """The images that are packed, by reference and by name, and what was looked through."""

    def __init__(self, images: Mapping[str, Digest]) -> None:
        self.images = images
        self.names = frozenset(Reference.parse(image).name for image in images)
        self._read: dict[Document, tuple[Mention, ...]] = {}

    def mentions(self, document: Document) -> tuple[Mention, ...]:
        """The document's mentions; most documents are the same whatever was answered."""
        if document not in self._read:
            self._read[document] = mentions(document, self.names)
        return self._read[document]

    def why_not(self, text: str) -> str:
        """Why an image text leads to nothing that is packed; empty where it leads to something."""
        try:
            wanted = Reference.parse(text)
        except (InvalidReference, InvalidDigest):
            return NOT_LOCKED
        if wanted.name not in self.names:
            return NOT_LOCKED
        if wanted.digest is not None:
            name = f"{wanted.name}:{wanted.tag}" if wanted.tag else ""
            fits = any(
                digest == wanted.digest and Reference.parse(image).name == wanted.name
                for image, digest in self.images.items()
                if name in {"", image}
            )
            return "" if fits else OTHER_DIGEST
        # Without a tag a program puts its own behind it.
        return "" if not has_tag_or_digest(text) or str(wanted) in self.images else OTHER_TAG


@dataclass
class _Renderings:
    """What all ways to render one set of answers gave together."""

    documents: dict[Document, None]
    refused: list[ChampError]
    ways: int = 0
    objects: int = 0


def _case(
    subject: Subject,
    answers: str,
    values: Mapping[str, Any],
    known: _Locked,
    renderer: Renderer,
) -> tuple[Case, list[Finding]]:
    made = _rendered(subject, values, renderer)
    if len(made.refused) == made.ways:
        raise NotRenderable(
            app=subject.app, version=subject.version, answers=answers, reason=made.refused[0]
        ) from made.refused[0]
    found = {mention for document in made.documents for mention in known.mentions(document)}
    missing = [
        Finding(subject.app, subject.version, answers, m.kind, m.name, m.path, m.reference, why)
        for m in sorted(found)
        if (why := _why_not(m, subject, known))
    ]
    case = Case(
        app=subject.app,
        version=subject.version,
        answers=answers,
        renderings=made.ways,
        refused=len(made.refused),
        objects=made.objects,
        images=tuple(sorted({m.reference for m in found if m.reference not in subject.excused})),
    )
    return case, missing


def _rendered(subject: Subject, values: Mapping[str, Any], renderer: Renderer) -> _Renderings:
    made = _Renderings({}, [])
    for capabilities, upgrade in _ways(subject):
        made.ways += 1
        try:
            rendered = renderer.render(
                subject.chart,
                subject.release,
                subject.release,
                values,
                upgrade=upgrade,
                capabilities=capabilities,
            )
        except (RenderFailed, ValuesRefused, NotAnObject) as error:
            made.refused.append(error)
            continue
        whole = (*rendered.crds, *rendered.hooks, *rendered.manifests)
        made.documents |= dict.fromkeys(whole)
        made.objects = max(made.objects, len(whole))
    return made


def _ways(subject: Subject) -> Iterator[tuple[Capabilities, bool]]:
    """Every sort of cluster to render for: with the kinds that the chart asks for and without."""
    asked = tuple(sorted({*chart_text.asked_kinds(subject.chart), *subject.api_versions}))
    for version in subject.kubernetes or ("",):
        for kinds in dict.fromkeys((asked, ())):
            for upgrade in (False, True):
                yield Capabilities(version, kinds), upgrade


def _why_not(mention: Mention, subject: Subject, known: _Locked) -> str:
    if mention.held:
        # A plan would refuse it at the site, whatever else the bundle carries.
        if can_be_held(mention.reference, subject.images):
            return ""
        return known.why_not(mention.reference) or NO_COMPONENT
    return "" if mention.reference in subject.excused else known.why_not(mention.reference)
