"""Commit statuses, pipelines, deployments: https://docs.gitlab.com/api/commits/, /pipelines/, /deployments/."""

from __future__ import annotations

import time
from typing import Literal

from pydantic import Field

from .. import automerge, pipelines
from ..errors import bad_parameter, not_found
from ..exchange import Call, Paged, Params, Reply, Route
from ..shapes.pipelines import deployment_shape, pipeline_basic, pipeline_full, status_shape
from ..state import DEVELOPER, REPORTER, CommitStatus, Deployment, Environment

State = Literal["pending", "running", "success", "failed", "canceled", "skipped"]


class NewStatus(Params):
    """https://docs.gitlab.com/api/commits/#set-commit-pipeline-status."""

    state: State
    ref: str | None = None
    name: str | None = None
    context: str | None = None
    target_url: str | None = None
    description: str | None = None
    #: "The total code coverage." GitLab takes any number and shows it as a percentage; no other makes sense.
    coverage: float | None = Field(default=None, ge=0, le=100)
    pipeline_id: int | None = None


async def _set(call: Call) -> Reply:
    wanted = call.params(NewStatus)
    names = ("description", "target_url")
    texts: dict[str, str | None] = {n: getattr(wanted, n) for n in names if n in call.sent}
    made = await pipelines.set_status(
        call.sim,
        call.project,
        call.user,
        call.args["sha"],
        state=wanted.state,
        ref=wanted.ref,
        name=wanted.name or wanted.context or "default",
        pipeline_id=wanted.pipeline_id,
        texts=texts,
        coverage=wanted.coverage,
    )
    await automerge.settle(call.sim, made.pipeline)
    return Reply(201, status_shape(call.sim.urls, made), made=made.id)


class Statuses(Paged):
    ref: str | None = None
    stage: str | None = None
    name: str | None = None
    pipeline_id: int | None = None
    all: bool = False
    order_by: Literal["id", "pipeline_id"] = "id"
    sort: Literal["asc", "desc"] = "asc"


async def _list(call: Call) -> Reply:
    """https://docs.gitlab.com/api/commits/#list-commit-statuses: the latest of each name, unless ``all``."""
    wanted = call.params(Statuses)
    commit = await call.sim.git.commit(call.project.id, call.args["sha"])
    if commit is None:
        raise not_found("Commit")
    found: list[CommitStatus] = [
        job
        for one in call.project.pipelines.values()
        if one.sha == commit.sha and wanted.pipeline_id in (None, one.id)
        for job in (one.statuses if wanted.all else one.latest)
        if wanted.ref in (None, one.ref) and wanted.name in (None, job.name)
    ]
    found.sort(key=lambda job: job.id, reverse=wanted.sort == "desc")
    items, headers = call.page(found)
    return Reply(body=[status_shape(call.sim.urls, one) for one in items], headers=headers)


class Pipelines(Paged):
    scope: str | None = None
    status: str | None = None
    source: str | None = None
    ref: str | None = None
    sha: str | None = None
    username: str | None = None
    order_by: str = "id"
    sort: Literal["asc", "desc"] = "desc"


async def _pipelines(call: Call) -> Reply:
    wanted = call.params(Pipelines)
    found = [
        one
        for one in call.project.pipelines.values()
        if wanted.ref in (None, one.ref)
        and wanted.sha in (None, one.sha)
        and wanted.source in (None, one.source)
        and wanted.status in (None, pipelines.status_of(one))
    ]
    found.sort(key=lambda one: one.id, reverse=wanted.sort == "desc")
    items, headers = call.page(found)
    shapes = [pipeline_basic(call.sim.urls, one, pipelines.status_of(one)) for one in items]
    return Reply(body=shapes, headers=headers)


async def _pipeline(call: Call) -> Reply:
    found = call.project.pipelines.get(call.number("pipeline_id"))
    if found is None:
        raise not_found()
    return Reply(body=pipeline_full(call.sim.urls, found, pipelines.status_of(found)))


# https://docs.gitlab.com/api/deployments/#create-a-deployment
DeploymentState = Literal["created", "running", "success", "failed", "canceled", "blocked"]


class NewDeployment(Params):
    environment: str
    sha: str
    ref: str
    tag: bool
    status: DeploymentState


async def _deploy(call: Call) -> Reply:
    wanted, project, world = call.params(NewDeployment), call.project, call.sim.world
    commit = await call.sim.git.commit(project.id, wanted.sha)
    if commit is None:
        raise bad_parameter("sha does not exist")
    where = project.environments.get(wanted.environment)
    if where is None:
        where = Environment(world.next_id("environment"), wanted.environment)
        project.environments[where.name] = where
    number, iid = world.next_id("deployment"), len(project.deployments) + 1
    made = Deployment(number, iid, where, commit.sha, wanted.ref, wanted.tag, call.user)
    made.history.append((wanted.status, time.time()))
    project.deployments[made.id] = made
    return Reply(201, deployment_shape(call.sim.urls, project, made), made=made.id)


class ChangedDeployment(Params):
    status: DeploymentState


async def _change_deployment(call: Call) -> Reply:
    """Only of those that were made by the API; a status that it has already changes nothing."""
    found = _deployment(call)
    status = call.params(ChangedDeployment).status
    if found.status != status:
        found.history.append((status, time.time()))
        found.updated_at = time.time()
    return Reply(body=deployment_shape(call.sim.urls, call.project, found))


async def _one_deployment(call: Call) -> Reply:
    return Reply(body=deployment_shape(call.sim.urls, call.project, _deployment(call)))


def _deployment(call: Call) -> Deployment:
    found = call.project.deployments.get(call.number("deployment_id"))
    if found is None:
        raise not_found("Deployment")
    return found


class Deployments(Paged):
    environment: str | None = None
    status: str | None = None
    order_by: str = "id"
    sort: Literal["asc", "desc"] = "asc"


async def _deployments(call: Call) -> Reply:
    wanted = call.params(Deployments)
    found = [
        one
        for one in call.project.deployments.values()
        if wanted.environment in (None, one.environment.name) and wanted.status in (None, one.status)
    ]
    found.sort(key=lambda one: one.id, reverse=wanted.sort == "desc")
    items, headers = call.page(found)
    urls = call.sim.urls
    return Reply(body=[deployment_shape(urls, call.project, one) for one in items], headers=headers)


ROUTES = (
    Route("POST", "/projects/{id}/statuses/{sha}", _set, NewStatus, DEVELOPER),
    Route("GET", "/projects/{id}/repository/commits/{sha}/statuses", _list, Statuses),
    Route("GET", "/projects/{id}/pipelines", _pipelines, Pipelines),
    Route("GET", "/projects/{id}/pipelines/{pipeline_id}", _pipeline),
    Route("GET", "/projects/{id}/deployments", _deployments, Deployments, REPORTER),
    Route("POST", "/projects/{id}/deployments", _deploy, NewDeployment, DEVELOPER),
    Route("GET", "/projects/{id}/deployments/{deployment_id}", _one_deployment, level=REPORTER),
    Route(
        "PUT",
        "/projects/{id}/deployments/{deployment_id}",
        _change_deployment,
        ChangedDeployment,
        DEVELOPER,
    ),
)
