"""A deployment report in; a deployment of a GitLab environment out. I/O.

https://docs.gitlab.com/api/deployments/
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ci_bot.core.errors import ForgeDenied, ForgeError
from ci_bot.core.events import Repo
from ci_bot.core.report.values import DeploymentReport, DeploymentState, Spot
from ci_bot.forges.gitlab.client import Client
from ci_bot.forges.payload import Fields, shaped

NO_REF: Final = "GitLab shows deployments of branches and tags alone"

_ALL: Final = "/projects/{project}/deployments"
_ONE: Final = "/projects/{project}/deployments/{deployment}"

#: GitLab makes nothing inactive by hand: what another attempt took the place of was never finished.
_STATES: Final[Mapping[DeploymentState, str]] = MappingProxyType(
    {
        DeploymentState.IN_PROGRESS: "running",
        DeploymentState.SUCCESS: "success",
        DeploymentState.FAILURE: "failed",
        DeploymentState.ERROR: "failed",
        DeploymentState.INACTIVE: "canceled",
    }
)
_UNFINISHED: Final = frozenset({"created", "running"})


async def create(client: Client, repo: Repo, spot: Spot, report: DeploymentReport) -> int:
    """The environment is made if it is not there. What GitLab refuses for good is `ForgeDenied`."""
    if not spot.ref:
        raise ForgeDenied(NO_REF)
    body = {
        "environment": report.environment,
        "sha": spot.sha,
        "ref": spot.ref,
        "tag": spot.is_tag,
        "status": "running",
    }
    try:
        answer = await client.write("post", _ALL, body, project=repo.id)
    except ForgeDenied:
        raise
    except ForgeError as error:
        if error.status in (400, 409, 422):  # a protected environment, a commit that is gone
            raise ForgeDenied(f"GitLab takes no such deployment ({error})", error.status) from error
        raise
    return shaped(lambda made: made.id("id"), answer)


async def find(client: Client, repo: Repo, sha: str, report: DeploymentReport, me: int) -> int | None:
    """Our own newest of this commit that has not ended: GitLab keeps no mark of ours."""
    query = {"environment": report.environment, "order_by": "id", "sort": "desc"}
    async for item in client.items(_ALL, query, pages=1, project=repo.id):
        found = shaped(lambda one: one, item)
        if _is_ours(found, sha, me):
            return shaped(lambda one: one.id("id"), item)
    return None


def _is_ours(item: Fields, sha: str, me: int) -> bool:
    user = item.data.get("user")
    is_mine = isinstance(user, dict) and user.get("id") == me
    return is_mine and item.data.get("sha") == sha and item.data.get("status") in _UNFINISHED


async def update(client: Client, repo: Repo, deployment: int, report: DeploymentReport) -> None:
    """The state that it has already is not accepted again: that is fine."""
    body = {"status": _STATES[report.state]}
    try:
        await client.write("put", _ONE, body, project=repo.id, deployment=deployment)
    except ForgeError as error:
        if error.status != 400 or "cannot transition" not in str(error).lower():
            raise
