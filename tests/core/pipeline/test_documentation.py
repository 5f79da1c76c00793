"""The reference in docs/language.md says what the reader does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ci_bot.core.pipeline import plan, read
from ci_bot.core.pipeline.features import Key
from ci_bot.core.pipeline.levels import EVENT_LEVELS, LEVELS, Level
from dev.language import pages
from tests.core.occasions import occasion

ROOT = Path(__file__).parents[3]
REFERENCE = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.name)
def test_what_is_made_from_the_key_tables_is_up_to_date(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == pages()[path], "make docs"


@pytest.mark.parametrize(
    ("level", "key"),
    [(level, key) for level in (*LEVELS, *EVENT_LEVELS) for key in level.keys],
    ids=lambda each: each.name,
)
def test_every_key_has_its_place_and_an_example_that_plans(level: Level, key: Key) -> None:
    assert f"\n### `{key.name}` of a {level.name}\n" in REFERENCE
    beside = {path: text.encode() for path, text in key.beside.items()}
    reading = read(key.example.encode(), default_image="alpine", included=beside)
    assert reading.problems == ()
    assert reading.pipeline
    events = sorted(reading.pipeline.on)
    assert any(plan(reading.pipeline, occasion(event, branch="main")).jobs for event in events)


def test_the_first_example_is_the_seed() -> None:
    example, *_ = re.findall(r"```yaml\n(.*?)```", REFERENCE, re.DOTALL)
    assert example == (ROOT / "examples" / "seed" / ".ci.yaml").read_text(encoding="utf-8")
    assert read(example.encode(), default_image="alpine").pipeline
