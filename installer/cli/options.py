"""The options that every verb understands, and those that several verbs share.

Invariant: an option has one spelling and one meaning wherever it stands.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from installer import look
from installer.cli.errors import NotThere
from installer.cli.names import clusters
from installer.cli.output import FORMATS
from installer.cli.progress import MODES
from installer.cli.session import Session
from installer.decided import DecidedBy
from installer.language import LANGUAGES, mark
from installer.language import translate as _
from installer.look import Look

# What click says of an option that must be given; it translates the word when it is shown.
mark("required")


class _Place(click.Path):
    """A path, named in the user's language: click names it when the language is not chosen yet."""

    def convert(
        self,
        value: Any,  # noqa: ANN401 - click's own
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:  # noqa: ANN401 - click's own
        """Refuse the empty text, which would mean the folder one happens to be in.

        Raises NotThere for a place that must be there and is not.
        """
        self.name = _("file") if self.file_okay else _("directory")
        if not str(value):
            self.fail(_("An empty text names nothing."), param, ctx)
        if self.exists and not Path(value).exists():
            raise NotThere(path=value)
        return super().convert(value, param, ctx)


class Whole(click.IntRange):
    """A whole number within limits, named in the user's language."""

    def convert(
        self,
        value: Any,  # noqa: ANN401 - click's own
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:  # noqa: ANN401 - click's own
        """As click does."""
        self.name = _("whole number")
        return super().convert(value, param, ctx)


# How --since is typed; the second form is also how times are compared.
MOMENT = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]
# What a verb writes, or waits for, or whose absence it tells itself.
DIRECTORY = _Place(path_type=Path, file_okay=False)
FILE = _Place(path_type=Path, dir_okay=False)
# What a verb reads: one code for all of them where it is not there.
GIVEN_DIRECTORY = _Place(path_type=Path, file_okay=False, exists=True)
GIVEN_FILE = _Place(path_type=Path, dir_okay=False, exists=True)


class Verb(click.Command):
    """A command that also takes the global options, which its help does not repeat."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:  # noqa: ANN401 - click's own
        super().__init__(*arguments, **settings)
        self.params.extend(global_options(hidden=True))

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's own
        """Refuse empty texts: a script whose variable is not set means something else."""
        for one in self.params:
            value = ctx.params.get(one.name or "")
            typed = ctx.get_parameter_source(one.name or "") is ParameterSource.COMMANDLINE
            if typed and (value == "" or (isinstance(value, tuple) and "" in value)):
                raise click.BadParameter(_("An empty text names nothing."), ctx, one)
        return super().invoke(ctx)


def global_options(*, hidden: bool = False) -> list[click.Parameter]:
    """Fresh parameters for --zone, --output, --json, --progress, --lang, --look and --ascii."""
    return [
        _option(
            ["--zone"], "zone", hidden, type=DIRECTORY, metavar="DIR", envvar=_unless(hidden),
            help=_("The zone's folder (or CHAMP_ZONE)."),
        ),
        _option(
            ["-o", "--output"], "form", hidden, type=click.Choice(FORMATS),
            help=_(
                "How results are written; table unless said otherwise. With json an error is one"
                " JSON object on standard error: id, exit_code, message, remedy, fields."
            ),
        ),
        _option(
            ["--json"], "form", hidden, is_flag=True, flag_value="json", default=None,
            help=_("The same as --output json."),
        ),
        _option(
            ["--progress"], "progress", hidden, type=click.Choice(MODES),
            help=_(
                "How progress is told on standard error; plain unless said otherwise. With ndjson"
                " each event, and an error too, is one JSON object on a line."
            ),
        ),
        click.Option(
            ["--lang"], type=click.Choice(LANGUAGES), expose_value=False, hidden=hidden,
            help=_("The language; else CHAMP_LANG, your setting or the locale decides."),
        ),
        click.Option(
            ["--look"], type=click.Choice([one.value for one in Look]), expose_value=False,
            hidden=hidden, envvar=None if hidden else "CHAMP_LOOK", callback=_draw,
            help=_(
                "How texts are drawn (or CHAMP_LOOK): ascii without a character that some terminals"
                " draw two columns wide. Else your setting or the terminal decides."
            ),
        ),
        click.Option(
            ["--ascii"], is_flag=True, expose_value=False, hidden=hidden, callback=_draw,
            help=_("The same as --look ascii."),
        ),
    ]  # fmt: skip


def kubeconfig(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--cluster NAME` and `--kubeconfig FILE`, which KUBECONFIG stands in for.

    The verb gets the way as `kubeconfig`: that of the cluster named, else the file given, if any.
    """

    @functools.wraps(function)
    def resolved(
        *arguments: Any,  # noqa: ANN401 - click's own
        cluster: str | None,
        kubeconfig: Path | None,
        **given: Any,  # noqa: ANN401 - click's own
    ) -> Any:  # noqa: ANN401 - the verb's own
        return function(*arguments, kubeconfig=_way(cluster, kubeconfig), **given)

    with_file = click.option(
        "--kubeconfig", type=FILE, envvar="KUBECONFIG", metavar="FILE",
        help=_("The cluster's kubeconfig (or KUBECONFIG)."),
    )(resolved)  # fmt: skip
    return cluster(
        _("A cluster by its name (`champ cluster list`); the only one that has a name otherwise.")
    )(with_file)


def cluster(explained: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add `--cluster NAME`."""
    return click.option("--cluster", metavar="NAME", help=explained, shell_complete=clusters)


def _way(cluster: str | None, kubeconfig: Path | None) -> Path | None:
    context = click.get_current_context()
    session = context.ensure_object(Session)
    if cluster is not None:
        if context.get_parameter_source("kubeconfig") is ParameterSource.COMMANDLINE:
            raise click.UsageError(_("--cluster names a kubeconfig; leave out --kubeconfig."))
        return session.appliance().releases.clusters.one(cluster).kubeconfig
    return kubeconfig


def workers(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--workers N`, for a plan of a whole site."""
    return click.option(
        "--workers", type=Whole(1, 16), default=4, show_default=True, metavar="N",
        help=_("With a plan of a whole site: how many releases are worked on at once."),
    )(function)  # fmt: skip


def namespace(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--namespace NAME`."""
    return click.option(
        "--namespace", metavar="NAME", help=_("The namespace; named as the release otherwise.")
    )(function)


def confirmation(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--confirm NAME` for acts that want the release's name said again."""
    return click.option(
        "--confirm", metavar="NAME", help=_("Confirm by naming the release; else you are asked.")
    )(function)


def differences(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--diff`, which shows a plan's differences line by line."""
    return click.option(
        "--diff", "differences", is_flag=True,
        help=_("Show every object's difference too, line by line, secrets hidden."),
    )(function)  # fmt: skip


def accepting(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--accept ID`, as often as wanted: concerns in spite of which the plan may be applied."""
    return click.option(
        "--accept", "accept", metavar="ID", multiple=True,
        help=_(
            "Let the plan be applied in spite of the concern with this id; the plan says so, and"
            " its digest stands for it. May be given several times."
        ),
    )(function)  # fmt: skip


def every_bundle(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--all`, which takes media with several bundles."""
    return click.option(
        "--all", "every", is_flag=True,
        help=_(
            "Every bundle on MEDIA, one after the other, older packs first; what is wrong with one"
            " keeps no other from its turn. Shows a row for each."
        ),
    )(function)  # fmt: skip


def overrides(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--accept-expired REASON` and `--accept-clock REASON` for a verb that keeps neither."""
    function = click.option(
        "--accept-clock", metavar="REASON",
        help=_("Accept it although this machine's clock is wrong; say why."),
    )(function)  # fmt: skip
    return click.option(
        "--accept-expired",
        metavar="REASON",
        help=_("Accept signatures whose time is over; say why."),
    )(function)


def kept_overrides(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add both for a verb that keeps the reasons in the zone."""
    function = click.option(
        "--accept-clock", metavar="REASON",
        help=_("Accept it although this machine's clock is wrong; the zone keeps the reason."),
    )(function)  # fmt: skip
    return click.option(
        "--accept-expired", metavar="REASON",
        help=_("Accept signatures whose time is over; the zone keeps the reason."),
    )(function)  # fmt: skip


def _unless(hidden: bool) -> str | None:  # noqa: FBT001
    # Read once, on the group: on a verb it would override a --zone given before the verb.
    return None if hidden else "CHAMP_ZONE"


def _draw(context: click.Context, parameter: click.Parameter, value: str | bool | None) -> None:  # noqa: FBT001
    if value:
        source = context.get_parameter_source(parameter.name or "")
        environment = source is ParameterSource.ENVIRONMENT
        by = DecidedBy.ENVIRONMENT if environment else DecidedBy.OPTION
        look.activate(Look.ASCII if value is True else Look(value), by)


def _option(names: list[str], field: str, hidden: bool, **settings: Any) -> click.Option:  # noqa: ANN401, FBT001
    def keep(context: click.Context, _parameter: click.Parameter, value: object) -> None:
        if value is not None:
            setattr(context.ensure_object(Session), field, value)

    return click.Option(names, expose_value=False, hidden=hidden, callback=keep, **settings)
