"""A check report in; a commit status in an external pipeline out. I/O below, pure above.

https://docs.gitlab.com/api/commits/#set-commit-pipeline-status
Which pipeline, and which status in it, GitLab takes for the same:
https://gitlab.com/gitlab-org/gitlab/-/blob/master/app/services/ci/create_commit_status_service.rb
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

from ci_bot.core.errors import ForgeBusy, ForgeError
from ci_bot.core.report.values import CheckReport, CheckState, Conclusion, Spot
from ci_bot.forges.gitlab.client import GONE, Client
from ci_bot.forges.payload import Fields, shaped
from ci_bot.forges.texts import cut_line

#: https://gitlab.com/gitlab-org/gitlab/-/blob/master/app/models/generic_commit_status.rb
_MOST_URL: Final = 255
_MOST_NAME: Final = 255
#: No limit is written down; longer ones are not read in a tooltip.
_MOST_DESCRIPTION: Final = 255
#: Another update of the commit holds GitLab's lock, which it waits 10 s for itself.
_TAKEN_SECONDS: Final = 2.0

ENDPOINT: Final = "/projects/{project}/statuses/{sha}"

#: Waiting for a person is not failing: nothing is red, and nothing can be merged either.
_STATES: Final[Mapping[Conclusion, str]] = MappingProxyType(
    {
        Conclusion.SUCCESS: "success",
        Conclusion.SKIPPED: "skipped",
        Conclusion.FAILURE: "failed",
        Conclusion.TIMED_OUT: "failed",
        Conclusion.CANCELLED: "canceled",
        Conclusion.ACTION_REQUIRED: "pending",
    }
)
_RUNNING: Final[Mapping[CheckState, str]] = MappingProxyType(
    {CheckState.QUEUED: "pending", CheckState.IN_PROGRESS: "running"}
)


#: "/approve 1a2b…", or "/ci approve 1a2b…", alone on its line.
_COMMAND: Final = re.compile(r"^/(?:[a-z0-9-]{1,32} )?approve [0-9a-f]{40}$", re.MULTILINE)


_REFUSED_FROM: Final = re.compile(r"annot transition status via :\w+ from :(\w+)")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a commit's statuses are: a project, a ref of it, and the pipeline once it is known (else 0)."""

    project: int
    ref: str
    pipeline: int = 0


def name_of(check: str) -> str:
    """As GitLab's own jobs are written: "ci-bot/test" for the check "ci-bot / test"."""
    return cut_line(check.replace(" / ", "/", 1), _MOST_NAME)


def state_of(report: CheckReport, spot: Spot) -> str:
    """GitLab lets merge by the whole pipeline, so what does not count must not be red in the gate's.

    It is skipped there when it fails. What runs cannot be skipped any more, so it waits meanwhile.
    """
    counts = spot.counts or spot.is_tag  # which has a pipeline of its own
    if report.conclusion is None:
        return _RUNNING[report.state] if counts else "pending"
    if counts or report.conclusion is Conclusion.SUCCESS:
        return _STATES[report.conclusion]
    return "skipped"


def body_of(report: CheckReport, place: Place, spot: Spot) -> dict[str, Any]:
    body: dict[str, Any] = {
        "state": state_of(report, spot),
        "name": name_of(report.name),
        "description": _description(report),
    }
    if report.details_url and len(report.details_url) <= _MOST_URL:
        body["target_url"] = report.details_url
    if report.coverage is not None:
        body["coverage"] = report.coverage
    if place.ref:
        body["ref"] = place.ref
    if place.pipeline:
        body["pipeline_id"] = place.pipeline
    return body


def _description(report: CheckReport) -> str:
    """Of what waits for a person also the line that lets it go on, which stands alone in the summary."""
    command = (
        _COMMAND.search(report.summary) if report.conclusion is Conclusion.ACTION_REQUIRED else None
    )
    if command is None:
        return cut_line(report.title, _MOST_DESCRIPTION)
    next_step = f"; next: {command.group()}"
    return cut_line(report.title, _MOST_DESCRIPTION - len(next_step)) + next_step


async def publish(client: Client, spot: Spot, report: CheckReport, place: Place) -> Place:
    """The place with the pipeline that holds it now. Safe to repeat.

    Raises `ForgeBusy` while another update of this commit is under way.
    """
    body = body_of(report, place, spot)
    try:
        answer = await client.write("post", ENDPOINT, body, project=place.project, sha=spot.sha)
    except ForgeError as error:
        if _is_there_already(error, body["state"]):
            return place
        if error.status == 409:
            raise ForgeBusy(str(error), _TAKEN_SECONDS, 409) from error
        if error.status in GONE and place.pipeline and "pipeline" in str(error).lower():
            return await publish(client, spot, report, replace(place, pipeline=0))  # it was deleted
        raise
    return replace(place, pipeline=shaped(_pipeline, answer) or place.pipeline)


def _is_there_already(error: ForgeError, wanted: str) -> bool:
    """A status that is in the wanted state is not accepted again, nor one that runs as one that waits.

    "Cannot transition status via :run from :running (Reason(s): Status cannot transition via "run")"
    https://gitlab.com/gitlab-org/gitlab/-/blob/master/app/models/commit_status.rb
    """
    found = _REFUSED_FROM.search(str(error)) if error.status == 400 else None
    return found is not None and (found.group(1) == wanted or wanted in _RUNNING.values())


def _pipeline(answer: Fields) -> int:
    """Told since 16.3: https://gitlab.com/gitlab-org/gitlab/-/merge_requests/127559."""
    return answer.id("pipeline_id") if answer.has("pipeline_id") else 0


async def pipeline_of(client: Client, sha: str, name: str, place: Place, me: int) -> int:
    """The pipeline of our own newest status of this name on the commit, 0 if there is none.

    https://docs.gitlab.com/api/commits/#list-commit-statuses
    """
    query = {"name": name_of(name)} | ({"ref": place.ref} if place.ref else {})
    endpoint = "/projects/{project}/repository/commits/{sha}/statuses"
    newest, pipeline = 0, 0
    async for item in client.items(endpoint, query, project=place.project, sha=sha):
        status = shaped(lambda one: one, item)
        author = status.data.get("author")
        if isinstance(author, dict) and author.get("id") == me:
            id = shaped(lambda one: one.id("id"), item)
            newest, pipeline = max((newest, pipeline), (id, shaped(_pipeline, item)))
    return pipeline
