"""Hostile bundles through the command as people type it: exit code, one clear line, no more."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from champ_offline.errors import ExitCode
from tests.cli.command import champ
from tests.hostile.attempt import state
from tests.hostile.catalogue import Build
from tests.hostile.content import extra_blobs
from tests.hostile.documents import a_newer_document
from tests.hostile.forge import Forge, Keys
from tests.hostile.media import a_folder_that_only_claims_to_be_one
from tests.hostile.trust import a_frozen_head, one_role_of_an_earlier_pack
from tests.hostile.volumes import a_volume_of_another_bundle, content_that_is_not_the_signed_one


def a_name_that_drives_the_terminal(forge: Forge) -> None:
    forge.edit_document = lambda document: document.update(images=[])
    forge.image("champ.local/x\x1b[2J\x07:1", b"a")
    forge.write()


def a_pipe_for_a_document(forge: Forge) -> None:
    forge.write()
    (forge.folder / "bundle.json").unlink()
    os.mkfifo(forge.folder / "bundle.json")


def an_older_role(forge: Forge) -> None:
    one_role_of_an_earlier_pack(forge, variant="targets")


@pytest.mark.parametrize(
    ("build", "code"),
    [
        (a_name_that_drives_the_terminal, ExitCode.USAGE),
        (a_pipe_for_a_document, ExitCode.DOCUMENT_ALTERED),
        (extra_blobs, ExitCode.CORRUPT),
        (a_newer_document, ExitCode.PREFLIGHT),
        (a_frozen_head, ExitCode.TRUST_REFUSED),
        (an_older_role, ExitCode.DOCUMENT_ALTERED),
        (a_volume_of_another_bundle, ExitCode.CORRUPT),
        (content_that_is_not_the_signed_one, ExitCode.CORRUPT),
        (a_folder_that_only_claims_to_be_one, ExitCode.DOCUMENT_ALTERED),
    ],
)
def test_the_command_refuses(build: Build, code: ExitCode, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    keys = Keys.make(now)
    forge = Forge(tmp_path / "stick", keys, now=now)
    build(forge)
    root, zone = tmp_path / "root.json", tmp_path / "zone"
    root.write_bytes(keys.root)
    made = champ("--zone", str(zone), "zone", "init", "--name", "core", "--root", str(root))
    assert made.returncode == 0, made.stderr
    held = state(zone)
    done = champ("--zone", str(zone), "import", str(forge.medium))
    sys.stderr.write(done.stderr)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert "\x07" not in done.stdout + done.stderr
    assert state(zone) == held
