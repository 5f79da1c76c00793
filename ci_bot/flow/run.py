"""3. run: one claimed job → a session on the executor → files in, steps, files out; ends as they happen."""

from __future__ import annotations

import errno
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace

import structlog

from ci_bot.core.errors import (
    CheckoutRefused,
    EngineError,
    EngineGone,
    ForgeError,
    LeaseLost,
    SettingsError,
    StoreError,
    TrustLost,
    WorkspaceError,
)
from ci_bot.core.events import Actor, Repo
from ci_bot.core.model import Run
from ci_bot.core.outcome import Outcome, job_deadline, run_took
from ci_bot.core.patience import SHORTEST, is_worth_waiting, may_pass, pause
from ci_bot.core.planned import Job
from ci_bot.core.states import Change, Status
from ci_bot.core.trust import Vouched, is_outsiders, lost, to_ask_again
from ci_bot.flow.files import JobFiles
from ci_bot.flow.heard import Heard
from ci_bot.flow.meters import Meters
from ci_bot.flow.steps import Cancelling, StepRunner, unless
from ci_bot.flow.tracing import NO_TRACING, Tracing
from ci_bot.ports import (
    Claim,
    Clock,
    CloneSource,
    Executor,
    JobSpec,
    Runs,
    Session,
    Workspace,
    Workspaces,
)

_log = structlog.get_logger()
ASKED_SECONDS = (
    60.0  # an answer about a person is this good, so that a run that starts at once asks once
)
ENGINE_SECONDS = 20.0  # an engine that was restarted is back by then; its containers may go on
FULL = "its disk is full"
LOST_WORKSPACE = "the job's workspace is gone, and what its earlier steps made with it"


class JobRunner:
    """Carries claimed jobs out, from where they stand: an adopted job goes on at its running step.

    Cancelling the task that carries a job out only lets go of it; the containers go on, and the next
    process adopts them.
    """

    def __init__(
        self,
        executor: Executor,
        workspaces: Workspaces,
        source: Callable[[Run], Awaitable[CloneSource]],
        vouch: Callable[[Repo, Actor], Awaitable[Vouched]],
        runs: Runs,
        steps: StepRunner,
        files: JobFiles,
        clock: Clock,
        meters: Meters,
        tracing: Tracing = NO_TRACING,
    ) -> None:
        self._executor = executor
        self._workspaces = workspaces
        self._source = source
        self._vouch = vouch
        self._runs = runs
        self._steps = steps
        self._files = files
        self._clock = clock
        self._meters = meters
        self._heard = Heard(clock, ASKED_SECONDS)
        self._tracing = tracing

    async def carry_out(self, claim: Claim, cancelling: Cancelling) -> None:
        """Never raises but for cancellation: whatever breaks ends the job, with the reason.

        Where the end cannot be stored nothing is removed: the lease runs out, and whoever adopts the
        job finds its steps as they are.
        """
        log = _log.bind(run=claim.run.id, job=claim.job.id, name=claim.job.name)
        log.info("job adopted" if claim.is_adopted else "job started", repo=claim.run.repo.name)
        try:
            await self._to_its_end(claim, cancelling)
        except LeaseLost as error:
            log.warning("job given up", reason=str(error))
        except StoreError as error:
            log.warning("job let go", reason=str(error))
        else:
            with suppress(WorkspaceError):  # the reaper comes by later
                await self._workspaces.discard(claim.job.id)

    async def _to_its_end(self, claim: Claim, cancelling: Cancelling) -> None:
        try:
            await self._in_workspace(claim, cancelling)
        except TrustLost as error:
            await self._runs.hold(claim.lease, str(error))
            _log.warning("job held", job=claim.job.id, reason=str(error))
        except CheckoutRefused as error:
            await self._end(claim, Outcome(Change.FAIL, str(error)))
        except (EngineError, WorkspaceError, ForgeError, SettingsError) as error:
            await self._end(claim, Outcome(Change.BREAK, str(error)), may_pass=may_pass(error))
        except StoreError:
            raise
        except OSError as error:
            await self._end(claim, Outcome(Change.BREAK, _in_words(error)))
        except Exception as error:  # noqa: BLE001 - a bug of ours ends this job and no other
            _log.exception("job broken by a bug of ours", job=claim.job.id)
            await self._end(claim, Outcome(Change.BREAK, f"ci-bot itself failed: {error!r}"))

    async def _in_workspace(self, claim: Claim, cancelling: Cancelling) -> None:
        planned = _planned(claim)
        workspace = await self._workspace(claim, planned, cancelling)
        if workspace is None:
            await self._end(claim, Outcome(Change.CANCEL, cancelling.reason))
            return
        run = claim.run
        outsiders = is_outsiders(run.ruling, run.vouchers)
        spec = JobSpec(
            claim.job.id, run.id, run.repo.name, planned, workspace, outsiders, run.repo.forge
        )
        until = self._clock.now() + ENGINE_SECONDS
        while True:
            began = self._clock.now()
            try:
                await self._in_session(spec, claim, cancelling)
                return
            except EngineGone as error:
                if self._clock.now() - began > ENGINE_SECONDS:
                    until = self._clock.now() + ENGINE_SECONDS  # it had been there for a while
                if self._clock.now() > until or cancelling.asked.is_set():
                    raise
                _log.warning("job waits for the engine", job=claim.job.id, error=str(error))
            await unless(cancelling, self._clock.sleep(SHORTEST))
            claim = await self._as_it_stands(claim)

    async def _in_session(self, spec: JobSpec, claim: Claim, cancelling: Cancelling) -> None:
        async with self._executor.session(spec) as session:
            await self._end(claim, await self._worked(session, spec, claim, cancelling))

    async def _worked(
        self, session: Session, spec: JobSpec, claim: Claim, cancelling: Cancelling
    ) -> Outcome:
        job, path = spec.job, spec.workspace.path
        extras, cannot_begin = await self._files.bring(session, claim, job, path, cancelling)
        if cannot_begin is not None:
            return cannot_begin
        outcome = await self._steps.run_all(session, claim, job, cancelling)
        return await self._files.take(session, claim, job, extras, outcome)

    async def _as_it_stands(self, claim: Claim) -> Claim:
        """The claim with its steps as they are stored by now."""
        attempts = await self._runs.attempts(claim.run.id)
        job = next((job for job in attempts if job.id == claim.job.id), None)
        if job is None:
            raise LeaseLost(f"job {claim.job.id} is gone")
        return replace(claim, job=job)

    async def _workspace(self, claim: Claim, planned: Job, cancelling: Cancelling) -> Workspace | None:
        """None once the job is not wanted any more.

        A forge that is down or busy is waited for, within the job's own time: it never fails a build.
        """
        until = job_deadline(planned, claim.job.started_at or self._clock.now()).at
        tries = 0
        while True:
            try:
                return await unless(cancelling, self._bring(claim, planned))
            except (ForgeError, WorkspaceError) as error:
                wait = pause(error, tries)
                if not is_worth_waiting(error) or self._clock.now() + wait > until:
                    raise
                _log.warning("job waits for the forge", job=claim.job.id, error=str(error))
            await unless(cancelling, self._clock.sleep(wait))
            tries += 1

    async def _bring(self, claim: Claim, planned: Job) -> Workspace:
        run = claim.run
        if claim.is_adopted:
            found = await self._workspaces.find(claim.job.id, run.repo)
            if found is not None:
                return found
            if any(step.status is not Status.WAITING for step in claim.job.steps):
                raise WorkspaceError(LOST_WORKSPACE)
        else:
            await self._ask_again(run)
        source = await self._source(run)
        return await self._workspaces.prepare(
            claim.job.id, run.repo, run.sha, source, run.base_sha, planned.checkout
        )

    async def _ask_again(self, run: Run) -> None:
        """Whether those whose word the run rests on may still write. Raises `TrustLost`."""
        heard = self._heard.of(run.id)
        for voucher in to_ask_again(run.vouchers, self._clock.now(), ASKED_SECONDS, heard):
            why = lost(voucher, await self._vouch(run.repo, voucher.actor))
            if why:
                raise TrustLost(why)
            self._heard.add(run.id, voucher.actor.id)

    async def _measure_run(self, claim: Claim) -> None:
        """Of the jobs that end a run together, one measures it. Everything is told from what is stored."""
        with suppress(StoreError):  # its end is stored: that alone counts
            run = await self._runs.run(claim.run.id)
            if run is None:
                return
            took = run_took(run.jobs, claim.job.id)
            if took is not None:
                self._meters.run_seconds.labels(took.result).observe(took.seconds)
            for job in run.jobs:
                if job.id == claim.job.id:
                    await self._tracing.ended(run, job, took)

    async def _end(self, claim: Claim, outcome: Outcome, *, may_pass: bool = True) -> None:
        await self._runs.end_job(claim.lease, outcome.change, outcome.reason, may_pass=may_pass)
        await self._measure_run(claim)
        self._meters.jobs.labels(outcome.change).inc()
        if claim.job.started_at is not None:
            self._meters.job_seconds.observe(max(0.0, self._clock.now() - claim.job.started_at))
        _log.info("job ended", job=claim.job.id, how=str(outcome.change), reason=outcome.reason)


def _in_words(error: OSError) -> str:
    what = FULL if error.errno in (errno.ENOSPC, errno.EDQUOT) else error.strerror or repr(error)
    return f"the server could not write or read a file: {what}"


def _planned(claim: Claim) -> Job:
    if claim.run.plan is None:  # jobs exist only where there is a plan
        raise StoreError(f"run {claim.run.id} has jobs but no plan")
    return next(job for job in claim.run.plan.jobs if job.id == claim.job.key)
