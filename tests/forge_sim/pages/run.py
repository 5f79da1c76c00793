"""The page of one check run: its output, annotations, buttons, and its neighbours."""

from __future__ import annotations

from collections import defaultdict

from aiohttp import web

from ..errors import not_found
from ..gates import latest_runs
from ..rendering import took
from ..state import RANK, CheckRun, Json, Pull, Repo
from . import views
from .render import Page


def run_of(page: Page) -> CheckRun:
    found = page.repo.runs.get(int(page.request.match_info["run"]))
    if found is None:
        raise not_found()
    return found


async def check(page: Page) -> web.Response:
    repo, run = page.repo, run_of(page)
    icon, word = views.pill(run)
    user = page.viewer
    may_write = user is not None and RANK[page.sim.world.role(user, repo)] >= RANK["write"]
    commit = await page.sim.git.commit(repo.id, run.suite.head_sha)
    attempts = [one for one in run.suite.runs if one.name == run.name]
    return page.show(
        "run.html",
        repo=repo,
        tab="pulls",
        open_pulls=sum(1 for one in repo.pulls.values() if one.state == "open"),
        run=run,
        icon_name=icon,
        word=word,
        lasted=took(run.started_at, run.completed_at),
        title=commit.message.split("\n", 1)[0] if commit else "",
        neighbours=_neighbours(repo, run),
        attempts=attempts,
        attempt=attempts.index(run) + 1,
        pull=_pull(repo, run.suite.head_sha),
        annotations=_by_file(run.annotations),
        may_write=may_write,
    )


def _neighbours(repo: Repo, run: CheckRun) -> list[tuple[CheckRun, views.Line]]:
    """The other checks of the commit; an older attempt stands in for its newest."""
    found = latest_runs(repo, run.suite.head_sha)
    shown = [run if one.name == run.name and one.suite is run.suite else one for one in found]
    return [(one, views.line_of_run(repo, one, set())) for one in shown]


def _pull(repo: Repo, sha: str) -> Pull | None:
    return next((pull for pull in repo.pulls.values() if pull.head_sha == sha), None)


def _by_file(annotations: list[Json]) -> dict[str, list[Json]]:
    files: defaultdict[str, list[Json]] = defaultdict(list)
    for one in annotations:
        files[one["path"]].append(one)
    return dict(files)
