"""What an API server sends while a command runs in a pod: frames, channels, statuses."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable

from champ_offline.cluster.commands import CHUNK, LAST_WORDS, Cut, End, Event, Place, Running
from champ_offline.cluster.pod_exec import event_of, status_of
from champ_offline.cluster.web_frames import (
    FrameReader,
    FrameRefused,
    Message,
    Opcode,
    close_words,
    masked,
)
from champ_offline.errors import ChampError, Quoted
from tests.fuzz.mutation import json_mutator
from tests.fuzz.target import Target
from tests.simulators.exec_server import STATUS, STDERR, STDOUT, SUCCESS, frame, said

_MOST = 4096
_PLACE = Place("zone", "box", "work", ("pg_dump",))


def read_session(data: bytes) -> None:
    """However the bytes come, they say the same; a good end is one that a status said."""
    assert masked(masked(data, data[:4].ljust(4)), data[:4].ljust(4)) == data
    _status(data)
    messages = list(_messages([data]))
    assert list(_messages(data[at : at + 1] for at in range(len(data)))) == messages
    running, size, told = Running(_PLACE, _events(messages)), 0, ""
    try:
        for piece in running:
            assert 0 < len(piece) <= CHUNK
            size += len(piece)
    except ChampError as error:
        told = str(error)
    assert told or b"Success" in data or b"\\u" in data
    assert len(told) < 2 * LAST_WORDS
    assert size <= len(data)
    assert list(running) == []


def _messages(pieces: Iterable[bytes]) -> Generator[Message | str, None, None]:
    reader = FrameReader(_MOST)
    try:
        for piece in pieces:
            for message in reader.feed(piece):
                assert len(message.data) <= _MOST
                yield message
    except FrameRefused as error:
        yield str(error)


def _events(messages: list[Message | str]) -> Generator[Event, None, None]:
    for message in messages:
        if isinstance(message, str):
            yield Cut(Quoted(message))
        elif message.opcode is Opcode.BINARY:
            yield event_of(message.data)
        elif message.opcode is Opcode.CLOSE:
            yield Cut(Quoted(_farewell(message.data)))


def _farewell(data: bytes) -> str:
    try:
        return close_words(data)
    except FrameRefused as error:
        return str(error)


def _status(data: bytes) -> None:
    match status_of(data):
        case End(0):
            assert json.loads(data)["status"] == "Success"
        case End(code, reason):
            assert json.loads(data)["status"] == "Failure"
            assert code is None or 0 < code < 256
            assert len(str(reason)) <= 500


def _seeds() -> dict[str, bytes]:
    cause = {"reason": "ExitCode", "message": "3"}
    failed = {"status": "Failure", "reason": "NonZeroExitCode", "details": {"causes": [cause]}}
    code = json.dumps(failed).encode()
    return {
        "session": said(STDOUT, b"some") + said(STDERR, b"hm\n") + said(STATUS, SUCCESS),
        "pieces": frame(b"\1so", 2) + frame(b"?", 0x89) + frame(b"me", 0x80) + said(STATUS, code),
        "long": said(STDOUT, b"x" * 300) + frame(b"\x03\xe8bye", 0x88),
        "success": SUCCESS,
        "code": code,
    }


TARGETS = (Target("commands", read_session, _seeds, json_mutator()),)
