"""GitHub: `GitHubWebhook` reads what it sends, `GitHub` asks it and shows it things. Built by `wiring`."""

from ci_bot.forges.github.client import GitHub
from ci_bot.forges.github.manifest import AppMaker, hook_url
from ci_bot.forges.github.syncing import AppSync
from ci_bot.forges.github.transport import open_session
from ci_bot.forges.github.webhook import GitHubWebhook

__all__ = [
    "AppMaker",
    "AppSync",
    "GitHub",
    "GitHubWebhook",
    "hook_url",
    "open_session",
]
