"""A check report in; a check run on GitHub out. I/O below, pure above.

https://docs.github.com/rest/checks/runs
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ci_bot.core.errors import ForgeError
from ci_bot.core.events import Repo
from ci_bot.core.report.values import MAX_MARKDOWN, Action, Annotation, CheckReport, CheckState
from ci_bot.forges.github.calls import Calls
from ci_bot.forges.github.permissions import CHECKS
from ci_bot.forges.payload import Fields, WrongShape
from ci_bot.forges.texts import cut, cut_line, iso

#: "The Checks API limits the number of annotations to a maximum of 50 per API request."
BATCH: Final = 50

_MOST_TITLE: Final = 255
_MOST_ACTIONS: Final = 3
_MOST_LABEL: Final = 20
_MOST_DESCRIPTION: Final = 40
_MOST_MESSAGE: Final = 65_535  # bytes: "the maximum size is 64 KB"


def body_of(report: CheckReport, annotations: Sequence[Annotation]) -> dict[str, Any]:
    """What a new check run and a changed one have in common."""
    body: dict[str, Any] = {
        "status": report.state.value,
        "output": {**_output(report), "annotations": [_annotation(one) for one in annotations]},
    }
    if report.details_url:
        body["details_url"] = report.details_url
    if report.started_at is not None:
        body["started_at"] = iso(report.started_at)
    if report.conclusion is not None:
        body["conclusion"] = report.conclusion.value
        if report.finished_at is not None:
            body["completed_at"] = iso(report.finished_at)
        if report.actions:
            body["actions"] = [_action(one) for one in report.actions[:_MOST_ACTIONS]]
    return body


def _action(one: Action) -> dict[str, str]:
    """Buttons appear once the check is completed, so they are sent with its conclusion."""
    return {
        "label": cut_line(one.label, _MOST_LABEL),
        "description": cut_line(one.description, _MOST_DESCRIPTION),
        "identifier": one.button.value,
    }


def _output(report: CheckReport) -> dict[str, Any]:
    output = {
        "title": cut_line(report.title, _MOST_TITLE),
        "summary": cut(report.summary, MAX_MARKDOWN),
    }
    return {**output, "text": cut(report.text, MAX_MARKDOWN)} if report.text else output


def _annotation(one: Annotation) -> dict[str, Any]:
    line = max(1, one.line)
    shown: dict[str, Any] = {
        "path": one.path,
        "start_line": line,
        "end_line": line,
        "annotation_level": one.level,
        "message": cut(one.message, _MOST_MESSAGE),
    }
    if one.title:
        shown["title"] = cut_line(one.title, _MOST_TITLE)
    if one.column is not None:
        shown |= {"start_column": one.column, "end_column": one.column}
    return shown


async def create(calls: Calls, repo: Repo, sha: str, report: CheckReport, external_id: str) -> int:
    """Returns the id of the new check run."""
    first = _due(report)[:BATCH]
    mark = {"name": report.name, "head_sha": sha, "external_id": external_id}
    body = {**mark, **body_of(report, first)}
    answer = await calls.write("POST", repo, CHECKS, "/check-runs", body)
    check = _id(answer)
    await _annotate(calls, repo, check, report, from_=len(first))
    return check


async def update(calls: Calls, repo: Repo, check: int, report: CheckReport) -> None:
    """Safe to repeat: the conclusion goes first, and its answer tells how many annotations are there.

    GitHub appends annotations and takes none back, so what was accepted is never sent again. Buttons
    it replaces, by none too, but keeps where nothing is said of them.
    """
    buttons: dict[str, Any] = {"actions": []} if report.conclusion is not None else {}
    answer = await _patch(calls, repo, check, {**buttons, **body_of(report, ())})
    if report.annotations:
        await _annotate(calls, repo, check, report, from_=_accepted(answer))


async def find(
    calls: Calls, repo: Repo, sha: str, name: str, external_id: str, app_id: int
) -> tuple[int, str | None] | None:
    """Id and conclusion of our own check run with this external id on the commit."""
    url = "/commits/{sha}/check-runs{?check_name,filter,app_id,per_page,page}"
    listed = calls.items(
        repo,
        CHECKS,
        url,
        key="check_runs",
        sha=sha,
        check_name=name,
        filter="all",
        app_id=app_id,
        per_page=30,  # an answer holds each one's whole output
    )
    async for item in listed:
        if isinstance(item, dict) and item.get("external_id") == external_id and _is_by(item, app_id):
            return _id(item), _conclusion(item)
    return None


def _conclusion(item: Mapping[str, Any]) -> str | None:
    found = item.get("conclusion")
    return found if isinstance(found, str) else None


def _due(report: CheckReport) -> tuple[Annotation, ...]:
    """Annotations go with the end alone, or every update on the way would repeat them."""
    return report.annotations if report.state is CheckState.COMPLETED else ()


async def _annotate(calls: Calls, repo: Repo, check: int, report: CheckReport, from_: int) -> None:
    rest = _due(report)[from_:]
    for start in range(0, len(rest), BATCH):
        batch = [_annotation(one) for one in rest[start : start + BATCH]]
        await _patch(calls, repo, check, {"output": {**_output(report), "annotations": batch}})


async def _patch(calls: Calls, repo: Repo, check: int, body: Mapping[str, Any]) -> Any:
    return await calls.write("PATCH", repo, CHECKS, "/check-runs/{check}", body, check=check)


def _is_by(item: dict[str, Any], app_id: int) -> bool:
    app = item.get("app")
    return isinstance(app, dict) and app.get("id") == app_id


def _id(answer: Any) -> int:
    try:
        return Fields.of(answer).id("id")
    except WrongShape as error:
        raise ForgeError("GitHub's answer names no check run") from error


def _accepted(answer: Any) -> int:
    try:
        count = Fields.of(answer).object("output").data.get("annotations_count")
    except WrongShape:
        count = None
    if type(count) is not int or count < 0:
        raise ForgeError("GitHub's answer does not count the annotations")
    return count
