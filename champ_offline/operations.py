"""What can be done to one cluster on behalf of one zone: plan, apply, look.

Composition: it joins the zone's history with adapters for the cluster that a kubeconfig leads to.
Whatever an interrupted predecessor left is put right before the next change.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from champ_offline.catalog.answers import read_answers
from champ_offline.catalog.entry import AppEntry
from champ_offline.catalog.form import Form
from champ_offline.catalog.index import Catalog
from champ_offline.catalog.values import render_values
from champ_offline.cluster.kube import KubeCluster
from champ_offline.durable.database import Database
from champ_offline.errors import ChampError, ExitCode
from champ_offline.events import ObjectState, Subscriber
from champ_offline.external.verbs import External
from champ_offline.helm.remote import SdkEngine
from champ_offline.journal.journal import Journal
from champ_offline.journal.process import current_user
from champ_offline.oci import media_types
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import Manifest
from champ_offline.release.execute import Executor
from champ_offline.release.history import History, Outcome, Revision
from champ_offline.release.images import refuse_gone
from champ_offline.release.plan import Plan
from champ_offline.release.planner import Planner
from champ_offline.release.request import ReleaseRequest
from champ_offline.release.vault import Vault, VaultMissing
from champ_offline.store.blobs import BlobStore

_SECRET_CHARACTERS = 24


class ClusterNotNamed(ChampError):
    """A verb needs a cluster and none was named."""

    id = "zone.cluster-not-named"
    exit_code = ExitCode.USAGE
    message = "No cluster was named."
    remedy = "Give its kubeconfig with --kubeconfig FILE or in KUBECONFIG."


class NothingToReturnTo(ChampError):
    """A release has no earlier deployed revision."""

    id = "zone.nothing-to-return-to"
    exit_code = ExitCode.NOT_FOUND
    message = "Release {release} has no revision before the present one."
    remedy = "`champ history {release}` lists its revisions."


class AnswersIncomplete(ChampError):
    """Answers, with defaults and earlier answers filled in, do not fit the form."""

    id = "zone.answers-incomplete"
    exit_code = ExitCode.USAGE
    message = "The answers for {app} cannot be used: {problem}."
    remedy = "Give an answers file with --answers; `champ form {app}` lists the fields."


class PlanNotOurs(ChampError):
    """A plan that this zone did not make."""

    id = "zone.plan-not-ours"
    exit_code = ExitCode.PREFLIGHT
    message = "Plan {digest} was not made in this zone, or its file was edited since."
    remedy = "Plan again in this zone, review that plan and apply it as it is."


class Operations:
    """One cluster; leave it (`with`) to end its connections and the Helm child."""

    def __init__(
        self,
        zone: str,
        database: Database,
        blobs: BlobStore,
        catalog: Catalog,
        clock: Callable[[], datetime],
        kubeconfig: Path | None,
        external: External | None = None,
    ) -> None:
        """`external` is the registry that nodes pull from, where it is not the zone's own."""
        if kubeconfig is None:
            raise ClusterNotNamed
        self._blobs, self._catalog = blobs, catalog
        self._history = History(database)
        self._vault = Vault(database, lambda: secrets.token_urlsafe(_SECRET_CHARACTERS))
        self._cluster = KubeCluster(kubeconfig)
        self._engine = SdkEngine(kubeconfig)
        self._journal = Journal(database, clock)
        refuse_missing = external.refuse_missing if external else self._refuse_gone
        self._planner = Planner(
            self._engine,
            self._cluster,
            self._history,
            self._vault,
            zone=zone,
            now=clock,
            size=self._image_size,
            registry=external.address if external else "",
            refuse_missing=refuse_missing,
        )
        self._executor = Executor(
            self._engine,
            self._cluster,
            self._history,
            self._vault,
            self._journal,
            now=clock,
            refuse_missing=refuse_missing,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._engine.close()
        self._cluster.close()

    def plan_change(
        self, entry: AppEntry, release: str, namespace: str, answers: Path | None
    ) -> Plan:
        """Install the app, or upgrade the release that is there.

        Without a file, the answers of the present revision hold; secrets are generated once and
        kept. Raises the errors of form, values and planning.
        """
        form = self._catalog.form(entry)
        previous = self._previous_answers(release, namespace)
        given = previous if answers is None else read_answers(answers, form)
        complete = form.complete(given or {}, previous, secret_text)
        for problem in form.problems(complete):
            raise AnswersIncomplete(app=entry.name, problem=problem)
        values = render_values(
            self._catalog.file(entry, entry.values),
            answers=complete,
            components=dict(entry.components),
            release={"name": release, "namespace": namespace},
            where=f"{entry.name} {entry.version}",
        )
        return self._keep(
            self._planner.change(
                ReleaseRequest(
                    release=release,
                    namespace=namespace,
                    app=entry.name,
                    version=entry.version,
                    chart=self._catalog.chart(entry),
                    answers=complete,
                    values=values,
                    images=self._catalog.image_digests(entry),
                    secrets=tuple(_secret_texts(form, complete, "")),
                )
            )
        )

    def plan_rollback(self, release: str, namespace: str, number: int | None) -> Plan:
        """Return to our revision `number`, or to the last one before the present that stood."""
        number = number or self._before(release, namespace)
        return self._keep(self._planner.rollback(release, namespace, number))

    def plan_remove(self, release: str, namespace: str) -> Plan:
        """Take the release away."""
        return self._keep(self._planner.remove(release, namespace))

    @property
    def interrupted(self) -> bool:
        """Whether a killed predecessor left something to put right."""
        return bool(self._journal.interrupted())

    def recover(self) -> None:
        """Put right what was interrupted; the caller holds the zone's lock."""
        self._journal.recover()

    def apply(self, plan: Plan, notify: Subscriber) -> Revision:
        """Carry out a plan that was made here; the caller holds the zone's lock.

        Raises PlanNotOurs for one that was edited or comes from another zone: what a person read
        and confirmed is then not what this zone planned.
        """
        try:
            self._vault.get(plan.digest)
        except VaultMissing as error:
            raise PlanNotOurs(digest=plan.digest) from error
        self.recover()
        return self._executor.apply(plan, current_user(), notify)

    def health(self, release: str, namespace: str) -> tuple[ObjectState, ...]:
        """The release's objects and how each is doing."""
        return self._cluster.objects(namespace, release)

    def _keep(self, plan: Plan) -> Plan:
        self._vault.put(plan.to_bytes())
        return plan

    def _previous_answers(self, release: str, namespace: str) -> dict[str, object] | None:
        # A release that was removed and comes back meets its old volumes and their passwords.
        last = self._history.remembered(namespace, release)
        if last is None or last.inputs is None:
            return None
        return dict(self._vault.inputs(last.inputs).answers)

    def _before(self, release: str, namespace: str) -> int:
        current = self._history.current(namespace, release)
        last = current.number if current else 0
        stood = [
            revision.number
            for revision in self._history.revisions(namespace, release)
            if revision.outcome is Outcome.DEPLOYED and revision.number < last
        ]
        if not stood:
            raise NothingToReturnTo(release=release)
        return stood[-1]

    def _refuse_gone(self, images: Mapping[str, Digest]) -> None:
        refuse_gone(images, self._image_size)

    def _image_size(self, digest: Digest) -> int:
        """Bytes of an image: its manifest and everything the manifest points at."""
        size = self._blobs.size(digest)
        for child in Manifest.from_bytes(self._blobs.read(digest)).children:
            nested = child.media_type in media_types.DOCUMENTS
            size += self._image_size(child.digest) if nested else self._blobs.size(child.digest)
        return size


def _secret_texts(form: Form, value: object, path: str) -> Iterator[str]:
    """The texts among answers that the form declares secret."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _secret_texts(form, item, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _secret_texts(form, item, f"{path}[{index}]")
    elif isinstance(value, str) and value and form.is_secret(path):
        yield value


def secret_text(characters: int) -> str:
    """A random text of letters, digits, "-" and "_"."""
    return secrets.token_urlsafe(characters)[:characters]
