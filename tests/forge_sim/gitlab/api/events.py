"""What happened in a project: https://docs.gitlab.com/api/events/#list-all-visible-events-for-a-project."""

from __future__ import annotations

from typing import Literal

from ...git import NULL_SHA
from ..exchange import Call, Paged, Reply, Route
from ..shapes.common import Shape, UserBasic, iso, user_basic
from ..state import PushEvent


class PushData(Shape):
    commit_count: int
    action: str
    ref_type: str
    commit_from: str | None
    commit_to: str | None
    ref: str | None
    commit_title: str | None
    ref_count: int | None


class EventShape(Shape):
    id: int
    project_id: int
    action_name: str
    target_id: int | None
    target_iid: int | None
    target_type: str | None
    author_id: int
    target_title: str | None
    created_at: str
    author: UserBasic
    imported: bool
    imported_from: str
    push_data: PushData
    author_username: str


_ACTIONS = {"created": "pushed new", "removed": "deleted", "pushed": "pushed to"}


def _shape(call: Call, one: PushEvent) -> EventShape:
    action = "created" if one.before == NULL_SHA else "pushed"
    action = "removed" if one.after == NULL_SHA and one.ref is not None else action
    data = PushData(
        commit_count=one.commits,
        action=action,
        ref_type=one.ref_type,
        commit_from=None if one.before == NULL_SHA else one.before,
        commit_to=None if one.after == NULL_SHA else one.after,
        ref=one.ref,
        commit_title=one.title,
        ref_count=None if one.ref is not None else one.refs,
    )
    return EventShape(
        id=one.id,
        project_id=call.project.id,
        action_name=_ACTIONS[action],
        target_id=None,
        target_iid=None,
        target_type=None,
        author_id=one.user.id,
        target_title=None,
        created_at=iso(one.at),
        author=user_basic(call.sim.urls, one.user),
        imported=False,
        imported_from="none",
        push_data=data,
        author_username=one.user.username,
    )


class Events(Paged):
    """Only pushes are kept here, so nothing else is found whatever is asked for."""

    action: str | None = None
    target_type: str | None = None
    before: str | None = None
    after: str | None = None
    sort: Literal["asc", "desc"] = "desc"


async def _events(call: Call) -> Reply:
    wanted = call.params(Events)
    found = list(call.project.pushes) if wanted.action in (None, "pushed") else []
    if wanted.sort == "desc":
        found.reverse()
    items, headers = call.page(found)
    return Reply(body=[_shape(call, one) for one in items], headers=headers)


ROUTES = (Route("GET", "/projects/{id}/events", _events, Events),)
