"""The forges that the settings name, opened; and every port of theirs by the name of the forge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Protocol, TypeVar

from ci_bot.core.errors import ForgeDenied, SettingsError
from ci_bot.core.events import Repo
from ci_bot.core.model import Run
from ci_bot.forges.github import GitHub, GitHubWebhook, open_session
from ci_bot.ports import (
    Branches,
    Clock,
    DeployingForge,
    ForgeFacts,
    ForgeReports,
    OnCall,
    ReconcilingForge,
    Webhook,
)
from ci_bot.settings import GitHubSettings, Settings

T = TypeVar("T")

NO_FORGE = (
    "no forge is set up: for GitHub, `ci-bot app create --org NAME` makes the App in your browser; for "
    "GitLab, put the bot's access token under [gitlab] (docs/install-gitlab.md)"
)


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

    adapters: Mapping[str, Forge]
    webhooks: Mapping[str, Webhook]

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
    adapters, webhooks = ByForge[Forge](), ByForge[Webhook]()
    if settings.github is not None:
        adapters["github"] = await open_github(
            stack, settings, settings.github, clock, on_token, on_call
        )
        secret = settings.github.webhook_secret.get_secret_value()
        webhooks["github"] = GitHubWebhook([secret], settings.github.app_id)
    return Forges(adapters, webhooks)


def require_forge(settings: Settings) -> None:
    """Raises `SettingsError`."""
    if settings.github is None and settings.gitlab is None:
        raise SettingsError([NO_FORGE])


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
