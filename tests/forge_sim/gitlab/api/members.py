"""Who is a member, at which level: https://docs.gitlab.com/api/project_members/, /group_members/."""

from __future__ import annotations

from typing import Any

from ..access import members_of
from ..errors import ApiError, not_found
from ..exchange import Call, Paged, Params, Reply, Route
from ..owning import set_member
from ..shapes.common import MemberShape, iso, user_basic
from ..state import LEVELS, MAINTAINER, Member


class ByQuery(Paged):
    query: str | None = None
    user_ids: list[int] | None = None
    state: str | None = None


def _shape(call: Call, member: Member) -> MemberShape:
    known: dict[str, Any] = user_basic(call.sim.urls, member.user).model_dump()
    return MemberShape(
        **known,
        access_level=member.level,
        created_at=iso(member.created_at),
        expires_at=member.expires_on,
        membership_state="active",
    )


def _list(call: Call, members: dict[int, Member]) -> Reply:
    items, headers = call.page(list(members.values()))
    return Reply(body=[_shape(call, one) for one in items], headers=headers)


def _one(call: Call, members: dict[int, Member]) -> Reply:
    """Blocked users and memberships whose date has passed are told with their state and date."""
    found = members.get(call.number("user_id"))
    if found is None:
        raise not_found()
    return Reply(body=_shape(call, found))


async def _direct(call: Call) -> Reply:
    return _list(call, call.place.members)


async def _all(call: Call) -> Reply:
    return _list(call, members_of(call.place))


async def _direct_one(call: Call) -> Reply:
    return _one(call, call.place.members)


async def _all_one(call: Call) -> Reply:
    return _one(call, members_of(call.place))


class NewMember(Params):
    user_id: int
    access_level: int
    expires_at: str | None = None


async def _add(call: Call) -> Reply:
    wanted = call.params(NewMember)
    user = call.sim.world.user_by_id(wanted.user_id)
    if user is None:
        raise not_found("User")
    if user.id in call.place.members:
        raise ApiError(409, "Member already exists")
    _check(wanted.access_level)
    set_member(call.place, user, wanted.access_level, wanted.expires_at)
    return Reply(201, _shape(call, call.place.members[user.id]), made=user.id)


class ChangedMember(Params):
    access_level: int
    expires_at: str | None = None


async def _change(call: Call) -> Reply:
    wanted, found = call.params(ChangedMember), call.place.members.get(call.number("user_id"))
    if found is None:
        raise not_found()
    _check(wanted.access_level)
    set_member(call.place, found.user, wanted.access_level, wanted.expires_at)
    return Reply(body=_shape(call, call.place.members[found.user.id]))


def _check(level: int) -> None:
    if level not in LEVELS.values() or level == 0:
        raise ApiError(400, {"message": {"access_level": ["is not included in the list"]}})


async def _remove(call: Call) -> Reply:
    if call.place.members.pop(call.number("user_id"), None) is None:
        raise not_found()
    return Reply(204)


def _routes(base: str) -> tuple[Route, ...]:
    return (
        Route("GET", f"{base}/members", _direct, ByQuery),
        Route("GET", f"{base}/members/all", _all, ByQuery),
        Route("GET", f"{base}/members/all/{{user_id}}", _all_one),
        Route("GET", f"{base}/members/{{user_id}}", _direct_one),
        Route("POST", f"{base}/members", _add, NewMember, MAINTAINER),
        Route("PUT", f"{base}/members/{{user_id}}", _change, ChangedMember, MAINTAINER),
        Route("DELETE", f"{base}/members/{{user_id}}", _remove, level=MAINTAINER),
    )


ROUTES = (*_routes("/projects/{id}"), *_routes("/groups/{id}"))
