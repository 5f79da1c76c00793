"""What each command leads to, from what is known of the head: Decisions, reactions and words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ci_bot.core import chat
from ci_bot.core.chat import COMMANDS, NAMES, Asked, Command
from ci_bot.core.decisions import Decision, NewRun
from ci_bot.core.effects import React, ReactAfter, Reaction, Reply
from ci_bot.core.events import Access, Commented, Permission
from ci_bot.core.model import JobRun, Run, RunKind, Verdict
from ci_bot.core.planned import Input, Job, Step
from ci_bot.core.scheduling import Timed
from ci_bot.core.states import Status
from ci_bot.core.trust import Ruling, Vouched
from tests.make import ALICE, MALLORY, REPO, SHA_A, SHA_B, job, new_run, plan, pull

FORKED = pull(author=MALLORY, head_repo=99)
TWO = plan(job("build"), job("test", needs=("build",)))


def ran(key: str, status: Status, **more: object) -> JobRun:
    made = JobRun(f"j-{key}", "r1", key, key, 1, status, ())
    return replace(made, **more)  # type: ignore[arg-type]


def run(*jobs: JobRun, **more: object) -> Run:
    made = Run(
        "r1", "key", REPO, RunKind.PULL_REQUEST, "feature", SHA_A, Verdict.PLANNED, ALICE, 0.0,
        pull=3, plan=TWO, jobs=jobs,
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


def planned(**more: Any) -> NewRun:
    return new_run(kind=RunKind.PULL_REQUEST, pull=3, **more)


HELD = run(verdict=Verdict.HELD, ruling=Ruling.WAIT, plan=None)
WAITING = planned(verdict=Verdict.HELD, ruling=Ruling.WAIT, plan=None)


def asked(*runs: Run, **more: object) -> Asked:
    person = Vouched(ALICE, Access(ALICE.id, Permission.WRITE))
    event = Commented(REPO, 3, 77, "", ALICE, 1000.0)
    made = Asked(event, person, pull(), runs, planned(), planned(), TWO, (), 0.0, None, 1000.0)
    return replace(made, **more)  # type: ignore[arg-type]


def decide(line: str, known: Asked) -> Decision:
    name, *args = line.split()
    return chat.decide((Command(name, tuple(args)),), known)


def said(decision: Decision) -> str:
    return "\n".join(effect.body for effect in decision.effects if isinstance(effect, Reply))


def reactions(decision: Decision) -> list[Reaction]:
    return [effect.reaction for effect in decision.effects if isinstance(effect, React)]


def waits_for(decision: Decision) -> tuple[str, ...]:
    (after,) = [effect for effect in decision.effects if isinstance(effect, ReactAfter)]
    return after.runs


def test_every_command_is_read_and_has_its_module() -> None:
    assert {command.NAME for command in COMMANDS} == set(NAMES)


# ── retry ────────────────────────────────────────────────────────────────────────────────────


def test_retry_tries_what_failed_again() -> None:
    known = run(ran("build", Status.SUCCEEDED), ran("test", Status.FAILED, needs=("build",)))
    decision = decide("retry", asked(known))
    assert [(each.runs, each.jobs) for each in decision.retry] == [(("r1",), ())]
    assert reactions(decision) == [Reaction.TAKEN]
    assert waits_for(decision) == ("key",)


def test_retry_of_named_jobs_takes_these() -> None:
    known = run(ran("build", Status.SUCCEEDED), ran("test", Status.SUCCEEDED))
    assert decide("retry build", asked(known)).retry[0].jobs == ("build",)


def test_retry_where_nothing_failed_says_how_to_run_a_job_again() -> None:
    decision = decide("retry", asked(run(ran("build", Status.SUCCEEDED))))
    assert decision.retry == ()
    assert "`/retry build`" in said(decision)
    assert reactions(decision) == [Reaction.NOT_DONE]


def test_retry_of_an_unknown_job_says_which_was_meant() -> None:
    text = said(decide("retry biuld", asked(run(ran("build", Status.FAILED)))))
    assert "There is no job `biuld`" in text
    assert 'did you mean "build"?' in text


def test_retry_of_a_head_without_a_run_starts_one() -> None:
    decision = decide("retry", asked())
    assert decision.create == (planned(),)


def test_retry_of_a_strangers_unknown_head_waits_and_says_how_to_approve() -> None:
    decision = decide("retry", asked(planned=WAITING))
    assert decision.create == (WAITING,)
    assert f"/approve {SHA_A}" in said(decision)
    assert reactions(decision) == [Reaction.NOT_DONE]


def test_what_waits_for_approval_is_not_retried() -> None:
    decision = decide("retry", asked(HELD))
    assert (decision.retry, decision.create) == ((), ())


# ── cancel ───────────────────────────────────────────────────────────────────────────────────


def test_cancel_ends_what_runs_and_is_done_when_it_has_ended() -> None:
    decision = decide("cancel", asked(run(ran("build", Status.RUNNING))))
    assert [(each.runs, each.reason) for each in decision.cancel] == [(("r1",), "cancelled by @alice")]
    (after,) = [effect for effect in decision.effects if isinstance(effect, ReactAfter)]
    assert after.is_done_by_ending


def test_cancel_where_nothing_runs_says_so() -> None:
    decision = decide("cancel build", asked(run(ran("build", Status.SUCCEEDED))))
    assert decision.cancel == ()
    assert "`build` is not running" in said(decision)


# ── run ──────────────────────────────────────────────────────────────────────────────────────


def test_run_takes_the_job_and_what_it_needs_beside_the_gate() -> None:
    (new,) = decide("run test", asked()).create
    assert new.kind is RunKind.MANUAL
    assert new.plan is not None
    assert [each.id for each in new.plan.jobs] == ["build", "test"]


def test_the_same_command_twice_is_two_runs_and_the_older_one_does_not_count() -> None:
    decision = decide("run test", asked())
    later = asked(event=Commented(REPO, 3, 78, "", ALICE, 1001.0))
    assert decision.create[0].key != decide("run test", later).create[0].key
    (older,) = decision.withdraw
    assert older.key_prefix is not None
    assert decision.create[0].key.startswith(older.key_prefix)


@pytest.mark.parametrize("line", ["run", "run nope", "run test key", "run test key=value"])
def test_what_cannot_be_run_is_said_in_words(line: str) -> None:
    decision = decide(line, asked())
    assert decision.create == ()
    assert said(decision)


def test_the_conditions_of_a_job_that_is_run_by_hand_are_decided_for_that() -> None:
    step = Step("deploy", "./deploy.sh", "img", condition="failure()")
    text = 'event == "manual" && branch == "feature" && inputs.target == "staging"'
    jobs = (
        Job("deploy", "deploy", (step,), condition=text),
        Job("push", "push", (step,), condition='event == "push"'),
    )
    known = asked(offered=replace(plan(*jobs), inputs=(TARGET,)))
    (new,) = decide("run deploy target=staging", known).create
    assert new.plan is not None
    assert (new.plan.jobs[0].skip, new.plan.jobs[0].condition) == ("", "")
    assert new.plan.facts is not None
    assert (new.plan.facts.event, new.plan.facts.inputs) == ("manual", {"target": "staging"})
    (other,) = decide("run push target=staging", known).create
    assert other.plan is not None
    assert other.plan.jobs[0].skip == 'if: event is "manual", not "push"'


TARGET = Input("target", None, ("staging", "production"))
NOTE = Input("note", "none")


def with_inputs(*inputs: Input, **env: str) -> Asked:
    """The same file with inputs, and variables that stand for them."""
    step = Step("deploy", "./deploy.sh", "img", env=env)
    return asked(offered=replace(plan(Job("deploy", "deploy", (step,))), inputs=inputs))


def test_inputs_reach_variables_of_the_job_that_is_run() -> None:
    env = {"TARGET": "${{ inputs.target }}", "NOTE": "${{ inputs.note }}"}
    decision = decide("run deploy target=staging", with_inputs(TARGET, NOTE, **env))
    (new,) = decision.create
    assert new.plan is not None
    assert new.plan.inputs == ()
    assert dict(new.plan.jobs[0].steps[0].env) == {"TARGET": "staging", "NOTE": "none"}
    assert decision.audit[0].detail == 'job "deploy" target=staging'


def test_a_value_is_all_that_follows_the_first_sign() -> None:
    (new,) = decide("run deploy note=a=b", with_inputs(NOTE, NOTE="${{ inputs.note }}")).create
    assert new.plan is not None
    assert new.plan.jobs[0].steps[0].env["NOTE"] == "a=b"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("", "`target` must be given, like `target=staging`."),
        ("target", "`target` is not an input: inputs are written like `key=value`."),
        ("=x", "`=x` is not an input: inputs are written like `key=value`."),
        ("target=prod", "`prod` is not a value of `target`, which is one of `staging`, `production`."),
        (
            "tagret=staging target=staging",
            'There is no input `tagret`; did you mean "target"? The inputs here: `target`, `note`.',
        ),
        ("target=staging target=production", "`target` is given twice; keep one of them."),
        (
            "target=staging note=" + "x" * 256,
            "The value of `note` must be one line of at most 255 bytes.",
        ),
    ],
)
def test_inputs_that_will_not_do_are_told_in_words(words: str, told: str) -> None:
    decision = decide(f"run deploy {words}", with_inputs(TARGET, NOTE))
    assert decision.create == ()
    assert said(decision) == told


def test_every_wrong_input_is_told_at_once() -> None:
    decision = decide("run deploy tagret=x note=y", with_inputs(TARGET, NOTE))
    assert "`tagret`" in said(decision)
    assert "`target` must be given" in said(decision)


def test_nothing_is_run_by_hand_on_a_head_that_waits() -> None:
    assert decide("run test", asked(HELD, planned=WAITING)).create == ()


# ── approve ──────────────────────────────────────────────────────────────────────────────────


def approving(line: str, **more: object) -> Decision:
    return decide(line, asked(HELD, planned=WAITING, pull=FORKED, **more))


def test_the_whole_sha_approves_it() -> None:
    decision = approving(f"approve {SHA_A}")
    (record,) = decision.approve
    assert (record.sha, record.pull, record.author, record.comment) == (SHA_A, 3, MALLORY.id, 77)
    assert decision.create == (planned(),)


@pytest.mark.parametrize("sha", [SHA_B, SHA_A[:7], SHA_A.upper(), f"{SHA_A} {SHA_A}", "HEAD"])
def test_anything_else_approves_nothing_and_gets_the_line(sha: str) -> None:
    decision = approving(f"approve {sha}")
    assert (decision.approve, decision.create) == ((), ())
    assert f"/approve {SHA_A}" in said(decision)


def test_a_bare_approval_counts_for_a_head_that_was_there() -> None:
    assert approving("approve", head_at=900.0).approve


@pytest.mark.parametrize(
    ("head_at", "forced_at"), [(950.0, None), (None, None), (0.0, None), (900.0, 900.0), (900.0, 990.0)]
)
def test_a_bare_approval_of_a_head_that_may_have_moved_gets_the_line(
    head_at: float | None, forced_at: float | None
) -> None:
    decision = approving("approve", head_at=head_at, forced_at=forced_at)
    assert decision.approve == ()
    assert f"/approve {SHA_A}" in said(decision)


def test_where_the_operator_asks_for_more_than_write_access_a_writer_may_not_approve() -> None:
    writer = Vouched(ALICE, Access(ALICE.id, Permission.WRITE, may_approve=False))
    decision = decide(f"approve {SHA_A}", asked(HELD, planned=WAITING, pull=FORKED, person=writer))
    assert (decision.approve, decision.create) == ((), ())
    assert "a higher role" in said(decision)


def test_nobody_approves_their_own_pull_request() -> None:
    own = pull(author=ALICE, head_repo=99)
    decision = decide(f"approve {SHA_A}", asked(HELD, planned=WAITING, pull=own))
    assert decision.approve == ()
    assert "their own pull request" in said(decision)


def test_a_repository_that_runs_nothing_for_outsiders_says_so() -> None:
    refused = replace(WAITING, ruling=Ruling.REFUSE)
    decision = approving(f"approve {SHA_A}", approved=refused)
    assert decision.approve == ()
    assert "no approval changes that" in said(decision)


def test_what_runs_without_secrets_is_given_them_by_an_approval() -> None:
    without = run(ran("build", Status.FAILED), ruling=Ruling.RUN_WITHOUT_SECRETS)
    decision = decide(f"approve {SHA_A}", asked(without, pull=FORKED))
    assert [each.runs for each in decision.give_secrets] == [("r1",)]
    assert decision.create == ()


def test_where_nothing_waits_nothing_is_approved() -> None:
    decision = decide(f"approve {SHA_A}", asked(run(ran("build", Status.SUCCEEDED))))
    assert decision.approve == ()
    assert "Nothing waits for approval" in said(decision)


# ── words ────────────────────────────────────────────────────────────────────────────────────


def test_why_explains_each_job() -> None:
    known = run(
        ran("build", Status.FAILED, reason="exit code 2"),
        ran("test", Status.SKIPPED, reason='needs "build", which failed'),
        ran("late", Status.WAITING, needs=("test",)),
    )
    text = said(decide("why", asked(known)))
    assert "exit code 2" in text
    assert "which failed" in text
    assert said(decide("why test", asked(known))).count("- ") == 1


def test_why_tells_that_the_servers_disk_holds_ready_jobs_back() -> None:
    known = run(ran("build", Status.READY), ran("test", Status.WAITING, needs=("build",)))
    text = said(decide("why", asked(known, why_waiting="New jobs wait: the disk is nearly full")))
    assert "`build`: ⏳ may start, and waits for room on the server's disk" in text
    assert text.endswith("New jobs wait: the disk is nearly full.")
    only_test = said(decide("why test", asked(known, why_waiting="New jobs wait: the disk is full")))
    assert "disk" not in only_test


def test_why_tells_what_starts_by_itself_and_when() -> None:
    nightly = Timed("s1", REPO, "0 3 * * mon", "", 4, SHA_A, ALICE, 1_795_998_000.0)
    paused = replace(nightly, cron="0 5 * * *", paused="<broken>")
    known = run(ran("build", Status.FAILED, reason="exit code 2"))
    text = said(decide("why", asked(known, timed=(nightly, paused))))
    assert "- `0 3 * * mon` of `main`: next 2026-11-30 00:20 UTC\n" in text
    assert "- `0 5 * * *` of `main`: paused: &lt;broken&gt;" in text
    assert "by itself" not in said(decide("why build", asked(known, timed=(nightly,))))
    assert "0 3" in said(decide("why", asked(timed=(nightly,))))
    many = tuple(replace(nightly, id=str(number)) for number in range(8))
    assert "- and 3 more" in said(decide("why", asked(known, timed=many)))


def test_why_of_a_head_that_waits_says_how_to_approve() -> None:
    assert f"/approve {SHA_A}" in said(decide("why", asked(HELD)))


def test_help_lists_every_command_with_the_prefix() -> None:
    text = said(decide("help", asked(prefix="ci")))
    for command in COMMANDS:
        assert f"`/ci {command.USAGE}`" in text


def test_foreign_words_do_nothing_in_a_reply() -> None:
    text = said(decide("retry @octocat<script>", asked(run(ran("build", Status.FAILED)))))
    assert "`@octocat<script>`" in text


def test_a_stranger_is_told_once_and_learns_nothing_else() -> None:
    stranger = Vouched(MALLORY, Access(MALLORY.id, Permission.READ))
    events = [Commented(REPO, 3, number, "/retry", MALLORY, 0.0) for number in (1, 2)]
    first, second = (chat.turned_away(event, stranger) for event in events)
    keys = {each.key for each in (*first.effects, *second.effects) if isinstance(each, Reply)}
    assert len(keys) == 1


def test_several_commands_of_a_comment_are_one_decision() -> None:
    known = asked(run(ran("build", Status.FAILED)))
    both = chat.decide((Command("retry", ()), Command("help", ())), known)
    assert both.retry
    assert "/approve" in said(both)


def test_what_had_ended_when_its_approval_was_withdrawn_waits_for_another_one() -> None:
    ended = run(ran("build", Status.FAILED), ruling=Ruling.WAIT)
    assert decide("retry", asked(ended, pull=FORKED)).retry == ()
    assert decide(f"approve {SHA_A}", asked(ended, pull=FORKED)).give_secrets


# ── matrices ─────────────────────────────────────────────────────────────────────────────────


def cell(values: str, status: Status, **more: object) -> JobRun:
    return ran(f"test({values})", status, name=f"test ({values})", group="test", **more)


CELLS = (cell("3.12,linux", Status.FAILED), cell("3.13,linux", Status.SUCCEEDED))


def test_a_family_means_all_its_cells_and_a_cell_itself() -> None:
    for name in ("test", "test(3.13,linux)"):
        (retry,) = decide(f"retry {name}", asked(run(*CELLS))).retry
        assert retry.jobs == (name,)
    running = run(cell("3.12,linux", Status.RUNNING), cell("3.13,linux", Status.SUCCEEDED))
    (cancel,) = decide("cancel test", asked(running)).cancel
    assert cancel.jobs == ("test",)
    assert "not running" in said(decide("cancel test(3.13,linux)", asked(running)))


def test_families_are_meant_before_cells() -> None:
    told = said(decide("retry tset", asked(run(*CELLS))))
    assert 'did you mean "test"?' in told
    assert "The jobs here: `test`, `test(3.12,linux)`" in told
    assert 'did you mean "test(3.12,linux)"' in said(
        decide("retry test(3.12,linx)", asked(run(*CELLS)))
    )


def test_why_a_family_says_it_of_every_cell_and_what_a_ready_one_waits_for() -> None:
    why = 'waits for its turn: the concurrency group "deploy" takes 1 at a time'
    told = said(decide("why test", asked(run(*CELLS, cell("x", Status.READY, waits=why)))))
    assert told.count("- `test (") == 3
    assert "takes 1 at a time" in told


def test_a_family_is_run_by_hand_with_all_its_cells() -> None:
    cells = tuple(replace(job(f"test({n})"), group="test") for n in (1, 2))
    known = asked(offered=plan(job("build"), *cells))
    for line, keys in (("run test", ["test(1)", "test(2)"]), ("run test(2)", ["test(2)"])):
        (new,) = decide(line, known).create
        assert new.plan is not None
        assert [each.id for each in new.plan.jobs] == keys
