"""What somebody wants to do to a release, how it is planned, and the commands that repeat it.

Invariant: a proposal and its command lines mean the same call of the appliance; release names were
checked before they become file names.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from champ_offline.appliance import Appliance
from champ_offline.release.plan import Plan

_SCREEN = 74


class Proposal(Protocol):
    """One change of one release."""

    @property
    def release(self) -> str:
        """The release's name, which is what gets confirmed."""

    @property
    def namespace(self) -> str:
        """The namespace it runs in."""

    @property
    def kubeconfig(self) -> Path | None:
        """The way to its cluster."""

    def plan(self, appliance: Appliance) -> Plan:
        """Work out what it would change; raises what the appliance's planning raises."""

    def accepting(self, concern: str) -> Proposal:
        """The same, in spite of the concern with this id."""

    def commands(self, zone: Path) -> list[str]:
        """The command lines that do the same without the screens."""


@dataclass(frozen=True)
class Install:
    """Install an app, or upgrade the release that is there; without `answers` its present ones."""

    app: str
    version: str
    release: str
    namespace: str
    kubeconfig: Path | None
    answers: Path | None = None
    accept: tuple[str, ...] = ()

    def plan(self, appliance: Appliance) -> Plan:
        """As Proposal."""
        plan = appliance.releases.plan_install(
            self.app, self.version, self.release, self.namespace, self.answers, self.kubeconfig
        )
        return appliance.releases.accept(plan, self.accept) if self.accept else plan

    def accepting(self, concern: str) -> Install:
        """As Proposal."""
        return replace(self, accept=(*self.accept, concern))

    def commands(self, zone: Path) -> list[str]:
        """As Proposal."""
        planned = f"{self.release}.plan.json"
        where = ["--release", self.release, "--namespace", self.namespace]
        answers: list[str | Path] = [] if self.answers is None else ["--answers", self.answers]
        return [
            typed(
                zone, "plan", self.app, "--version", self.version, *where, *answers,
                *_accepted(self.accept), *_cluster(self.kubeconfig), "--out", planned,
            ),
            typed(
                zone, "apply", planned, "--confirm", self.release, *_cluster(self.kubeconfig)
            ),
        ]  # fmt: skip

    def with_answers(self, answers: Path | None) -> Install:
        """The same with other answers."""
        return replace(self, answers=answers)


@dataclass(frozen=True)
class Rollback:
    """Return to the revision `number`."""

    release: str
    namespace: str
    number: int
    kubeconfig: Path | None
    accept: tuple[str, ...] = ()

    def plan(self, appliance: Appliance) -> Plan:
        """As Proposal."""
        plan = appliance.releases.plan_rollback(
            self.release, self.namespace, self.number, self.kubeconfig
        )
        return appliance.releases.accept(plan, self.accept) if self.accept else plan

    def accepting(self, concern: str) -> Rollback:
        """As Proposal."""
        return replace(self, accept=(*self.accept, concern))

    def commands(self, zone: Path) -> list[str]:
        """As Proposal."""
        where = ["--namespace", self.namespace, "--confirm", self.release]
        to = ["--to", str(self.number), *_accepted(self.accept)]
        return [typed(zone, "rollback", self.release, *to, *where, *_cluster(self.kubeconfig))]


@dataclass(frozen=True)
class Remove:
    """Take the release away."""

    release: str
    namespace: str
    kubeconfig: Path | None

    def plan(self, appliance: Appliance) -> Plan:
        """As Proposal."""
        return appliance.releases.plan_remove(self.release, self.namespace, self.kubeconfig)

    def accepting(self, concern: str) -> Remove:
        """As Proposal; preflight looks at what a plan would have run, and this one has nothing."""
        del concern
        return self

    def commands(self, zone: Path) -> list[str]:
        """As Proposal."""
        where = ["--namespace", self.namespace, "--confirm", self.release]
        return [typed(zone, "remove", self.release, *where, *_cluster(self.kubeconfig))]


def folded(command: str) -> str:
    """A command on several lines, so that it can be copied off a screen and still runs."""
    lines = [""]
    for word in shlex.split(command):
        quoted = shlex.quote(word)
        if lines[-1] and len(lines[-1]) + len(quoted) > _SCREEN:
            lines[-1] += " \\"
            lines.append("   ")
        lines[-1] = f"{lines[-1]} {quoted}" if lines[-1] else quoted
    return "\n".join(lines)


def typed(zone: Path, *words: str | Path) -> str:
    """The command line of these words on a zone, quoted for a shell."""
    return shlex.join(["champ", "--zone", str(zone), *map(str, words)])


def _accepted(ids: tuple[str, ...]) -> list[str]:
    return [word for one in ids for word in ("--accept", one)]


def _cluster(kubeconfig: Path | None) -> list[str | Path]:
    return [] if kubeconfig is None else ["--kubeconfig", kubeconfig]
