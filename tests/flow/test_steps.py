"""The steps of a job: each to its end, within its time, with its log; each end stored before the next."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from ci_bot.core.errors import EngineError, EngineGone, StepRefused
from ci_bot.core.model import Exit, ExitReason
from ci_bot.core.planned import Job, Service
from ci_bot.core.states import Status
from ci_bot.flow.steps import Cancelling
from tests.fakes import FakeStep
from tests.flow.road import SUCCESSOR, Working
from tests.make import SHA_A, job

S, F, X = Status.SUCCEEDED, Status.FAILED, Status.SKIPPED


async def carry_out(working: Working, planned: Job, cancelling: Cancelling | None = None) -> None:
    await working.start(planned)
    await working.runner().carry_out(await working.claim(), cancelling or Cancelling())


async def statuses(working: Working) -> list[Status]:
    return [step.status for step in (await working.job()).steps]


def with_step(planned: Job, index: int, **more: object) -> Job:
    steps = list(planned.steps)
    steps[index] = replace(steps[index], **more)  # type: ignore[arg-type]
    return replace(planned, steps=tuple(steps))


async def test_steps_run_in_order_each_with_its_exit_and_its_log(working: Working) -> None:
    working.executor.steps = {"make": FakeStep(output=b"made\n"), "test": FakeStep(output=b"fine\n")}
    await carry_out(working, job("test", "make", "test"))
    assert working.executor.ran == ["make", "test"]
    ended = await working.job()
    assert ended.status is S
    assert [(step.status, step.exit_code, step.log_bytes) for step in ended.steps] == [
        (S, 0, 5),
        (S, 0, 5),
    ]
    assert (working.log(ended, 0), working.log(ended, 1)) == (b"made\n", b"fine\n")


async def test_each_step_gets_its_environment_and_its_first_generation(working: Working) -> None:
    await carry_out(working, with_step(job("test", "make"), 0, env={"MODE": "fast", "CI_SHA": "no"}))
    (spec,) = working.executor.specs
    ended = await working.job()
    assert (spec.index, spec.generation) == (0, 1)
    assert (spec.env["MODE"], spec.env["CI_SHA"], spec.env["CI_STEP"]) == ("fast", SHA_A, "make")
    assert spec.env["CI_RUN_URL"] == f"http://ci/runs/{ended.run_id}/{ended.id}"


async def test_a_failing_step_ends_the_job_and_skips_the_rest(working: Working) -> None:
    working.executor.steps["make"] = FakeStep(Exit(2), b"oops\n")
    await carry_out(working, job("test", "make", "test"))
    ended = await working.job()
    assert (ended.status, ended.reason) == (F, 'step "make": exit code 2')
    assert await statuses(working) == [F, X]
    assert working.log(ended) == b"oops\n[ci-bot] exit code 2\n"


async def test_continue_on_error_goes_on_and_passes_and_says_what_happened(working: Working) -> None:
    working.executor.steps["lint"] = FakeStep(Exit(1))
    await carry_out(working, with_step(job("test", "lint", "test"), 0, continue_on_error=True))
    assert (await working.job()).status is S
    assert await statuses(working) == [F, S]
    assert (await working.step()).reason == "exit code 1"


async def test_out_of_memory_is_told_in_words(working: Working) -> None:
    words = "out of memory (limit 512 MiB)"
    working.executor.steps["make"] = FakeStep(Exit(137, ExitReason.OUT_OF_MEMORY, words))
    await carry_out(working, job("test", "make"))
    assert (await working.step()).reason == words


async def test_a_step_that_cannot_run_as_written_fails_with_what_to_change(working: Working) -> None:
    words = 'image "nope" is not there; check its name'
    working.executor.steps["make"] = FakeStep(raises=StepRefused(words))
    await carry_out(working, job("test", "make", "test"))
    ended = await working.job()
    assert (ended.status, ended.reason) == (F, f'step "make": {words}')
    assert (await working.step()).exit_code is None
    assert working.log(ended) == f"[ci-bot] {words}\n".encode()


@pytest.mark.parametrize("error", [EngineError("the container vanished"), EngineGone("no answer")])
async def test_an_engine_that_fails_is_an_infrastructure_failure_with_its_reason(
    working: Working, error: EngineError
) -> None:
    working.executor.steps["make"] = FakeStep(raises=error)
    await carry_out(working, with_step(job("test", "make", "test"), 0, continue_on_error=True))
    ended = await working.job()
    where = "" if isinstance(error, EngineGone) else 'step "make": '
    assert (ended.status, ended.reason) == (Status.BROKEN, f"{where}{error}")
    assert await statuses(working) == [Status.BROKEN, X]


async def test_cleaning_up_follows_an_infrastructure_failure_where_the_engine_still_answers(
    working: Working,
) -> None:
    working.executor.steps["make"] = FakeStep(raises=EngineError("the container vanished"))
    await carry_out(working, under(job("test", "make", "test", "tidy"), tidy="always()"))
    ended = await working.job()
    assert (ended.status, ended.reason) == (Status.BROKEN, 'step "make": the container vanished')
    assert await statuses(working) == [Status.BROKEN, X, S]
    assert working.executor.ran == ["make", "tidy"]


async def test_a_cancel_in_mid_step_stops_it_and_ends_the_job(working: Working) -> None:
    working.executor.steps["make"] = FakeStep(output=b"so far\n", hangs=True)
    cancelling = Cancelling()
    running = asyncio.create_task(carry_out(working, job("test", "make", "test"), cancelling))
    await working.executor.until_running("make")
    cancelling.ask("superseded by bbbbbbb")
    await running
    ended = await working.job()
    assert (ended.status, ended.reason) == (Status.CANCELLED, 'step "make": superseded by bbbbbbb')
    assert await statuses(working) == [Status.CANCELLED, Status.CANCELLED]
    assert working.log(ended) == b"so far\n[ci-bot] superseded by bbbbbbb\n"
    assert working.executor.open_jobs == set()


async def test_a_cancel_between_steps_starts_no_other(working: Working) -> None:
    cancelling, flaky = Cancelling(), working.flaky
    flaky.after["end_step"] = lambda: cancelling.ask("the pull request was closed")
    await working.start(job("test", "make", "test"))
    await working.runner(flaky).carry_out(await working.claim(), cancelling)
    ended = await working.job()
    assert working.executor.ran == ["make"]
    assert (ended.status, ended.reason) == (Status.CANCELLED, "the pull request was closed")
    assert await statuses(working) == [S, Status.CANCELLED]


async def test_a_cancel_before_the_first_step_starts_none(working: Working) -> None:
    cancelling = Cancelling()
    cancelling.ask("closed")
    await carry_out(working, job("test", "make"), cancelling)
    assert working.executor.ran == []
    assert (await working.job()).status is Status.CANCELLED


async def test_a_step_that_ends_well_as_it_is_cancelled_has_passed(working: Working) -> None:
    cancelling, flaky = Cancelling(), working.flaky
    flaky.after["end_step"] = lambda: cancelling.ask("too late")
    await working.start(job("test", "make"))
    await working.runner(flaky).carry_out(await working.claim(), cancelling)
    assert (await working.job()).status is S


async def test_a_job_ends_at_its_limit(working: Working) -> None:
    working.executor.steps["make"] = FakeStep(hangs=True)
    await working.start(job("test", "make", "test", timeout=1800))
    claim = await working.claim()
    working.store.clock.time += 1800 - 0.02
    await working.runner().carry_out(claim, Cancelling())
    ended = await working.job()
    assert ended.status is Status.TIMED_OUT
    assert ended.reason == 'step "make": timed out: the job\'s limit is 30m'
    assert await statuses(working) == [Status.TIMED_OUT, X]
    assert working.log(ended) == b"[ci-bot] timed out: the job's limit is 30m\n"


async def test_a_step_ends_at_its_own_limit_which_counts_on_while_no_server_runs(
    working: Working,
) -> None:
    working.executor.steps["make"] = FakeStep(hangs=True)
    await working.start(with_step(job("test", "make"), 0, timeout=90))
    await working.begin()
    working.store.clock.time += 3000  # of the job's hour
    await working.runner().carry_out(await working.claim(SUCCESSOR), Cancelling())
    ended = await working.job()
    assert (ended.status, ended.reason) == (
        Status.TIMED_OUT,
        'step "make": timed out: its limit is 90s',
    )


async def test_a_time_out_is_not_tolerated(working: Working) -> None:
    working.executor.steps["make"] = FakeStep(hangs=True)
    await working.start(with_step(job("test", "make", timeout=60), 0, continue_on_error=True))
    claim = await working.claim()
    working.store.clock.time += 60
    await working.runner().carry_out(claim, Cancelling())
    assert (await working.job()).status is Status.TIMED_OUT


async def test_the_next_step_is_prepared_while_one_runs(working: Working) -> None:
    go_on = asyncio.Event()
    working.executor.steps["make"] = FakeStep(until=go_on)
    running = asyncio.create_task(carry_out(working, job("test", "make", "test", "pack")))
    while not working.executor.prepared:
        await asyncio.sleep(0.001)
    assert (working.executor.ran, working.executor.prepared) == (["make"], ["test 1"])
    go_on.set()
    await running
    assert {spec.step.run: spec.generation for spec in working.executor.specs} == {
        "make": 1,
        "test": 1,
        "pack": 1,
    }


async def test_tokens_minted_so_far_are_masked_in_logs_and_in_our_own_words(working: Working) -> None:
    working.executor.steps = {
        "make": FakeStep(output=b"before ghs_first and ghs_later\n"),
        "test": FakeStep(Exit(1, message="bad ghs_later"), b"after ghs_first ghs_later\n"),
    }
    working.tokens.append(b"ghs_first")
    flaky = working.flaky
    flaky.after["end_step"] = lambda: working.tokens.append(b"ghs_later")
    await working.start(job("test", "make", "test"))
    await working.runner(flaky).carry_out(await working.claim(), Cancelling())
    ended = await working.job()
    assert b"ghs_first" not in working.log(ended, 0)
    assert b"ghs_" not in working.log(ended, 1)
    assert b"[ci-bot] bad" in working.log(ended, 1)


def with_database(planned: Job) -> Job:
    return replace(planned, services=(Service("db", "postgres:16"),))


async def test_a_service_that_does_not_get_ready_fails_the_job_before_any_step(
    working: Working,
) -> None:
    working.executor.unserved = StepRefused('service "db" was not ready within 60s')
    await carry_out(working, with_database(job("test", "make")))
    ended = await working.job()
    assert (ended.status, ended.reason) == (F, 'service "db" was not ready within 60s')
    assert working.executor.ran == []
    assert await statuses(working) == [X]


async def test_a_failed_step_names_the_service_that_died_beside_it(working: Working) -> None:
    working.executor.steps = {"make": FakeStep(exit=Exit(3))}
    working.executor.ended_services = ('service "db" ended with exit code 1',)
    await carry_out(working, with_database(job("test", "make")))
    (step,) = (await working.job()).steps
    assert step.reason == 'exit code 3; service "db" ended with exit code 1'


async def test_jobs_without_services_ask_for_none(working: Working) -> None:
    await carry_out(working, job("test", "make"))
    assert working.executor.served == 0


def under(planned: Job, **conditions: str) -> Job:
    """The job with a condition for each of these steps."""
    steps = (replace(step, condition=conditions.get(step.name, "")) for step in planned.steps)
    return replace(planned, steps=tuple(steps))


async def test_after_a_failure_those_steps_run_whose_condition_says_so(working: Working) -> None:
    working.executor.steps["make"] = FakeStep(Exit(2))
    planned = under(
        job("test", "make", "test", "tell", "tidy", "never"),
        tell="failure()",
        tidy="always()",
        never="cancelled()",
    )
    await carry_out(working, planned)
    ended = await working.job()
    assert (ended.status, ended.reason) == (F, 'step "make": exit code 2')
    assert working.executor.ran == ["make", "tell", "tidy"]
    assert await statuses(working) == [F, X, S, S, X]
    assert ended.steps[4].reason == "if: nothing before it was cancelled"


async def test_a_job_keeps_its_first_failure_whatever_fails_after_it(working: Working) -> None:
    working.executor.steps |= {"make": FakeStep(Exit(2)), "tell": FakeStep(Exit(3))}
    await carry_out(working, under(job("test", "make", "tell"), tell="always()"))
    assert (await working.job()).reason == 'step "make": exit code 2'
    assert await statuses(working) == [F, F]


async def test_a_step_that_is_not_to_run_is_skipped_with_its_reason(working: Working) -> None:
    await carry_out(working, under(job("test", "make", "test"), make="fork || draft"))
    ended = await working.job()
    assert ended.status is S
    assert await statuses(working) == [X, S]
    told = "if: fork || draft is false (fork is false, draft is false)"
    assert (ended.steps[0].reason, ended.steps[0].started_at) == (told, None)


async def test_a_condition_without_an_answer_fails_the_job(working: Working) -> None:
    await carry_out(working, under(job("test", "make", "test"), make="1 / 0 == 1"))
    ended = await working.job()
    told = 'step "make": if: 1 / 0 == 1 has no answer: divide by zero'
    assert (ended.status, ended.reason) == (F, told)
    assert working.executor.ran == []


async def test_after_a_cancel_those_steps_run_whose_condition_says_so(working: Working) -> None:
    working.executor.steps["make"] = FakeStep(hangs=True)
    cancelling = Cancelling()
    planned = under(job("test", "make", "test", "tidy", "tell"), tidy="always()", tell="failure()")
    running = asyncio.create_task(carry_out(working, planned, cancelling))
    await working.executor.until_running("make")
    cancelling.ask("superseded by bbbbbbb")
    await running
    ended = await working.job()
    assert (ended.status, ended.reason) == (Status.CANCELLED, 'step "make": superseded by bbbbbbb')
    assert working.executor.ran == ["make", "tidy"]
    assert await statuses(working) == [Status.CANCELLED, X, S, X]


async def test_after_the_jobs_time_is_over_those_steps_have_a_time_of_their_own(
    working: Working,
) -> None:
    working.executor.steps["make"] = FakeStep(hangs=True)
    planned = replace(under(job("test", "make", "tidy"), tidy="failure()"), timeout=0)
    await carry_out(working, planned)
    ended = await working.job()
    assert ended.status is Status.TIMED_OUT
    assert working.executor.ran == ["make", "tidy"]
    assert await statuses(working) == [Status.TIMED_OUT, S]


async def test_whoever_adopts_a_job_goes_on_after_its_failure(working: Working) -> None:
    working.executor.steps |= {"make": FakeStep(Exit(2)), "tidy": FakeStep(hangs=True)}
    planned = under(job("test", "make", "test", "tidy"), tidy="always()")
    await working.start(planned)
    first = asyncio.create_task(working.runner().carry_out(await working.claim(), Cancelling()))
    await working.executor.until_running("tidy")
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    working.executor.steps["tidy"] = FakeStep()
    await working.runner().carry_out(await working.claim(SUCCESSOR), Cancelling())
    assert await statuses(working) == [F, X, S]
    assert (await working.job()).reason == 'step "make": exit code 2'
