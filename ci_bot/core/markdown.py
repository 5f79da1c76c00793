"""Text by others → Markdown that shows it and does nothing: no links, no mentions, no HTML, bounded.

What GitHub makes of Markdown: https://github.github.com/gfm/. A mention, an issue number and a bare
address become links *after* escapes are undone, so those are broken with a zero-width space instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from ci_bot.core.plain import plain

#: GitHub's limit for a check's summary and text. The reference says characters, its own validation
#: counts bytes ("exceeds a maximum bytesize of 65535", https://github.com/github/docs/issues/35252).
#: https://docs.github.com/rest/checks/runs#create-a-check-run
MAX_MARKDOWN: Final = 65_535

#: How long one name (a job, a step, a branch) may be where it is one among others.
NAME_LENGTH: Final = 100
#: How long a reason or a message may be.
TEXT_LENGTH: Final = 500
TABLE_BYTES: Final = 40_000

_BREAK: Final = "\u200b"
_ACTIVE: Final = re.compile(
    r"@(?=[\w-])"  # mentions of people and teams, e-mail addresses
    r"|[#!](?=\d)"  # issues, pull and merge requests
    r"|\bGH-(?=\d)"
    r"|:(?=//)"  # addresses
    r"|\bwww(?=\.)",
    re.IGNORECASE,
)
_SPECIAL: Final = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;"} | {char: f"\\{char}" for char in "\\`*[]~$"}
)
_OUTER_UNDERSCORE: Final = re.compile(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_LEADING: Final = re.compile(r"^([#+=-]|\d+(?=[.)]))")
_BACKTICKS: Final = re.compile(r"`+")


def one_line(text: str) -> str:
    """Without line breaks, terminal codes and invisible controls; lone surrogates become "?"."""
    return " ".join(plain(text.encode("utf-8", "replace")).split())


def clip(text: str, limit: int) -> str:
    """At most `limit` characters, with a sign where something is missing."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def defused(text: str) -> str:
    """Names nobody, refers to nothing and links to nothing, and looks the same."""
    return _ACTIVE.sub(lambda found: found.group() + _BREAK, text)


def title(text: str, limit: int = 255) -> str:
    """For places that show plain text."""
    return clip(defused(one_line(text)), limit)


def escaped(text: str, limit: int = TEXT_LENGTH) -> str:
    """As running text, anywhere in Markdown, also in a table's cell."""
    shown = defused(clip(one_line(text), limit))
    shown = _OUTER_UNDERSCORE.sub(r"\\_", shown.translate(_SPECIAL))
    return _LEADING.sub(_kept_from_starting_a_block, shown)


def _kept_from_starting_a_block(found: re.Match[str]) -> str:
    start = found.group()
    return start + "\\" if start[0].isdigit() else "\\" + start


def code(text: str, limit: int = NAME_LENGTH) -> str:
    """As inline code. No escape for "|" works for every renderer's tables, so that one becomes HTML."""
    shown = clip(one_line(text), limit) or "(empty)"
    if "|" in shown:
        return f"<code>{escaped(shown, limit)}</code>"
    fence = "`" * (_longest_run(shown) + 1)
    pad = " " if "`" in shown else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def fenced(text: str) -> str:
    """As a code block. `text` must be plain already: nothing in it is changed."""
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}text\n{text}\n{fence}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in _BACKTICKS.findall(text)), default=0)


def link(label: str, url: str) -> str:
    """`label` is Markdown, `url` our own."""
    return f"[{label}]({url})"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already; says how many rows did not fit."""
    lines = [_row(header), _row(["---"] * len(header))]
    room, left_out = TABLE_BYTES, 0
    for row in rows:
        line = _row(row)
        room -= len(line.encode()) + 1
        if room < 0:
            left_out += 1
        else:
            lines.append(line)
    note = f"\n\n_{left_out} more did not fit here._" if left_out else ""
    return "\n".join(lines) + note


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def document(blocks: Iterable[str], limit: int = MAX_MARKDOWN) -> str:
    """Whole blocks, as many as `limit` bytes hold, and how much was left out. Empty ones vanish."""
    kept: list[str] = []
    room, left_out = limit - 100, 0  # for the note
    for block in filter(None, blocks):
        cost = len(block.encode()) + 2
        if cost > room:  # what comes after it may be short and matter more
            left_out += len(block)
        else:
            room -= cost
            kept.append(block)
    if left_out:
        kept.append(f"_{left_out:,} characters did not fit here and were left out._")
    return "\n\n".join(kept)
