"""The `champ` command: global options, the list of verbs, and the frame each verb runs in.

Invariant: `champ --help` loads no verb and none of the libraries a verb needs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from champ_offline import __version__
from champ_offline.errors import ExitCode
from installer.cli.diagnostics import Guard, listen_for_termination, say
from installer.cli.options import global_options
from installer.cli.session import Session
from installer.cli.verbs import SECTIONS, VERBS, load
from installer.error_text import sentences
from installer.language import translate as _
from installer.own_settings import follow, followed
from installer.program import COMPLETION, task_asked

Screens = Callable[[Path | None], int]


class Champ(click.Group):
    """The group of all verbs, each loaded when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The verbs in the order of the help."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Load the verb."""
        return load(cmd_name)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The verbs from the table, and the options; no verb is loaded for that."""
        verbs = [
            CompletionItem(name, help=_(entry.summary))
            for name, entry in VERBS.items()
            if name.startswith(incomplete)
        ]
        return [*verbs, *click.Command.shell_complete(self, ctx, incomplete)]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with suggestions from the table instead of from loaded commands."""
        name = args[0]
        if name not in VERBS and not name.startswith("-") and not ctx.resilient_parsing:
            raise click.exceptions.NoSuchCommand(name, possibilities=VERBS, ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the verbs by section, from the table alone."""
        for title, entries in SECTIONS.items():
            with formatter.section(_(title)):
                formatter.write_dl([(name, _(entry.summary)) for name, entry in entries.items()])


def run(arguments: Sequence[str], screens: Screens, session: Session | None = None) -> int:
    """Run one command line; `screens` opens the terminal UI on a zone. Returns the exit code."""
    _prepare_streams()
    asked = _wants_json(arguments)
    _follow_settings(_wanted_language(arguments), quiet=asked or COMPLETION in os.environ)
    session = session or Session(tuple(arguments))
    with Guard(arguments, as_json=lambda: asked or session.json_errors) as guard:
        listen_for_termination()
        session.take_on(task_asked())
        code = command_line(screens).main(
            list(arguments), prog_name="champ", standalone_mode=False, obj=session
        )
        guard.exit_code = code if isinstance(code, int) else int(ExitCode.OK)
    session.ended(guard.exit_code, guard.error)
    return guard.exit_code


def _follow_settings(wish: str | None, *, quiet: bool) -> None:
    """Choose the language, `wish` before all, and the look that the user has set.

    Settings that cannot be read are told, unless `quiet`, and stop nothing.
    """
    own, trouble = followed()
    follow(own, wish)
    if trouble is not None and not quiet:
        say("champ: " + " ".join(sentences(trouble)))


def command_line(screens: Screens) -> Champ:
    """The whole command; `screens` is called when it is used without a verb on a terminal."""

    def without_verb() -> int:
        context = click.get_current_context()
        if context.invoked_subcommand is not None:
            return int(ExitCode.OK)
        if sys.stdin.isatty() and sys.stdout.isatty():
            return screens(context.ensure_object(Session).zone)
        say(context.get_help())
        return int(ExitCode.USAGE)

    version = click.version_option(
        __version__, message="%(prog)s %(version)s", help=_("Show the version and exit.")
    )
    return version(
        Champ(
            "champ",
            params=global_options(),
            callback=without_verb,
            invoke_without_command=True,
            help=_("Signed bundles, an offline registry and reviewed changes for closed networks."),
            epilog=_("Without a verb, on a terminal, the screens open."),
            context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        )
    )


def _wanted_language(arguments: Sequence[str]) -> str | None:
    # Help is made while click still reads the options, so --lang is looked up before. As of every
    # option the last one counts: a task begun on the screens has their language before its own.
    found = None
    for argument, after in zip(arguments, (*arguments[1:], None), strict=False):
        if argument.startswith("--lang="):
            found = argument.removeprefix("--lang=")
        elif argument == "--lang":
            found = after
    return found


def _wants_json(arguments: Sequence[str]) -> bool:
    """Whether errors are to be JSON, also where what is wrong stands before the option for it."""
    pairs = zip(arguments, (*arguments[1:], ""), strict=False)
    wanted = {("-o", "json"), ("--output", "json"), ("--progress", "ndjson")}
    whole = {"--json", "-ojson", "--output=json", "--progress=ndjson"}
    return any(one in whole or (one, after) in wanted for one, after in pairs)


def _prepare_streams() -> None:
    # A console with another encoding shows escapes where it lacks a character, and never fails.
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
