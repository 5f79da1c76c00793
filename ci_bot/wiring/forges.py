"""The forges that the settings name, opened; and every port of theirs by the name of the forge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

import structlog

from ci_bot.core.errors import ForgeDenied, ForgeError, SettingsError
from ci_bot.core.events import Repo
from ci_bot.core.model import Run
from ci_bot.forges.github import GitHub, GitHubWebhook, open_session
from ci_bot.forges.gitlab import GitLab, GitLabWebhook, Levels
from ci_bot.ports import (
    Branches,
    Clock,
    DeployingForge,
    ForgeFacts,
    ForgeReports,
    OnCall,
    ReconcilingForge,
    TokenExpiry,
    Webhook,
)
from ci_bot.settings import GitHubSettings, GitLabSettings, Settings

T = TypeVar("T")

NO_FORGE: Final = (
    "no forge is set up: for GitHub, `ci-bot app create --org NAME` makes the App in your browser; for "
    "GitLab, put the bot's access token under [gitlab] (docs/install-gitlab.md)"
)

NO_HOOK: Final = (
    "gitlab: nothing could tell GitLab's webhooks from a stranger's: `ci-bot gitlab connect "
    "GROUP_OR_PROJECT` registers one and stores its token; for one that is there, set signing_token_file"
)
_log = structlog.get_logger()


class Forge(ForgeFacts, ForgeReports, ReconcilingForge, DeployingForge, Branches, Protocol):
    """All that a forge's adapter does. The name of the forge is the last part of its hooks' address."""

    def page_of(self, run: Run) -> str:
        """The forge's own page of what a run tested."""
        ...


class ByForge(dict[str, T]):
    """A forge's name → what it has. What an earlier server served may be gone from the settings."""

    def __missing__(self, forge: str) -> T:
        raise ForgeDenied(f"no forge called {forge!r} is set up here: [{forge}] is not in the settings")


@dataclass(frozen=True, slots=True)
class Forges:
    """Which forge answers for a repository is `Repo.forge`, and nothing else."""

    adapters: ByForge[Forge]
    webhooks: ByForge[Webhook]
    expiring: dict[str, TokenExpiry]

    def of(self, repo: Repo) -> Forge:
        """Raises `ForgeDenied` where it is not served any more."""
        return self.adapters[repo.forge]

    def page_of(self, run: Run) -> str:
        """ "" where its forge is not served any more."""
        return self.adapters[run.repo.forge].page_of(run) if run.repo.forge in self.adapters else ""


async def open_forges(
    stack: AsyncExitStack,
    settings: Settings,
    clock: Clock,
    on_token: Callable[[bytes], None],
    on_call: OnCall,
) -> Forges:
    """`on_token` is told every token before it is used. Call `require_forge` first."""
    forges = Forges(ByForge(), ByForge(), {})
    if settings.github is not None:
        await _add_github(forges, stack, settings, settings.github, clock, on_token, on_call)
    if settings.gitlab is not None:
        await _add_gitlab(forges, stack, settings, settings.gitlab, clock, on_token, on_call)
    return forges


async def _add_github(
    forges: Forges,
    stack: AsyncExitStack,
    settings: Settings,
    github: GitHubSettings,
    clock: Clock,
    on_token: Callable[[bytes], None],
    on_call: OnCall,
) -> None:
    forges.adapters["github"] = await open_github(stack, settings, github, clock, on_token, on_call)
    forges.webhooks["github"] = GitHubWebhook([github.webhook_secret.get_secret_value()], github.app_id)


async def _add_gitlab(
    forges: Forges,
    stack: AsyncExitStack,
    settings: Settings,
    gitlab: GitLabSettings,
    clock: Clock,
    on_token: Callable[[bytes], None],
    on_call: OnCall,
) -> None:
    for secret in (*gitlab.signing_tokens, *gitlab.webhook_tokens):
        on_token(secret.encode())
    adapter = open_gitlab(stack, settings, gitlab, clock, on_token, on_call)
    forges.adapters["gitlab"] = adapter
    forges.webhooks["gitlab"] = GitLabWebhook(
        signing_tokens=gitlab.signing_tokens,
        plain_tokens=gitlab.webhook_tokens,
        clock=clock,
        bot_id=await _bot_id(adapter),
    )
    forges.expiring["gitlab"] = _GitLabToken(adapter)


async def _bot_id(adapter: GitLab) -> int | None:
    """A GitLab that is down must not keep a server from starting: it has other things to do."""
    try:
        return await adapter.bot_id()
    except ForgeError as error:
        _log.warning("GitLab did not say which account is ours", error=str(error))
        return None


class _GitLabToken:
    """Implements `ports.TokenExpiry`."""

    def __init__(self, adapter: GitLab) -> None:
        self._adapter = adapter

    async def expires_at(self) -> float | None:
        return (await self._adapter.token_state()).expires_at


def require_forge(settings: Settings) -> None:
    """Raises `SettingsError` where no event could ever come."""
    if settings.github is None and settings.gitlab is None:
        raise SettingsError([NO_FORGE])
    gitlab = settings.gitlab
    if gitlab is not None and not (gitlab.signing_tokens or gitlab.webhook_tokens):
        raise SettingsError([NO_HOOK])


def web_urls(settings: Settings) -> Mapping[str, str]:
    """Where each forge's pages are."""
    given = {
        "github": settings.github and settings.github.web_url,
        "gitlab": settings.gitlab and settings.gitlab.url,
    }
    return {forge: url for forge, url in given.items() if url}


async def open_github(
    stack: AsyncExitStack,
    settings: Settings,
    github: GitHubSettings,
    clock: Clock,
    on_token: Callable[[bytes], None],
    on_call: OnCall = lambda _: None,
) -> GitHub:
    session = await stack.enter_async_context(open_session(settings.ca_file, settings.proxy))
    adapter = GitHub(
        app_id=github.app_id,
        private_key=github.private_key.get_secret_value(),
        api_url=github.api_url,
        web_url=github.web_url,
        session=session,
        clock=clock,
        on_token=on_token,
        on_call=on_call,
    )
    stack.push_async_callback(adapter.close)
    return adapter


def open_gitlab(
    stack: AsyncExitStack,
    settings: Settings,
    gitlab: GitLabSettings,
    clock: Clock,
    on_token: Callable[[bytes], None],
    on_call: OnCall = lambda _: None,
) -> GitLab:
    token = gitlab.token.get_secret_value()
    on_token(token.encode())
    adapter = GitLab(
        url=gitlab.url,
        token=token,
        ca_file=settings.ca_file,
        proxy=settings.proxy,
        clock=clock,
        levels=Levels(gitlab.run_level, gitlab.approve_level),
        hook_url=hook_address(settings, "gitlab"),
        on_call=on_call,
    )
    stack.push_async_callback(adapter.close)
    return adapter


def hook_address(settings: Settings, forge: str) -> str:
    """Where a forge sends its webhooks."""
    return f"{settings.public_url}/hooks/{forge}"
