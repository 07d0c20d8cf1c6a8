"""The hand-over report as one page of HTML: whole in itself, made to be printed on A4.

Invariant: the one module of front-ends that knows jinja2, whose errors stop here. Every text that
is not the template's own is escaped, and shows control characters as escapes; the page asks for
nothing from anywhere and runs nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError
from markupsafe import Markup

from champ_offline.errors import ChampError, ExitCode, Quoted
from champ_offline.handover.document import Change, Handover
from champ_offline.oci.digest import Digest
from champ_offline.release.images.digests import Image
from champ_offline.release.records.history import Outcome
from installer import drift_text, words
from installer.concern_text import words as concern_words
from installer.error_text import sentences
from installer.language import active, translate
from installer.quantities import duration, size
from installer.report import attention, wording
from installer.report.picture import picture
from installer.terminal_text import printable

FOLDER = Path(__file__).parent
TEMPLATE = "report.html.j2"
_LANGUAGES = {"en": "en", "zh": "zh-CN"}


class TemplateUnusable(ChampError):
    """The template of the report is missing or damaged."""

    id = "report.template-unusable"
    exit_code = ExitCode.INTERNAL
    message = "The report's template cannot be used: {reason}."
    remedy = "Install this release of champ again; `champ report -o json` gives the same figures."


def render(found: Handover) -> str:
    """The page in the language in use; raises TemplateUnusable."""
    try:
        template = environment().get_template(TEMPLATE)
        return template.render(
            found=found,
            lang=_LANGUAGES[active()],
            drawing=picture(found),
            images=_numbered(found),
            ailing=attention.found(found),
        )
    except TemplateError as error:
        raise TemplateUnusable(reason=Quoted(error)) from error


def environment() -> Environment:
    """How the template is read, and the words that it may use."""
    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    made.globals |= {
        "_": translate,
        "about": words.about,
        "act": wording.act,
        "concern": concern_words,
        "drift_lines": drift_text.lines,
        "drift_of_helm": drift_text.of_helm,
        "drift_short": drift_text.in_words,
        "duration": duration,
        "mark_of_change": mark_of_change,
        "override": wording.override,
        "role": words.role,
        "sentences": sentences,
        "sign": wording.sign,
        "size": size,
        "step": wording.step,
        "title": title,
        "when": when,
        "word": words.word,
    }
    return made


def _shown(value: object) -> object:
    """A value where it stands in the page: nothing that turns or hides the text around it."""
    if isinstance(value, float):
        return f"{value:g}"  # a place in the picture
    return value if isinstance(value, Markup) else printable(str(value))


def when(time: str | datetime) -> str:
    """A recorded time to the second, in UTC; what is no time, as it is."""
    try:
        moment = datetime.fromisoformat(time) if isinstance(time, str) else time
    except ValueError:
        return str(time)
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def title(titles: dict[str, str]) -> str:
    """An app's title in the language in use, else in English, else nothing."""
    return titles.get(active()) or titles.get("en", "")


def mark_of_change(change: Change) -> str:
    """The sort of sign beside a change: `good`, `back`, `bad` or `open`."""
    if change.outcome is Outcome.RUNNING:
        return "bad" if change.interrupted else "open"
    well = change.outcome in {Outcome.DEPLOYED, Outcome.REMOVED}
    return "good" if well else "back" if change.outcome is Outcome.PUT_BACK else "bad"


def _numbered(found: Handover) -> dict[tuple[str, Digest], tuple[int, Image]]:
    """Every image of the changes, numbered as they come, so that each digest is printed once."""
    numbered: dict[Any, tuple[int, Image]] = {}
    for change in found.changes:
        for image in change.images or ():
            numbered.setdefault((image.name, image.digest), (len(numbered) + 1, image))
    return numbered
