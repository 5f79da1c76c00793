"""The documents in; every command that they show, with where it stands and what it is said to print, out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ci_bot.cli.main import COMMANDS

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
#: In `sh` every line is a command that works. In `console` those after "$ " complain: they end with 1,
#: and print what stands below.
BLOCK: Final = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
#: In a sentence or a table: `ci-bot` with arguments. A bare verb is its name.
INLINE: Final = re.compile(r"`(ci-bot [a-z][^`]*)`")


@dataclass(frozen=True, slots=True)
class Shown:
    page: str
    line: int
    text: str
    prints: str = ""  # "" where the document does not say

    @property
    def id(self) -> str:
        return f"{Path(self.page).name}:{self.line} {self.text}"


def commands() -> list[Shown]:
    """In reading order; one that stands in a block is not shown again for each sentence that has it."""
    blocks = [each for page in PAGES for each in _in_blocks(page)]
    known = {_bare(each.text) for each in blocks}
    inline: dict[str, Shown] = {}
    for page in PAGES:
        for each in _in_sentences(page):
            if each.text not in known:
                inline.setdefault(each.text, each)
    return sorted([*blocks, *inline.values()], key=lambda each: (_order(each.page), each.line))


def _in_blocks(page: Path) -> Iterator[Shown]:
    text = page.read_text(encoding="utf-8")
    for block in BLOCK.finditer(text):
        first = text.count("\n", 0, block.start(2)) + 1
        if block[1] == "sh":
            yield from _lines(page, first, block[2])
        elif block[1] == "console":
            yield from _prompts(page, first, block[2])


def _lines(page: Path, first: int, block: str) -> Iterator[Shown]:
    """A command goes on where a line ends with a backslash, and until the end of what is put into a file."""
    whole, end = "", ""
    for number, line in enumerate(block.splitlines(), first):
        whole += line + "\n"
        here = re.search(r"<<'(\w+)'$", line)
        end = here[1] if here else end
        if not line.endswith("\\") and (not end or line == end):
            end = ""
            if _bare(whole):
                yield Shown(_name(page), number, whole.strip())
            whole = ""


def _prompts(page: Path, first: int, block: str) -> Iterator[Shown]:
    at = first
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield Shown(_name(page), at, command, output)
        at += part.count("\n")


def _in_sentences(page: Path) -> Iterator[Shown]:
    text = BLOCK.sub(lambda block: "\n" * block[0].count("\n"), page.read_text(encoding="utf-8"))
    for number, line in enumerate(text.splitlines(), 1):
        for command in INLINE.findall(line):
            if not _is_name(command):
                yield Shown(_name(page), number, command)


def _is_name(command: str) -> bool:
    """`ci-bot token create`: a verb, perhaps with its second word, and nothing given to it."""
    verb, *rest = command.split()[1:]
    return verb in COMMANDS and all(re.fullmatch(r"[a-z-]+", word) for word in rest) and len(rest) < 2


def _bare(text: str) -> str:
    return re.sub(r"(^|\s)#.*", "", text).strip()


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _order(page: str) -> int:
    return [_name(each) for each in PAGES].index(page)
