"""Bad media and bad input at the command line: a sentence, an exit code, no change."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.commands import PROJECT, Champ
from tests.e2e.journey import ZONE, Journey


@pytest.fixture
def media(packed: Journey, tmp_path: Path) -> Path:
    """A copy of the packed bundle, to be spoiled."""
    return shutil.copytree(packed.build / "media", tmp_path / "media")


@pytest.fixture
def zone(packed: Journey, tmp_path: Path) -> Champ:
    """A freshly commissioned zone in tmp_path/zone."""
    champ = Champ(zone=tmp_path / "zone")
    champ("zone", "init", "--name", ZONE, "--root", packed.root)
    return champ


def volumes(media: Path) -> list[Path]:
    return sorted(media.glob("*.tar"))


def flip_byte(media: Path) -> str:
    volume = volumes(media)[1]
    with volume.open("r+b") as file:
        file.seek(volume.stat().st_size // 2)
        byte = file.read(1)[0]
        file.seek(-1, 1)
        file.write(bytes([byte ^ 0xFF]))
    return volume.name


def truncate(media: Path) -> str:
    volume = volumes(media)[1]
    with volume.open("r+b") as file:
        file.truncate(volume.stat().st_size // 3)
    return volume.name


def lose(media: Path) -> str:
    volume = volumes(media)[0]
    volume.unlink()
    return volume.name


def edit_targets(media: Path) -> str:
    path = media / "metadata/targets.json"
    path.write_bytes(path.read_bytes().replace(b'"length": ', b'"length": 1', 1))
    return "targets"


@pytest.mark.parametrize(
    ("spoil", "code", "names_a_blob"),
    [(flip_byte, 11, True), (truncate, 12, True), (lose, 9, True), (edit_targets, 13, False)],
)
def test_spoiled_media_are_refused_and_change_nothing(
    packed: Journey, media: Path, zone: Champ, tmp_path: Path,
    spoil: Callable[[Path], str], code: int, names_a_blob: bool,
) -> None:  # fmt: skip
    named = spoil(media)
    before = files(tmp_path / "zone/store")
    for words in refused(media, packed.root):
        said = zone(*words, expect=code).stderr
        assert named in said
        assert not names_a_blob or "sha256:" in said
        assert "Traceback" not in said
    assert files(tmp_path / "zone/store") == before
    assert files(tmp_path / "zone/store/sha256") == []
    assert zone.json("catalog") == []


def test_a_bundle_signed_by_another_root_is_refused(
    packed: Journey, media: Path, tmp_path: Path
) -> None:
    stranger = Champ(zone=tmp_path / "zone")
    stranger("trust", "init", tmp_path / "other", "--holder", "another site", "--unencrypted")
    root = tmp_path / "other/root.json"
    stranger("zone", "init", "--name", ZONE, "--root", root)
    for words in refused(media, root):
        assert "root" in stranger(*words, expect=3).stderr
    assert files(tmp_path / "zone/store/sha256") == []


def test_after_a_refusal_the_good_media_still_go_in(
    packed: Journey, media: Path, zone: Champ
) -> None:
    flip_byte(media)
    zone("import", media, expect=11)
    done = zone.json("import", packed.build / "media")
    assert done["changed"]
    assert zone.json("catalog")[0]["name"] == "orthanc"


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ("format: 1\nname: x\nversion: '1'\nimagse: []\n", 4, "imagse"),
        (
            "format: 1\nname: x\nversion: '1'\nimages:\n  - name: a/b:1\n    debain: {}\n",
            6,
            "debain",
        ),
        ("format: 1\nname: x\nversion: 1.0\n", 3, "version"),
    ],
)
def test_a_recipe_is_refused_with_file_line_and_key(
    tmp_path: Path, text: str, line: int, key: str
) -> None:
    recipe = tmp_path / "bundle.yaml"
    recipe.write_text(text)
    said = Champ()("lock", recipe, expect=2).stderr
    assert str(recipe) in said
    assert f"line {line}" in said
    assert key in said


@pytest.mark.parametrize(
    ("text", "line", "named", "expected"),
    [
        ("aeTitel: PACS\n", 1, "aeTitel", "aeTitle"),
        ("aeTitle: PACS\nfoo: 1\n", 2, "foo", "aeTitle"),
        ("aeTitle: PACS\ndicomNodePort: many\n", 2, "dicomNodePort", "number"),
        ("users:\n  - {name: admin, password: short}\n", 2, "users[0].password", "12"),
    ],
)
def test_answers_are_refused_with_file_line_and_field(
    packed: Journey, zone: Champ, tmp_path: Path,
    text: str, line: int, named: str, expected: str,
) -> None:  # fmt: skip
    zone("import", packed.build / "media")
    answers = tmp_path / "answers.yaml"
    answers.write_text(text)
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(KUBECONFIG)
    done = zone("plan", "orthanc", "--answers", answers, "--kubeconfig", kubeconfig, expect=2)
    assert f"line {line}" in done.stderr
    assert str(answers) in done.stderr
    assert named in done.stderr
    assert expected in done.stderr
    assert "short" not in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["verify", "{tmp}", "--root", "{tmp}/none.json"],
        ["verify", "{tmp}", "--root", "{project}/README.md"],
        ["verify", "/nowhere", "--root", "{project}/README.md"],
        ["lock", "{tmp}/none.yaml"],
        ["lock", "{project}/LICENSE"],
        ["pack", "{project}/bundles/orthanc-1.10/bundle.yaml", "--lock", "{project}/LICENSE",
         "--signing", "{tmp}", "--out", "{tmp}"],
        ["--zone", "{tmp}", "import", "{tmp}"],
        ["--zone", "{project}/README.md", "status"],
        ["--zone", "{tmp}/new", "zone", "init", "--name", "a/../b", "--root", "{tmp}/none"],
        ["--zone", "{tmp}", "apply", "{project}/LICENSE"],
    ],
)  # fmt: skip
def test_nonsense_is_met_with_a_sentence(tmp_path: Path, words: list[str]) -> None:
    filled = [word.format(tmp=tmp_path, project=PROJECT) for word in words]
    done = Champ()(*filled, expect=None)
    assert done.returncode in {2, 11, 13, 14}, done.stderr
    assert done.stdout == ""
    assert done.stderr.strip()
    assert "Traceback" not in done.stderr


def refused(media: Path, root: Path) -> list[list[str | Path]]:
    return [["verify", media, "--root", root], ["import", media]]


def files(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.rglob("*") if path.is_file())


KUBECONFIG = """\
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: u, user: {}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
"""
