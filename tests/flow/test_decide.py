"""Stored deliveries become decisions, whatever the forge, the database or we ourselves do wrong."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import text

from ci_bot.core.decisions import Decision
from ci_bot.core.errors import FileTooLarge, ForgeBusy, ForgeDenied, ForgeError
from ci_bot.core.events import (
    Actor,
    MergeGroupAsked,
    Permission,
    PullRequestClosed,
    RepoRenamed,
    RerunAsked,
    TagPushed,
)
from ci_bot.core.model import RunKind, Verdict
from ci_bot.core.states import Status
from ci_bot.ports import Delivery
from tests.flow.road import Deciding
from tests.make import ALICE, MALLORY, REPO, SHA_A, SHA_B, SHA_C, opened, pull, pushed

JOBS = b"jobs: {test: {steps: [make]}}\n"
OTHER_REPO = replace(REPO, id=8, name="acme/other")
FORK = 99


async def verdicts(deciding: Deciding) -> dict[str, Verdict]:
    return {run.kind.value: run.verdict for run in await deciding.store.runs.recent(10)}


# ── from event to run ────────────────────────────────────────────────────────────────────────


async def test_a_push_becomes_a_run_and_its_delivery_says_so(deciding: Deciding) -> None:
    deciding.forge.files[SHA_A, ".ci.yaml"] = JOBS
    assert await deciding.decide(pushed()) == [("done", "tests aaaaaaa")]
    run = await deciding.store.the_run()
    assert (run.kind, run.sha, [job.key for job in run.jobs]) == (RunKind.PUSH, SHA_A, ["test"])


async def test_every_kind_of_event_finds_its_decision(deciding: Deciding) -> None:
    forge = deciding.forge
    forge.files[SHA_A, ".ci.yaml"] = b"on: [tag, merge_group, push, pull_request]\n" + JOBS
    forge.pulls[3], forge.permissions[ALICE.id] = pull(), Permission.WRITE
    found = await deciding.decide(
        opened(pull()),
        TagPushed(REPO, "v1", SHA_A, "x", ALICE),
        MergeGroupAsked(REPO, SHA_A, "refs/heads/queue", "main", SHA_C, ALICE),
        RerunAsked(REPO, SHA_A, None, ALICE),
        RepoRenamed(REPO, ALICE),
    )
    assert found == [
        ("done", "tests aaaaaaa"),
        ("done", "tests aaaaaaa"),
        ("done", "tests aaaaaaa"),
        ("done", "@alice re-runs what did not succeed"),
        ("done", "now acme/shop"),
    ]
    assert set(await verdicts(deciding)) == {"tag", "merge_group", "pull_request"}


async def test_deciding_tells_those_who_wait_for_it(deciding: Deciding) -> None:
    await deciding.decide(pushed())
    async with asyncio.timeout(5):
        await deciding.decided.wait(60)


async def test_a_file_with_the_short_name_counts_where_the_other_is_missing(deciding: Deciding) -> None:
    deciding.forge.files[SHA_A, ".ci.yml"] = b"jobs: {short: {steps: [make]}}\n"
    await deciding.decide(pushed())
    assert [job.key for job in (await deciding.store.the_run()).jobs] == ["short"]


async def test_where_both_files_are_there_the_long_name_counts(deciding: Deciding) -> None:
    deciding.forge.files[SHA_A, ".ci.yaml"] = JOBS
    deciding.forge.files[SHA_A, ".ci.yml"] = b"jobs: {short: {steps: [make]}}\n"
    await deciding.decide(pushed())
    assert [job.key for job in (await deciding.store.the_run()).jobs] == ["test"]


async def test_a_removed_file_is_told_where_the_commit_before_had_one(deciding: Deciding) -> None:
    deciding.forge.files[SHA_B, ".ci.yml"] = JOBS
    await deciding.decide(pushed(SHA_A, before=SHA_B))
    assert await verdicts(deciding) == {"push": Verdict.CONFIG_MISSING}


async def test_a_new_branch_without_a_file_asks_about_no_commit_before(deciding: Deciding) -> None:
    assert await deciding.decide(pushed()) == [("done", "no .ci.yaml, neither here nor before")]
    reads = [call for call in deciding.forge.calls if call.startswith("read")]
    assert reads == ["read .ci.yaml aaaaaaa", "read .ci.yml aaaaaaa"]


async def test_a_file_that_is_too_large_is_an_error_of_the_file(deciding: Deciding) -> None:
    deciding.forge.no_answers["read"] = [FileTooLarge(".ci.yaml", 2_000_000)]
    await deciding.decide(pushed())
    run = await deciding.store.the_run()
    assert run.verdict is Verdict.CONFIG_BROKEN
    assert run.problems


async def test_a_file_on_the_base_that_is_too_large_is_there(deciding: Deciding) -> None:
    deciding.forge.no_answers["read .ci.yaml bbbbbbb"] = [FileTooLarge(".ci.yaml", 2_000_000)]
    await deciding.decide(pushed(SHA_A, before=SHA_B))
    assert await verdicts(deciding) == {"push": Verdict.CONFIG_MISSING}


async def test_the_configuration_is_read_once_for_a_push_and_its_pull_request(
    deciding: Deciding,
) -> None:
    forge = deciding.forge
    forge.files[SHA_A, ".ci.yaml"], forge.pulls[3] = JOBS, pull()
    await deciding.decide(pushed(branch="feature"), opened(pull()))
    assert [call for call in forge.calls if call.startswith("read")] == ["read .ci.yaml aaaaaaa"]
    assert not any(call.startswith("message") for call in forge.calls)  # the push told it
    assert list(await verdicts(deciding)) == ["pull_request"]


async def test_the_message_of_a_pull_requests_head_can_skip_it(deciding: Deciding) -> None:
    forge = deciding.forge
    forge.files[SHA_A, ".ci.yaml"], forge.pulls[3] = JOBS, pull()
    forge.messages[SHA_A] = "Fix [skip ci]"
    await deciding.decide(opened(pull()))
    assert await verdicts(deciding) == {"pull_request": Verdict.SKIP_CI}


async def test_a_push_that_does_not_tell_its_message_is_asked_about(deciding: Deciding) -> None:
    forge = deciding.forge
    forge.files[SHA_A, ".ci.yaml"], forge.messages[SHA_A] = JOBS, "Fix [skip ci]"
    await deciding.decide(pushed(SHA_A, message=""))
    assert await verdicts(deciding) == {"push": Verdict.SKIP_CI}


async def test_a_branch_that_is_forced_back_by_two_pushes_is_tested_again(deciding: Deciding) -> None:
    for sha in (SHA_A, SHA_B, SHA_C):
        deciding.forge.files[sha, ".ci.yaml"] = JOBS
    found = await deciding.decide(
        pushed(SHA_A, "feature"),
        pushed(SHA_B, "feature", before=SHA_A),
        pushed(SHA_C, "feature", before=SHA_B),
        pushed(SHA_A, "feature", before=SHA_C),
    )
    assert found[-1] == ("done", "tests aaaaaaa")
    (live,) = [run for run in await deciding.store.runs.recent(10) if not run.superseded]
    assert (live.sha, [job.status for job in live.jobs]) == (SHA_A, [Status.READY])


async def test_a_push_that_is_overtaken_by_two_others_stays_behind(deciding: Deciding) -> None:
    for sha in (SHA_A, SHA_B, SHA_C):
        deciding.forge.files[sha, ".ci.yaml"] = JOBS
    found = await deciding.decide(
        pushed(SHA_B, "feature", before=SHA_A),
        pushed(SHA_C, "feature", before=SHA_B),
        pushed(SHA_A, "feature"),
    )
    assert found[-1] == ("done", "feature has moved on since")


# ── trust ────────────────────────────────────────────────────────────────────────────────────


async def test_a_fork_of_somebody_who_may_write_is_tested(deciding: Deciding) -> None:
    forge = deciding.forge
    forge.files[SHA_A, ".ci.yaml"] = JOBS
    forge.pulls[3] = pull(head_repo=FORK)
    forge.permissions[ALICE.id] = Permission.WRITE
    await deciding.decide(opened(forge.pulls[3]))
    assert await verdicts(deciding) == {"pull_request": Verdict.PLANNED}
    assert forge.calls.count("permission alice") == 1


async def test_a_fork_of_a_stranger_is_held_and_who_pushed_is_asked_about_too(
    deciding: Deciding,
) -> None:
    forge = deciding.forge
    forge.files[SHA_A, ".ci.yaml"] = JOBS
    forge.pulls[3] = pull(head_repo=FORK)
    forge.permissions[ALICE.id] = Permission.WRITE
    await deciding.decide(opened(forge.pulls[3], MALLORY))
    run = await deciding.store.the_run()
    assert (run.verdict, run.jobs) == (Verdict.HELD, ())
    assert run.reason == "@mallory has no write access to this repository"


async def test_a_permission_that_cannot_be_read_means_held(deciding: Deciding) -> None:
    forge = deciding.forge
    forge.files[SHA_A, ".ci.yaml"] = JOBS
    forge.pulls[3] = pull(head_repo=FORK)
    forge.permissions[ALICE.id] = Permission.ADMIN
    forge.no_answers["permission"] = [ForgeDenied("no access to members", 403)]
    await deciding.decide(opened(forge.pulls[3]))
    assert await verdicts(deciding) == {"pull_request": Verdict.HELD}


async def test_while_a_busy_forge_does_not_say_who_may_what_nothing_is_decided(
    deciding: Deciding,
) -> None:
    forge = deciding.forge
    forge.files[SHA_A, ".ci.yaml"] = JOBS
    forge.pulls[3] = pull(head_repo=FORK)
    forge.permissions[ALICE.id] = Permission.WRITE
    forge.no_answers["permission"] = [ForgeBusy("slow down", 30)]
    ((state, _),) = await deciding.decide(opened(forge.pulls[3]))
    assert state == "pending"
    assert await verdicts(deciding) == {}
    deciding.store.clock.time += 31
    await deciding.decide()
    assert await verdicts(deciding) == {"pull_request": Verdict.PLANNED}


async def test_reopening_a_held_pull_request_leaves_it_held_and_a_trusted_one_trusted(
    deciding: Deciding,
) -> None:
    forge = deciding.forge
    forge.files[SHA_A, ".ci.yaml"] = forge.files[SHA_B, ".ci.yaml"] = JOBS
    forge.permissions[ALICE.id] = Permission.WRITE
    forge.pulls[3] = pull(head_repo=FORK)
    forge.pulls[4] = pull(SHA_B, 4, head_repo=FORK, author=MALLORY)
    await deciding.decide(opened(forge.pulls[3]), opened(forge.pulls[4], MALLORY))
    closed = [replace(one, is_open=False) for one in (forge.pulls[3], forge.pulls[4])]
    reopened = [opened(one, brought_head=False) for one in (forge.pulls[3], forge.pulls[4])]
    forge.pulls = {one.number: one for one in closed}
    await deciding.decide(*(PullRequestClosed(REPO, one, ALICE) for one in closed))
    forge.pulls = {event.pull.number: event.pull for event in reopened}
    await deciding.decide(*reopened)
    found = {run.pull: run for run in await deciding.store.runs.recent(10)}
    assert [job.status for job in found[3].jobs] == [Status.READY]
    assert (found[4].verdict, found[4].jobs) == (Verdict.HELD, ())
    assert found[4].reason == "@mallory has no write access to this repository"


async def test_a_held_head_runs_once_somebody_who_may_write_by_now_brings_it_back(
    deciding: Deciding,
) -> None:
    forge = deciding.forge
    forge.files[SHA_A, ".ci.yaml"] = forge.files[SHA_B, ".ci.yaml"] = JOBS
    for sha, permission in ((SHA_A, 0), (SHA_B, 0), (SHA_A, Permission.WRITE)):
        forge.pulls[3] = pull(sha, head_repo=FORK)
        forge.permissions[ALICE.id] = Permission(permission)
        await deciding.decide(opened(forge.pulls[3]))
    (live,) = [run for run in await deciding.store.runs.recent(10) if not run.superseded]
    assert (live.sha, live.verdict, live.reason) == (SHA_A, Verdict.PLANNED, "")
    assert [job.status for job in live.jobs] == [Status.READY]


async def test_who_may_not_write_may_not_re_run(deciding: Deciding) -> None:
    deciding.forge.files[SHA_A, ".ci.yaml"] = JOBS
    await deciding.decide(pushed())
    found = await deciding.decide(RerunAsked(REPO, SHA_A, "ci-bot", MALLORY))
    assert found[-1] == ("done", "@mallory has no write access and may not re-run")


async def test_re_run_of_an_unknown_check_is_answered(deciding: Deciding) -> None:
    deciding.forge.permissions[ALICE.id] = Permission.WRITE
    assert await deciding.decide(RerunAsked(REPO, SHA_A, "ci-bot / nope", ALICE)) == [
        ("done", "nothing to re-run on aaaaaaa")
    ]


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────


async def test_a_busy_forge_is_asked_again_when_it_says(deciding: Deciding) -> None:
    deciding.forge.files[SHA_A, ".ci.yaml"] = JOBS
    deciding.forge.no_answers["pulls"] = [ForgeBusy("slow down", 120)]
    assert await deciding.decide(pushed()) == [("pending", "ForgeBusy: slow down")]
    deciding.store.clock.time += 119
    assert await deciding.decider.work_off() == 0
    deciding.store.clock.time += 1
    assert await deciding.decide() == [("done", "tests aaaaaaa")]


async def test_a_forge_that_is_down_is_asked_again_and_again_until_it_is_well(
    deciding: Deciding,
) -> None:
    deciding.forge.files[SHA_A, ".ci.yaml"] = JOBS
    deciding.forge.no_answers["read"] = [ForgeError("bad gateway", 502) for _ in range(20)]
    await deciding.deliver(pushed())
    for _ in range(20):
        assert await deciding.decider.work_off() == 1
        deciding.store.clock.time += 300
    assert await deciding.decide() == [("done", "tests aaaaaaa")]


async def test_what_the_forge_never_gives_out_is_set_aside_at_last(deciding: Deciding) -> None:
    deciding.forge.no_answers["pull"] = [ForgeError("not found", 404) for _ in range(100)]
    await deciding.deliver(opened(pull()))
    for _ in range(20):
        await deciding.decider.work_off()
        deciding.store.clock.time += 300
    assert await deciding.store.reasons() == [("set_aside", "ForgeError: not found")]


async def test_a_delivery_that_fails_three_times_by_our_own_fault_is_set_aside(
    deciding: Deciding,
) -> None:
    deciding.forge.no_answers["pulls"] = [ZeroDivisionError("a bug") for _ in range(3)]
    await deciding.deliver(pushed())
    for state in ("pending", "pending", "set_aside"):
        await deciding.decider.work_off()
        assert await deciding.store.reasons() == [(state, "ZeroDivisionError: a bug")]
        deciding.store.clock.time += 300
    assert await deciding.decider.work_off() == 0
    assert await deciding.store.inbox.count_set_aside() == 1


async def test_a_stored_delivery_that_cannot_be_parsed_any_more_is_set_aside(
    deciding: Deciding,
) -> None:
    await deciding.store.inbox.put(Delivery("github", "d1", {}, b"from an older ci-bot"))
    for _ in range(3):
        await deciding.decider.work_off()
        deciding.store.clock.time += 300
    assert await deciding.store.reasons() == [("set_aside", "BadDelivery: no such event")]


async def test_what_fails_holds_up_nothing_else(deciding: Deciding) -> None:
    forge = deciding.forge
    forge.files[SHA_A, ".ci.yaml"] = forge.files[SHA_B, ".ci.yaml"] = JOBS
    forge.no_answers["pulls"] = [ZeroDivisionError("a bug")]
    found = await deciding.decide(pushed(SHA_A), replace(pushed(SHA_B), repo=OTHER_REPO))
    assert found == [("pending", "ZeroDivisionError: a bug"), ("done", "tests bbbbbbb")]


async def test_one_repository_is_decided_in_order_and_others_meanwhile(deciding: Deciding) -> None:
    forge = deciding.forge
    forge.is_up.clear()
    await deciding.deliver(
        pushed(SHA_A, "one"), pushed(SHA_B, "two"), replace(pushed(SHA_C), repo=OTHER_REPO)
    )
    working = asyncio.create_task(deciding.decider.run())
    while sum(call.startswith("pulls") for call in forge.calls) < 2:
        await asyncio.sleep(0.001)
    assert [call for call in forge.calls if call.startswith("pulls")] == [
        "pulls of aaaaaaa",
        "pulls of ccccccc",
    ]
    forge.is_up.set()
    while "pulls of bbbbbbb" not in forge.calls:
        await asyncio.sleep(0.001)
    assert forge.calls.index("pulls of bbbbbbb") > forge.calls.index("read .ci.yml aaaaaaa")
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


async def test_a_database_that_fails_for_a_while_does_not_stop_the_road(deciding: Deciding) -> None:
    deciding.forge.files[SHA_A, ".ci.yaml"] = JOBS
    await deciding.deliver(pushed())
    await _rename(deciding, "deliveries", "elsewhere")
    working = asyncio.create_task(deciding.decider.run())
    await asyncio.sleep(0.05)
    assert not working.done()
    await _rename(deciding, "elsewhere", "deliveries")
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    assert await deciding.decide() == [("done", "tests aaaaaaa")]


async def test_a_failure_that_cannot_be_recorded_does_not_stop_the_road(deciding: Deciding) -> None:
    async def break_it() -> None:
        while not deciding.forge.calls:
            await asyncio.sleep(0.001)
        await _rename(deciding, "deliveries", "elsewhere")
        deciding.forge.is_up.set()

    deciding.forge.files[SHA_A, ".ci.yaml"] = JOBS
    deciding.forge.is_up.clear()
    await deciding.deliver(pushed())
    breaking = asyncio.create_task(break_it())
    assert await deciding.decider.work_off() == 1
    await breaking
    await _rename(deciding, "elsewhere", "deliveries")
    assert await verdicts(deciding) == {}  # all of a decision, or nothing
    assert await deciding.decide() == [("done", "tests aaaaaaa")]


async def _rename(deciding: Deciding, old: str, new: str) -> None:
    async with deciding.store.database.write() as connection:
        await connection.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))


async def test_the_same_event_twice_is_one_run(deciding: Deciding) -> None:
    deciding.forge.files[SHA_A, ".ci.yaml"] = JOBS
    found = await deciding.decide(pushed(), pushed())
    assert found == [("done", "tests aaaaaaa")] * 2
    assert [job.attempt for job in (await deciding.store.the_run()).jobs] == [1]


@pytest.mark.parametrize("actor", [ALICE, Actor(5, "robot", is_bot=True)])
async def test_pushes_of_people_and_of_bots_are_tested_alike(deciding: Deciding, actor: Actor) -> None:
    deciding.forge.files[SHA_A, ".ci.yaml"] = JOBS
    assert await deciding.decide(replace(pushed(), actor=actor)) == [("done", "tests aaaaaaa")]


async def test_what_asks_for_nothing_any_more_is_done_with(deciding: Deciding) -> None:
    body = deciding.webhook.send(None)
    await deciding.store.inbox.put(Delivery("github", "d1", {}, body))
    assert await deciding.decide() == [("done", Decision("asks for nothing").reason)]


async def test_a_forge_that_lags_behind_its_own_webhook_is_given_a_moment(deciding: Deciding) -> None:
    forge = deciding.forge
    forge.files[SHA_B, ".ci.yaml"] = JOBS
    forge.pulls[3] = pull(SHA_A)
    deciding.store.clock.on_sleep = lambda: forge.pulls.update({3: pull(SHA_B)})
    event = replace(opened(pull(SHA_B)), before=SHA_A)
    assert await deciding.decide(event) == [("done", "tests bbbbbbb")]


async def test_a_removed_configuration_says_nothing_about_trust(deciding: Deciding) -> None:
    """A fork's head without a file was never judged; reopening it after the base changed runs nothing."""
    forge = deciding.forge
    theirs = pull(SHA_A, head_repo=99, author=MALLORY)
    forge.pulls[3] = theirs
    forge.files[SHA_C, ".ci.yaml"] = JOBS
    await deciding.decide(opened(theirs, MALLORY))
    forge.files[SHA_A, ".ci.yaml"] = JOBS
    deciding.decider = Deciding(deciding.store, forge, deciding.webhook).decider
    found = await deciding.decide(opened(replace(theirs, base_ref="other"), ALICE, brought_head=False))
    assert found[-1][1].startswith("held")
