"""GitLab: `GitLabWebhook` reads what it sends, `GitLab` asks it and shows it things. Built by `wiring`."""

from ci_bot.forges.gitlab.connecting import HookConnection, HookSecrets
from ci_bot.forges.gitlab.forge import GitLab
from ci_bot.forges.gitlab.levels import Levels
from ci_bot.forges.gitlab.token import TokenState
from ci_bot.forges.gitlab.webhook import GitLabWebhook

__all__ = ["GitLab", "GitLabWebhook", "HookConnection", "HookSecrets", "Levels", "TokenState"]
