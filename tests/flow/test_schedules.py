"""Schedules follow the default branch's file; a moment that comes becomes one run, or a reason why not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from ci_bot.core.decisions import Decision, ForgetRepo, SeeRepo, SetSchedules
from ci_bot.core.errors import BadDelivery
from ci_bot.core.events import (
    Actor,
    Permission,
    RepoRenamed,
    RepoTransferred,
    RerunAsked,
    TenantChanged,
)
from ci_bot.core.gate import CheckState, Conclusion
from ci_bot.core.model import Run, RunKind, Verdict
from ci_bot.core.reconciling import LastPush
from ci_bot.core.report import checks
from ci_bot.core.scheduling import Timed
from ci_bot.core.states import Change
from ci_bot.core.trust import Bots, Policy, Ruling
from ci_bot.flow.bell import Bell
from ci_bot.flow.cron import Ticker, Ticks
from ci_bot.flow.reconcile import Reconciler
from tests.fakes import FakeClock, FakeForge
from tests.flow.road import Deciding, link
from tests.flow.test_reconcile import Shown
from tests.make import ALICE, REPO, SHA_A, SHA_B, SHA_C, pushed

ROOT = Actor(5, "root")
BOT = Actor(99, "renovate[bot]", is_bot=True)
SECRET = b"jobs: {nightly: {secrets: [TOKEN], steps: [make]}}\n"
JOBS = b"jobs: {nightly: {steps: [make]}}\n"
THREE = b'on: {push: , schedule: [{cron: "0 3 * * *"}]}\n'
NIGHTLY = 'schedule "0 3 * * *" of main, due 2026-11-28 03:00 UTC: '


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@dataclass
class Night:
    """A server, a repository, and the time of day."""

    deciding: Deciding

    def __post_init__(self) -> None:
        self.forge.permissions[ALICE.id] = Permission.WRITE
        self.clock.time = at("2026-11-27T12:00")
        self.restart()

    def restart(self) -> None:
        self.ticker = Ticker(self.deciding.store.schedules, self.clock, Bell())

    @property
    def forge(self) -> FakeForge:
        return self.deciding.forge

    @property
    def clock(self) -> FakeClock:
        return self.deciding.store.clock

    async def push(
        self,
        sha: str = SHA_A,
        text: bytes = THREE + JOBS,
        branch: str = "main",
        by: Actor = ALICE,
        before: str = "",
    ) -> None:
        self.forge.files[sha, ".ci.yaml"] = text
        event = replace(pushed(sha, branch), actor=by)
        self.forge.branches[branch] = LastPush(branch, sha, event.before, by, self.clock.now())
        await self.deciding.decide(replace(event, before=before) if before else event)

    async def tick(self, moment: str) -> str:
        """The server looks at that moment; what became of the newest delivery."""
        self.clock.time = at(moment)
        before = len(await self.deciding.store.reasons())
        await self.ticker.tick()
        after = await self.deciding.decide()
        return after[-1][1] if len(after) > before else "no tick"

    async def runs(self) -> list[Run]:
        """Of schedules, oldest first."""
        found = await self.deciding.store.runs.recent(100)
        return [run for run in reversed(found) if run.kind is RunKind.SCHEDULE]

    async def run(self) -> Run:
        (run,) = await self.runs()
        return run

    async def schedules(self) -> list[Timed]:
        return list(await self.deciding.store.schedules.listed())


@pytest.fixture
def night(deciding: Deciding) -> Night:
    return Night(deciding)


# ── a tick ───────────────────────────────────────────────────────────────────────────────────


async def test_a_moment_that_comes_runs_the_head_of_the_branch_once(night: Night) -> None:
    await night.push()
    assert await night.tick("2026-11-28T02:59:59") == "no tick"
    assert await night.tick("2026-11-28T03:00:01") == NIGHTLY + "tests aaaaaaa"
    assert await night.tick("2026-11-28T03:01") == "no tick"
    run = await night.run()
    assert (run.ref, run.sha, run.actor, run.ruling) == ("main", SHA_A, ALICE, Ruling.RUN)
    (timed,) = await night.schedules()
    assert (timed.last_due, timed.due_at) == (at("2026-11-28T03:00"), at("2026-11-29T03:00"))
    assert (timed.outcome, timed.run) == ("tests aaaaaaa", run.id)


async def test_it_reports_beside_the_gate_under_its_times(night: Night) -> None:
    await night.push()
    await night.tick("2026-11-28T03:00")
    runs = await night.deciding.store.decisions.runs_of_head(REPO.key, SHA_A)
    names = [report.name for report in checks(runs, {}, link)]
    assert names == ["ci-bot", "ci-bot (schedule 0 3 * * *)"]


async def test_it_is_on_record_with_whoever_brought_the_file(night: Night) -> None:
    await night.push()
    await night.tick("2026-11-28T03:00")
    ((_, line),) = await night.deciding.store.audit.newest(9)
    assert (line.actor.login, line.permission, line.sha) == ("alice", Permission.WRITE, SHA_A)
    assert "due 2026-11-28 03:00 UTC: tests aaaaaaa" in line.detail


async def test_a_tick_missed_while_the_server_was_down_runs_once_late_and_says_so(night: Night) -> None:
    await night.push()
    night.clock.time = at("2026-11-28T05:00")
    night.restart()
    late = "due 2026-11-28 03:00 UTC, 2 h late: the server was down"
    assert await night.tick("2026-11-28T05:00") == f"{NIGHTLY}tests aaaaaaa: {late}"
    assert await night.tick("2026-11-28T05:01") == "no tick"
    run = await night.run()
    assert run.reason == late
    (report,) = [each for each in checks([run], {}, link) if "/" not in each.name]
    assert f"⏰ {late}." in report.summary


async def test_several_missed_ticks_are_one(night: Night) -> None:
    await night.push()
    night.clock.time = at("2026-12-01T04:00")
    night.restart()
    said = await night.tick("2026-12-01T04:00")
    assert (
        "due 2026-12-01 03:00 UTC, 1 h late: the server was down; this run stands for earlier" in said
    )
    assert len(await night.runs()) == 1
    (timed,) = await night.schedules()
    assert timed.due_at == at("2026-12-02T03:00")


async def test_late_without_a_restart_blames_nobody(night: Night) -> None:
    await night.push()
    assert (await night.tick("2026-11-28T03:10")).endswith("due 2026-11-28 03:00 UTC, 10 min late")


async def test_the_next_tick_of_the_same_commit_waits_for_the_one_before(night: Night) -> None:
    await night.push()
    await night.tick("2026-11-28T03:00")
    assert (await night.tick("2026-11-29T03:00")).endswith(
        "the run before it still tests the same commit, aaaaaaa"
    )
    assert len(await night.runs()) == 1


async def test_on_another_commit_both_go_on(night: Night) -> None:
    await night.push()
    await night.tick("2026-11-28T03:00")
    await night.push(SHA_B, before=SHA_A)
    await night.tick("2026-11-29T03:00")
    runs = await night.runs()
    assert [run.sha for run in runs] == [SHA_A, SHA_B]
    assert not any(job.status.is_final for run in runs for job in run.jobs)


async def test_what_ended_on_the_same_commit_is_replaced(night: Night) -> None:
    await night.push()
    await night.tick("2026-11-28T03:00")
    store = night.deciding.store
    for _ in range(2):  # the push's and the schedule's
        claim = await store.runs.claim("one/p1", 30)
        assert claim is not None
        await store.runs.end_job(claim.lease, Change.BREAK, "x")
    await night.tick("2026-11-29T03:00")
    assert [run.superseded for run in await night.runs()] == [True, False]


async def test_skip_ci_is_said_of_a_push_and_stops_no_schedule(night: Night) -> None:
    night.forge.messages[SHA_A] = "fix [skip ci]"
    await night.push()
    assert await night.tick("2026-11-28T03:00") == NIGHTLY + "tests aaaaaaa"


# ── which schedules there are ────────────────────────────────────────────────────────────────


async def test_they_follow_the_file_of_the_default_branch_alone(night: Night) -> None:
    await night.push()
    await night.push(SHA_B, b'on: {schedule: [{cron: "0 4 * * *"}]}\n' + JOBS, branch="feature")
    assert [each.cron for each in await night.schedules()] == ["0 3 * * *"]
    await night.push(SHA_C, b'on: {push: , schedule: [{cron: "0 5 * * *"}]}\n' + JOBS, before=SHA_A)
    assert [(each.cron, each.sha) for each in await night.schedules()] == [("0 5 * * *", SHA_C)]
    await night.push("d" * 40, JOBS, before=SHA_C)
    assert await night.schedules() == []


async def test_a_push_that_leaves_a_schedule_alone_does_not_move_it(night: Night) -> None:
    await night.push()
    night.clock.time = at("2026-11-28T04:00")  # a tick that nobody saw yet
    await night.push(SHA_B, before=SHA_A)
    (timed,) = await night.schedules()
    assert (timed.due_at, timed.sha) == (at("2026-11-28T03:00"), SHA_B)


async def test_a_push_that_comes_late_does_not_bring_back_what_is_gone(night: Night) -> None:
    await night.push(SHA_B, JOBS, before=SHA_A)
    await night.push(SHA_A, before=SHA_C)
    assert await night.schedules() == []


async def test_a_broken_file_pauses_them_and_a_good_one_goes_on(night: Night) -> None:
    await night.push()
    await night.push(SHA_B, b"jobs: 3\n", before=SHA_A)
    assert await night.tick("2026-11-28T03:00") == NIGHTLY + ".ci.yaml is broken at bbbbbbb"
    assert await night.runs() == []
    await night.push(SHA_C, before=SHA_B)
    assert (await night.tick("2026-11-29T03:00")).endswith("tests ccccccc")


async def test_another_branch_runs_by_its_own_file_if_that_names_schedule_too(night: Night) -> None:
    both = b'on: {push: , schedule: [{cron: "0 3 * * *", branch: release}]}\n' + JOBS
    await night.push(SHA_A, both)
    await night.push(SHA_B, b"on: push\n" + JOBS, branch="release")
    said = await night.tick("2026-11-28T03:00")
    assert said.endswith('"on" of .ci.yaml at the head of release does not name schedule')
    await night.push(SHA_C, both, branch="release")
    await night.tick("2026-11-29T03:00")
    run = await night.run()
    assert (run.ref, run.sha) == ("release", SHA_C)


async def test_a_branch_that_is_not_there(night: Night) -> None:
    await night.push(SHA_A, b'on: {push: , schedule: [{cron: "0 3 * * *", branch: gone}]}\n' + JOBS)
    assert (await night.tick("2026-11-28T03:00")).endswith("there is no branch gone")


async def test_another_default_branch_brings_its_own(night: Night) -> None:
    await night.push()
    await night.push(SHA_B, b'on: {push: , schedule: [{cron: "0 4 * * *"}]}\n' + JOBS, branch="trunk")
    await night.deciding.decide(RepoRenamed(replace(REPO, default_branch="trunk"), ROOT))
    (timed,) = await night.schedules()
    assert (timed.cron, timed.runs_on, timed.actor) == ("0 4 * * *", "trunk", ALICE)


async def test_a_repository_that_goes_takes_them_with_it_and_a_look_brings_them_back(
    night: Night,
) -> None:
    await night.push()
    store = night.deciding.store
    await store.decisions.commit(Decision("x", repos=(ForgetRepo("github", REPO.id, None),)), None)
    assert await night.schedules() == []
    assert await night.tick("2026-11-28T03:00") == "no tick"
    await night.deciding.decide(TenantChanged("github", "42", (REPO,), (), False, ALICE))
    await look(night)
    (timed,) = await night.schedules()
    assert (timed.sha, timed.actor, timed.due_at) == (SHA_A, ALICE, at("2026-11-29T03:00"))


async def test_first_sight_of_a_repository_finds_its_schedules_and_starts_nothing(night: Night) -> None:
    night.forge.files[SHA_A, ".ci.yaml"] = THREE + JOBS
    night.forge.branches["main"] = LastPush("main", SHA_A, SHA_B, ALICE, at("2026-01-01T00:00"))
    bare = replace(REPO, default_branch="")  # all that an installation tells
    await night.deciding.store.decisions.commit(Decision("x", repos=(SeeRepo(bare),)), None)
    for _ in range(3):  # a quiet system stays as it is
        await look(night)
    assert [(each.sha, each.runs_on) for each in await night.schedules()] == [(SHA_A, "main")]
    assert await night.deciding.store.runs.recent(9) == []
    assert len(await night.deciding.store.reasons()) == 1


async def test_a_transferred_repository_starts_nothing_until_it_is_unlocked(night: Night) -> None:
    await night.push()
    await night.deciding.decide(RepoTransferred(REPO, ALICE))
    assert await night.tick("2026-11-28T03:00") == "no tick"
    (timed,) = await night.schedules()
    assert timed.paused == timed.outcome != ""
    await night.deciding.store.secrets.unlock(REPO.key)
    assert (await night.tick("2026-11-29T03:00")).endswith("tests aaaaaaa")


# ── trust ────────────────────────────────────────────────────────────────────────────────────


async def test_permission_lost_stops_it_and_says_so(night: Night) -> None:
    await night.push()
    night.forge.permissions[ALICE.id] = Permission.READ
    said = await night.tick("2026-11-28T03:00")
    assert "@alice has no write access to this repository, and brought aaaaaaa" in said
    assert "a push to main by somebody who may write takes it over" in said
    run = await night.run()
    assert (run.verdict, run.ruling, run.jobs) == (Verdict.HELD, Ruling.REFUSE, ())
    (report,) = checks([run], {}, link)
    assert (report.state, report.conclusion) == (CheckState.COMPLETED, Conclusion.ACTION_REQUIRED)
    assert report.actions == ()  # no button would help
    assert report.summary.count("takes it over") == 1
    assert "git fetch" not in report.summary


async def test_permission_lost_between_tick_and_start_holds_it(night: Night) -> None:
    await night.push()
    await night.tick("2026-11-28T03:00")
    store = night.deciding.store
    claims = [await store.runs.claim("one/p1", 30) for _ in range(2)]  # the push's and the schedule's
    (lease,) = [each.lease for each in claims if each and each.run.kind is RunKind.SCHEDULE]
    await store.runs.hold(lease, "@alice, who vouched for this commit, has no write access any more")
    report, *_ = checks([await night.run()], {}, link)
    assert (report.conclusion, report.actions) == (Conclusion.ACTION_REQUIRED, ())
    assert "pushes to the default branch" in report.summary


async def test_who_tries_it_again_gives_it_no_trust_of_their_own(night: Night) -> None:
    """What ran without secrets does so again, and rests on whom it rested on first."""
    bob = Actor(7, "bob")
    night.forge.permissions[bob.id] = Permission.ADMIN
    await night.push(SHA_A, THREE + SECRET, by=BOT)
    await night.tick("2026-11-28T03:00")
    first, store = await night.run(), night.deciding.store
    claims = [await store.runs.claim("one/p1", 30) for _ in range(2)]
    (lease,) = [each.lease for each in claims if each and each.run.kind is RunKind.SCHEDULE]
    await store.runs.end_job(lease, Change.FAIL, "no secret TOKEN")
    await night.deciding.decide(RerunAsked(REPO, SHA_A, "ci-bot (schedule 0 3 * * *) / nightly", bob))
    again = await night.run()
    assert [each.attempt for each in again.jobs] == [2]
    assert (again.ruling, again.vouchers) == (first.ruling, first.vouchers)
    assert again.ruling is Ruling.RUN_WITHOUT_SECRETS


async def test_a_bots_push_gives_schedules_without_secrets(night: Night) -> None:
    await night.push(SHA_A, THREE + SECRET, by=BOT)
    await night.tick("2026-11-28T03:00")
    assert (await night.run()).ruling is Ruling.RUN_WITHOUT_SECRETS


@pytest.mark.parametrize("policy", [Bots.APPROVE, Bots.RUN])
async def test_a_bots_push_where_the_operator_says_otherwise(night: Night, policy: Bots) -> None:
    night.deciding.policy = Policy(bots=policy)
    await night.push(SHA_A, THREE + SECRET, by=BOT)
    await night.tick("2026-11-28T03:00")
    run = await night.run()
    assert run.ruling is (Ruling.RUN if policy is Bots.RUN else Ruling.REFUSE)


async def test_a_schedule_has_no_more_trust_than_the_commit_that_it_runs(night: Night) -> None:
    both = b'on: {push: , schedule: [{cron: "0 3 * * *", branch: release}]}\n' + SECRET
    await night.push(SHA_A, both)
    await night.push(SHA_B, both, branch="release", by=BOT)
    await night.tick("2026-11-28T03:00")
    assert (await night.run()).ruling is Ruling.RUN_WITHOUT_SECRETS


@pytest.mark.parametrize(("by", "ruling"), [(ALICE, Ruling.RUN), (BOT, Ruling.RUN_WITHOUT_SECRETS)])
async def test_a_head_that_no_delivery_told_of_has_the_trust_of_whoever_the_forge_names(
    night: Night, by: Actor, ruling: Ruling
) -> None:
    both = b'on: {push: , schedule: [{cron: "0 3 * * *", branch: release}]}\n' + SECRET
    await night.push(SHA_A, both)
    night.forge.files[SHA_B, ".ci.yaml"] = both
    night.forge.branches["release"] = LastPush("release", SHA_B, SHA_A, by, 0.0)
    await night.tick("2026-11-28T03:00")
    assert (await night.run()).ruling is ruling


def test_the_timer_wakes_at_each_whole_minute_however_late_it_gets_to_it(night: Night) -> None:
    timers = AsyncIOScheduler(timezone="UTC")
    night.ticker.wake(timers)
    (job,) = timers.get_jobs()
    assert (job.misfire_grace_time, job.coalesce, job.max_instances) == (None, True, 1)
    start = datetime(2026, 11, 27, 12, 0, 1, tzinfo=UTC)
    assert job.trigger.get_next_fire_time(None, start) == datetime(2026, 11, 27, 12, 1, tzinfo=UTC)


# ── as a delivery ────────────────────────────────────────────────────────────────────────────


async def test_a_schedule_that_is_removed_between_tick_and_decision_starts_nothing(
    night: Night,
) -> None:
    await night.push()
    night.clock.time = at("2026-11-28T03:00")
    await night.ticker.tick()
    none = SetSchedules(REPO.key, SHA_B, ALICE, ())
    await night.deciding.store.decisions.commit(Decision("x", schedules=(none,)), None)
    *_, (_, reason) = await night.deciding.decide()
    assert reason == "the schedule is not in the default branch's file any more"


def test_what_is_no_tick_of_ours_is_refused() -> None:
    for body in (b"", b"{}", b'{"repo": 3}', b"[" * 100_000):
        with pytest.raises(BadDelivery):
            Ticks().parse({}, body)


async def look(night: Night) -> None:
    shown = Shown()
    shown.push = night.forge.branches["main"]
    store, clock = night.deciding.store, night.clock
    clock.time += 3600
    reconciler = Reconciler(
        {"github": shown}, store.repositories, store.decisions, store.inbox, clock, Bell()
    )
    await reconciler.look_at_heads()
    await night.deciding.decide()
