"""`champ completion bash|zsh|fish`: the script with which a shell completes what is typed."""

from __future__ import annotations

import click
from click.shell_completion import ShellComplete, get_completion_class

from installer.cli.options import Verb
from installer.cli.session import Session
from installer.language import translate as _
from installer.program import COMPLETION


@click.command(
    "completion",
    cls=Verb,
    help=_(
        "Print the script with which SHELL completes verbs, options, files and the names that the"
        " zone knows. Let your shell read it when it starts (docs/completion.md)."
    ),
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the script; needs neither a zone nor the shell."""
    kind = get_completion_class(shell)
    if kind is None:
        raise AssertionError(shell)
    made = kind(context.find_root().command, {}, "champ", COMPLETION)
    # The class for bash would start one to see its version; the script says that itself.
    context.ensure_object(Session).output.text(ShellComplete.source(made))
