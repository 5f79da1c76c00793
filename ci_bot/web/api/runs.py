"""GET /runs, /runs/{run}: what a token may see of runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from aiohttp import web
from pydantic import Field

from ci_bot.core.events import Repo
from ci_bot.core.model import Run, RunKind
from ci_bot.core.repo_names import with_forge
from ci_bot.core.standing import Standing
from ci_bot.core.tokens import ApiToken
from ci_bot.ports import RunFilter
from ci_bot.web.api import models
from ci_bot.web.api.endpoint import DIGITS, Answer, Asked, Call, Endpoint, Id, RunPath, Truth, say
from ci_bot.web.api.parts import Parts
from ci_bot.web.api.problems import missing
from ci_bot.web.masking import mask_of

LINKS = {
    "run": ("getRun", {"run": "$response.body#/runs/0/id"}),
    "retry": ("retryRun", {"run": "$response.body#/runs/0/id"}),
    "cancel": ("cancelRun", {"run": "$response.body#/runs/0/id"}),
    "next": ("listRuns", {"before": "$response.body#/next"}),
}
LOG_LINK = {
    "log": (
        "readLog",
        {
            "run": "$response.body#/id",
            "job": "$response.body#/jobs/0/id",
            "step": "$response.body#/jobs/0/steps/0/number",
        },
    )
}


class RunsQuery(Asked):
    """Everything that is given must hold."""

    repository: Annotated[str, Field(max_length=255)] = Field(
        "", description='"owner/name", or "gitlab:group/name"'
    )
    branch: Annotated[str, Field(max_length=1024)] = Field(
        "", description="or tag; of a pull request its head's"
    )
    commit: Annotated[str, Field(pattern="^([0-9a-fA-F]{4,64})?$")] = Field(
        "", description="or how it begins"
    )
    pull: Annotated[int, Field(ge=1, le=2**31 - 1), DIGITS] | None = Field(
        None, description="number of the pull request"
    )
    event: list[RunKind] = Field([], max_length=16, description="one of these; may be repeated")
    status: list[Standing] = Field([], max_length=16, description="one of these; may be repeated")
    limit: Annotated[int, Field(ge=1, le=100), DIGITS] = 30
    before: Id | None = Field(None, description="the `next` of the page before")


class RunQuery(Asked):
    attempts: Truth = Field(False, description="every attempt of each job, and not the latest alone")


async def list_runs(call: Call) -> web.Response:
    query: RunsQuery = call.query
    repos = call.token.repos
    if query.repository:
        repos = ((await _repo(call, query.repository)).key,)
    wanted = RunFilter(
        repos=repos,
        branch=query.branch,
        sha=query.commit.lower(),
        pull=query.pull,
        kinds=tuple(query.event),
        standings=tuple(query.status),
    )
    page = await call.parts.listing.page(wanted, query.limit, query.before or "")
    mask = await mask_of(page.runs, call.parts.vault)
    runs = [models.run(run, mask) for run in page.runs]
    return say(models.Runs(runs=runs, next=page.next or None))


async def _repo(call: Call, name: str) -> Repo:
    forge, path = with_forge(name)
    repo = await call.parts.listing.repo(path, forge)
    if repo is None or not call.token.sees(repo.key):
        raise missing(f"repository {name}")
    return repo


async def get_run(call: Call) -> web.Response:
    query: RunQuery = call.query
    run = await found(call.parts, call.token, call.path.run)
    if query.attempts:
        run = replace(run, jobs=tuple(await call.parts.runs.attempts(run.id)))
    mask = await mask_of([run], call.parts.vault)
    return say(models.detail(run, mask))


async def found(parts: Parts, token: ApiToken, run_id: str) -> Run:
    """Raises `Refused` (404), the same for a run of another repository as for none."""
    run = await parts.listing.find(run_id, token.repos)
    if run is None:
        raise missing(f"run {run_id}")
    return run


ENDPOINTS = (
    Endpoint(
        "GET",
        "/runs",
        "listRuns",
        "Runs of the repositories that the token may see, newest first",
        list_runs,
        {200: Answer("a page of runs", models.Runs, links=LINKS)},
        query=RunsQuery,
        refuses=(404,),
    ),
    Endpoint(
        "GET",
        "/runs/{run}",
        "getRun",
        "A run with its jobs and steps",
        get_run,
        {200: Answer("the run", models.RunDetail, links=LOG_LINK)},
        path=RunPath,
        query=RunQuery,
        refuses=(404,),
    ),
)
