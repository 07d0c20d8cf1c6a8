"""What `champ policy check` shows: what a policy allows, a block of lines for each of its rules.

Invariant: everything the document says is shown, also what it leaves at its default; JSON has the
same under English keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time
from typing import Any

from champ_offline.policy.document import Policy, Rule
from champ_offline.policy.hours import DAYS, Hours, Window
from installer.cli.output import Column
from installer.cli.session import Session
from installer.language import translate as _
from installer.words import word

_NONE = "—"
_EFFECTS = ("replaced", "deleted", "volumes", "downtime")


def show(session: Session, policy: Policy) -> None:
    """Write it to standard output."""
    document = {
        "digest": policy.digest,
        "bundles": policy.bundles,
        "holders": policy.holders,
        "hours": _hours(policy.hours),
        "failed": "go-on" if policy.goes_on else "stop",
        "minutes": policy.minutes,
        "rules": [_rule(one) for one in policy.rules],
    }
    if session.form != "table":
        session.output.document(document)
        return
    session.output.record(document, _about())
    for number, rule in enumerate(document["rules"], 1):
        session.output.text("\n" + _("Rule {number}").format(number=number) + "\n")
        session.output.record(rule, _of_rule())


def _about() -> list[Column]:
    return [
        Column("digest", _("digest")),
        Column("bundles", _("bundles"), _names),
        Column("holders", _("key holders"), _holders),
        Column("hours", _("changes may begin"), _told_hours),
        Column("minutes", _("for at most, in minutes")),
        Column("failed", _("after a failure"), word),
    ]


def _of_rule() -> list[Column]:
    return [
        Column("apps", _("apps"), _names),
        Column("releases", _("releases"), _names),
        Column("namespaces", _("namespaces"), _names),
        Column("clusters", _("clusters"), _names),
        Column("steps", _("steps between versions"), _steps),
        Column("install", _("new installations"), lambda yes: _("yes") if yes else _("no")),
        Column("allow.downtime", _("may stand still"), _names),
        Column("allow.replaced", _("may be replaced"), _names),
        Column("allow.deleted", _("may be deleted"), _names),
        Column("allow.volumes", _("volumes that may change"), _names),
        Column("warnings", _("warnings that do not stop"), _names),
    ]


def _rule(rule: Rule) -> dict[str, Any]:
    kinds: list[Any] = [kind.value for kind in sorted(rule.kinds)]
    steps = [{"from": one.source, "to": one.target, "down": one.down} for one in rule.steps]
    return {
        "apps": rule.apps,
        "releases": rule.releases,
        "namespaces": rule.namespaces,
        "clusters": rule.clusters,
        "steps": kinds + steps,
        "install": rule.install,
        "allow": {effect: getattr(rule.allow, effect) for effect in _EFFECTS},
        "warnings": rule.warnings,
    }


def _hours(hours: Hours | None) -> Any:  # noqa: ANN401 - the shape of JSON
    if hours is None:
        return "always"
    outside = "wait" if hours.waits else "end"
    windows = [_window(one) for one in hours.windows]
    return {"zone": str(hours.zone), "open": windows, "outside": outside}


def _window(window: Window) -> dict[str, Any]:
    days = [DAYS[day] for day in sorted(window.days)]
    return {"days": days, "from": _clock(window.begins), "to": _clock(window.ends)}


def _clock(of_day: time) -> str:
    return of_day.strftime("%H:%M")


def _told_hours(hours: Any) -> str:  # noqa: ANN401 - as `_hours` gives it
    if isinstance(hours, str):
        return word(hours)
    windows = "; ".join(
        f"{', '.join(map(word, one['days']))} {one['from']}-{one['to']}" for one in hours["open"]
    )
    told = (
        _("{windows} ({zone}); outside of them a run waits")
        if hours["outside"] == "wait"
        else _("{windows} ({zone}); outside of them a run ends")
    )
    return told.format(windows=windows, zone=hours["zone"])


def _steps(steps: Sequence[Any]) -> str:
    told = [
        word(one)
        if isinstance(one, str)
        else f"{one['from']} → {one['to']}" + (f" ({_('also down')})" if one["down"] else "")
        for one in steps
    ]
    return ", ".join(told) or _NONE


def _holders(names: Sequence[str]) -> str:
    return ", ".join(names) or _("any that is trusted")


def _names(names: Sequence[str]) -> str:
    return ", ".join(names) or _NONE
