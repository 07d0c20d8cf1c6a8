"""What errors say: sizes in the unit people read, places and other errors in their language."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from champ_offline.bundle.errors import NoSpace, SeveralTroubles, VolumeCorrupt, VolumeMissing
from champ_offline.bundle.reader import INDEX
from champ_offline.cluster.causes.words import NodeNotReady
from champ_offline.durable.typed_yaml import parse
from champ_offline.errors import Bytes, ChampError, Phrases, Quoted, Several
from champ_offline.events import FaultFound
from champ_offline.release.apply.failures import ApplyPutBack
from champ_offline.release.base import ObjectsMoved
from champ_offline.release.review.guard import Moved, told
from champ_offline.release.review.immutable import FieldsImmutable, SetFixed
from installer.error_text import sentences
from installer.language import activate
from installer.quantities import NO_BREAK
from installer.step_line import fault_line

NO_ROOM = NoSpace(
    path=Path("/srv"), free=Bytes(5_000_000), needed=Bytes(71_139_543), reserve=Bytes(16_000_000)
)
DAMAGED = VolumeCorrupt(volume="demo-1.0001.tar", blob=INDEX, offset=512)


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    activate("en")
    yield
    activate("en")


def test_sizes_have_the_unit_people_read() -> None:
    message, _ = sentences(NO_ROOM)
    plain = message.replace(NO_BREAK, " ")
    assert plain.startswith("/srv has 5.00 MB free; this bundle needs 71.1 MB, of which 16.0 MB")
    assert message.count(NO_BREAK) == 3
    assert "71139543 bytes" in str(NO_ROOM)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 2026", "x.yaml 第 1 行“a”：应为 版本（加引号），实为 2026。"),
        ("a: [x]", "x.yaml 第 1 行“a”：应为 版本，实为 列表。"),
        ("- a", "x.yaml 第 1 行“整个文档”：应为 表（键: 值），实为 列表。"),
        ("a: *b", "x.yaml 第 1 行：不接受锚点和别名。"),
    ],
)
def test_what_is_expected_of_a_file_is_told_in_the_language(text: str, told: str) -> None:
    with pytest.raises(ChampError) as caught:
        parse(text.encode(), "x.yaml").table("a")["a"].text(None, "a version")
    activate("zh")
    assert sentences(caught.value)[0] == told


def test_errors_within_errors_are_in_the_language_too() -> None:
    missing = VolumeMissing(
        where="/s", missing=1, total=3, names="demo-1.0003.tar", blob="sha256:1"
    )
    both = SeveralTroubles(troubles=Several([DAMAGED, missing]))
    activate("zh")
    message, _ = sentences(both)
    assert sentences(DAMAGED)[0] in message
    assert sentences(missing)[0] in message
    assert INDEX not in message


def test_objects_that_moved_are_told_in_the_language() -> None:
    moves = Phrases([told("Deployment", "web", Moved.CHANGED), told("Secret", "s", Moved.GONE)])
    error = ObjectsMoved(release="pacs", count=2, objects=moves)
    assert sentences(error)[0] == str(error)
    activate("zh")
    message, _ = sentences(error)
    assert "2 个对象发生了变化：Deployment web（期间被更改）, Secret s（期间被删除）。" in message


def test_fields_that_never_change_are_told_in_the_language_with_what_to_do() -> None:
    fixed = [SetFixed(kind="StatefulSet", name="db", fields="spec.serviceName")]
    error = FieldsImmutable(refusals=Several(fixed), count=1)
    assert "--cascade=orphan" in sentences(error)[0]
    activate("zh")
    message, _ = sentences(error)
    assert "StatefulSet db 的 spec.serviceName 创建后不能更改" in message
    assert "keeps" not in message


def test_an_error_names_its_cause_and_what_to_do_about_it_first() -> None:
    cause = NodeNotReady(kind="Node", name="one", reason=Quoted("no heartbeat"))
    error = ApplyPutBack(release="pacs", cause=cause)
    message, remedy = sentences(error)
    assert message.endswith("put back as it was: Node one is not ready: no heartbeat.")
    assert str(error) == message
    assert remedy.startswith("Bring the node back")
    assert remedy.endswith("Remove the cause named above, then plan again.")
    activate("zh")
    message, remedy = sentences(error)
    assert "节点 one 未就绪：no heartbeat" in message
    assert "。." not in message
    assert "。。" not in message


def test_an_index_is_not_called_a_blob() -> None:
    assert "blob" not in sentences(DAMAGED)[0]
    assert fault_line(FaultFound.of(DAMAGED)) == (
        "Damaged: demo-1.0001.tar, the volume index, byte 512 [media.volume-corrupt]"
    )
