"""The text of a comment in, the commands that a reader of the comment sees in it out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from unicodedata import category

from ci_bot.core.chat.command import NAMES, Command
from ci_bot.core.chat.visible import MAX_LINES, MAX_PARAGRAPH, visible

#: Alone Markdown and the forge leave these lines as they are: no escape, formula or single `~` of GitHub.
_LINE: Final = re.compile(r" {0,3}/[^\\$~]*")

#: Shown as nothing though Unicode has them as letters, marks and symbols.
_BLANK: Final = re.compile(
    r"[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def parse(body: str, *prefixes: str) -> tuple[Command, ...]:
    """In the order of the comment. Commands are `/retry …`, or `/ci retry …` with the prefix "ci".

    `prefixes`: which of them count, "" for the bare command; none given is the bare one alone.

    A command is alone on its line of a paragraph and in plain sight. What is not certain is none: see
    `visible`. Never raises, and takes well under a second whatever `body` is.
    """
    lines = _lines(body)
    found = {
        number: command
        for number, line in enumerate(lines[:MAX_LINES])
        if (command := _command(line, prefixes or ("",))) is not None
    }
    if not found:
        return ()
    seen = visible(lines, found.keys())
    return tuple(command for number, command in found.items() if number in seen)


def _lines(body: str) -> list[str]:
    """Only CR and LF end a line, as in https://spec.commonmark.org/0.31.2/#line-ending."""
    return body.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _command(line: str, prefixes: Sequence[str]) -> Command | None:
    if len(line) > MAX_PARAGRAPH or not _LINE.fullmatch(line) or not all(map(_is_shown, line)):
        return None
    first, *rest = re.split(r"[ \t]+", line.strip(" \t"))
    if rest and first[1:] and first[1:] in prefixes:
        name, *args = rest
    elif "" in prefixes:
        name, args = first[1:], rest
    else:
        return None
    return Command(name, tuple(args)) if name in NAMES else None


def _is_shown(char: str) -> bool:
    return char in " \t" or (category(char)[0] not in "CZ" and not _BLANK.match(char))
