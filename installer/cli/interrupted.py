"""Said before a verb plans or changes something: what was interrupted, and is put right first.

Invariant: only the journal is read; no cluster is asked, so what is on another one is named too.
"""

from __future__ import annotations

import json

from installer.cli.diagnostics import say
from installer.cli.session import Session
from installer.language import translate as _


def foretell(session: Session) -> None:
    """One line on stderr for each, an event with `--progress ndjson`; raises as `appliance`."""
    text = _(
        "Changing {subject} was interrupted at step “{step}”. On the cluster of this command it is"
        " put right first; `champ audit show` tells how."
    )
    for one in session.appliance().releases.interrupted():
        fields = {"subject": one.subject, "step": one.step}
        if session.progress == "ndjson":
            event = {"event": "Interrupted", "operation": one.number, **fields, "began": one.began}
            say(json.dumps(event, ensure_ascii=False))
        else:
            say(text.format(**fields))
