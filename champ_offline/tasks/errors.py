"""What can be wrong with a task that somebody wants to follow or to stop."""

from __future__ import annotations

from champ_offline.errors import ChampError, ExitCode


class TaskUnknown(ChampError):
    """There is no task of that number, or it is so old that its file went."""

    id = "task.unknown"
    exit_code = ExitCode.NOT_FOUND
    message = "There is no task {number}."
    remedy = "`champ task list` shows those that are known."


class NoTask(ChampError):
    """Nothing was ever done here that could be followed."""

    id = "task.none"
    exit_code = ExitCode.NOT_FOUND
    message = "No task was begun in this zone."
    remedy = "Name a zone in which something is done: `champ --zone DIR task list`."


class TaskUnreadable(ChampError):
    """A task's file is not as FORMAT.md says."""

    id = "task.unreadable"
    exit_code = ExitCode.DOCUMENT_ALTERED
    message = "{path} is no file of a task: line {line} cannot be read."
    remedy = "Let go of the file; what was done stands in `champ audit show`, not there."


class TaskCutOff(ChampError):
    """The process that carried a task out is gone without a last word."""

    id = "task.cut-off"
    exit_code = ExitCode.INTERRUPTED
    message = "Task {number} was cut off: its process is gone."
    remedy = "Run the same command again. What was half done is put right first."


class TaskOver(ChampError):
    """A task that is to be stopped has ended."""

    id = "task.over"
    exit_code = ExitCode.NOT_FOUND
    message = "Task {number} is not at work any more."
    remedy = "`champ task follow {number}` tells how it ended."


class TaskNotYours(ChampError):
    """A task is carried out by another user's process."""

    id = "task.not-yours"
    exit_code = ExitCode.PREFLIGHT
    message = "Task {number} was begun by user {user}; this is user {own}."
    remedy = "Stop it as user {user}, or as root."
