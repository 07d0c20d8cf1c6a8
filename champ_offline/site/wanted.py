"""What a member of a site plan is made of, as it is kept in the vault beside its plan.

Invariant: written from a document and its files of secrets once, so that planning a member again
needs neither of them; it holds secrets and never leaves the zone's database.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from champ_offline.catalog.answers import answers_in, problems_in
from champ_offline.catalog.form import Form
from champ_offline.durable import typed_yaml
from champ_offline.durable.typed_yaml import Node
from champ_offline.errors import ChampError, ExitCode
from champ_offline.oci.manifest import encode
from champ_offline.site.answers import laid
from champ_offline.site.document import Wanted

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class SecretInDocument(ChampError):
    """A secret stands in a document that many can read."""

    id = "site.secret-in-document"
    exit_code = ExitCode.USAGE
    message = "{file}, line {line}: “{key}” is a secret of {app} and may not stand here."
    remedy = (
        "Take it out: the zone keeps the secret it has, or makes one. To choose it yourself put it"
        " into a file of mode 0600 and name that as secrets_file. Change it if others saw it."
    )


class SecretsFileOpen(ChampError):
    """Others may read a file of secrets."""

    id = "site.secrets-file-open"
    exit_code = ExitCode.PREFLIGHT
    message = "The file of secrets {file} can be read by other users of this machine."
    remedy = "Take their rights away: `chmod 600 {file}`; change the secrets if others saw them."


@dataclass(frozen=True)
class Order:
    """An app's version and answers, as given, for one release of a cluster called `cluster`."""

    cluster: str
    release: str
    namespace: str
    app: str
    version: str
    answers: Mapping[str, Any] = field(repr=False, hash=False)

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        return encode({**vars(self), "answers": dict(self.answers)})

    @classmethod
    def from_bytes(cls, data: bytes) -> Order:
        """Read what `to_bytes` gave."""
        return cls(**json.loads(data))

    @classmethod
    def of(cls, wanted: Wanted, form: Form) -> Order:
        """Hold the answers against the app's form.

        Raises SecretInDocument, SecretsFileOpen, and what `answers_in` raises.
        """
        for problem in cls.problems(wanted, form):
            raise problem
        return cls(
            cluster=wanted.cluster,
            release=wanted.release,
            namespace=wanted.namespace,
            app=wanted.app,
            version=wanted.version,
            answers=answers_in(_given(wanted), form),
        )

    @staticmethod
    def problems(wanted: Wanted, form: Form, *, secrets: bool = True) -> Iterator[ChampError]:
        """All that `of` would raise, the first first; without `secrets` their file is not read."""
        yield from _shown_secrets(wanted.answers, form, wanted.app)
        try:
            given = _given(wanted) if secrets else wanted.answers
        except ChampError as error:
            yield error
        else:
            yield from problems_in(given, form)


def _shown_secrets(node: Node, form: Form, app: str) -> Iterator[SecretInDocument]:
    if form.is_secret(node.key) and node.content is not None:
        yield SecretInDocument(file=node.file, line=node.line, key=node.key, app=app)
    inner = node.content
    for one in (
        inner.values() if isinstance(inner, dict) else inner if isinstance(inner, list) else ()
    ):
        yield from _shown_secrets(one, form, app)


def _given(wanted: Wanted) -> Node:
    """The answers of the document with those of the file of secrets."""
    if wanted.secrets is None:
        return wanted.answers
    return laid([wanted.answers, _private(wanted.secrets)], wanted.answers)


def _private(file: Path) -> Node:
    """A file of answers that nobody else may read."""
    found = typed_yaml.read(file)
    if file.stat().st_mode & _OTHERS:
        raise SecretsFileOpen(file=file)
    return found
