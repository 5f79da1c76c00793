"""`docs/language.md.in` and the key tables in, `docs/language.md` and `docs/schema.json` out; a test compares them.

A line `{{ keys of a job }}` stands for the table of that level's keys and an example of each.
"""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from ci_bot.core.pipeline import json_schema
from ci_bot.core.pipeline.features import Key
from ci_bot.core.pipeline.levels import EVENT_LEVELS, LEVELS, Level

DOCS = Path(__file__).resolve().parent.parent / "docs"
PLACEHOLDER = re.compile(r"^\{\{ keys of (?:a|the) (\w+) \}\}$", re.MULTILINE)
NOTE = "<!-- Made by `make docs` from language.md.in and the key tables in ci_bot/core/pipeline. -->\n"


def pages() -> Mapping[Path, str]:
    """What stands in each file that is made."""
    prose = (DOCS / "language.md.in").read_text(encoding="utf-8")
    levels = {level.name: level for level in (*LEVELS, *EVENT_LEVELS)}
    language = PLACEHOLDER.sub(lambda found: _level(levels[found[1]]), prose)
    schema = json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
    return {DOCS / "language.md": NOTE + language, DOCS / "schema.json": schema}


def main() -> int:
    for path, content in pages().items():
        path.write_text(content, encoding="utf-8")
    return 0


def _level(level: Level) -> str:
    head = ["| Key | Meaning |", "|---|---|"]
    rows = [f"| [`{key.name}`](#{_anchor(level, key)}) | {_cell(key.about)} |" for key in level.keys]
    examples = [_example(level, key) for key in level.keys]
    return "\n".join([*head, *rows, "", *examples]).rstrip()


def _example(level: Level, key: Key) -> str:
    ends = "" if key.ends == "succeeded" else f" This run ends as *{key.ends.replace('_', ' ')}*."
    title = f"### {_title(level, key)}\n\n"
    beside = "".join(f"\n`{path}`:\n\n{_block(text)}" for path, text in key.beside.items())
    return f"{title}{key.about}{ends}\n\n{_block(key.example)}{beside}"


def _block(text: str) -> str:
    return f"```yaml\n{text.rstrip()}\n```\n"


def _title(level: Level, key: Key) -> str:
    return f"`{key.name}` of a {level.name}"


def _anchor(level: Level, key: Key) -> str:
    """https://docs.github.com/get-started/writing-on-github/getting-started-with-writing-and-formatting-on-github/basic-writing-and-formatting-syntax#section-links"""
    return re.sub(r"[^\w\- ]", "", _title(level, key).lower()).replace(" ", "-")


def _cell(about: str) -> str:
    """The first sentence, as it may stand in a table: the rest is below."""
    first, _, _ = about.partition(". ")
    return f"{first.rstrip('.')}.".replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
