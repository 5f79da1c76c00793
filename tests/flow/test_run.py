"""One claimed job, from its workspace to its stored end, and what remains when that cannot be."""

from __future__ import annotations

import asyncio
import errno
from dataclasses import replace
from pathlib import Path

import pytest

from ci_bot.archive.logs import FileLogs
from ci_bot.core.errors import (
    CheckoutRefused,
    EngineGone,
    ForgeBusy,
    ForgeDenied,
    ForgeError,
    LeaseLost,
    StoreError,
    WorkspaceError,
)
from ci_bot.core.model import Exit
from ci_bot.core.planned import Retry
from ci_bot.core.states import Change, Status
from ci_bot.flow.steps import Cancelling
from tests.fakes import FakeStep
from tests.flow.road import ME, STRANGER, SUCCESSOR, Working
from tests.make import SHA_A, job


async def test_a_job_runs_in_a_workspace_at_its_commit_which_is_discarded_after(
    working: Working,
) -> None:
    await working.start(job("test"))
    claim = await working.claim()
    await working.runner().carry_out(claim, Cancelling())
    assert (await working.job()).status is Status.SUCCEEDED
    assert working.workspaces.prepared == [f"{claim.job.id} {SHA_A}"]
    assert working.workspaces.discarded == [claim.job.id]
    assert working.executor.open_jobs == set()


async def test_the_workspace_of_a_failed_job_is_discarded_too(working: Working) -> None:
    working.executor.steps["run test"] = FakeStep(Exit(1))
    await working.start(job("test"))
    await working.runner().carry_out(await working.claim(), Cancelling())
    assert working.workspaces.kept == set()


async def test_an_adopted_job_goes_on_at_its_running_step_with_the_same_generation(
    working: Working,
) -> None:
    await working.start(job("test", "make", "test", "pack"))
    first = await working.begin()
    await working.store.runs.end_step(first, 0, Change.SUCCEED, "", 0, 0)
    await working.store.runs.start_step(first, 1)

    await working.runner().carry_out(await working.claim(SUCCESSOR), Cancelling())
    assert [(spec.step.run, spec.generation) for spec in working.executor.specs] == [
        ("test", 1),
        ("pack", 1),
    ]
    assert working.workspaces.prepared == []
    ended = await working.job()
    assert (ended.status, ended.attempt) == (Status.SUCCEEDED, 1)
    assert [step.generation for step in ended.steps] == [1, 1, 1]


async def test_an_adopted_job_all_of_whose_steps_have_ended_only_ends(working: Working) -> None:
    await working.start(job("test", "make", "test"))
    first = await working.begin()
    await working.store.runs.end_step(first, 0, Change.FAIL, "exit code 3", 3, 0)
    await working.runner().carry_out(await working.claim(SUCCESSOR), Cancelling())
    assert working.executor.ran == []
    ended = await working.job()
    assert (ended.status, ended.reason) == (Status.FAILED, 'step "make": exit code 3')


async def test_an_adopted_job_that_had_no_workspace_yet_gets_one(working: Working) -> None:
    await working.start(job("test"))
    await working.claim()
    await working.runner().carry_out(await working.claim(SUCCESSOR), Cancelling())
    assert len(working.workspaces.prepared) == 1
    assert (await working.job()).status is Status.SUCCEEDED


async def test_an_adopted_job_whose_workspace_is_gone_cannot_go_on(working: Working) -> None:
    await working.start(job("test", "make", "test"))
    await working.begin()
    working.workspaces.kept.clear()
    await working.runner().carry_out(await working.claim(SUCCESSOR), Cancelling())
    ended = await working.job()
    assert ended.status is Status.BROKEN
    assert "workspace is gone" in ended.reason
    assert working.executor.ran == []


async def test_who_has_lost_the_lease_writes_nothing_more_and_removes_nothing(working: Working) -> None:
    working.executor.steps["make"] = FakeStep(hangs=True)
    await working.start(job("test", "make"))
    claim, cancelling = await working.claim(), Cancelling()
    running = asyncio.create_task(working.runner().carry_out(claim, cancelling))
    await working.executor.until_running("make")
    working.store.clock.time += 31
    other = await working.claim(STRANGER)
    cancelling.ask("the end of this one")
    await running
    assert await working.store.runs.renew([other.lease], 30) == {}
    assert (await working.step()).status is Status.RUNNING
    assert working.executor.open_jobs == {claim.job.id}
    assert working.workspaces.discarded == []


async def test_a_lease_lost_at_the_very_end_leaves_everything_to_its_new_holder(
    working: Working,
) -> None:
    flaky = working.flaky
    flaky.fails["end_job"] = [LeaseLost("held by another process")]
    await working.start(job("test"))
    claim = await working.claim()
    await working.runner(flaky).carry_out(claim, Cancelling())
    assert working.executor.open_jobs == {claim.job.id}
    assert working.workspaces.discarded == []
    assert (await working.job()).status is Status.RUNNING


@pytest.mark.parametrize("method", ["start_step", "end_step", "end_job"])
async def test_a_database_that_fails_in_mid_job_costs_no_result(working: Working, method: str) -> None:
    flaky = working.flaky
    flaky.fails[method] = [StoreError("locked")]
    await working.start(job("test", "make", "test"))
    claim = await working.claim()
    await working.runner(flaky).carry_out(claim, Cancelling())
    assert working.executor.open_jobs == {claim.job.id}
    assert working.workspaces.discarded == []

    working.store.clock.time += 31
    again = await working.claim(ME)  # by the same process: nobody else may be there
    assert (again.is_adopted, again.job.id) == (True, claim.job.id)
    await working.runner(flaky).carry_out(again, Cancelling())
    ended = await working.job()
    assert (ended.status, ended.attempt) == (Status.SUCCEEDED, 1)
    assert [step.generation for step in ended.steps] == [1, 1]
    assert working.executor.open_jobs == working.workspaces.kept == set()


async def test_a_workspace_that_cannot_be_made_is_an_infrastructure_failure(working: Working) -> None:
    working.workspaces.broken = WorkspaceError("the commit is not there any more")
    await working.start(job("test"))
    await working.runner().carry_out(await working.claim(), Cancelling())
    ended = await working.job()
    assert (ended.status, ended.reason) == (Status.BROKEN, "the commit is not there any more")
    assert working.executor.sessions == []


async def test_a_forge_that_gives_no_credentials_is_an_infrastructure_failure(working: Working) -> None:
    working.source_errors = [ForgeDenied("the App is not installed", 403)]
    await working.start(job("test"))
    await working.runner().carry_out(await working.claim(), Cancelling())
    ended = await working.job()
    assert (ended.status, ended.reason) == (Status.BROKEN, "the App is not installed")


async def test_a_forge_that_is_down_or_busy_is_waited_for(working: Working) -> None:
    working.source_errors = [ForgeError("bad gateway", 502), ForgeBusy("slow down", 120)]
    began = working.store.clock.now()
    await working.start(job("test"))
    await working.runner().carry_out(await working.claim(), Cancelling())
    assert (await working.job()).status is Status.SUCCEEDED
    assert working.store.clock.now() >= began + 121


async def test_a_forge_is_waited_for_no_longer_than_the_job_may_take(working: Working) -> None:
    working.source_errors = [ForgeError("bad gateway", 502) for _ in range(1000)]
    began = working.store.clock.now()
    await working.start(job("test", timeout=600))
    await working.runner().carry_out(await working.claim(), Cancelling())
    ended = await working.job()
    assert (ended.status, ended.reason) == (Status.BROKEN, "bad gateway")
    assert working.store.clock.now() <= began + 600


async def test_who_is_cancelled_while_the_forge_is_down_waits_no_longer(working: Working) -> None:
    working.source_errors = [ForgeBusy("slow down", 120)]
    cancelling = Cancelling()
    cancelling.ask("the pull request was closed")
    await working.start(job("test"))
    await working.runner().carry_out(await working.claim(), cancelling)
    ended = await working.job()
    assert (ended.status, ended.reason) == (Status.CANCELLED, "the pull request was closed")
    assert working.executor.ran == []


async def test_an_engine_that_is_gone_is_an_infrastructure_failure(working: Working) -> None:
    working.executor.broken = EngineGone("the Docker engine does not answer")
    await working.start(job("test"))
    await working.runner().carry_out(await working.claim(), Cancelling())
    ended = await working.job()
    assert (ended.status, ended.reason) == (Status.BROKEN, "the Docker engine does not answer")
    assert working.workspaces.kept == set()


async def test_an_engine_that_is_restarted_finds_its_step_going_on(working: Working) -> None:
    gone = EngineGone("the Docker engine does not answer")
    working.executor.steps["make"] = FakeStep(raises=gone, times=3)
    await working.start(job("test", "make", "test"))
    await working.runner().carry_out(await working.claim(), Cancelling())
    ended = await working.job()
    assert ended.status is Status.SUCCEEDED
    assert [spec.generation for spec in working.executor.specs] == [1, 1, 1, 1, 1]
    assert [step.generation for step in ended.steps] == [1, 1]
    assert working.executor.open_jobs == working.workspaces.kept == set()


async def test_a_bug_of_ours_ends_the_job_and_says_whose_fault_it_is(working: Working) -> None:
    working.executor.steps["make"] = FakeStep(raises=ZeroDivisionError("oh"))
    await working.start(job("test", "make"))
    await working.runner().carry_out(await working.claim(), Cancelling())
    ended = await working.job()
    assert (ended.status, ended.reason) == (
        Status.BROKEN,
        "ci-bot itself failed: ZeroDivisionError('oh')",
    )


async def test_being_let_go_ends_nothing_and_removes_nothing(working: Working) -> None:
    working.executor.steps["make"] = FakeStep(hangs=True)
    await working.start(job("test", "make"))
    claim = await working.claim()
    running = asyncio.create_task(working.runner().carry_out(claim, Cancelling()))
    await working.executor.until_running("make")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (await working.step()).status is Status.RUNNING
    assert working.executor.open_jobs == working.workspaces.kept == {claim.job.id}


async def test_a_log_that_cannot_be_written_ends_no_step_without_its_log(
    working: Working, tmp_path: Path
) -> None:
    (tmp_path / "full").write_text("a file where a directory should be")
    working.logs = FileLogs(tmp_path / "full")
    await working.start(job("test", "make"))
    claim = await working.claim()
    await working.runner().carry_out(claim, Cancelling())
    assert (await working.job()).status is not Status.SUCCEEDED
    working.logs = FileLogs(tmp_path / "logs")  # the disk has room again
    working.store.clock.time += 31
    await working.runner().carry_out(await working.claim(), Cancelling())
    assert (await working.job()).status is Status.SUCCEEDED


async def test_a_commit_that_cannot_be_checked_out_as_asked_for_is_its_authors_matter(
    working: Working,
) -> None:
    working.workspaces.broken = CheckoutRefused("this server has no git-lfs")
    await working.start(replace(job("test"), retry=Retry(2)))
    await working.runner().carry_out(await working.claim(), Cancelling())
    ended = await working.job()
    assert (ended.attempt, ended.status) == (1, Status.FAILED)
    assert ended.reason == "this server has no git-lfs"


async def test_a_full_disk_is_told_in_words(working: Working) -> None:
    working.source_errors = [OSError(errno.ENOSPC, "No space left on device")]
    await working.start(job("test"))
    await working.runner().carry_out(await working.claim(), Cancelling())
    ended = await working.job()
    assert ended.status is Status.BROKEN
    assert ended.reason == "the server could not write or read a file: its disk is full"


async def test_a_step_that_fails_is_tried_again_as_often_as_its_job_says(working: Working) -> None:
    working.executor.steps["run test"] = FakeStep(Exit(3))
    await working.start(replace(job("test"), retry=Retry(1, on=(3,))))
    for attempt in (1, 2):
        claim = await working.claim()
        assert claim.job.attempt == attempt
        await working.runner().carry_out(claim, Cancelling())
    assert (await working.job()).status is Status.FAILED
