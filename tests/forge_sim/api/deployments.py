"""Endpoints of deployments and their statuses: https://docs.github.com/en/rest/deployments."""

from __future__ import annotations

from .. import rules
from ..errors import ApiError, not_found
from ..exchange import Call, Reply, Route
from ..shapes import deployments as shapes
from ..state import Deployment, DeploymentStatus


def _deployment(call: Call) -> Deployment:
    found = call.repo.deployments.get(call.number("deployment_id"))
    if found is None:
        raise not_found()
    return found


async def create_deployment(call: Call) -> Reply:
    """Only of whole commit ids, which is all that ci-bot asks for; nothing is merged or waited for."""
    rules.deployment_body(call.body)
    sha = str(call.body["ref"])
    commit = await call.sim.git.commit(call.repo.id, sha) if len(sha) == 40 else None
    if commit is None:
        raise ApiError(422, f"No ref found for: {sha}", [])
    made = Deployment(
        id=call.sim.world.next_id("deployment"),
        sha=sha,
        environment=str(call.body.get("environment", "production")),
        description=call.body.get("description"),
        payload=call.body.get("payload", ""),
        creator=call.caller.account,
        app=call.caller.app,
    )
    call.repo.deployments[made.id] = made
    shape = shapes.deployment(call.sim.urls, call.repo, made)
    return Reply(201, shape, {"Location": shape["url"]}, made=made.id)


async def list_deployments(call: Call) -> Reply:
    """Newest first."""
    sha, environment = call.query.get("sha"), call.query.get("environment")
    chosen = [
        one
        for one in reversed(call.repo.deployments.values())
        if sha in (None, one.sha) and environment in (None, one.environment)
    ]
    items, headers = call.page(chosen)
    body = [shapes.deployment(call.sim.urls, call.repo, one) for one in items]
    return Reply(body=body, headers=headers)


async def get_deployment(call: Call) -> Reply:
    return Reply(body=shapes.deployment(call.sim.urls, call.repo, _deployment(call)))


async def create_status(call: Call) -> Reply:
    rules.deployment_status_body(call.body)
    deployment = _deployment(call)
    made = DeploymentStatus(
        id=call.sim.world.next_id("deployment_status"),
        state=call.body["state"],
        description=call.body.get("description", ""),
        log_url=call.body.get("log_url", ""),
        creator=call.caller.account,
    )
    if made.state == "success" and call.body.get("auto_inactive", True):
        _retire_others(call, deployment, made)
    deployment.statuses.append(made)
    return Reply(201, shapes.status(call.sim.urls, call.repo, deployment, made), made=made.id)


def _retire_others(call: Call, new: Deployment, success: DeploymentStatus) -> None:
    """ "Adds a new inactive status to all prior non-transient, non-production environment deployments
    with the same environment name … that had a success state." """
    for one in call.repo.deployments.values():
        is_prior = one.id < new.id and one.environment == new.environment
        if is_prior and one.environment != "production" and one.state == "success":
            number = call.sim.world.next_id("deployment_status")
            retired = DeploymentStatus(number, "inactive", "", "", success.creator)
            one.statuses.append(retired)


async def list_statuses(call: Call) -> Reply:
    """Newest first."""
    deployment = _deployment(call)
    items, headers = call.page(list(reversed(deployment.statuses)))
    body = [shapes.status(call.sim.urls, call.repo, deployment, one) for one in items]
    return Reply(body=body, headers=headers)


_REPO = "/repos/{owner}/{repo}"
_ONE = f"{_REPO}/deployments/{{deployment_id}}"
_READ = (("deployments", "read"),)
_WRITE = (("deployments", "write"),)
ROUTES = (
    Route("POST", f"{_REPO}/deployments", create_deployment, _WRITE, role="write"),
    Route("GET", f"{_REPO}/deployments", list_deployments, _READ),
    Route("GET", _ONE, get_deployment, _READ),
    Route("POST", f"{_ONE}/statuses", create_status, _WRITE, role="write"),
    Route("GET", f"{_ONE}/statuses", list_statuses, _READ),
)
