"""The forge is brought to show the stored truth, whatever it answers, and then left in peace."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import structlog

from ci_bot.archive.logs import FileLogs
from ci_bot.core.decisions import Decision, NewRun, Retry, Withdraw
from ci_bot.core.errors import ForgeBusy, ForgeError
from ci_bot.core.model import Exit, LogRef, RunKind, Verdict
from ci_bot.core.report.values import CheckState, Conclusion
from ci_bot.core.states import Change
from ci_bot.flow.bell import Bell
from ci_bot.flow.deploying import Deployments
from ci_bot.flow.known import Known
from ci_bot.flow.meters import Meters
from ci_bot.flow.publish import PROGRESS_SECONDS, Publisher
from ci_bot.ports import Claim
from tests.fakes import FakeForge, FakeVault
from tests.flow.road import ME, link
from tests.make import ALICE, REPO, SHA_A, SHA_B, creating, job, new_run, plan
from tests.stores import Store

GATE, BUILD, TEST = "ci-bot", "ci-bot / build", "ci-bot / test"
TWO = plan(job("build", "make"), job("test", "make test"))


@dataclass
class Showing:
    """A publisher, what it knows, and the forge that it shows it on."""

    store: Store
    logs: FileLogs
    forge: FakeForge = field(default_factory=FakeForge)
    vault: FakeVault = field(default_factory=FakeVault)
    tokens: Known = field(default_factory=Known)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Nothing is remembered but what is stored."""
        self.publisher = Publisher(
            {"github": self.forge},
            self.store.publications,
            self.logs,
            self.vault,
            self.tokens,
            self.store.clock,
            link,
            Bell(),
            Meters(),
            Deployments({"github": self.forge}, self.store.publications, link),
        )

    async def create(self, *new: NewRun, shown: bool = True) -> str:
        run_id = (await self.store.decisions.commit(creating(*new), None))[-1]
        if shown:
            await self.show()
        return run_id

    async def show(self) -> list[str]:
        """What is asked of the forge until nothing is due any more."""
        before = len(self.forge.calls)
        for _ in range(10):
            if not await self.publisher.work_off():
                break
        return self.forge.calls[before:]

    async def start(self) -> Claim:
        claim = await self.store.runs.claim(ME, 30)
        assert claim is not None
        await self.store.runs.start_step(claim.lease, 0)
        return claim

    async def end(self, claim: Claim, code: int = 0, output: bytes = b"") -> None:
        change = Change.FAIL if code else Change.SUCCEED
        writer = self.logs.open(LogRef(claim.job.id, 0), ())
        writer.write(output)
        size, why = writer.close(), f"exit code {code}" if code else ""
        await self.store.runs.end_step(claim.lease, 0, change, why, Exit(code).code, size)
        await self.store.runs.end_job(claim.lease, change, why)

    def shown(self, name: str, sha: str = SHA_A) -> tuple[CheckState, Conclusion | None] | None:
        report = self.forge.latest(sha, name)
        return None if report is None else (report.state, report.conclusion)

    def number_of(self, name: str) -> int:
        return sum(check.report.name == name for check in self.forge.checks.values())


@pytest.fixture
def showing(store: Store, logs: FileLogs) -> Iterator[Showing]:
    with structlog.testing.capture_logs() as said:
        yield Showing(store, logs)
    assert [line for line in said if line["log_level"] == "error"] == []


RUNNING = (CheckState.IN_PROGRESS, None)
PASSED = (CheckState.COMPLETED, Conclusion.SUCCESS)
FAILED = (CheckState.COMPLETED, Conclusion.FAILURE)


# ── what is shown, and in which order ────────────────────────────────────────────────────────


async def test_the_gate_is_shown_first_and_from_the_first_moment(showing: Showing) -> None:
    await showing.create(new_run(plan=TWO), shown=False)
    assert await showing.show() == ["publish ci-bot in_progress"]


async def test_the_gate_is_shown_before_the_jobs_that_have_begun(showing: Showing) -> None:
    await showing.create(new_run(plan=TWO), shown=False)
    await showing.start()
    await showing.start()
    assert await showing.show() == [
        "publish ci-bot in_progress",
        "publish ci-bot / build in_progress",
        "publish ci-bot / test in_progress",
    ]


async def test_a_run_is_shown_from_its_beginning_to_its_end(showing: Showing) -> None:
    await showing.create(new_run())
    assert showing.shown(GATE) == RUNNING
    await showing.end(await showing.start())
    await showing.show()
    assert (showing.shown(GATE), showing.shown(TEST)) == (PASSED, PASSED)
    assert showing.number_of(GATE) == showing.number_of(TEST) == 1


async def test_conclusions_come_before_progress(showing: Showing) -> None:
    await showing.create(new_run(plan=TWO))
    await showing.end(await showing.start())
    showing.store.clock.time += 2 * PROGRESS_SECONDS
    assert await showing.show() == ["publish ci-bot / build completed", "publish ci-bot in_progress"]


async def test_progress_is_gathered_and_a_conclusion_is_not_held_back(showing: Showing) -> None:
    await showing.create(new_run())
    claim = await showing.start()
    assert await showing.show() == ["publish ci-bot / test in_progress"]
    showing.store.clock.time += PROGRESS_SECONDS - 1
    assert await showing.show() == []
    showing.store.clock.time += 1
    assert await showing.show() == ["publish ci-bot in_progress"]
    await showing.end(claim)
    assert await showing.show() == ["publish ci-bot completed", "publish ci-bot / test completed"]


async def test_the_newest_truth_is_shown_however_often_it_changed(showing: Showing) -> None:
    await showing.create(new_run(), shown=False)
    await showing.end(await showing.start())
    assert await showing.show() == ["publish ci-bot completed", "publish ci-bot / test completed"]


async def test_what_nobody_waits_for_any_more_does_not_stay_in_progress(showing: Showing) -> None:
    await showing.create(new_run(ref="feature"))
    gone = Withdraw(REPO.key, "superseded by bbbbbbb", superseded=True, sha=SHA_A)
    newer = new_run(SHA_B, ref="feature")
    await showing.store.decisions.commit(Decision("x", create=(newer,), withdraw=(gone,)), None)
    await showing.show()
    assert showing.shown(GATE) == (CheckState.COMPLETED, Conclusion.CANCELLED)
    assert all(
        check.report.state is CheckState.COMPLETED
        for check in showing.forge.checks.values()
        if check.sha == SHA_A
    )


async def test_the_end_of_a_failed_steps_log_is_shown(showing: Showing) -> None:
    await showing.create(new_run(), shown=False)
    await showing.end(await showing.start(), 1, b"expected 5, got 4\n")
    await showing.show()
    report = showing.forge.latest(SHA_A, TEST)
    assert report is not None
    assert "expected 5, got 4" in report.text


# ── quiet ────────────────────────────────────────────────────────────────────────────────────


async def test_on_a_quiet_system_nothing_is_asked_ten_times_over(showing: Showing) -> None:
    await showing.create(new_run(kind=RunKind.PULL_REQUEST, pull=3))
    await showing.end(await showing.start(), 1)
    await showing.show()
    showing.forge.calls.clear()
    for _ in range(10):
        showing.store.clock.time += 60
        assert await showing.publisher.work_off() == 0
    assert showing.forge.calls == []


async def test_a_new_process_sends_nothing_that_is_shown_already(showing: Showing) -> None:
    await showing.create(new_run(kind=RunKind.PULL_REQUEST, pull=3))
    await showing.end(await showing.start(), 1)
    await showing.show()
    showing.restart()
    assert await showing.show() == []


async def test_a_truth_that_changed_without_a_visible_difference_sends_nothing(
    showing: Showing,
) -> None:
    await showing.create(new_run())
    await showing.create(new_run(), shown=False)  # the same again
    assert await showing.show() == []


# ── final is final ───────────────────────────────────────────────────────────────────────────


async def test_a_retry_is_a_new_check_of_the_same_name(showing: Showing) -> None:
    run_id = await showing.create(new_run())
    await showing.end(await showing.start(), 1)
    await showing.show()
    retry = Retry(REPO.key, SHA_A, (run_id,), ALICE)
    await showing.store.decisions.commit(Decision("x", retry=(retry,)), None)
    await showing.show()
    assert (showing.shown(GATE), showing.number_of(GATE), showing.number_of(TEST)) == (RUNNING, 2, 2)
    await showing.end(await showing.start())
    await showing.show()
    assert (showing.shown(GATE), showing.number_of(GATE), showing.number_of(TEST)) == (PASSED, 2, 2)


async def test_another_run_of_the_same_commit_is_a_new_check_where_the_gate_was_final(
    showing: Showing,
) -> None:
    await showing.create(new_run())
    await showing.end(await showing.start())
    await showing.show()
    await showing.create(new_run(kind=RunKind.MERGE_GROUP, ref="queue"))
    assert (showing.shown(GATE), showing.number_of(GATE)) == (RUNNING, 2)


# ── a forge in trouble ───────────────────────────────────────────────────────────────────────


async def test_a_busy_forge_is_left_alone_for_as_long_as_it_says(showing: Showing) -> None:
    showing.forge.failures = [ForgeBusy("slow down", 300)]
    await showing.create(new_run())
    showing.forge.calls.clear()
    await showing.end(await showing.start())  # whatever happens meanwhile
    showing.store.clock.time += 299
    assert await showing.show() == []
    showing.store.clock.time += 1
    await showing.show()
    assert (showing.shown(GATE), showing.shown(TEST)) == (PASSED, PASSED)


async def test_a_forge_that_is_down_for_long_loses_no_result(showing: Showing) -> None:
    showing.forge.failures = [ForgeError("bad gateway", 502) for _ in range(20)]
    await showing.create(new_run(kind=RunKind.PULL_REQUEST, pull=3))
    await showing.end(await showing.start(), 1)
    for _ in range(25):
        showing.store.clock.time += 300
        await showing.show()
    assert (showing.shown(GATE), showing.shown(TEST)) == (FAILED, FAILED)
    assert len(showing.forge.comments) == 1


async def test_after_an_unknown_outcome_it_looks_before_it_makes_another(showing: Showing) -> None:
    showing.forge.failures, showing.forge.fails_after_effect = [ForgeError("cut")], True
    await showing.create(new_run())
    showing.store.clock.time += 60
    calls = await showing.show()
    assert calls[:2] == ["find ci-bot", "publish ci-bot in_progress"]
    assert showing.number_of(GATE) == 1


async def test_what_did_not_arrive_is_made_after_the_look(showing: Showing) -> None:
    showing.forge.failures = [ForgeError("cut")]
    await showing.create(new_run())
    assert showing.number_of(GATE) == 0
    showing.restart()
    showing.store.clock.time += 60
    await showing.show()
    assert (showing.number_of(GATE), showing.shown(GATE)) == (1, RUNNING)


async def test_a_conclusion_whose_answer_was_lost_is_not_taken_back(showing: Showing) -> None:
    run_id = await showing.create(new_run())
    await showing.end(await showing.start(), 1)
    showing.forge.failures, showing.forge.fails_after_effect = [ForgeError("cut")], True
    await showing.show()
    assert showing.shown(GATE) == FAILED
    retry = Retry(REPO.key, SHA_A, (run_id,), ALICE)
    await showing.store.decisions.commit(Decision("x", retry=(retry,)), None)
    showing.store.clock.time += 60
    await showing.show()
    assert (showing.shown(GATE), showing.number_of(GATE)) == (RUNNING, 2)


async def test_a_check_that_was_made_completed_and_whose_answer_was_lost_stays_as_it_is(
    showing: Showing,
) -> None:
    showing.forge.failures, showing.forge.fails_after_effect = [ForgeError("cut")], True
    held = new_run(
        plan=None, verdict=Verdict.HELD, reason="@mallory", kind=RunKind.PULL_REQUEST, pull=3
    )
    await showing.create(held)
    assert showing.shown(GATE) == (CheckState.COMPLETED, Conclusion.ACTION_REQUIRED)
    gone = Withdraw(REPO.key, "vouched for", superseded=True, verdict=Verdict.HELD)
    await showing.store.decisions.commit(Decision("x", create=(new_run(),), withdraw=(gone,)), None)
    showing.store.clock.time += 60
    await showing.show()
    assert (showing.shown(GATE), showing.number_of(GATE)) == (RUNNING, 2)


async def test_one_subject_that_cannot_be_published_holds_up_no_other(showing: Showing) -> None:
    showing.forge.failures = [ForgeError("unprocessable", 422)]
    await showing.create(new_run(SHA_A), new_run(SHA_B))
    assert {check.sha for check in showing.forge.checks.values()} == {SHA_B}


# ── the comment ──────────────────────────────────────────────────────────────────────────────


def a_pull(sha: str = SHA_A) -> NewRun:
    return new_run(sha, kind=RunKind.PULL_REQUEST, ref="feature", pull=3)


def comment(showing: Showing) -> str:
    (found,) = showing.forge.comments.values()
    return found.body


async def test_nobody_is_disturbed_by_a_comment_while_all_is_well(showing: Showing) -> None:
    await showing.create(a_pull())
    await showing.end(await showing.start())
    await showing.show()
    assert showing.forge.comments == {}


async def test_the_comment_comes_with_the_first_failure_and_is_edited_in_place(
    showing: Showing,
) -> None:
    await showing.create(a_pull())
    await showing.end(await showing.start(), 1, b"expected 5, got 4\n")
    await showing.show()
    assert "expected 5, got 4" in comment(showing)

    gone = Withdraw(
        REPO.key, "superseded", superseded=True, pull=3, except_key=(newer := a_pull(SHA_B)).key
    )
    await showing.store.decisions.commit(Decision("x", create=(newer,), withdraw=(gone,)), None)
    showing.restart()
    await showing.show()
    assert SHA_B[:7] in comment(showing)
    assert "expected 5" not in comment(showing)
    await showing.end(await showing.start())
    await showing.show()
    assert "All green again" in comment(showing)
    assert showing.forge.comments.keys() == {next(iter(showing.forge.comments))}


async def test_a_failing_job_is_told_while_others_still_run(showing: Showing) -> None:
    await showing.create(new_run(kind=RunKind.PULL_REQUEST, pull=3, plan=TWO))
    await showing.end(await showing.start(), 1)
    await showing.show()
    assert "build" in comment(showing)


async def test_a_push_has_no_comment(showing: Showing) -> None:
    await showing.create(new_run())
    await showing.end(await showing.start(), 1)
    await showing.show()
    assert showing.forge.comments == {}
