"""GitHub: `GitHubWebhook` reads what it sends, `GitHub` asks it and shows it things. Built by `wiring`."""

from ci_bot.forges.github.client import GitHub
from ci_bot.forges.github.gate import GateExamination
from ci_bot.forges.github.transport import open_session
from ci_bot.forges.github.webhook import GitHubWebhook

__all__ = ["GateExamination", "GitHub", "GitHubWebhook", "open_session"]
