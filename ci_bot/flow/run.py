"""3. run: one claimed job → a session on the executor → steps, their logs and their ends, as they happen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from ci_bot.core.errors import EngineError, ForgeError, LeaseLost, StoreError, WorkspaceError
from ci_bot.core.model import Job, Run
from ci_bot.core.outcome import Outcome
from ci_bot.core.states import Change
from ci_bot.flow.meters import Meters
from ci_bot.flow.steps import Cancelling, StepRunner
from ci_bot.ports import (
    Claim,
    Clock,
    CloneSource,
    Executor,
    JobSpec,
    Runs,
    Workspace,
    Workspaces,
)

_log = structlog.get_logger()


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
        runs: Runs,
        steps: StepRunner,
        clock: Clock,
        meters: Meters,
    ) -> None:
        self._executor = executor
        self._workspaces = workspaces
        self._source = source
        self._runs = runs
        self._steps = steps
        self._clock = clock
        self._meters = meters

    async def carry_out(self, claim: Claim, cancelling: Cancelling) -> None:
        """Never raises but for cancellation: whatever breaks ends the job, with the reason."""
        log = _log.bind(run=claim.run.id, job=claim.job.id, name=claim.job.name)
        log.info("job adopted" if claim.is_adopted else "job started", repo=claim.run.repo.name)
        try:
            await self._in_workspace(claim, cancelling)
        except LeaseLost as error:
            log.warning("job given up", reason=str(error))
            return
        except (EngineError, WorkspaceError, ForgeError, StoreError) as error:
            await self._end(claim, Outcome(Change.BREAK, str(error)))
        except Exception as error:
            log.exception("job broken by a bug of ours")
            await self._end(claim, Outcome(Change.BREAK, f"ci-bot itself failed: {error!r}"))
        with suppress(WorkspaceError):  # the reaper comes by later
            await self._workspaces.discard(claim.job.id)

    async def _in_workspace(self, claim: Claim, cancelling: Cancelling) -> None:
        planned = _planned(claim)
        spec = JobSpec(
            id=claim.job.id,
            run_id=claim.run.id,
            repo=claim.run.repo.name,
            job=planned,
            workspace=await self._workspace(claim),
        )
        async with self._executor.session(spec) as session:
            outcome = await self._steps.run_all(session, claim, planned, cancelling)
            await self._end(claim, outcome)

    async def _workspace(self, claim: Claim) -> Workspace:
        run = claim.run
        if claim.is_adopted:
            found = await self._workspaces.find(claim.job.id, run.repo)
            if found is not None:
                return found
        source = await self._source(run)
        return await self._workspaces.prepare(claim.job.id, run.repo, run.sha, source)

    async def _end(self, claim: Claim, outcome: Outcome) -> None:
        try:
            await self._runs.end_job(claim.lease, outcome.change, outcome.reason)
        except StoreError as error:
            # The lease runs out and the job is adopted; its stored steps say how it ended.
            _log.warning("end not stored", job=claim.job.id, error=str(error))
            return
        self._meters.jobs.labels(outcome.change).inc()
        if claim.job.started_at is not None:
            self._meters.job_seconds.observe(max(0.0, self._clock.now() - claim.job.started_at))
        _log.info("job ended", job=claim.job.id, how=str(outcome.change), reason=outcome.reason)


def _planned(claim: Claim) -> Job:
    if claim.run.plan is None:  # jobs exist only where there is a plan
        raise StoreError(f"run {claim.run.id} has jobs but no plan")
    return next(job for job in claim.run.plan.jobs if job.id == claim.job.key)
