"""What a token asks of a run: done as a person's wish, refused in words, and never more than that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ci_bot.core.decisions import Decision
from ci_bot.core.events import Ask, Permission, RunSteered
from ci_bot.core.model import JobRun, Run, RunKind, Verdict
from ci_bot.core.states import Status
from ci_bot.core.steering import decide_steering, refusal, unknown_jobs
from ci_bot.core.tokens import ApiToken, TokenScope
from ci_bot.core.trust import Ruling
from tests.make import ALICE, REPO, SHA_A, token

NOW = 1_000_000.0


def run(*statuses: Status, **more: object) -> Run:
    """With jobs j0, j1, … that stand so."""
    jobs = tuple(
        JobRun(f"id{number}", "r1", f"j{number}", f"j{number}", 1, status, ())
        for number, status in enumerate(statuses)
    )
    made = Run("r1", "k", REPO, RunKind.PUSH, "main", SHA_A, Verdict.PLANNED, ALICE, 0.0, jobs=jobs)
    return replace(made, **more)  # type: ignore[arg-type]


def asked(ask: Ask = Ask.RETRY, *jobs: str, whole: bool = False) -> RunSteered:
    return RunSteered(REPO, "r1", ask, jobs, whole, "t1", token().actor)


def decided(
    event: RunSteered, found: Run | None, held: ApiToken | None = None, now: float = NOW
) -> Decision:
    return decide_steering(event, held or token(), found, now)


FAILED = run(Status.SUCCEEDED, Status.FAILED)


def test_a_retry_is_the_retry_of_a_person_with_the_token_on_record() -> None:
    decision = decided(asked(), FAILED)
    (again,) = decision.retry
    assert (again.runs, again.jobs, again.whole) == (("r1",), (), False)
    (line,) = decision.audit
    assert (line.action, line.actor.login, line.permission) == (
        "retry",
        "token:alice",
        Permission.WRITE,
    )
    assert decision.reason == "token:alice re-runs what did not succeed"


def test_a_cancel_names_the_token_and_calls_upon_no_account() -> None:
    decision = decided(asked(Ask.CANCEL), run(Status.RUNNING))
    (end,) = decision.cancel
    assert (end.runs, end.reason) == (("r1",), "cancelled by token:alice")
    assert [line.action for line in decision.audit] == ["cancel"]


def test_no_decision_for_a_token_approves_or_gives_secrets_or_makes_a_run() -> None:
    for status in Status:
        for ask in Ask:
            for whole in (True, False):
                decision = decided(asked(ask, whole=whole), run(status))
                assert not decision.create
                assert not decision.approve
                assert not decision.give_secrets


@pytest.mark.parametrize(
    "held",
    [token(revoked_at=NOW), token(expires_at=NOW), token(scope=TokenScope.READ), token(repos=())],
)
def test_a_token_that_may_not_moves_nothing(held: ApiToken) -> None:
    decision = decided(asked(), FAILED, held)
    assert decision == Decision(decision.reason)


def test_a_token_or_a_run_that_is_gone_moves_nothing() -> None:
    for decision in (decide_steering(asked(), None, FAILED, NOW), decided(asked(), None)):
        assert decision == Decision(decision.reason)


@pytest.mark.parametrize(
    ("found", "event", "words"),
    [
        (run(Status.SUCCEEDED), asked(), "nothing of it failed"),
        (run(Status.RUNNING), asked(), "nothing of it has failed so far"),
        (run(Status.RUNNING), asked(Ask.RETRY, "j0"), "still running"),
        (run(Status.RUNNING), asked(whole=True), "still running"),
        (run(), asked(), "no job of it was started (planned)"),
        (run(Status.FAILED, superseded=True, reason="superseded by 1234567"), asked(), "1234567"),
        (run(Status.FAILED, ruling=Ruling.WAIT), asked(), "no token can give that"),
        (run(Status.FAILED, ruling=Ruling.REFUSE), asked(whole=True), "no token can give that"),
        (run(Status.FAILED), asked(Ask.CANCEL), "nothing of that is running"),
        (run(), asked(Ask.CANCEL), "nothing of that is running"),
        (run(Status.FAILED, Status.RUNNING), asked(Ask.CANCEL, "j0"), "nothing of that is running"),
        (run(Status.FAILED), asked(Ask.RETRY, "x"), 'has no job "x"; its jobs: j0'),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(found: Run, event: RunSteered, words: str) -> None:
    decision = decided(event, found)
    assert words in decision.reason
    assert decision == Decision(decision.reason)


@pytest.mark.parametrize(
    ("found", "event"),
    [
        (run(Status.SUCCEEDED), asked(whole=True)),
        (run(Status.SUCCEEDED), asked(Ask.RETRY, "j0")),
        (run(Status.FAILED, Status.RUNNING), asked()),
        (run(Status.CANCELLED), asked()),
        (run(Status.FAILED, ruling=Ruling.RUN_WITHOUT_SECRETS), asked()),
        (run(Status.WAITING), asked(Ask.CANCEL)),
        (run(Status.RUNNING, superseded=True), asked(Ask.CANCEL)),
    ],
)
def test_what_can_be_done_is_not_refused(found: Run, event: RunSteered) -> None:
    assert refusal(found, event.ask, event.jobs, whole=event.whole) == ""
    decision = decided(event, found)
    assert decision.retry or decision.cancel


def test_unknown_jobs_are_named_but_not_without_end() -> None:
    assert unknown_jobs(FAILED, ["j0", "x", "y"]) == 'run r1 has no job "x", "y"; its jobs: j0, j1'
    assert unknown_jobs(run(), ["x"]).endswith("its jobs: none")
    assert unknown_jobs(FAILED, list("abcdef")).startswith(
        'run r1 has no job "a", "b", "c" and 3 more;'
    )
