"""Comments of people in, the commands in them out; commands and what is known in, Decisions out."""

from __future__ import annotations

from ci_bot.core.chat.asked import Asked, too_late, turned_away
from ci_bot.core.chat.command import NAMES, Command
from ci_bot.core.chat.commands import COMMANDS, decide
from ci_bot.core.chat.parsing import parse

__all__ = ["COMMANDS", "NAMES", "Asked", "Command", "decide", "parse", "too_late", "turned_away"]
