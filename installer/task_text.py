"""What a task was asked to do, and how it ended, in the user's language.

Invariant: made from the task alone: whoever follows it reads the same, wherever it was begun.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from champ_offline.errors import ExitCode
from champ_offline.tasks.task import Ending, Task
from installer.error_text import sentences
from installer.language import translate as _
from installer.quantities import minute, size
from installer.terminal_text import printable, printable_lines
from installer.words import word

# Global options that say nothing about what is done.
_ABOUT_OUTPUT = {"--zone", "-o", "--output", "--progress", "--lang"}


def asked(task: Task) -> str:
    """What a task was asked to do."""
    return command(task.words)


def command(words: Sequence[str]) -> str:
    """The command without the options that are about its output: `import /media/stick`."""
    every, left = iter(words), []
    for one in every:
        if one in _ABOUT_OUTPUT:
            next(every, None)
        elif one.partition("=")[0] not in _ABOUT_OUTPUT | {"--json"}:
            left.append(one)
    return printable(shlex.join(left))


def line(task: Task) -> str:
    """`12  import /media/stick  since 2026-05-01 12:00 (anna)`."""
    when = minute(task.began)
    text = _("{number}  {words}  since {when} ({user})")
    return text.format(number=task.number, words=asked(task), when=when, user=printable(task.user))


def state(task: Task) -> str:
    """`at work`, `ended` or `cut off`: one of the fixed words."""
    if task.at_work:
        return "at work"
    return "cut off" if task.ending is None else "ended"


def outcome(task: Task) -> str:
    """Its state, for one that ended otherwise than well with the exit code."""
    if task.ending is None or task.ending.exit_code == ExitCode.OK:
        return word(state(task))
    if task.ending.exit_code == ExitCode.INTERRUPTED:
        return _("stopped")
    return _("failed ({code})").format(code=int(task.ending.exit_code))


def took(task: Task, ending: Ending) -> float | None:
    """Seconds from a task's beginning to its end; None for one that was cut off."""
    if not ending.at:
        return None
    ended, began = map(datetime.fromisoformat, (ending.at, task.began))
    return max(0.0, (ended - began).total_seconds())


def ended(ending: Ending) -> str:
    """How a task ended, on as many lines as that takes."""
    if ending.error is not None:
        if ending.exit_code == ExitCode.INTERRUPTED:
            return printable(sentences(ending.error)[0])
        told = "\n".join(sentences(ending.error))
        return printable_lines(f"{told}\n[{ending.error.id}]")
    if reads := _of("number", "damaged", ending.result):
        return "\n".join(map(read_again, reads))
    if members := _of("name", "ending", ending.result):
        return "\n".join(map(member, members))
    if ending.exit_code != ExitCode.OK:
        return _("It ended with exit code {code}.").format(code=ending.exit_code)
    return _result(ending.result)


def _result(result: object) -> str:
    if not isinstance(result, Mapping):
        return _("It ended well.")
    for field, told in _TOLD.items():
        if field in result:
            return told(result)
    return _("It ended well.")


def _of(first: str, second: str, result: object) -> list[Mapping[str, Any]]:
    """The rows of a result, if each of them has these fields; else none."""
    every = result if isinstance(result, list) else []
    found = [one for one in every if isinstance(one, Mapping) and {first, second} <= {*one}]
    return found if len(found) == len(every) else []


def imported(result: Mapping[str, Any]) -> str:
    """What an import brought."""
    if not result["changed"]:
        text = _("The zone already holds {bundle} {version}. Nothing was changed.")
    elif result["restored"] and not result["new_blobs"]:
        text = _(
            "{bundle} {version} is current again. Only withdrawn keys had vouched for what"
            " these names led to: {names}."
        )
    else:
        text = _(
            "{bundle} {version} is in the zone: {new} in {blobs} new blobs, {known} blobs"
            " were already here. Every byte was checked."
        )
    said = text.format(
        bundle=result["bundle"], version=result["version"], new=size(result["new_bytes"]),
        blobs=result["new_blobs"], known=result["known_blobs"],
        names=", ".join(result["restored"]),
    )  # fmt: skip
    if result["displaced"]:
        gone = _("Clients had pushed to names of this bundle. That is gone: {names}.")
        names = (label for one in result["displaced"] for label in labels(one))
        said += "\n\n" + gone.format(names=", ".join(names))
    return printable_lines(said)


def labels(displaced: Mapping[str, Any]) -> list[str]:
    """The tags of a repository as people write them; the repository where there were none."""
    return [f"{displaced['name']}:{tag}" for tag in displaced["tags"]] or [displaced["name"]]


def applied(result: Mapping[str, Any]) -> str:
    """What became of a release."""
    text = _("{operation} {release}: {outcome}, revision {number}, version {version}")
    return printable(
        text.format(
            operation=word(result["operation"]),
            release=result["release"],
            outcome=word(result["outcome"]),
            number=result["number"],
            version=result["version"],
        )
    )


def reported(result: Mapping[str, Any]) -> str:
    """Where a report is."""
    text = _("The hand-over report is in {path} ({size}). Open it in a browser to print it.")
    return printable(text.format(path=result["path"], size=size(result["size"])))


def saved(result: Mapping[str, Any]) -> str:
    """What became of a backup."""
    text = _("Backup {number} of {release} {version}: {state}, {size}")
    return printable(
        text.format(
            number=result["number"],
            release=result["release"],
            version=result["version"],
            state=word(result["state"]),
            size=size(result["size"]),
        )
    )


def brought_back(result: Mapping[str, Any]) -> str:
    """Which backup came back."""
    told = _("Backup {backup} is back in {release}.")
    if result["saved"]:
        told += " " + _("What was there before is backup {saved}.")
    return printable(told.format_map(result))


def read_again(result: Mapping[str, Any]) -> str:
    """How a backup was found."""
    text = _("Backup {number} of {release}: every byte is as it was saved ({size}).")
    if result["damaged"]:
        text = _("Backup {number} of {release} is damaged: {damaged}.")
    return printable(
        text.format(
            number=result["number"],
            release=result["release"],
            size=size(result["size"]),
            damaged=", ".join(result["damaged"]),
        )
    )


def member(result: Mapping[str, Any]) -> str:
    """What became of a release of a site's plan."""
    failed = result["error_id"] and f" [{result['error_id']}]"
    return printable(f"{result['name']} {result['version']}: {word(result['ending'])}{failed}")


# By a field that only results of this kind have.
_TOLD: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "new_blobs": imported,
    "operation": applied,
    "brought": reported,
    "parts": saved,
    "backup": brought_back,
}
