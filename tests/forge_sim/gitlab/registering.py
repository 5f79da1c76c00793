"""Bots of the scenery: a user with an access token, made a member and given a webhook, as an operator would."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass

from . import owning
from .access import make_token
from .errors import ApiError
from .sim import Sim
from .state import MAINTAINER, Group, Hook, Project, User

_SUBSCRIBED = ("push_events", "tag_push_events", "merge_requests_events", "note_events")


@dataclass(slots=True)
class Bot:
    """``hooks`` are those it was given so far; a new place gets one to the same address."""

    user: User
    token: str
    url: str
    secret: str


def signing_token() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


def create_bot(
    sim: Sim, slug: str, *, url: str, secret: str, scopes: tuple[str, ...], expires_on: str | None
) -> Bot:
    if sim.world.user(slug) is not None:
        raise ApiError(422, f"a user {slug} is already there")
    user = owning.create_user(sim, slug, bot=True)
    token = make_token(sim.world, user, f"{slug} on ci", scopes, expires_on)
    bot = Bot(
        user, token.text, url, secret or (signing_token() if sim.signs else secrets.token_hex(20))
    )
    sim.bots[user.id] = bot
    return bot


def install(sim: Sim, bot: Bot, place: Group | Project, level: int = MAINTAINER) -> Hook:
    """A member from now on, with a hook; a second time only its level changes."""
    owning.set_member(place, bot.user, level)
    for known in sim.world.hooks.values():
        if known.owner is place and known.creator is bot.user:
            return known
    events = dict.fromkeys(_SUBSCRIBED, True)
    hook = Hook(sim.world.next_id("hook"), place, bot.user, bot.url, events, bot.user.username)
    _give_secret(hook, bot.secret)
    if bot.url:
        sim.world.hooks[hook.id] = hook
    return hook


def set_hook(sim: Sim, bot: Bot, url: str | None, secret: str | None) -> None:
    """Of all its hooks."""
    bot.url, bot.secret = url or bot.url, secret if secret is not None else bot.secret
    for hook in sim.world.hooks.values():
        if hook.creator is bot.user:
            hook.url = bot.url
            hook.recent_failures, hook.backoff_count, hook.disabled_until = 0, 0, None
            _give_secret(hook, bot.secret)


def _give_secret(hook: Hook, secret: str) -> None:
    """One that looks like a signing token is one."""
    signs = secret.startswith("whsec_")
    hook.signing_token, hook.token = (secret, "") if signs else ("", secret)
