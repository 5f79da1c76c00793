"""The list of all commands, and how those of one comment become one Decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Protocol

from ci_bot.core.chat import approve, cancel, help, retry, run, why
from ci_bot.core.chat.asked import Asked
from ci_bot.core.chat.command import Command
from ci_bot.core.decisions import Decision, together


class CommandModule(Protocol):
    """A module of this folder. To add a command, write one and name it below."""

    NAME: str
    USAGE: str  # what follows the slash
    SUMMARY: str  # one line, as it stands in `/help`

    def decide(self, args: Sequence[str], asked: Asked) -> Decision: ...


COMMANDS: Final[tuple[CommandModule, ...]] = (retry, cancel, run, approve, why, help)

_BY_NAME: Final = {command.NAME: command for command in COMMANDS}
OFFERS: Final = tuple((command.USAGE, command.SUMMARY) for command in COMMANDS)


def decide(commands: Sequence[Command], asked: Asked) -> Decision:
    """What the commands of one comment lead to, in their order."""
    asked = replace(asked, offers=OFFERS)
    decided = [_BY_NAME[command.name].decide(command.args, asked) for command in commands]
    return together(decided)
