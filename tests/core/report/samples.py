"""Runs, jobs and steps as a store would give them, at moments that are easy to read."""

from __future__ import annotations

from dataclasses import replace

from ci_bot.core.events import Actor, Repo
from ci_bot.core.model import Inspection, JobRun, Problem, Run, RunKind, StepRun, Usage, Verdict
from ci_bot.core.states import Status
from ci_bot.core.trust import Ruling

REPO = Repo("github", 1296269, "octo/app", "main", private=False, tenant="7")
ALICE = Actor(1, "alice")
SHA = "1a2b3c4d5e6f708192a3b4c5d6e7f80912345678"
T0 = 1_700_000_000.0


def link(run_id: str, job_id: str | None) -> str:
    return f"https://ci.example/runs/{run_id}" + (f"/jobs/{job_id}" if job_id else "")


def step(
    index: int,
    name: str,
    status: Status = Status.SUCCEEDED,
    reason: str = "",
    *,
    start: float = 0.0,
    seconds: float = 4.0,
    log_bytes: int = 0,
    tolerated: bool = False,
    line: int = 0,
    usage: Usage | None = None,
) -> StepRun:
    ran = status not in (Status.WAITING, Status.SKIPPED)
    done = status.is_final
    return StepRun(
        index=index,
        name=name,
        status=status,
        reason=reason,
        started_at=T0 + start if ran else None,
        finished_at=T0 + start + seconds if done else None,
        log_bytes=log_bytes,
        tolerated=tolerated,
        line=line,
        usage=usage,
    )


def job(
    key: str,
    status: Status = Status.SUCCEEDED,
    steps: tuple[StepRun, ...] = (),
    reason: str = "",
    *,
    name: str = "",
    needs: tuple[str, ...] = (),
    attempt: int = 1,
    start: float = 0.0,
    seconds: float = 12.0,
) -> JobRun:
    ran = status not in (Status.WAITING, Status.READY, Status.SKIPPED)
    return JobRun(
        id=f"{key}-{attempt}",
        run_id="r1",
        key=key,
        name=name or key,
        attempt=attempt,
        status=status,
        steps=steps or (step(0, "make"),),
        needs=needs,
        reason=reason,
        created_at=T0,
        started_at=T0 + start if ran else None,
        finished_at=T0 + start + seconds if status.is_final else None,
    )


def run(
    *jobs: JobRun,
    kind: RunKind = RunKind.PULL_REQUEST,
    verdict: Verdict = Verdict.PLANNED,
    reason: str = "",
    problems: tuple[Problem, ...] = (),
    superseded: bool = False,
    id: str = "r1",
    sha: str = SHA,
    ref: str = "feature",
    pull: int | None = 12,
    created_at: float = T0,
    ruling: Ruling = Ruling.RUN,
    inspection: Inspection | None = None,
) -> Run:
    return Run(
        id=id,
        key=f"{REPO.key} {kind} {sha} {ref} {pull}",
        repo=REPO,
        kind=kind,
        ref=ref,
        sha=sha,
        verdict=verdict,
        actor=ALICE,
        created_at=created_at,
        pull=pull if kind is RunKind.PULL_REQUEST else None,
        title="Add the thing",
        base_ref="main",
        reason=reason,
        problems=problems,
        superseded=superseded,
        ruling=ruling,
        inspection=inspection,
        jobs=tuple(replace(one, run_id=id) for one in jobs),
    )
