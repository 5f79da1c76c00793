"""When something that failed is tried again, and when a person must look instead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_bot.core.errors import (
    BadDelivery,
    EngineGone,
    ForgeBusy,
    ForgeDenied,
    ForgeError,
    LeaseLost,
    SettingsError,
    StoreError,
    WorkspaceError,
)
from ci_bot.core.patience import LONGEST, SHORTEST, is_hopeless, may_pass, pause
from ci_bot.workspace.failures import Failure, GitFailed

OUTAGES = [
    ForgeError("cannot be reached"),
    ForgeError("bad gateway", 502),
    ForgeBusy("slow down", 60),
    StoreError("locked"),
    LeaseLost("held by another"),
]
REFUSALS = [ForgeDenied("not installed", 403), ForgeError("not found", 404), ForgeError("no", 422)]
BUGS = [ValueError("a bug"), RecursionError(), BadDelivery("cannot be read any more")]


def test_a_busy_forge_is_left_alone_for_as_long_as_it_says() -> None:
    assert pause(ForgeBusy("slow down", 3600), 0) == 3600
    assert pause(ForgeBusy("slow down", 0), 5) == SHORTEST


def test_each_failure_doubles_the_pause() -> None:
    assert [pause(ForgeError("x"), tries) for tries in range(4)] == [1, 2, 4, 8]


@given(st.integers(0, 10**9))
def test_a_pause_is_never_longer_than_five_minutes(tries: int) -> None:
    assert SHORTEST <= pause(ForgeError("x"), tries) <= LONGEST == 300


@pytest.mark.parametrize("error", OUTAGES)
def test_an_outage_is_waited_out_however_long_it_lasts(error: Exception) -> None:
    assert not is_hopeless(error, 10_000)


@pytest.mark.parametrize("error", REFUSALS)
def test_a_refusal_that_stays_is_given_up_after_some_minutes(error: Exception) -> None:
    tries = next(tries for tries in range(100) if is_hopeless(error, tries))
    assert tries == 7
    assert 60 < sum(pause(error, number) for number in range(tries)) < 600


@pytest.mark.parametrize("error", BUGS)
def test_what_fails_by_itself_is_set_aside_the_third_time(error: Exception) -> None:
    assert [is_hopeless(error, tries) for tries in range(3)] == [False, False, True]


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (EngineGone("x"), True),
        (ForgeError("x", 502), True),
        (ForgeBusy("x", 5), True),
        (ForgeDenied("x", 403), False),
        (SettingsError(["x"]), False),
        (GitFailed("x", Failure.DISK), True),
        (GitFailed("x", Failure.NETWORK), True),
        (GitFailed("x", Failure.MISSING), False),
        (GitFailed("x", Failure.REFUSED), False),
        (WorkspaceError("the workspace is gone"), True),
    ],
)
def test_whether_a_new_attempt_may_do_better(error: Exception, passes: bool) -> None:
    assert may_pass(error) is passes
