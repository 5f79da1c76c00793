"""A simulated GitHub: stateful, on loopback, with real git and signed webhooks.

``await start(Config(data=…))`` gives a running Forge; ForgeClient acts on it. Nothing in here
knows ci-bot.
"""

from .client import ForgeCallFailed, ForgeClient, Person
from .config import Config, Limits
from .server import Forge, start

__all__ = ["Config", "Forge", "ForgeCallFailed", "ForgeClient", "Limits", "Person", "start"]
