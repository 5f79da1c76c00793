"""The reference in docs/language.md says what the reader does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ci_bot.core.pipeline import read
from ci_bot.core.pipeline.features import JOB_FEATURES, STEP_FEATURES
from ci_bot.core.pipeline.keys import JOB, STEP, TOP, Keys
from ci_bot.core.pipeline.top import INCLUDE

FEATURES = {
    key.name for features in (JOB_FEATURES, STEP_FEATURES) for each in features for key in each.keys
} | {INCLUDE.name}
ROOT = Path(__file__).parents[3]
REFERENCE = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return REFERENCE.split(f"\n## {title}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize(("title", "keys"), [("Top level", TOP), ("Job", JOB), ("Step", STEP)])
def test_every_key_that_works_has_its_row(title: str, keys: Keys) -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \|", section(title), re.MULTILINE)
    assert sorted(rows) == sorted(set(keys.works) - FEATURES)


def test_every_key_of_a_feature_is_known_and_says_what_it_is() -> None:
    levels = ((JOB, JOB_FEATURES), (STEP, STEP_FEATURES))
    for level, features in levels:
        for key in (key for feature in features for key in feature.keys):
            assert key.name in level.works
            assert key.about
            assert read(key.example.encode(), default_image="alpine").problems == ()


def test_the_example_is_the_seed() -> None:
    example, *_ = re.findall(r"```yaml\n(.*?)```", REFERENCE, re.DOTALL)
    assert example == (ROOT / "examples" / "seed" / ".ci.yaml").read_text(encoding="utf-8")
    assert read(example.encode(), default_image="alpine").pipeline
