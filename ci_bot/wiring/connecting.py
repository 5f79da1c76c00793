"""A GitLab group or project in; its webhook, known by a token that GitLab and this server alone have, out."""

from __future__ import annotations

import os
import secrets
from base64 import b64encode
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ci_bot.core.errors import SettingsError
from ci_bot.core.expiring import REMEDY, in_words, is_due
from ci_bot.forges.gitlab import GitLab, HookConnection, HookSecrets
from ci_bot.ports import Clock
from ci_bot.settings import SIGNING_FILE, WEBHOOK_FILE, GitLabSettings, Settings
from ci_bot.system import SystemClock
from ci_bot.wiring.forges import hook_address, open_gitlab
from ci_bot.wiring.private_files import check_address, give_to_owner, sync_directory, write

NO_GITLAB: Final = "gitlab: is not set up: put the bot's access token in a file, and its path under [gitlab] as token_file"
OWN_TOKENS: Final = (
    "--renew: the settings themselves say what GitLab's webhooks are known by; put a new token there, on a "
    "line before the old one"
)
KEY_BYTES: Final = 32  # https://docs.gitlab.com/user/project/integrations/webhooks/#signing-tokens


@dataclass(frozen=True, slots=True)
class Connected:
    """`is_news`: the server must be started again, to know what the webhook proves itself with."""

    hook: HookConnection
    hook_url: str
    token: str  # its name, and when it ends
    problems: tuple[str, ...]
    is_news: bool


@dataclass(frozen=True, slots=True)
class _Tokens:
    """What to give to GitLab, and which of it GitLab and we do not know yet."""

    given: HookSecrets
    is_new_signing: bool = False
    is_new_plain: bool = False


async def connect(settings: Settings, name: str, *, renew: bool) -> Connected:
    """Raises `SettingsError` for what must be set first, `ForgeError` where GitLab does not do it."""
    gitlab = settings.gitlab
    if gitlab is None:
        raise SettingsError([NO_GITLAB])
    check_address(settings, gitlab.url)
    if renew and not _are_stored(settings, gitlab):
        raise SettingsError([OWN_TOKENS])
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        adapter = open_gitlab(stack, settings, gitlab, clock, lambda _: None)
        told, problems = await _looked_at(adapter, clock)
        tokens = _tokens(gitlab, renew=renew)
        _store(settings, gitlab, tokens)  # before GitLab has them: the answer may be lost
        hook = await adapter.connect(name, tokens.given)
    _forget_unused(settings, gitlab, tokens, is_signed=hook.is_signed)
    is_news = tokens.is_new_signing if hook.is_signed else tokens.is_new_plain
    return Connected(hook, hook_address(settings, "gitlab"), told, (*hook.problems, *problems), is_news)


async def _looked_at(adapter: GitLab, clock: Clock) -> tuple[str, tuple[str, ...]]:
    """The access token in words, and what is to be done about it soon. Raises `SettingsError`."""
    wrong = await adapter.examine()
    if wrong:
        raise SettingsError([f"gitlab: {problem}" for problem in wrong])
    token, now = await adapter.token_state(), clock.now()
    words = in_words(token.expires_at, now)
    due = (f"the access token: {words}; {REMEDY}",) if is_due(token.expires_at, now) else ()
    return f'"{token.name}": {words}', due


# ── tokens ───────────────────────────────────────────────────────────────────────────────────


def _tokens(gitlab: GitLabSettings, *, renew: bool) -> _Tokens:
    """A GitLab before 19.0 does not sign: it gets a plain token beside, which then is the one that counts."""
    signing, plain = gitlab.signing_tokens, gitlab.webhook_tokens
    if signing and not renew:
        return _Tokens(HookSecrets(signing=signing[0]))
    if plain and not renew:
        return _Tokens(HookSecrets(plain=plain[0]))
    fresh = "whsec_" + b64encode(secrets.token_bytes(KEY_BYTES)).decode()
    if signing:
        return _Tokens(HookSecrets(signing=fresh), is_new_signing=True)
    beside = plain[0] if plain else secrets.token_urlsafe(KEY_BYTES)
    return _Tokens(HookSecrets(fresh, beside), is_new_signing=True, is_new_plain=not plain)


def _are_stored(settings: Settings, gitlab: GitLabSettings) -> bool:
    """Whether a change of the stored tokens would count: nothing else is known."""
    folder = settings.stored_gitlab
    stored = (*_lines(folder / SIGNING_FILE), *_lines(folder / WEBHOOK_FILE))
    return stored == (*gitlab.signing_tokens, *gitlab.webhook_tokens)


def _lines(path: Path) -> tuple[str, ...]:
    return tuple(path.read_text(encoding="utf-8").split()) if path.exists() else ()


def _store(settings: Settings, gitlab: GitLabSettings, tokens: _Tokens) -> None:
    """New before old: both count until every webhook has the new one. Raises `SettingsError`."""
    if tokens.is_new_signing:
        _put(settings, SIGNING_FILE, (tokens.given.signing, *gitlab.signing_tokens))
    if tokens.is_new_plain:
        _put(settings, WEBHOOK_FILE, (tokens.given.plain, *gitlab.webhook_tokens))


def _forget_unused(
    settings: Settings, gitlab: GitLabSettings, tokens: _Tokens, *, is_signed: bool
) -> None:
    """Of a pair that was made for either kind of GitLab, the one that this GitLab has no use for."""
    if is_signed and tokens.is_new_plain:
        _put(settings, WEBHOOK_FILE, gitlab.webhook_tokens)
    if not is_signed and tokens.is_new_signing:
        _put(settings, SIGNING_FILE, gitlab.signing_tokens)


def _put(settings: Settings, name: str, tokens: tuple[str, ...]) -> None:
    """For nobody but the server's user. No tokens: no file."""
    folder = settings.stored_gitlab
    fresh = folder / f"{name}.new"
    try:
        settings.keys.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        fresh.unlink(missing_ok=True)
        if tokens:
            write(fresh, "\n".join(tokens) + "\n")
            fresh.replace(folder / name)
        else:
            (folder / name).unlink(missing_ok=True)
        give_to_owner(folder, settings.keys)
        sync_directory(settings.keys)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise SettingsError([f"{folder / name} cannot be written: {why}"]) from error
