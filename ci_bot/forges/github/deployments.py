"""A deployment report in; a deployment and its statuses on GitHub out. I/O.

https://docs.github.com/rest/deployments/deployments
https://docs.github.com/rest/deployments/statuses
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ci_bot.core.errors import ForgeDenied, ForgeError
from ci_bot.core.events import Repo
from ci_bot.core.report.values import DeploymentReport
from ci_bot.forges.github.calls import Calls
from ci_bot.forges.github.permissions import DEPLOYMENTS
from ci_bot.forges.payload import shaped
from ci_bot.forges.texts import cut_line

_MOST_DESCRIPTION: Final = 140
#: Under this key of the payload, which is ours to fill, stands the external id.
_MARK: Final = "ci_bot"


async def create(calls: Calls, repo: Repo, sha: str, report: DeploymentReport, external_id: str) -> int:
    """Of exactly this commit: nothing is merged into it, and no check of it is waited for.

    The job runs already, so what GitHub would have to say against it comes too late.
    """
    body = {
        "ref": sha,
        "environment": report.environment,
        "description": cut_line(report.description, _MOST_DESCRIPTION),
        "auto_merge": False,
        "required_contexts": [],
        "payload": {_MARK: external_id},
    }
    try:
        answer = await calls.write("POST", repo, DEPLOYMENTS, "/deployments", body)
    except ForgeDenied:
        raise
    except ForgeError as error:
        if error.status in (409, 422):  # a protected environment, a commit that is gone
            raise ForgeDenied(f"GitHub takes no such deployment ({error})", error.status) from error
        raise
    return shaped(lambda made: made.id("id"), answer)


async def find(
    calls: Calls, repo: Repo, sha: str, report: DeploymentReport, external_id: str
) -> int | None:
    """Newest first, as GitHub lists them."""
    url = "/deployments{?sha,environment,per_page,page}"
    listed = calls.items(repo, DEPLOYMENTS, url, sha=sha, environment=report.environment, per_page=100)
    async for item in listed:
        if _mark(item) == external_id:
            return shaped(lambda found: found.id("id"), item)
    return None


async def update(calls: Calls, repo: Repo, deployment: int, report: DeploymentReport) -> None:
    """GitHub itself makes earlier ones of the environment inactive after a success."""
    body = {
        "state": report.state.value,
        "description": cut_line(report.description, _MOST_DESCRIPTION),
    }
    if report.log_url:
        body["log_url"] = report.log_url
    url = "/deployments/{deployment}/statuses"
    await calls.write("POST", repo, DEPLOYMENTS, url, body, deployment=deployment)


def _mark(item: Any) -> str | None:
    payload = item.get("payload") if isinstance(item, Mapping) else None
    found = payload.get(_MARK) if isinstance(payload, Mapping) else None
    return found if isinstance(found, str) else None
