"""What GitHub says about the App and its installations in; what is wrong and how to mend it out. Pure.

https://docs.github.com/rest/apps/apps#get-the-authenticated-app
https://docs.github.com/apps/using-github-apps/approving-updated-permissions-for-a-github-app
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ci_bot.core.errors import ForgeError
from ci_bot.forges.github.permissions import (
    NEEDED_EVENTS,
    NEEDED_PERMISSIONS,
    OPTIONAL_PERMISSIONS,
    covers,
)
from ci_bot.forges.payload import Fields, WrongShape


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


def unused(app: Any) -> tuple[str, ...]:
    """Permissions that the App holds beyond its need; nothing breaks, and less could be stolen."""
    held = Fields.of(app).object("permissions").data
    return tuple(
        f"the App holds {name}: {level}, and ci-bot needs {NEEDED_PERMISSIONS.get(name, 'nothing')} of it"
        for name, level in sorted(held.items())
        if OPTIONAL_PERMISSIONS.get(name) != level
        and level != NEEDED_PERMISSIONS.get(name)
        and covers(held, name, NEEDED_PERMISSIONS.get(name, "read"))
    )


def unaccepted(app: Any, installations: Sequence[Any]) -> tuple[str, ...]:
    """Where what the App asks for was not accepted: a change of permissions waits for an owner's word."""
    try:
        asked = Fields.of(app).object("permissions").data
        found = [_behind(Fields.of(each), asked) for each in installations]
    except WrongShape as error:
        raise ForgeError(f"GitHub's answer does not describe installations: {error}") from error
    return tuple(words for words in found if words)


def _behind(installation: Fields, asked: Mapping[str, Any]) -> str:
    held = installation.object("permissions").data
    missing = [
        f"{name}: {level}"
        for name, level in NEEDED_PERMISSIONS.items()
        if covers(asked, name, level) and not covers(held, name, level)
    ]
    if not missing:
        return ""
    who, where = installation.object("account").name("login"), installation.name("html_url")
    return f"{who} has not accepted {', '.join(missing)}: an owner does so at {where}"
