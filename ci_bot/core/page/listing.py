"""A run → its row in a list of runs. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ci_bot.core.model import Run
from ci_bot.core.page.urls import RunUrls
from ci_bot.core.page.view import Clean, Stand, counted, run_stand, where


@dataclass(frozen=True, slots=True)
class RunRow:
    title: str
    where: str
    branch: str  # or tag
    sha: str
    actor: str
    created_at: float
    stand: Stand
    jobs: str
    url: str
    is_superseded: bool


def run_row(run: Run, urls: RunUrls, clean: Clean, now: float) -> RunRow:
    return RunRow(
        title=clean(run.title) or run.sha[:7],
        where=clean(where(run)),
        branch=clean(run.ref),
        sha=run.sha[:7],
        actor=clean(run.actor.login),
        created_at=run.created_at,
        stand=run_stand(run, now),
        jobs=counted(run) if run.jobs else clean(run.reason),
        url=urls.run(),
        is_superseded=run.superseded,
    )
