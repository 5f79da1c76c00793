"""A project's path in; whether a webhook of it, or of a group above it, brings us its events, out. I/O."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ci_bot.core.errors import ForgeBusy, ForgeError
from ci_bot.forges.gitlab.client import Client
from ci_bot.forges.gitlab.reconciling import STOPPED
from ci_bot.forges.payload import Fields, shaped

UNSIGNED: Final = (
    "the webhook of {place} has no signing token, so what it sends is refused: `ci-bot gitlab connect {place}` "
    "gives it ours"
)
STANDS: Final = (
    "GitLab has stopped the webhook of {place}, since it failed too often; the server has it tested and so "
    "go on, or press Test in Settings, Webhooks"
)


@dataclass(frozen=True, slots=True)
class Hearing:
    """`is_heard` False also where the bot may not see the webhook that there is: a group's, an instance's."""

    is_heard: bool
    problems: tuple[str, ...] = ()


async def examine(client: Client, project: str, hook_url: str, *, is_signed: bool) -> Hearing:
    """`is_signed`: whether we take nothing but signed deliveries."""
    for place in _places(project):
        hook = await _hook(client, place, hook_url)
        if hook is not None:
            return Hearing(True, tuple(_problems(hook, place.partition("/")[2], is_signed=is_signed)))
    return Hearing(False)


def _places(project: str) -> Iterator[str]:
    """ "projects/a/b/c", "groups/a/b", "groups/a"."""
    yield f"projects/{project}"
    group = project.rpartition("/")[0]
    while group:
        yield f"groups/{group}"
        group = group.rpartition("/")[0]


async def _hook(client: Client, place: str, hook_url: str) -> Fields | None:
    kind, _, name = place.partition("/")
    try:
        async for item in client.items(f"/{kind}/{{owner}}/hooks", owner=name):
            hook = shaped(lambda one: one, item)
            if hook.data.get("url") == hook_url:
                return hook
    except ForgeBusy:
        raise
    except ForgeError as error:
        if error.status not in (403, 404):
            raise
    return None


def _problems(hook: Fields, place: str, *, is_signed: bool) -> Iterator[str]:
    if is_signed and hook.data.get("signing_token_present") is False:
        yield UNSIGNED.format(place=place)
    if hook.data.get("alert_status") in STOPPED:
        yield STANDS.format(place=place)
