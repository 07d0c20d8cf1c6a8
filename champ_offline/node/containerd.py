"""What containerd's configuration says about mirror files, and how it has to say it.

Invariant: only read, and bounded: at most 64 files of at most 1 MiB. A plugin's section in a later
file counts as containerd 1.x takes it: whole, in place of an earlier one (2.x merges the two). That
is why nothing is ever added to containerd's configuration by us: a file beside it with just
this setting would reset every other setting of its plugin in containerd 1.x.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import PurePosixPath
from typing import Any

from champ_offline.errors import ChampError, ExitCode, Fields, Phrase
from champ_offline.node.root import NodeRoot
from champ_offline.node.toml import read_toml

CONFIG = PurePosixPath("/etc/containerd/config.toml")
CERTS = PurePosixPath("/etc/containerd/certs.d")
LIMIT = 1024 * 1024
_MOST_FILES = 64
_SPLIT = 3  # from this version of the file on, images have a plugin of their own
_UNVERSIONED = 1
_NEWEST_FOR_ALL = 2
_PLUGINS = {1: "cri", 2: "io.containerd.grpc.v1.cri", _SPLIT: "io.containerd.cri.v1.images"}


class ContainerdConfigInvalid(ChampError):
    """A configuration that containerd itself could not read."""

    id = "node.containerd-config-invalid"
    exit_code = ExitCode.PREFLIGHT
    message = "containerd's configuration {path} cannot be read: {reason}."
    remedy = "Mend the file and start containerd again; it does not start with it as it is."


class MirrorsNotRead(ChampError):
    """containerd is not told where mirror files are."""

    id = "node.mirrors-not-read"
    exit_code = ExitCode.PREFLIGHT
    message = "containerd does not read {folder}: {path} does not set config_path for images."
    remedy = (
        "In {path}, under {table}, set {setting} (write the table where it is missing). Then run"
        " `systemctl restart containerd`; containers go on running."
    )


class ConfigMissing(ChampError):
    """containerd runs without a configuration, and reads no mirror files then."""

    id = "node.containerd-config-missing"
    exit_code = ExitCode.PREFLIGHT
    message = "There is no {path}: containerd runs on its defaults and does not read {folder}."
    remedy = (
        "Write {path} with these three lines: {version}, {table}, {setting}. Then run `systemctl"
        " restart containerd`; containers go on running."
    )


class MirrorsElsewhere(ChampError):
    """containerd looks for mirror files in another folder."""

    id = "node.mirrors-elsewhere"
    exit_code = ExitCode.PREFLIGHT
    message = "containerd reads mirror files in {found}, not in {folder} ({path})."
    remedy = (
        "Name the folder that it reads with --certs-dir; or, in {path}, under {table}, set"
        " {setting} and run `systemctl restart containerd`."
    )


class SeveralMirrorFolders(ChampError):
    """config_path lists several folders; containerd 2 pulls as if it were one name."""

    id = "node.several-mirror-folders"
    exit_code = ExitCode.PREFLIGHT
    message = "config_path in {path} lists several folders, {found}; containerd 2 finds none then."
    remedy = "In {path}, under {table}, set {setting} and run `systemctl restart containerd`."


class OldMirrors(ChampError):
    """The configuration has mirrors of the old form, which exclude mirror files."""

    id = "node.old-mirrors"
    exit_code = ExitCode.PREFLIGHT
    message = (
        "{path} lists mirrors of its own; containerd does not start with these and config_path."
    )
    remedy = (
        "In {path}, take out {table} with all its tables (mirrors, configs), and write {table} with"
        " {setting} alone. Then run `systemctl restart containerd`."
    )


class ImagesDisabled(ChampError):
    """The plugin that kubelets use is switched off, as Docker's packages do."""

    id = "node.images-disabled"
    exit_code = ExitCode.PREFLIGHT
    message = "{path} switches off the plugin by which a kubelet pulls (disabled_plugins)."
    remedy = "Take “{plugin}” out of disabled_plugins in {path}; `systemctl restart containerd`."


@dataclass(frozen=True)
class Settings:
    """What is configured: `folders` are those of mirror files, none where nothing is set.

    `path` and `table` say where it stands, or would have to; `version` is the file's own, 0 where
    there is no file. `files` are all that were read.
    """

    path: PurePosixPath
    version: int
    folders: tuple[PurePosixPath, ...] = ()
    mirrors: bool = False
    disabled: str = ""
    files: tuple[PurePosixPath, ...] = ()

    @property
    def table(self) -> str:
        """The table that config_path belongs in, as it is written in a file of this version."""
        plugin = _PLUGINS[min(self.version or _NEWEST_FOR_ALL, _SPLIT)]
        return f"[plugins.{json.dumps(plugin) if '.' in plugin else plugin}.registry]"

    def problems(self, folder: PurePosixPath, node: NodeRoot) -> list[ChampError]:
        """Why containerd would not read the mirror files in `folder`; none where it does."""
        where: Fields = {"path": node.at(self.path), "table": self.table}
        setting = f"config_path = {json.dumps(str(folder))}"
        if not self.version:
            version = f"version = {_NEWEST_FOR_ALL}"
            return [ConfigMissing(**where, setting=setting, folder=folder, version=version)]
        found = ":".join(map(str, self.folders))
        problems: list[ChampError] = []
        if self.mirrors:
            problems.append(OldMirrors(**where, setting=setting))
        elif not self.folders:
            problems.append(MirrorsNotRead(**where, setting=setting, folder=folder))
        elif folder not in self.folders:
            problems.append(MirrorsElsewhere(**where, setting=setting, folder=folder, found=found))
        elif len(self.folders) > 1:
            problems.append(SeveralMirrorFolders(**where, setting=setting, found=found))
        if self.disabled:
            problems.append(ImagesDisabled(path=where["path"], plugin=self.disabled))
        return problems


def read_settings(node: NodeRoot, config: PurePosixPath = CONFIG) -> Settings:
    """The settings of the file and of all that it imports.

    Raises ContainerdConfigInvalid, NodeFileUnreadable.
    """
    settings = Settings(config, 0)
    for path, document in _documents(node, config):
        version = document.get("version", settings.version) or _UNVERSIONED
        if not isinstance(version, int) or version < 1:
            raise ContainerdConfigInvalid(
                path=node.at(path), reason=Phrase("its version is no number")
            )
        if not settings.version:
            settings = replace(settings, version=version)
        read = (*settings.files, path)
        settings = replace(_with(settings, path, version, document), files=read)
    return settings


def _with(
    before: Settings, path: PurePosixPath, version: int, document: Mapping[str, Any]
) -> Settings:
    """The settings after one more file."""
    disabled = document.get("disabled_plugins")
    names = set(disabled) if isinstance(disabled, list) else set()
    off = next((name for name in _PLUGINS.values() if name in names), before.disabled)
    section = _table(_table(document, "plugins"), _PLUGINS[min(version, _SPLIT)])
    if not section:
        return replace(before, disabled=off)
    registry = _table(section, "registry")
    if not registry and version >= _SPLIT:
        return replace(before, disabled=off)
    listed = registry.get("config_path")
    names_of = listed.split(":") if isinstance(listed, str) else []
    folders = tuple(PurePosixPath(name) for name in names_of if name)
    configs = _table(registry, "configs").values()
    tls = any(isinstance(entry, dict) and "tls" in entry for entry in configs)
    mirrors = bool(_table(registry, "mirrors")) or tls
    return Settings(path, version, folders, mirrors, off)


def _documents(
    node: NodeRoot, config: PurePosixPath
) -> Iterator[tuple[PurePosixPath, dict[str, Any]]]:
    """Each file once, in the order containerd reads them: imports come after all before them."""
    pending, seen = deque([config]), set[PurePosixPath]()
    while pending:
        path = pending.popleft()
        if path in seen:
            continue
        if len(seen) == _MOST_FILES:
            raise ContainerdConfigInvalid(
                path=node.at(config), reason=Phrase("it imports too many files")
            )
        seen.add(path)
        data = node.read(path, LIMIT)
        if data is None:
            if path == config:
                return
            raise ContainerdConfigInvalid(
                path=node.at(path), reason=Phrase("it is imported and missing")
            )
        document = _parsed(data, node.at(path))
        yield path, document
        pending.extend(_imports(node, path, document))


def _imports(
    node: NodeRoot, parent: PurePosixPath, document: Mapping[str, Any]
) -> Sequence[PurePosixPath]:
    found: list[PurePosixPath] = []
    listed = document.get("imports")
    for name in listed if isinstance(listed, list) else []:
        path = parent.parent / str(name)
        if "*" in path.name and "*" not in str(path.parent):
            # fnmatch takes no part of the name for a folder, whatever the pattern says.
            names = [one for one in node.names(path.parent) if fnmatch(one, path.name)]
            found += [path.parent / one for one in names]
        elif "*" not in str(path):
            found.append(path)
    return found


def _parsed(data: bytes, place: object) -> dict[str, Any]:
    return read_toml(data, lambda reason: ContainerdConfigInvalid(path=place, reason=reason))


def _table(document: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = document.get(key)
    return found if isinstance(found, dict) else {}
