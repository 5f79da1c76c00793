"""Words and the ones that were probably meant."""

from __future__ import annotations

import pytest

from ci_bot.core.suggest import closest, did_you_mean

KNOWN = ("steps", "name", "run", "env", "timeout", "continue-on-error", "on")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("step", "steps"),
        ("setps", "steps"),
        ("stepps", "steps"),
        ("nmae", "name"),
        ("Run", "run"),
        ("rnu", "run"),
        ("timeuot", "timeout"),
        ("timouts", "timeout"),
        ("continue_on_error", "continue-on-error"),
        ("\u00a0name", "name"),
        ("enviro", None),
        ("o", None),
        ("nm", None),
        ("script", None),
        ("", None),
        ("x" * 33, None),
    ],
)
def test_closest(word: str, meant: str | None) -> None:
    assert closest(word, KNOWN) == meant


def test_the_nearest_wins_and_of_equals_the_first() -> None:
    assert closest("builds", ("guilds-", "build", "builde")) == "build"
    assert closest("test-c", ("test-a", "test-b")) == "test-a"


def test_what_cannot_be_shown_is_not_suggested() -> None:
    assert did_you_mean("target", ["\xa0target"]) == ""
