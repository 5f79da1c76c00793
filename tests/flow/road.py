"""Parts of the road put together as a test needs them: deliveries that are decided, jobs that are run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from ci_bot.archive.logs import FileLogs
from ci_bot.archive.packs import FilePacks
from ci_bot.core.deciding import turn_of
from ci_bot.core.decisions import Decision
from ci_bot.core.events import Access, Actor, Event, Permission, Repo
from ci_bot.core.model import JobRun, LogRef, Run, StepRun
from ci_bot.core.pipeline import Limits
from ci_bot.core.planned import Job
from ci_bot.core.trust import Policy, Vouched
from ci_bot.flow.bell import Bell
from ci_bot.flow.commands import Commands
from ci_bot.flow.cron import Ticks
from ci_bot.flow.decide import Decider
from ci_bot.flow.facts import Facts, Reader
from ci_bot.flow.files import FileStores, JobFiles
from ci_bot.flow.meters import Meters
from ci_bot.flow.reconcile import FOUND, Findings
from ci_bot.flow.run import JobRunner
from ci_bot.flow.steering import SOURCE, Steered, SteeringParser
from ci_bot.flow.steps import StepRunner
from ci_bot.flow.ticking import Scheduled
from ci_bot.flow.worker import Worker
from ci_bot.ports import TICKS, Claim, CloneSource, Delivery, Lease, PackLimits, Runs
from tests.fakes import (
    FakeDifferences,
    FakeExecutor,
    FakeForge,
    FakeIds,
    FakeVault,
    FakeWebhook,
    FakeWorkspaces,
)
from tests.make import SHA_A, creating, new_run, plan
from tests.stores import Store

NUMBERS = count(1)
ME, SUCCESSOR, STRANGER = "one/p1", "one/p2", "two/p1"


@dataclass
class Deciding:
    """Deliveries of one forge, and who decides them."""

    store: Store
    forge: FakeForge
    webhook: FakeWebhook
    decided: Bell = field(default_factory=Bell)
    meters: Meters = field(default_factory=Meters)

    policy: Policy = field(default_factory=Policy)
    differences: FakeDifferences = field(default_factory=FakeDifferences)

    def __post_init__(self) -> None:
        store = self.store
        facts = Facts(
            {"github": self.forge},
            store.decisions,
            store.approvals,
            lambda _repo: self.policy,
            Reader("img", Limits()),
            store.clock,
            self.differences,
        )
        self.decider = Decider(
            {"github": self.webhook, FOUND: Findings(), SOURCE: SteeringParser(), TICKS: Ticks()},
            facts,
            Commands(facts, store.schedules, store.clock, ""),
            store.inbox,
            store.decisions,
            store.clock,
            Bell(),
            (self.decided,),
            self.meters,
            Steered(store.tokens, store.runs, store.clock),
            Scheduled({"github": self.forge}, facts, store.schedules),
        )

    async def deliver(self, *events: Event) -> None:
        """They arrive in this order, each with an id of its own."""
        for event in events:
            body = self.webhook.send(event)
            id = f"d{next(NUMBERS)}"
            await self.store.inbox.put(Delivery("github", id, {}, body, turn_of(event)))

    async def decide(self, *events: Event) -> list[tuple[str, str]]:
        """What became of every delivery so far."""
        await self.deliver(*events)
        while await self.decider.work_off():
            pass
        return await self.store.reasons()


@dataclass
class Working:
    """Jobs, and who runs them."""

    store: Store
    logs: FileLogs
    executor: FakeExecutor
    workspaces: FakeWorkspaces
    tokens: list[bytes] = field(default_factory=list)
    vault: FakeVault = field(default_factory=FakeVault)
    ids: FakeIds = field(default_factory=FakeIds)
    permissions: dict[int, Permission] = field(
        default_factory=dict
    )  # of those who are asked about again
    asked: list[str] = field(default_factory=list)
    source_errors: list[Exception] = field(default_factory=list)  # raised by the next askings
    cancelled: Bell = field(default_factory=Bell)
    meters: Meters = field(default_factory=Meters)
    moved: int = 0  # how often a step began or ended

    def _move(self) -> None:
        self.moved += 1

    @property
    def stores(self) -> FileStores:
        """In a folder beside the logs'."""
        home, limits = self.logs.folder.parent, PackLimits(10_000, 20)
        return FileStores(
            FilePacks(home / "artifacts"),
            self.store.artifacts,
            FilePacks(home / "caches"),
            self.store.caches,
            limits,
            limits,
        )

    @property
    def flaky(self) -> Flaky:
        return Flaky(self.store.runs)

    def runner(self, runs: Runs | None = None) -> JobRunner:
        clock = self.store.clock
        stored = runs or self.store.runs
        steps = StepRunner(
            stored,
            self.logs,
            self.vault,
            lambda: tuple(self.tokens),
            clock,
            link,
            self.meters,
            self._move,
        )
        return JobRunner(
            self.executor,
            self.workspaces,
            self._source,
            self._vouch,
            stored,
            steps,
            JobFiles(self.stores, self.vault, lambda: tuple(self.tokens), clock, self.ids),
            clock,
            self.meters,
        )

    def worker(self, capacity: int = 4, holder: str = ME, runs: Runs | None = None) -> Worker:
        stored = runs or self.store.runs
        return Worker(
            holder,
            capacity,
            stored,
            self.runner(runs),
            self.store.clock,
            Bell(),
            self.cancelled,
            (Bell(),),
            self.meters,
        )

    @asynccontextmanager
    async def at_work(self, worker: Worker) -> AsyncIterator[asyncio.Task[None]]:
        """Until the block ends; then it is cancelled, as a server that stops does it."""
        task = asyncio.create_task(worker.run())
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def start(self, *jobs: Job, sha: str = SHA_A) -> Run:
        """A push that is to be tested with these jobs."""
        await self.store.decisions.commit(creating(new_run(sha, plan=plan(*jobs))), None)
        return (await self.store.runs.recent(1))[0]

    async def claim(self, holder: str = ME) -> Claim:
        claim = await self.store.runs.claim(holder, 30)
        assert claim is not None
        return claim

    async def begin(self) -> Lease:
        """What a process that is gone by now has done: its job has a workspace, and runs its first step."""
        claim = await self.claim()
        self.workspaces.kept.add(claim.job.id)
        await self.store.runs.start_step(claim.lease, 0)
        return claim.lease

    async def withdraw(self, decision: Decision) -> None:
        """Somebody no longer wants it, and the worker is told."""
        await self.store.decisions.commit(decision, None)
        self.cancelled.ring()

    async def job(self, key: str = "test") -> JobRun:
        run = await self.store.the_run()
        return next(job for job in run.jobs if job.key == key)

    async def step(self, index: int = 0, key: str = "test") -> StepRun:
        return (await self.job(key)).steps[index]

    def log(self, job: JobRun, step: int = 0) -> bytes:
        return self.logs.read(LogRef(job.id, step))

    async def until_ended(self) -> Run:
        while True:
            run = await self.store.the_run()
            if all(job.status.is_final for job in run.jobs):
                return run
            await asyncio.sleep(0.005)

    async def _vouch(self, _repo: Repo, actor: Actor) -> Vouched:
        self.asked.append(actor.login)
        return Vouched(actor, Access(actor.id, self.permissions.get(actor.id, Permission.WRITE)))

    async def _source(self, run: Run) -> CloneSource:
        if self.source_errors:
            raise self.source_errors.pop(0)
        return CloneSource("http://forge.invalid/x.git", "x", "token")


class Flaky:
    """`Runs` on the real store; `fails` and `after` say what befalls the next call of a method."""

    def __init__(self, real: Runs) -> None:
        self._real = real
        self.fails: dict[str, list[Exception]] = {}
        self.after: dict[str, Callable[[], object]] = {}
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any, **named: Any) -> Any:
            self.calls.append(name)
            if self.fails.get(name):
                raise self.fails[name].pop(0)
            answer = await getattr(self._real, name)(*args, **named)
            self.after.pop(name, lambda: None)()
            return answer

        return call


def link(run_id: str, job_id: str | None) -> str:
    return f"http://ci/runs/{run_id}/{job_id or ''}"
