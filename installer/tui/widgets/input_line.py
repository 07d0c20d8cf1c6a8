"""A line to type in, whose keys count in the order in which they were typed.

Textual lets a key that is bound travel up to the app, through every parent's queue, while a
character is taken at once: behind a busy form, ^U or backspace would come after what was typed
after it. Invariant: what a key does to the line is done before the next key is looked at.
"""

from __future__ import annotations

from textual import events
from textual.binding import Binding
from textual.widgets import Input

_ACTIONS = {
    key: binding.action
    for binding in Input.BINDINGS
    if isinstance(binding, Binding)
    for key in binding.key.split(",")
}


class InputLine(Input):
    """Every line of the screens."""

    async def on_key(self, event: events.Key) -> None:
        """Do at once what the line itself has bound to the key."""
        action = _ACTIONS.get(event.key)
        if action is not None:
            event.stop()
            event.prevent_default()
            await self.run_action(action)
