"""What can go wrong, as an interface: a stable id, an exit code, one sentence, one remedy.

Invariant: every error that reaches a front-end is a `ChampError`; its texts are templates from this
code base (the message ids of the translation catalog) and everything that came from outside is a
field, never part of a template.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from enum import IntEnum
from typing import Any, ClassVar, Self, TypeAlias


class ExitCode(IntEnum):
    """The exit status of `champ`; scripts rely on these numbers, so they are never reused."""

    OK = 0
    INTERNAL = 1
    USAGE = 2
    TRUST_REFUSED = 3
    PREFLIGHT = 4
    PUT_BACK = 5
    NEEDS_PERSON = 6
    APPROVAL_MISSING = 7
    LOCKED = 8
    MEDIUM_MISSING = 9
    PLAN_HAS_CHANGES = 10
    CORRUPT = 11
    TRUNCATED = 12
    DOCUMENT_ALTERED = 13
    NOT_FOUND = 14
    INTERRUPTED = 130
    TERMINATED = 143


class Bytes(int):
    """A size in bytes as a field of an error; front-ends show it in the unit people read."""

    def __format__(self, spec: str) -> str:
        return f"{int(self)} bytes"


class Said(str):
    """A text that its author gave in several languages, as a field; itself it is the English one.

    `texts` leads from a language ("en", "zh") to the text; front-ends show the reader's.
    """

    __slots__ = ("texts",)
    texts: Mapping[str, str]

    def __new__(cls, texts: Mapping[str, str]) -> Self:
        """The texts, of which English is one."""
        said = super().__new__(cls, texts["en"])
        said.texts = texts
        return said


class Phrase(str):
    """Some words of ours within a sentence, as a field; itself it is the English text.

    `template` is a `str.format` template over `fields`, translated before they are filled in; a
    field may be a phrase in turn.
    """

    __slots__ = ("fields", "template")
    template: str
    fields: Mapping[str, object]

    def __new__(cls, template: str, /, **fields: object) -> Self:
        """The template with its fields; without any it is the text itself, braces and all."""
        said = super().__new__(cls, template.format(**fields) if fields else template)
        said.template, said.fields = template, fields
        return said


class Phrases(tuple[Phrase, ...]):
    """Several phrases as a field, one after the other with commas."""

    __slots__ = ()

    def __str__(self) -> str:
        return ", ".join(self)

    def __format__(self, spec: str) -> str:
        return str(self)


class Quoted(str):
    """What somebody else said, as a field: a server's answer, Helm's message; shown as it came."""

    __slots__ = ()


class Because(Exception):
    """Something failed for a `reason`, which ends the sentence of somebody who knows the place."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class Unfit(Because, ValueError):
    """A value is refused for a `reason`."""


class ChampError(Exception):
    """Base of all errors a user can meet.

    Subclasses set `id` (stable, dotted, for example "media.volume-corrupt"), `exit_code`, `message`
    and `remedy`. Both texts are `str.format` templates over the keyword fields given on raising; a
    front-end translates the template first and fills the fields in afterwards.
    """

    id: ClassVar[str]
    exit_code: ClassVar[ExitCode]
    message: ClassVar[str]
    remedy: ClassVar[str]

    def __init__(self, *, reason: Reason | None = None, **fields: object) -> None:
        """Keep the fields; a field the templates need and did not get raises KeyError in tests."""
        given: Fields = fields if reason is None else {**fields, "reason": reason}
        super().__init__(given)
        self.fields = given

    def __str__(self) -> str:
        return self.message.format(**self.fields)

    def __format__(self, spec: str) -> str:
        """Inside another error's sentence: without a full stop of its own."""
        return str(self).rstrip(".")

    @property
    def advice(self) -> str:
        """The remedy with its fields filled in, in English."""
        return self.remedy.format(**self.fields)


class Several(tuple[ChampError, ...]):
    """Errors as a field of the one that stands for all of them; shown one after the other."""

    __slots__ = ()

    def __str__(self) -> str:
        return " ".join(str(error) for error in self)

    def __format__(self, spec: str) -> str:
        return str(self)


# Fields as they are given to an error with `**`.
Fields: TypeAlias = dict[str, Any]
# Why something is so, as the field `reason` gives it: words that can be translated, or marked
# as those of somebody else. A plain text is neither, and the type checker says so.
Reason: TypeAlias = Phrase | Quoted | Said | ChampError | Several


def every_error() -> list[type[ChampError]]:
    """All concrete errors imported so far, sorted by id; the table in errors.md is made from it."""
    found: list[type[ChampError]] = []
    waiting = list(ChampError.__subclasses__())
    while waiting:
        error = waiting.pop()
        waiting.extend(error.__subclasses__())
        if "id" in error.__dict__:
            found.append(error)
    return sorted(found, key=lambda error: error.id)


def system_said(error: OSError) -> Phrase | Quoted:
    """Why the operating system refused; as it came where it is none of the usual reasons."""
    if error.errno in _REFUSALS:
        return _REFUSALS[error.errno]
    return Quoted(error.strerror or error)


# The texts are those of glibc's strerror.
_REFUSALS: Mapping[int | None, Phrase] = {
    errno.EACCES: Phrase("Permission denied"),
    errno.EADDRINUSE: Phrase("Address already in use"),
    errno.EADDRNOTAVAIL: Phrase("Cannot assign requested address"),
    errno.EAGAIN: Phrase("Resource temporarily unavailable"),
    errno.EBADF: Phrase("Bad file descriptor"),
    errno.EBUSY: Phrase("Device or resource busy"),
    errno.ECONNABORTED: Phrase("Software caused connection abort"),
    errno.ECONNREFUSED: Phrase("Connection refused"),
    errno.ECONNRESET: Phrase("Connection reset by peer"),
    errno.EDQUOT: Phrase("Disk quota exceeded"),
    errno.EEXIST: Phrase("File exists"),
    errno.EFAULT: Phrase("Bad address"),
    errno.EFBIG: Phrase("File too large"),
    errno.EHOSTDOWN: Phrase("Host is down"),
    errno.EHOSTUNREACH: Phrase("No route to host"),
    errno.EINVAL: Phrase("Invalid argument"),
    errno.EIO: Phrase("Input/output error"),
    errno.EISDIR: Phrase("Is a directory"),
    errno.ELOOP: Phrase("Too many levels of symbolic links"),
    errno.EMFILE: Phrase("Too many open files"),
    errno.EMLINK: Phrase("Too many links"),
    errno.ENAMETOOLONG: Phrase("File name too long"),
    errno.ENETDOWN: Phrase("Network is down"),
    errno.ENETUNREACH: Phrase("Network is unreachable"),
    errno.ENFILE: Phrase("Too many open files in system"),
    errno.ENODEV: Phrase("No such device"),
    errno.ENOENT: Phrase("No such file or directory"),
    errno.ENOEXEC: Phrase("Exec format error"),
    errno.ENOMEM: Phrase("Cannot allocate memory"),
    errno.ENOSPC: Phrase("No space left on device"),
    errno.ENOTCONN: Phrase("Transport endpoint is not connected"),
    errno.ENOTDIR: Phrase("Not a directory"),
    errno.ENOTEMPTY: Phrase("Directory not empty"),
    errno.ENOTSUP: Phrase("Operation not supported"),
    errno.ENXIO: Phrase("No such device or address"),
    errno.EPERM: Phrase("Operation not permitted"),
    errno.EPIPE: Phrase("Broken pipe"),
    errno.EROFS: Phrase("Read-only file system"),
    errno.ESTALE: Phrase("Stale file handle"),
    errno.ETIMEDOUT: Phrase("Connection timed out"),
    errno.ETXTBSY: Phrase("Text file busy"),
    errno.EXDEV: Phrase("Invalid cross-device link"),
}
