"""What GitHub says about the App in; what is wrong with it and how to mend it out. Pure.

https://docs.github.com/rest/apps/apps#get-the-authenticated-app
"""

from __future__ import annotations

from typing import Any

from ci_bot.core.errors import ForgeError
from ci_bot.forges.github.payload import Fields, WrongShape
from ci_bot.forges.github.permissions import NEEDED_EVENTS, NEEDED_PERMISSIONS, covers


def problems(app: Any) -> tuple[str, ...]:
    """One sentence each, the remedy included."""
    try:
        fields = Fields.of(app)
        slug, held = fields.name("slug"), fields.object("permissions").data
    except WrongShape as error:
        raise ForgeError(f"GitHub's answer does not describe the App: {error}") from error
    events = app.get("events")
    where = f"in the settings of the App {slug}, Permissions & events"
    lacking = [
        f"the App lacks the permission {name}: {level}; grant it {where}"
        for name, level in NEEDED_PERMISSIONS.items()
        if not covers(held, name, level)
    ]
    deaf = [
        f"the App is not subscribed to {event}; subscribe it {where}"
        for event in NEEDED_EVENTS
        if not isinstance(events, list) or event not in events
    ]
    return (*lacking, *deaf)
