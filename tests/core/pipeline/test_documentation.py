"""The reference in docs/language.md says what the reader does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ci_bot.core.pipeline import read
from ci_bot.core.pipeline.keys import JOB, LEVELS, STEP, TOP, Keys

ROOT = Path(__file__).parents[3]
REFERENCE = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return REFERENCE.split(f"\n## {title}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize(("title", "keys"), [("Top level", TOP), ("Job", JOB), ("Step", STEP)])
def test_every_key_that_works_has_its_row(title: str, keys: Keys) -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \|", section(title), re.MULTILINE)
    assert sorted(rows) == sorted(keys.works)


def test_every_key_that_comes_later_is_named() -> None:
    named = set(re.findall(r"`([a-z-]+)`", section("Not yet")))
    assert named - {"on", "env"} == {key for keys in LEVELS for key in keys.later}


def test_the_example_is_the_seed() -> None:
    example, *_ = re.findall(r"```yaml\n(.*?)```", REFERENCE, re.DOTALL)
    assert example == (ROOT / "examples" / "seed" / ".ci.yaml").read_text(encoding="utf-8")
    assert read(example.encode(), default_image="alpine").pipeline
