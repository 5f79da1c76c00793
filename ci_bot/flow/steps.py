"""3b. the steps of a job in its session: each run to its end, within its time, with its log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from ci_bot.core.conditions import Before, Values
from ci_bot.core.environment import step_environment
from ci_bot.core.errors import EngineError, EngineGone, SecretRefused, StepRefused
from ci_bot.core.graph import results
from ci_bot.core.model import Exit, ExitReason, JobRun, LogRef, StepRun, service_log
from ci_bot.core.occasion import Facts
from ci_bot.core.outcome import Deadline, Outcome, StoppedBy, job_outcome, step_outcome
from ci_bot.core.planned import Job
from ci_bot.core.states import Change, Status, step_after
from ci_bot.core.stepping import Next, likely_next, limit, next_step
from ci_bot.flow.meters import Meters
from ci_bot.ports import Claim, Clock, LogSink, LogWriter, Runs, Session, StepSpec, Vault

KILLED = 137  # the exit code of SIGKILL
STOP_SECONDS = 30.0  # after `stop`, an engine that says nothing is broken

T = TypeVar("T")
Link = Callable[[str, str | None], str]


@dataclass(slots=True)
class Cancelling:
    """Set when somebody no longer wants the job; `reason` says why."""

    asked: asyncio.Event = field(default_factory=asyncio.Event)
    reason: str = ""

    def ask(self, reason: str) -> None:
        self.reason = reason
        self.asked.set()


async def unless(cancelling: Cancelling, work: Coroutine[Any, Any, T]) -> T | None:
    """The result of the work, or None as soon as it is not wanted any more; then it is cancelled."""
    working = asyncio.create_task(work)
    cancelled = asyncio.create_task(cancelling.asked.wait())
    try:
        await asyncio.wait({working, cancelled}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        working.cancel()
        cancelled.cancel()
        await asyncio.gather(working, cancelled, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class _InSession:
    """What stays the same from step to step."""

    session: Session
    claim: Claim
    job: Job
    cancelling: Cancelling


@dataclass(frozen=True, slots=True)
class _Ended:
    """What is recorded of a step."""

    outcome: Outcome
    exit: Exit | None
    log_bytes: int


def _nobody() -> None:
    pass


class StepRunner:
    """Runs the steps that a job has left, in order, and stores each one's end before the next."""

    def __init__(
        self,
        runs: Runs,
        logs: LogSink,
        vault: Vault,
        tokens: Callable[[], Sequence[bytes]],
        clock: Clock,
        link: Link,
        meters: Meters,
        moved: Callable[[], None] = _nobody,
    ) -> None:
        """`moved` is called when a step has begun or ended."""
        self._runs = runs
        self._logs = logs
        self._vault = vault
        self._tokens = tokens
        self._clock = clock
        self._link = link
        self._meters = meters
        self._moved = moved

    async def run_all(
        self, session: Session, claim: Claim, job: Job, cancelling: Cancelling
    ) -> Outcome:
        """The job's outcome. Raises `LeaseLost`, `StoreError` and `EngineGone`.

        Any other failure of the engine is an outcome.
        """
        inside = _InSession(session, claim, job, cancelling)
        try:
            await self._serve(inside)
        except StepRefused as error:
            return Outcome(Change.FAIL, str(error))
        steps, values = list(claim.job.steps), _values(claim, job)
        while True:
            cancelled = cancelling.reason if cancelling.asked.is_set() else claim.cancel_reason
            following = next_step(job, steps, values, cancelled, self._clock.now())
            if following is None:
                return job_outcome(steps) or Outcome(Change.CANCEL, cancelled)
            steps[following.index] = await self._take(inside, steps, following)

    async def _serve(self, inside: _InSession) -> None:
        """The services are ready when this returns, unless nobody wants the job any more."""
        if not inside.job.company:
            return
        secrets = (*self._tokens(), *await self._vault.values(inside.claim.run))

        def log_of(place: int) -> LogWriter:
            return self._logs.open(service_log(inside.claim.job.id, place), secrets)

        await unless(inside.cancelling, inside.session.serve(log_of))

    async def _blaming_services(self, inside: _InSession, ended: _Ended) -> _Ended:
        """A step often fails because a service did: that is said beside its own words."""
        if not inside.job.company or ended.outcome.change is not Change.FAIL:
            return ended
        gone = await inside.session.ended_services()
        if not gone:
            return ended
        reason = "; ".join([ended.outcome.reason, *gone])
        return replace(ended, outcome=replace(ended.outcome, reason=reason))

    async def _take(self, inside: _InSession, steps: Sequence[StepRun], following: Next) -> StepRun:
        step = steps[following.index]
        if following.outcome is not None:
            return await self._record(inside.claim, step, following.outcome)
        if following.after_cancel:  # it was asked for already, and heard
            inside = replace(inside, cancelling=Cancelling())
        return await self._run_one(inside, steps, step, after_cancel=following.after_cancel)

    async def _record(self, claim: Claim, step: StepRun, outcome: Outcome) -> StepRun:
        """The end of a step that is not run."""
        change, reason = outcome.change, outcome.reason
        await self._runs.end_step(claim.lease, step.index, change, reason, None, 0)
        self._moved()
        status = step_after(step.status, change)
        return replace(step, status=status, reason=reason, finished_at=self._clock.now())

    async def _run_one(
        self, inside: _InSession, steps: Sequence[StepRun], step: StepRun, *, after_cancel: bool
    ) -> StepRun:
        claim, now = inside.claim, self._clock.now()
        generation, started_at = step.generation, step.started_at
        if step.status is not Status.RUNNING or started_at is None:
            generation = await self._runs.start_step(claim.lease, step.index)
            self._moved()
            started_at = now
        until = limit(
            inside.job,
            steps,
            step.index,
            claim.job.started_at or now,
            started_at,
            after_cancel=after_cancel,
        )
        spec = self._spec(inside, step.index, generation)
        ended = await self._blaming_services(inside, await self._run_to_end(inside, steps, spec, until))
        await self._runs.end_step(
            claim.lease,
            step.index,
            ended.outcome.change,
            ended.outcome.reason,
            ended.exit.code if ended.exit else None,
            ended.log_bytes,
            ended.exit.usage if ended.exit else None,
        )
        self._moved()
        self._meters.step_seconds.observe(max(0.0, self._clock.now() - started_at))
        return replace(
            step,
            status=step_after(Status.RUNNING, ended.outcome.change),
            reason=ended.outcome.reason,
            started_at=started_at,
            finished_at=self._clock.now(),
        )

    async def _run_to_end(
        self, inside: _InSession, steps: Sequence[StepRun], spec: StepSpec, until: Deadline
    ) -> _Ended:
        log = await self._log(inside.claim, spec.index)
        exit: Exit | None = None
        ahead = asyncio.create_task(self._prepare_next(inside, steps, spec.index))
        try:
            outcome, exit = await self._within(inside, await self._given(inside, spec), log, until)
        except (StepRefused, SecretRefused) as error:
            outcome = Outcome(Change.FAIL, str(error))
        except EngineGone:
            raise  # the step may well go on: whoever finds the engine again takes it up
        except EngineError as error:
            outcome = Outcome(Change.BREAK, str(error))
        finally:
            ahead.cancel()
            await asyncio.gather(ahead, return_exceptions=True)
        if outcome.reason:
            log.note(outcome.reason)
        return _Ended(outcome, exit, await asyncio.to_thread(log.close))

    async def _log(self, claim: Claim, index: int) -> LogWriter:
        """Masked is whatever this run may have been given, by whatever process."""
        secrets = await self._vault.values(claim.run)
        return self._logs.open(LogRef(claim.job.id, index), (*self._tokens(), *secrets))

    async def _given(self, inside: _InSession, spec: StepSpec) -> StepSpec:
        """With the secrets of the step; what has begun already was given them then."""
        if not spec.step.secrets or await inside.session.has_begun(spec):
            return spec
        claim = inside.claim
        return replace(spec, secrets=await self._vault.open(claim.run, claim.job, spec.step))

    async def _within(
        self, inside: _InSession, spec: StepSpec, log: LogWriter, until: Deadline
    ) -> tuple[Outcome, Exit]:
        claim = inside.claim
        running = asyncio.create_task(inside.session.run(spec, log))
        cancel = asyncio.create_task(inside.cancelling.asked.wait())
        try:
            seconds = max(0.0, until.at - self._clock.now())
            await asyncio.wait({running, cancel}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                return _ended(claim, running.result())
            stopped_by = StoppedBy.PERSON if cancel.done() else until.by
            why = inside.cancelling.reason if cancel.done() else until.words
            exit = await _stop(inside.session, running)
            return step_outcome(exit, stopped_by, why), exit
        finally:
            running.cancel()
            cancel.cancel()
            await asyncio.gather(running, cancel, return_exceptions=True)

    async def _prepare_next(self, inside: _InSession, steps: Sequence[StepRun], running: int) -> None:
        """Pays for the next step's container while this one runs. What goes wrong shows in its run."""
        values, now = _values(inside.claim, inside.job), self._clock.now()
        index = likely_next(inside.job, steps, running, values, now)
        if index is None:
            return
        generation = inside.claim.job.steps[index].generation + 1
        try:
            await inside.session.prepare(self._spec(inside, index, generation))
        except (StepRefused, EngineError):
            return

    def _spec(self, inside: _InSession, index: int, generation: int) -> StepSpec:
        claim, step = inside.claim, inside.job.steps[index]
        url = self._link(claim.run.id, claim.job.id)
        env = step_environment(claim.run, inside.job, claim.job, step, url)
        return StepSpec(index, generation, step, env)


def _values(claim: Claim, job: Job) -> Values:
    """What the conditions of its steps read, whatever the steps before them did."""
    families: dict[str, list[JobRun]] = {}
    for each in claim.run.jobs:
        families.setdefault(each.family, []).append(each)
    facts = claim.run.plan.facts if claim.run.plan else None
    return Values(facts or Facts(), job.matrix, Before(results(families)))


def _ended(claim: Claim, exit: Exit) -> tuple[Outcome, Exit]:
    """An earlier process may have killed the step, as it was asked to, and died before it said so."""
    if claim.cancel_reason and exit.code == KILLED:
        killed = replace(exit, reason=ExitReason.STOPPED)
        return step_outcome(killed, StoppedBy.PERSON, claim.cancel_reason), exit
    return step_outcome(exit, None, ""), exit


async def _stop(session: Session, running: asyncio.Task[Exit]) -> Exit:
    await session.stop()
    done, _ = await asyncio.wait({running}, timeout=STOP_SECONDS)
    if not done:
        raise EngineError(f"the engine did not stop the step within {STOP_SECONDS:.0f} s")
    return running.result()
