"""What a kubeconfig says: the address, and what makes the API server believe who is asking.

Invariant: the only module that imports lightkube, which reads the file and knows the ways to
authenticate; whatever is wrong with it is KubeconfigMissing or KubeconfigInvalid.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import httpx2
import yaml
from lightkube import KubeConfig
from lightkube.config.client_adapter import (
    Client,
    ConnectionParams,
    user_auth,
    verify_cluster,
)
from lightkube.config.kubeconfig import SingleConfig
from lightkube.config.models import User
from lightkube.core.exceptions import ConfigError

from champ_offline.cluster import certificates
from champ_offline.cluster.interface import KubeconfigInvalid, KubeconfigMissing
from champ_offline.cluster.web_socket import Server
from champ_offline.durable import yaml_problem
from champ_offline.errors import Phrase, Quoted, Reason, system_said
from champ_offline.oci.strict_json import wrong_in

_SECONDS = 15.0
_LONGEST = 200
# lightkube/config/kubeconfig.py, KubeConfig.get.
_NO_CONTEXT = "No current context set and no default provided"
_NO_SUCH_CONTEXT = re.compile(r"Context '(?P<name>.*)' not found")


@dataclass(frozen=True)
class Access:
    """The way to one cluster; `client_end` is the end of the kubeconfig's own certificate."""

    address: str
    session: httpx2.Client
    client_end: datetime | None
    _file: Path
    _config: SingleConfig = field(repr=False)

    @classmethod
    def of(cls, kubeconfig: Path) -> Access:
        """As the file's current context says; contacts nobody.

        Raises KubeconfigMissing, KubeconfigInvalid.
        """
        with _told(kubeconfig):
            config = KubeConfig.from_file(kubeconfig).get()
            if config is None:
                raise KubeconfigInvalid(file=kubeconfig, reason=Phrase("it has no current context"))
            timeout = httpx2.Timeout(_SECONDS)
            session = Client(config, ConnectionParams(timeout=timeout, trust_env=False))
            return cls(str(config.cluster.server), session, _client_end(config), kubeconfig, config)

    def server(self) -> Server:
        """The same for a connection beside the session; raises KubeconfigInvalid."""
        user = self._config.user or User()
        with _told(self._file):
            request = httpx2.Request("GET", self.address)
            auth = user_auth(user)
            if auth is not None:
                request = next(auth.sync_auth_flow(request))
            told = request.headers.get("Authorization")
            headers = {"Authorization": told} if told else {}
            context = None
            if self.address.startswith("https:"):
                cluster, absolute = self._config.cluster, self._config.abs_file
                context = verify_cluster(cluster, user, absolute, trust_env=False)
            return Server(self.address, context, headers)


@contextmanager
def _told(kubeconfig: Path) -> Iterator[None]:
    if not kubeconfig.exists():
        raise KubeconfigMissing(file=kubeconfig)
    try:
        yield
    except OSError as error:
        raise KubeconfigInvalid(file=kubeconfig, reason=system_said(error)) from error
    except yaml.YAMLError as error:
        reason = yaml_problem.told(getattr(error, "problem", None))
        raise KubeconfigInvalid(file=kubeconfig, reason=reason) from error
    except ConfigError as error:
        raise KubeconfigInvalid(file=kubeconfig, reason=_said(error)) from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = Phrase("a part of it is missing or malformed: {why}", why=wrong_in(error))
        raise KubeconfigInvalid(file=kubeconfig, reason=reason) from error


def _said(error: ConfigError) -> Reason:
    """What lightkube cannot do with the file: the usual in our words, the rest in its own."""
    text = " ".join(str(error).split())[:_LONGEST]
    if text == _NO_CONTEXT:
        return Phrase("it has no current context")
    if found := _NO_SUCH_CONTEXT.fullmatch(text):
        return Phrase("it has no context {name}, which is its current one", name=found["name"])
    return Quoted(text)


def _client_end(config: SingleConfig) -> datetime | None:
    """When the kubeconfig's certificate ends; None where it has none."""
    user = config.user
    if user is not None and user.client_cert_data:
        return certificates.pem_end(user.client_cert_data, coded=True)
    if user is None or not user.client_cert:
        return None
    path = Path(config.abs_file(user.client_cert))
    return certificates.pem_end(path.read_text("ascii", errors="replace"), coded=False)
