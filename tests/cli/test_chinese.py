"""Errors in Chinese are Chinese: of English only names, commands, quotes and terms remain.

A wide sample of commands that fail, each as a user would type it.
"""

from __future__ import annotations

import re
import shlex
import shutil
import socket
from pathlib import Path

import pytest

from tests.cli.command import loaded_champ_in
from tests.cli.test_way_of_a_bundle import Site

# What a Chinese engineer writes in Latin letters too.
TERMS = frozenset(
    {"champ", "tuf", "tls", "tar", "http", "https", "json", "ndjson", "yaml", "utf", "pem", "usage",
     "kubeconfig", "manifest", "lightkube", "syft", "chart", "helm", "root", "targets", "snapshot",
     "timestamp", "images", "context", "current"}
)  # fmt: skip
# Names that a command line and files give: they stay as they are.
TAKEN_OUT = (
    r"“[^”]*”",  # quoted
    r"`[^`]*`",  # to be typed
    r"'[^']*'",  # click's quotes
    r"\[[a-z0-9.-]+\.[a-z0-9.-]+\]",  # an error's id
    r"--?[a-z][a-z-]*",  # options
    r"[A-Z][A-Z_]{2,}",  # placeholders and variables of the environment
    r"\S*/[\x21-\x7e]*",  # paths
    r"[\w-]+\.(?:json|yaml|pem|lock|tar|md|plan|crt|key|toml|html|pub|oci|1)\b",  # files
    r"sha256:\S*",
    r"[\w.-]+:\d+",  # hosts and ports
    r"可用的有：.*",  # keys and versions that are there
    r"\bdemo\S*",
    r"\b\d[\w.:-]*",  # numbers, versions, times
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A packed bundle, a zone that took it, and files of every wrong kind."""
    site = Site(tmp_path_factory.mktemp("chinese"))
    at = site.folder
    site.says("trust", "init", str(at / "keys"), "--holder", "A", "--unencrypted")
    site.says("lock", str(site.recipe))
    site.says("pack", str(site.recipe), "--signing", str(at / "keys"), "--out", str(site.stick))
    site.zone("zone", "init", "--name", "core", "--root", str(site.root))
    site.zone("import", str(site.stick))
    _wrong_files(at)
    _damaged_sticks(site)
    return site


def _wrong_files(at: Path) -> None:
    (at / "bytes").write_bytes(b"\xff\xfe\0\x80" * 9)
    (at / "empty").write_bytes(b"")
    (at / "text.yaml").write_text("a: [1, 2\nb: {")
    (at / "list.yaml").write_text("- a\n- b\n")
    (at / "alias.yaml").write_text("a: &x 1\nb: *x\n")
    (at / "twice.yaml").write_text("a: 1\na: 2\n")
    (at / "strange.yaml").write_text("format: 1\nnonsense: 1\n")
    (at / "new.yaml").write_text("format: 99\nname: x\n")
    (at / "wrong.yaml").write_text("format: one\nname: [x]\nversion: 1\nzones: core\nimages: 7\n")
    (at / "deep.json").write_text("[" * 99 + "]" * 99)
    (at / "cut.json").write_text('{"format": 1, "kind":')
    (at / "twice.json").write_text('{"a": 1, "a": 2}')
    (at / "object.json").write_text("{}")
    (at / "loop").symlink_to(at / "loop")
    (at / "folder").mkdir()
    (at / "secret").write_text("x\n")
    (at / "secret").chmod(0o644)
    (at / "no-context").write_text("apiVersion: v1\nkind: Config\nclusters: []\ncontexts: []\n")
    (at / "half").write_text("apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{}]\n")
    (at / "away").write_text(_kubeconfig(_closed_port()))


def _kubeconfig(port: int) -> str:
    return (
        "apiVersion: v1\nkind: Config\ncurrent-context: a\n"
        f"clusters: [{{name: a, cluster: {{server: 'http://127.0.0.1:{port}'}}}}]\n"
        "contexts: [{name: a, context: {cluster: a, user: a}}]\nusers: [{name: a, user: {}}]\n"
    )


def _closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _damaged_sticks(site: Site) -> None:
    def copy(name: str) -> Path:
        return Path(shutil.copytree(site.stick, site.folder / name))

    def only(folder: Path, pattern: str) -> Path:
        return min(path for path in folder.rglob(pattern) if path.is_file())

    only(copy("no-volume"), "*.tar").unlink()
    volume = only(copy("flipped"), "*.tar")
    data = bytearray(volume.read_bytes())
    data[len(data) // 2] ^= 1
    volume.write_bytes(data)
    volume = only(copy("short"), "*.tar")
    volume.write_bytes(volume.read_bytes()[:-2000])
    document = only(copy("altered"), "bundle.json")
    document.write_bytes(document.read_bytes().replace(b'"demo"', b'"dema"'))
    only(copy("no-json"), "bundle.json").write_text("{")
    only(copy("no-document"), "bundle.json").unlink()
    for name, found in (("no-roots", "*root.json"), ("bad-roots", "*root.json")):
        for path in copy(name).rglob(found):
            path.unlink() if name == "no-roots" else path.write_text('{"signed": 1}')
    for path in copy("bad-times").rglob("*timestamp*"):
        path.write_text("[]")


FILES = (
    "bytes", "empty", "text.yaml", "list.yaml", "alias.yaml", "twice.yaml", "strange.yaml",
    "new.yaml", "wrong.yaml", "deep.json", "cut.json", "twice.json", "object.json", "loop",
    "folder", "nothing",
)  # fmt: skip
READERS = (
    "lock {}",
    "pack {} --signing keys --out out",
    "pack bundle.yaml --lock {} --signing keys --out out",
    "pack bundle.yaml --only {} --signing keys --out out",
    "verify stick --root {}",
    "zone init --name b --root {}",
    "trust init more --add {} --add {}",
    "trust rotate keys --add {}",
    "trust sign {} --signing keys",
    "trust show --root {}",
    "trust key new more --holder A --passphrase-file {}",
    "audit verify {} --key keys/public.json",
    "audit verify bundle.yaml --key {}",
    "show {}",
    "apply {}",
    "site check {}",
    "plan --site {}",
    "policy check {}",
    "run stick --policy {}",
    "status --kubeconfig {}",
    "cluster add a --kubeconfig {}",
    "node trust 127.0.0.1:5443 --ca {} --root folder",
    "registry external set 127.0.0.1:5443/x --ca {}",
    "registry client add x --password-file {} --pull",
)
STICKS = (
    "no-volume", "flipped", "short", "altered", "no-json", "no-document", "no-roots", "bad-roots",
    "bad-times", "folder", "nothing",
)  # fmt: skip
OTHERS = """\
nonsense
verify
verify --root
verify --nonsense x
plan
import
catalog -o xml
registry serve --port many
history x --limit none
report --last 0
report --last 3 --since 2026-01-01
report --since yesterday
report --since 2026-02-01 --until 2026-01-01
report --offline --drift
report --cluster x
trust init
trust init keys --holder A --unencrypted
trust init more --holder A
trust key images folder --unencrypted
trust rotate folder
trust export folder --signing folder
trust show folder
trust update folder
trust image-key stick
pack bundle.yaml --signing folder --out out
pack bundle.yaml --signing keys --out stick
zone init --name core --root keys/root.json
zone retire demo 9
zone retire x 1
zone backup bytes
zone backup nothing/b
zone discard 9
store check --zone folder
zone show --zone nothing
zone show --zone bytes
catalog --zone folder
export --for core bytes
export --for other out
media repair folder
registry push
registry client remove x
registry external show
registry external remove
registry external set nonsense:port:x
registry doctor 127.0.0.1:1
registry doctor nonsense:1:2
node trust x:y --ca keys/public.json
node untrust
audit verify --key keys/public.json
audit export --out bytes --sign keys
task follow 9999
task stop 9999
cluster show x
cluster remove x
sbom show champ.local/none:1
sbom find x --version nonsense
form orthanc
site set list.yaml a=b --apps x
plan orthanc
plan orthanc --version 9
plan orthanc --answers bytes
plan demo --cluster x
status --cluster x
status --kubeconfig no-context
status --kubeconfig half
status --kubeconfig away
remove x --kubeconfig away
rollback x --kubeconfig away
history x
report --out bundle.yaml
report --out nowhere/report.html
history 7
data list x
data remove 9
data verify 9
data restore x 9 --kubeconfig away
apply bytes --plan-digest x
run stick
registry client add x --password-file secret --pull
trust key new more --holder A --passphrase-file secret
import stick --accept-clock ''
run --watch bytes --policy list.yaml
policy unit --policy x --ferry y --write nothing/z
""".splitlines()


@pytest.mark.parametrize("verb", READERS)
def test_a_file_of_the_wrong_kind(site: Site, verb: str) -> None:
    for name in FILES:
        _is_chinese(site, verb.replace("{}", name))


@pytest.mark.parametrize("stick", STICKS)
def test_a_stick_that_is_wrong(site: Site, stick: str) -> None:
    for verb in (
        f"verify {stick} --root keys/root.json",
        f"import {stick}",
        f"media repair {stick} --root keys/root.json",
        f"trust show {stick} --root keys/root.json",
        f"trust image-key {stick} --root keys/root.json",
    ):
        _is_chinese(site, verb)


@pytest.mark.parametrize("line", OTHERS)
def test_a_command_that_fails(site: Site, line: str) -> None:
    assert _is_chinese(site, line) != 0


def test_english_is_found() -> None:
    assert english("champ: x 无法使用：it is not there。\n  请重试。\n  [a.b]") == ["not", "there"]
    assert english("champ: “some text” 无法读取 /srv/some/thing。\n  运行 `champ verify`。") == []


def _is_chinese(site: Site, line: str) -> int:
    place = site.folder / "zone"
    zone = [] if "--zone" in line else ["--zone", str(place)]
    # As full paths they are known for names, whatever they are called.
    words = [
        str(site.folder / word) if _is_file(site, word) else word for word in shlex.split(line)
    ]
    cache = str(site.folder / "cache")
    done = loaded_champ_in(site.folder, *zone, *words, CHAMP_LANG="zh", XDG_CACHE_HOME=cache)
    typed = "|".join(re.escape(word) for word in words if len(word) > 2)
    told = re.sub(rf"(?<![\w/-])(?:{typed})(?![\w.-])", " ", done.stderr)
    assert english(told) == [], f"champ {line}\n{done.stderr}"
    return done.returncode


def _is_file(site: Site, word: str) -> bool:
    named = word in {*FILES, "out", "more"}
    return named or (bool(word) and (site.folder / word).exists())


def english(text: str) -> list[str]:
    """The English words of an error that are no names, quotes, commands or terms."""
    lines = [line for line in text.splitlines() if not line.startswith("用法")]
    plain = "\n".join(lines)
    for pattern in TAKEN_OUT:
        plain = re.sub(pattern, " ", plain)
    words = re.findall(r"[A-Za-z]{3,}", plain)
    return [word for word in words if word.lower() not in TERMS]
