"""Approvals, holds and what they let run, as the database keeps them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ci_bot.core.decisions import (
    Approve,
    AuditLine,
    Cancel,
    Decision,
    Disapprove,
    GiveSecrets,
    NewRun,
    Retry,
    Withdraw,
)
from ci_bot.core.events import Permission
from ci_bot.core.model import Inspection, RunKind, Verdict
from ci_bot.core.states import Change, Status
from ci_bot.core.trust import Role, Ruling, Voucher
from ci_bot.ports import AuditFilter
from tests.make import ALICE, MALLORY, REPO, SHA_A, SHA_B, creating, job, new_run, plan
from tests.stores import Store

ME = "one/p1"
VOUCHER = Voucher(ALICE, Role.APPROVER, Permission.WRITE, 5.0)
APPROVE = Approve(REPO.key, SHA_A, 3, MALLORY.id, VOUCHER, comment=77)
TWO = plan(job("build"), job("test", needs=("build",)))


def held(**more: object) -> NewRun:
    made = new_run(
        kind=RunKind.PULL_REQUEST,
        ref="pull/3:main",
        pull=3,
        verdict=Verdict.HELD,
        ruling=Ruling.WAIT,
        reason="@mallory has no write access",
        plan=None,
        inspection=Inspection(("adds the file",), ("Makefile",), 2, ("TOKEN",)),
        head_at=100.0,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def let_in(**more: object) -> NewRun:
    allowed = {"verdict": Verdict.PLANNED, "ruling": Ruling.RUN, "vouchers": (VOUCHER,), "plan": TWO}
    return held(reason="", inspection=None, **(allowed | more))


async def approved(store: Store) -> str:
    await store.decisions.commit(creating(held()), None)
    decision = replace(creating(let_in()), approve=(APPROVE,))
    return (await store.decisions.commit(decision, None))[-1]


async def test_what_waits_is_read_back_whole(store: Store) -> None:
    await store.decisions.commit(creating(held()), None)
    run = await store.the_run()
    assert (run.verdict, run.ruling, run.head_at) == (Verdict.HELD, Ruling.WAIT, 100.0)
    assert run.inspection == held().inspection


async def test_an_approval_lets_exactly_this_run_in(store: Store) -> None:
    await approved(store)
    run = await store.the_run()
    assert (run.verdict, run.ruling, run.vouchers) == (Verdict.PLANNED, Ruling.RUN, (VOUCHER,))
    assert [each.status for each in run.jobs] == [Status.READY, Status.WAITING]
    assert list(await store.approvals.of(REPO.key, SHA_A, 3)) == [VOUCHER]
    assert list(await store.approvals.of(REPO.key, SHA_B, 3)) == []
    assert list(await store.approvals.of(REPO.key, SHA_A, 4)) == []
    assert await store.approvals.had_one(REPO.key, MALLORY.id)


async def test_a_head_that_comes_again_was_there_since_then(store: Store) -> None:
    await store.decisions.commit(creating(held()), None)
    await store.decisions.commit(creating(held(head_at=900.0)), None)
    assert (await store.the_run()).head_at == 900.0
    await store.decisions.commit(creating(held(head_at=200.0)), None)  # a late event
    assert (await store.the_run()).head_at == 900.0


async def test_a_withdrawn_approval_stops_what_has_not_started(store: Store) -> None:
    await approved(store)
    claim = await store.runs.claim(ME, 30)
    assert claim is not None
    gone = Disapprove(REPO.key, 77, "@alice withdrew the approval")
    await store.decisions.commit(Decision("gone", disapprove=(gone,)), None)
    run = await store.the_run()
    assert (run.verdict, run.ruling) == (Verdict.HELD, Ruling.WAIT)
    assert [each.status for each in run.jobs] == [Status.RUNNING, Status.CANCELLED]
    assert list(await store.approvals.of(REPO.key, SHA_A, 3)) == []
    assert not await store.approvals.had_one(REPO.key, MALLORY.id)
    await store.runs.end_job(claim.lease, Change.SUCCEED, "")
    retry = Retry(REPO.key, SHA_A, (run.id,), ALICE)
    await store.decisions.commit(Decision("again", retry=(retry,)), None)
    assert [each.attempt for each in (await store.the_run()).jobs] == [1, 1]


async def test_another_comment_withdraws_nothing(store: Store) -> None:
    await approved(store)
    gone = Disapprove(REPO.key, 78, "@alice withdrew the approval")
    await store.decisions.commit(Decision("gone", disapprove=(gone,)), None)
    assert (await store.the_run()).verdict is Verdict.PLANNED


async def test_an_approval_by_somebody_else_still_stands(store: Store) -> None:
    await approved(store)
    other = replace(APPROVE, comment=80)
    await store.decisions.commit(Decision("too", approve=(other,)), None)
    gone = Disapprove(REPO.key, 77, "@alice withdrew the approval")
    await store.decisions.commit(Decision("gone", disapprove=(gone,)), None)
    assert (await store.the_run()).verdict is Verdict.PLANNED


async def test_approved_again_it_goes_on_where_it_was_stopped(store: Store) -> None:
    await approved(store)
    gone = Disapprove(REPO.key, 77, "@alice withdrew the approval")
    await store.decisions.commit(Decision("gone", disapprove=(gone,)), None)
    await store.decisions.commit(replace(creating(let_in()), approve=(APPROVE,)), None)
    run = await store.the_run()
    assert run.verdict is Verdict.PLANNED
    assert [(each.status, each.attempt) for each in run.jobs] == [
        (Status.READY, 2),
        (Status.WAITING, 2),
    ]


async def test_a_lost_permission_holds_the_job_and_the_rest(store: Store) -> None:
    await approved(store)
    claim = await store.runs.claim(ME, 30)
    assert claim is not None
    await store.runs.hold(claim.lease, "@alice has no write access any more")
    run = await store.the_run()
    assert (run.verdict, run.reason) == (Verdict.HELD, "@alice has no write access any more")
    assert {each.status for each in run.jobs} == {Status.CANCELLED}
    assert await store.runs.claim(ME, 30) is None


async def test_who_ran_without_secrets_is_given_them_and_what_failed_runs_again(store: Store) -> None:
    without = let_in(ruling=Ruling.RUN_WITHOUT_SECRETS, vouchers=())
    (run_id,) = await store.decisions.commit(creating(without), None)
    claim = await store.runs.claim(ME, 30)
    assert claim is not None
    await store.runs.end_job(claim.lease, Change.FAIL, "no secret")
    trusted = GiveSecrets((run_id,), VOUCHER)
    await store.decisions.commit(Decision("approved", give_secrets=(trusted,)), None)
    run = await store.the_run()
    assert (run.ruling, run.vouchers) == (Ruling.RUN, (VOUCHER,))
    assert [each.attempt for each in run.jobs] == [2, 2]


async def test_a_cancelled_job_is_asked_to_end_and_what_waits_for_it_never_starts(store: Store) -> None:
    (run_id,) = await store.decisions.commit(creating(new_run(plan=TWO)), None)
    claim = await store.runs.claim(ME, 30)
    assert claim is not None
    cancel = Cancel((run_id,), "cancelled by @alice")
    await store.decisions.commit(Decision("x", cancel=(cancel,)), None)
    assert await store.runs.renew([claim.lease], 30) == {claim.job.id: "cancelled by @alice"}
    assert [each.status for each in (await store.the_run()).jobs] == [Status.RUNNING, Status.CANCELLED]


async def test_the_audit_is_written_with_the_decision_and_read_newest_first(store: Store) -> None:
    lines = [
        AuditLine(action, ALICE, Permission.WRITE, REPO.key, SHA_A) for action in ("approve", "retry")
    ]
    await store.decisions.commit(Decision("x", audit=(lines[0],)), None)
    await store.audit.write([lines[1]])
    assert [line for _, line in await store.audit.newest(10, AuditFilter(repo=REPO.key))] == [
        lines[1],
        lines[0],
    ]
    assert await store.audit.newest(10, AuditFilter(repo="github:999")) == []


async def test_the_audit_is_filtered_by_all_that_is_given(store: Store) -> None:
    await store.decisions.commit(creating(new_run()), None)
    run_id = (await store.the_run()).id
    for line in (
        AuditLine("approve", ALICE, Permission.WRITE, REPO.key, SHA_A),
        AuditLine("retry", MALLORY, Permission.NONE, REPO.key, SHA_B),
        AuditLine("token create", ALICE, Permission.ADMIN, REPO.key),
        AuditLine("token_x", ALICE, Permission.ADMIN, REPO.key),
        AuditLine("secret", ALICE, Permission.WRITE, REPO.key, SHA_A, run_id),
        AuditLine("secret", ALICE, Permission.WRITE, REPO.key, SHA_A, "another"),
        AuditLine("retry", MALLORY, Permission.NONE, "github:999", SHA_A),
    ):
        await store.audit.write([line])

    async def found(limit: int = 9, **wanted: Any) -> list[str]:
        return [line.action for _, line in await store.audit.newest(limit, AuditFilter(**wanted))]

    assert await found(run=run_id) == ["secret", "approve"]
    assert await found(actor="Mallory") == ["retry", "retry"]
    assert await found(actor="mallory", repo=REPO.key) == ["retry"]
    assert await found(action="token") == ["token create"]
    assert await found(action="token create", actor="alice") == ["token create"]
    assert await found(limit=2) == ["retry", "secret"]
    now = store.clock.now()
    assert len(await found(since=now)) == 7
    assert await found(since=now + 1) == []


async def test_a_withdrawn_approval_does_not_live_on_in_a_run_for_another_base(store: Store) -> None:
    """Approved against main, moved to another base, withdrawn, and moved back to main."""
    await approved(store)
    gone = Disapprove(REPO.key, 77, "@alice withdrew the approval")
    away = Withdraw(REPO.key, "superseded", superseded=True, pull=3)
    await store.decisions.commit(Decision("another base", withdraw=(away,)), None)
    await store.decisions.commit(Decision("gone", disapprove=(gone,)), None)
    assert not (await store.the_run()).ruling.may_start
    await store.decisions.commit(creating(held()), None)
    run = await store.the_run()
    assert (run.verdict, run.superseded) == (Verdict.HELD, False)
    assert {each.attempt for each in run.jobs} == {1}
    assert await store.runs.claim(ME, 30) is None
