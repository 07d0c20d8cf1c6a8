"""WebSocket frames as bytes (RFC 6455, 5): what a client sends, and a strict reader of the answers.

Invariant: nothing is guessed. What the RFC forbids a server is refused, what is not needed here
(extensions) is refused too, and no message is larger than its reader was told.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from champ_offline.errors import Phrase, Unfit

NORMAL = 1000
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_LONGEST_CONTROL = 125
_SHORT, _LONG = 126, 127


class Opcode(IntEnum):
    """RFC 6455, 5.2."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


class FrameRefused(Unfit):
    """The other side does not keep to RFC 6455; the text is the end of a sentence."""


@dataclass(frozen=True)
class Message:
    """A whole message, or a control frame."""

    opcode: Opcode
    data: bytes


def accept_of(key: str) -> str:
    """What a server has to answer to a handshake with this key (RFC 6455, 4.2.2)."""
    return base64.b64encode(hashlib.sha1(f"{key}{_GUID}".encode()).digest()).decode()  # noqa: S324


def client_frame(opcode: Opcode, data: bytes, mask: bytes) -> bytes:
    """One unfragmented frame; `mask` is four bytes that nobody could foretell (5.3)."""
    size = len(data)
    if size < _SHORT:
        head = bytes([0x80 | opcode, 0x80 | size])
    elif size < 1 << 16:
        head = bytes([0x80 | opcode, 0x80 | _SHORT]) + size.to_bytes(2, "big")
    else:
        head = bytes([0x80 | opcode, 0x80 | _LONG]) + size.to_bytes(8, "big")
    return head + mask + masked(data, mask)


def masked(data: bytes, mask: bytes) -> bytes:
    """`data` with the mask on, or off again."""
    size = len(data)
    pattern = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "big") ^ int.from_bytes(pattern, "big")).to_bytes(size, "big")


def close_words(data: bytes) -> Phrase:
    """What a close frame says, as the end of a sentence; raises FrameRefused."""
    if not data:
        return Phrase("it was closed without a code")
    code = int.from_bytes(data[:2], "big")
    allowed = 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999
    if len(data) == 1 or not allowed:
        raise FrameRefused(Phrase("it was closed with a code that RFC 6455 does not allow"))
    said = " ".join(_text(data[2:]).split())
    if not said:
        return Phrase("it was closed with code {code}", code=code)
    return Phrase("it was closed with code {code} ({said})", code=code, said=said)


class FrameReader:
    """Takes what a server sends as it comes, and gives its messages."""

    def __init__(self, most: int) -> None:
        """No message may have more than `most` bytes."""
        self._most = most
        self._buffer = bytearray()
        self._begun: Opcode | None = None
        self._whole = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that are whole with these bytes, each when it is asked for.

        At most one message and one frame are held. Raises FrameRefused, after those before it.
        """
        self._buffer += data
        while (frame := self._frame()) is not None:
            message = self._joined(*frame)
            if message is not None:
                yield message

    def _frame(self) -> tuple[bool, Opcode, bytes] | None:
        """The next whole frame, taken off the buffer: whether it is final, its opcode and data."""
        found = self._buffer
        if len(found) < 2:
            return None
        final, opcode = bool(found[0] & 0x80), self._opcode(found[0])
        size, head = self._size(found, final=final, opcode=opcode)
        if len(found) < head + size:
            return None
        data = bytes(found[head : head + size])
        del found[: head + size]
        return final, opcode, data

    def _opcode(self, first: int) -> Opcode:
        if first & 0x70:
            raise FrameRefused(Phrase("a frame has bits of an extension that was not agreed on"))
        try:
            return Opcode(first & 0x0F)
        except ValueError as error:
            raise FrameRefused(
                Phrase("a frame has the unknown opcode {code}", code=first & 0x0F)
            ) from error

    def _size(self, found: bytearray, *, final: bool, opcode: Opcode) -> tuple[int, int]:
        """The size of the frame's data and of what is before it; both 0 bytes are never whole."""
        if found[1] & 0x80:
            raise FrameRefused(Phrase("a server's frame is masked"))
        size, head = found[1], 2
        if opcode >= Opcode.CLOSE and (size > _LONGEST_CONTROL or not final):
            raise FrameRefused(Phrase("a control frame is too long, or in pieces"))
        if size >= _SHORT:
            head = 4 if size == _SHORT else 10
            if len(found) < head:
                return 0, head
            least = _SHORT if size == _SHORT else 1 << 16
            size = int.from_bytes(found[2:head], "big")
            if size < least:
                raise FrameRefused(Phrase("a frame's length is not written in the shortest way"))
        before = 0 if opcode >= Opcode.CLOSE else len(self._whole)
        if size + before > self._most:
            raise FrameRefused(Phrase("a message is larger than {limit} bytes", limit=self._most))
        return size, head

    def _joined(self, final: bool, opcode: Opcode, data: bytes) -> Message | None:  # noqa: FBT001
        if opcode >= Opcode.CLOSE:
            return Message(opcode, data)
        if (opcode is Opcode.CONTINUATION) != (self._begun is not None):
            raise FrameRefused(Phrase("the pieces of a message are not in order"))
        begun = self._begun or opcode
        self._whole += data
        self._begun = None if final else begun
        if not final:
            return None
        whole, self._whole = bytes(self._whole), bytearray()
        if begun is Opcode.TEXT:
            _text(whole)
        return Message(begun, whole)


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise FrameRefused(Phrase("a text is not UTF-8")) from error
