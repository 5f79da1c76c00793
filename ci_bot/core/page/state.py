"""A run → what a page that shows it must be told while it runs. Pure; equal as long as nothing changed."""

from __future__ import annotations

from typing import Any

from ci_bot.core.model import JobRun, Run
from ci_bot.core.page.view import (
    Clean,
    Stand,
    job_stand,
    run_stand,
    step_reason,
    step_stand,
    usage_words,
)
from ci_bot.core.standing import standing


def is_over(run: Run) -> bool:
    """Whether nothing changes any more unless somebody acts."""
    return standing(run).is_final and all(job.status.is_final for job in run.jobs)


def run_state(run: Run, chosen: JobRun | None, clean: Clean, now: float) -> dict[str, Any]:
    """`jobs` by id, and the steps of the chosen one; times that still run are told by when they began."""
    return {
        "version": " ".join(job.id for job in run.jobs),
        "run": _json(run_stand(run, now)),
        "jobs": {job.id: _json(job_stand(job, now)) for job in run.jobs},
        "job": None if chosen is None else _json(job_stand(chosen, now)),
        "steps": []
        if chosen is None
        else [
            _json(step_stand(step, now))
            | {
                "reason": clean(step_reason(step)),
                "usage": usage_words(step.usage),
                "begun": step.started_at is not None,
            }
            for step in chosen.steps
        ],
    }


def _json(stand: Stand) -> dict[str, Any]:
    return {
        "status": stand.status,
        "word": stand.word,
        "time": stand.time if stand.since is None else "",
        "since": stand.since,
    }
