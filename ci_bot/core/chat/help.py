"""`/help`: what can be asked here; made from the list of commands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from ci_bot.core.chat.asked import Asked, answered, usage
from ci_bot.core.decisions import Decision
from ci_bot.core.markdown import code

NAME: Final = "help"
USAGE: Final = "help"
SUMMARY: Final = "show this list"


def decide(args: Sequence[str], asked: Asked) -> Decision:
    text = listing(asked.offers, asked.prefix)
    return answered(asked, "explains its commands", text, NAME)


def listing(rows: Iterable[tuple[str, str]], prefix: str) -> str:
    lines = [f"- {code(usage(prefix, words))}: {summary}" for words, summary in rows]
    head = "Each on a line of its own, in a new comment, by somebody with write access:"
    return "\n".join([head, "", *lines])
