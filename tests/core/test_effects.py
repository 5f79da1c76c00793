"""Which reaction ends a command, from how the runs that it waits for stand."""

from __future__ import annotations

import pytest

from ci_bot.core.effects import ReactAfter, Reaction, reaction_after
from ci_bot.core.model import JobRun, Run, RunKind, Verdict
from ci_bot.core.states import Status
from tests.make import ALICE, REPO, SHA_A

AFTER = ReactAfter(REPO, 7, ("k",))


def run(*statuses: Status, verdict: Verdict = Verdict.PLANNED) -> Run:
    jobs = tuple(JobRun(f"j{n}", "r", f"j{n}", f"j{n}", 1, each, ()) for n, each in enumerate(statuses))
    return Run("r", "k", REPO, RunKind.PUSH, "main", SHA_A, verdict, ALICE, 0.0, jobs=jobs)


@pytest.mark.parametrize(
    ("of", "reaction"),
    [
        (run(Status.SUCCEEDED, Status.RUNNING), None),
        (run(Status.SUCCEEDED, Status.SKIPPED), Reaction.DONE),
        (run(Status.SUCCEEDED, Status.CANCELLED), Reaction.NOT_DONE),
        (run(verdict=Verdict.NOTHING_TO_RUN), Reaction.DONE),
        (run(verdict=Verdict.CONFIG_BROKEN), Reaction.NOT_DONE),
        (run(Status.CANCELLED, verdict=Verdict.HELD), Reaction.NOT_DONE),
    ],
)
def test_the_end_of_the_jobs_is_the_end_of_the_command(of: Run, reaction: Reaction | None) -> None:
    assert reaction_after(AFTER, [of]) is reaction


def test_a_run_that_is_not_there_was_not_done() -> None:
    assert reaction_after(AFTER, []) is Reaction.NOT_DONE


def test_the_same_command_waits_for_the_same_runs_once() -> None:
    assert AFTER.key == ReactAfter(REPO, 7, ("k",)).key != ReactAfter(REPO, 7, ("other",)).key
