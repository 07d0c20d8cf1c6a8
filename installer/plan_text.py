"""A plan as people read it at a review: one text for the command line and for the screens.

Invariant: everything comes from the sealed plan, nothing from the cluster; no line is wider than
the screen (differences aside); what came from outside cannot drive the terminal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from champ_offline.preflight.concern import Concern
from champ_offline.release.plan import Action, Change, Plan
from installer.concern_text import words
from installer.language import active
from installer.language import translate as _
from installer.plan_words import (
    data_texts,
    effect_text,
    estimate_text,
    irreversible_text,
    restart_text,
)
from installer.quantities import size
from installer.terminal_text import folded, pad, printable, printable_lines, width
from installer.words import word

COLUMNS = 80
_INDENT = "  "
_NODES_SHOWN = 6


def review(plan: Plan, columns: int = COLUMNS, *, differences: bool = False) -> str:
    """The whole plan; the summary first, then what matters most; ends with its digest."""
    parts = [
        (_("In the way"), _concerns(plan.concerns, columns)),
        (_("Data"), _list(data_texts(plan.data), columns)),
        (_("Cannot be undone"), _list(map(irreversible_text, plan.irreversible), columns, "! ")),
        (_("Pods"), _list(_restarts(plan.actions), columns)),
        (_("Images"), images(plan, columns)),
        (_("Answers"), _list(_answers(plan), columns)),
        (_("Besides"), _list(map(effect_text, plan.effects), columns)),
        (_("Objects"), _objects(plan.actions, columns)),
    ]
    lines = summary(plan, columns)
    for title, content in parts:
        if content:
            lines += ["", title, *content]
    if differences:
        lines += ["", _("Differences"), *_differences(plan.actions)]
    lines += ["", _("plan {digest}").format(digest=plan.digest)]
    return "\n".join(lines) + "\n"


def summary(plan: Plan, columns: int = COLUMNS) -> list[str]:
    """What the plan does on one line, and its figures below."""
    known = [version for version in (plan.from_version, plan.to_version) if version]
    versions = " -> ".join(dict.fromkeys(known))
    named = _("{operation}: {release} in namespace {namespace}, {app} {versions}")
    first = named.format(
        operation=word(plan.operation), release=plan.release, namespace=plan.namespace,
        app=plan.app, versions=versions,
    )  # fmt: skip
    return [*_fold(first.rstrip(" ,"), columns), *_fold(figures(plan), columns)]


def figures(plan: Plan) -> str:
    """The plan in figures: what cannot be undone, objects, pods, bytes, time."""
    return ("" if active() == "zh" else " ").join(_figures(plan))


def _figures(plan: Plan) -> Iterator[str]:
    if not plan.has_changes:
        yield _("Nothing would change.")
    if plan.concerns:
        stops = sum(one.stops for one in plan.concerns)
        rest = len(plan.concerns) - stops
        yield _("In the way: {stops}; to mind: {rest}.").format(stops=stops, rest=rest)
    if plan.irreversible:
        yield _("Cannot be undone: {count}.").format(count=len(plan.irreversible))
    found = plan.summary
    counted = ", ".join(f"{word(one)} {found[one]}" for one in Change if one in found)
    yield _("Objects: {counted}.").format(counted=counted or _("none"))
    pods = sum(restart.pods for action in plan.actions for restart in action.restarts)
    yield _("Pods that restart or end: {count}.").format(count=pods)
    if plan.loads:
        most = max(load.size + load.unknown for load in plan.loads)
        yield _("To pull: at most {size} a node, on {nodes} node(s).").format(
            size=size(most), nodes=len(plan.loads)
        )
    elif plan.images:
        yield _("To pull: nothing.")
    yield _("Time: {estimate}.").format(estimate=estimate_text(plan.estimate))


def _concerns(concerns: Iterable[Concern], columns: int) -> list[str]:
    """What was found, and below it why it matters and what to do."""
    lines = []
    for one in concerns:
        found = words(one)
        accepted = " " + _("(accepted)") if one.accepted else ""
        told = f"{found.what} [{one.id}]{accepted}"
        lines += _fold(told, columns, f"{_INDENT}{'!' if one.stops else '-'} ")
        between = "" if active() == "zh" else " "
        below = printable(f"{found.why}{between}{found.remedy}")
        lines += folded(below, columns, first=2 * _INDENT, rest=2 * _INDENT)
    return lines


def _restarts(actions: Iterable[Action]) -> Iterator[str]:
    for action in actions:
        for restart in action.restarts:
            yield f"{action.kind} {action.name}: {restart_text(restart)}"


def _answers(plan: Plan) -> Iterator[str]:
    for answer in plan.answers:
        before, after = (text or _("not answered") for text in (answer.before, answer.after))
        yield f"{answer.path}: {before} -> {after}"


def images(plan: Plan, columns: int = COLUMNS) -> list[str]:
    """Each image with the nodes that pull it, then the nodes with what they fetch in all."""
    return [*_pulls(plan, columns), *_loads(plan, columns)]


def _pulls(plan: Plan, columns: int) -> list[str]:
    lines = []
    for pull in plan.pulls:
        told = f"{pull.image} ({size(pull.size)})"
        where = [
            template.format(nodes=_nodes(nodes))
            for nodes, template in (
                (pull.missing, _("to pull on {nodes}")),
                (pull.unknown, _("perhaps to pull on {nodes}")),
            )
            if nodes
        ]
        lines += _fold(f"{told}: {'; '.join(where) or _('there already')}", columns, _INDENT)
    return lines


def _loads(plan: Plan, columns: int) -> list[str]:
    """Nodes that fetch as much stand together."""
    groups: dict[tuple[int, int], list[str]] = {}
    for load in plan.loads:
        groups.setdefault((load.size, load.unknown), []).append(load.node)
    lines = []
    for (known, unknown), names in groups.items():
        if unknown and not known:
            text = _("{nodes}: perhaps, at most {unknown} each")
        elif unknown:
            text = _("{nodes}: at most {size} each, and perhaps {unknown} more")
        else:
            text = _("{nodes}: at most {size} each")
        told = text.format(nodes=_nodes(names), size=size(known), unknown=size(unknown))
        lines += _fold(told, columns, _INDENT)
    return lines


def _nodes(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NODES_SHOWN])
    more = len(names) - _NODES_SHOWN
    return shown if more <= 0 else _("{nodes} and {count} more").format(nodes=shown, count=more)


def in_order(actions: Iterable[Action]) -> list[Action]:
    """What stays as it is interests least."""
    return sorted(actions, key=lambda action: action.change is Change.UNCHANGED)


def _objects(actions: Sequence[Action], columns: int) -> list[str]:
    rows = [
        (word(action.change), f"{action.kind} {action.name}", why(action))
        for action in in_order(actions)
    ]
    widest = max((width(row[0]) for row in rows), default=0)
    lines = []
    for change, name, reason in rows:
        head = f"{_INDENT}{pad(change, widest)}  "
        rest = " " * (width(head) + 2)
        lines += folded(printable(f"{name}: {reason}"), columns, first=head, rest=rest)
    return lines


def why(action: Action) -> str:
    """Why it fares so, with its hook."""
    hook = " " + _("(hook: {events})").format(events=action.hook) if action.hook else ""
    return word(action.reason) + hook


def _differences(actions: Sequence[Action]) -> Iterator[str]:
    for action in in_order(actions):
        if action.diff:
            yield printable(f"{_INDENT}{action.kind} {action.name}")
            text = printable_lines(action.diff.expandtabs(4)).rstrip("\n")
            yield from (f"{_INDENT}{_INDENT}{line}" for line in text.split("\n"))


def _list(texts: Iterable[str], columns: int, bullet: str = "") -> list[str]:
    return [line for text in texts for line in _fold(text, columns, _INDENT + bullet)]


def _fold(text: str, columns: int, head: str = "") -> list[str]:
    rest = 2 * _INDENT if head else ""
    return folded(printable(text), columns, first=head, rest=rest)
