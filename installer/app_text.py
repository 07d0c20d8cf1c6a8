"""All that is known of an app as people read it, one text for the command line and the screens.

Invariant: no line is wider than asked for, the app's own README aside; what came from outside
cannot drive the terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from champ_offline.catalog.entry import said
from champ_offline.catalog.upgrades import Rule
from champ_offline.particulars.runs import Run, Step
from champ_offline.particulars.shown import Particulars
from champ_offline.particulars.sizes import Size
from champ_offline.release.images.subject import DEFAULTS
from installer.error_text import note, sentences
from installer.language import active, mark
from installer.language import translate as _
from installer.needs_text import need_lines
from installer.quantities import size
from installer.terminal_text import folded, printable, printable_lines
from installer.words import category_text

COLUMNS = 80
ClusterName = Callable[[str], str]
_STEPS = {
    Step.SAME: mark("runs this version"),
    Step.UP: mark("runs {version} and can go to this version"),
    Step.DOWN: mark("runs {version}, which is newer, and can go back to this one"),
}
_ORDERS = {
    "semver": mark("Versions compare as Semantic Versioning says."),
    "catalog": mark("Versions compare as the catalog lists them."),
}


def about(found: Particulars, named: ClusterName, columns: int = COLUMNS) -> str:
    """Everything but the README; `named` gives a cluster's name from its identity."""
    app = found.app
    parts = (
        (_("In this zone"), _here(found, named)),
        (_needs_title(found), _needs(found)),
        (_("Images"), _images(found)),
        (_("Packages"), _packages(found)),
        (_("Between versions"), _moves(found)),
        (_("Data and answers"), _besides(found)),
    )
    lines = [
        *folded(said(app.title, active()), columns),
        *folded(f"{app.name} {app.version}, {category_text(app.category)}", columns),
        *folded(said(app.summary, active()), columns),
    ]
    for title, content in parts:
        if told := [line for text in content for line in _item(text, columns)]:
            lines += ["", *folded(title, columns), *told]
    return "\n".join(lines) + "\n"


def whole(found: Particulars, named: ClusterName, columns: int = COLUMNS) -> str:
    """Everything, the README last."""
    readme = printable_lines(found.readme.expandtabs(4)).strip()
    return f"{about(found, named, columns)}\n{_('README')}\n\n{readme}\n"


def size_text(found: Size | None) -> str:
    """The size of an app in a table; `?` where the store lacks something of it."""
    return "?" if found is None else size(found.whole)


def run_text(run: Run, named: ClusterName) -> str:
    """A release of the app, and whether it can come to the version meant."""
    where = _("{release} (namespace {namespace}, cluster {cluster})").format(
        release=run.release, namespace=run.namespace, cluster=named(run.cluster)
    )
    if run.refused is not None:
        told = _("runs {version}").format(version=run.version)
        return f"{where} {told}. {' '.join(sentences(run.refused))}"
    return f"{where} {_(_STEPS[run.step]).format(version=run.version)}"


def counted(packages: Mapping[str, int]) -> str:
    """Packages by kind: `deb 88, pypi 12`."""
    return ", ".join(f"{kind or '?'} {count}" for kind, count in packages.items()) or _("none")


def _here(found: Particulars, named: ClusterName) -> Iterator[str]:
    if found.size is None:
        text = _("The store lacks something of it; `champ doctor` names what gives it back.")
        yield text
    else:
        told = _("{size} in the store; {own} of these are needed by no other app or version.")
        yield told.format(size=size(found.size.whole), own=size(found.size.own))
    yield _("Versions here: {versions}.").format(versions=", ".join(found.versions))
    for run in found.runs:
        yield run_text(run, named)
    if not found.runs:
        yield _("No release runs it.")


def _needs_title(found: Particulars) -> str:
    if found.asks is None:
        return _("What it asks of a cluster")
    if found.asks.answers == DEFAULTS:
        return _("What it asks of a cluster, with the form's defaults")
    title = _("What it asks of a cluster, with the documented answers “{name}”")
    return title.format(name=found.asks.answers)


def _needs(found: Particulars) -> Iterable[str]:
    if found.asks is not None:
        return need_lines(found.asks)
    return [] if found.untold is None else [note(found.untold)]


def _images(found: Particulars) -> Iterator[str]:
    for image in found.contents.images:
        bytes_of = "?" if image.size is None else size(image.size)
        listed = counted(image.packages) if image.listed else _("no list of its packages")
        yield f"{image.name}  {bytes_of}  {listed}"


def _packages(found: Particulars) -> Iterator[str]:
    packages = found.contents.packages
    if packages:
        text = _("{count} in all: {counted}.")
        yield text.format(count=sum(packages.values()), counted=counted(packages))
    if found.contents.unlisted:
        bare = _("Of these images nothing is known: {images}.")
        yield bare.format(images=", ".join(found.contents.unlisted))


def _moves(found: Particulars) -> Iterator[str]:
    upgrades = found.app.upgrades
    if upgrades.rules:
        yield _(_ORDERS[upgrades.order.value])
        yield from map(_rule, upgrades.rules)


def _rule(rule: Rule) -> str:
    told = []
    if rule.sources is not None:
        text = _("to {to} at once only from {sources}")
        if rule.via:
            text = _("to {to} at once only from {sources}, from older ones by way of {via}")
        told.append(text.format(to=rule.to, sources=rule.sources, via=rule.via))
    if not rule.back:
        told.append(_("no way back from {to} without the data saved before").format(to=rule.to))
    return f"{'; '.join(told)}: {said(rule.reason, active())}"


def _besides(found: Particulars) -> Iterator[str]:
    app = found.app
    if app.data:
        text = _("What it keeps is saved before another version comes: {parts}.")
        yield text.format(parts=", ".join(part.name for part in app.data))
    else:
        yield _("It does not say how what it keeps is saved.")
    if app.examples:
        text = _("Documented answers: {names} (`champ form {app} --example NAME`).")
        yield text.format(names=", ".join(app.examples), app=app.name)


def _item(text: str, columns: int) -> list[str]:
    return folded(printable(text), columns, first="  ", rest="    ")
