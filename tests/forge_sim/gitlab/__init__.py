"""A simulated GitLab: stateful, on loopback, with real git and signed webhooks.

``await start(Config(data=…))`` gives a running GitLab; GitLabClient acts on it. Nothing in here knows
ci-bot. Rules stand beside the code that holds them, with the page or the file they were taken from.
"""

from .client import ForgeCallFailed, GitLabClient, Person
from .config import Config, Limits
from .server import GitLab, start

__all__ = ["Config", "ForgeCallFailed", "GitLab", "GitLabClient", "Limits", "Person", "start"]
