"""Version, users, tokens, groups and projects: https://docs.gitlab.com/api/version/, /users/, /projects/, /groups/."""

from __future__ import annotations

from typing import Literal

from .. import owning
from ..access import is_over, level_of, may_see
from ..errors import not_found, unauthorized
from ..exchange import Call, Paged, Params, Reply, Route
from ..shapes.common import (
    Shape,
    current_user,
    group_shape,
    iso,
    iso_or_none,
    project_basic,
    project_full,
    user_basic,
    user_full,
)
from ..state import MAINTAINER, NO_ACCESS, Token


class Version(Shape):
    version: str
    revision: str


async def _version(call: Call) -> Reply:
    return Reply(body=Version(version=f"{call.sim.config.version}-ee", revision="0f1e2d3"))


class Kas(Shape):
    enabled: bool
    externalUrl: str | None  # noqa: N815  # as the documentation spells it
    version: str | None


class Metadata(Version):
    kas: Kas
    enterprise: bool


async def _metadata(call: Call) -> Reply:
    kas = Kas(enabled=False, externalUrl=None, version=None)
    version = f"{call.sim.config.version}-ee"
    body = Metadata(version=version, revision="0f1e2d3", kas=kas, enterprise=True)
    return Reply(body=body)


async def _current(call: Call) -> Reply:
    return Reply(body=current_user(call.sim.urls, call.user))


class ByName(Paged):
    username: str | None = None
    search: str | None = None


async def _users(call: Call) -> Reply:
    wanted = call.params(ByName)
    name = wanted.username or ""
    found = [u for u in call.sim.world.users.values() if u.username.lower() == name.lower()]
    items, headers = call.page(found)
    return Reply(body=[user_basic(call.sim.urls, one) for one in items], headers=headers)


async def _user(call: Call) -> Reply:
    found = call.sim.world.user_by_id(call.number("user_id"))
    if found is None:
        raise not_found("User")
    return Reply(body=user_full(call.sim.urls, found))


class TokenShape(Shape):
    """https://docs.gitlab.com/api/personal_access_tokens/#retrieve-a-personal-access-token."""

    id: int
    name: str
    description: str | None
    revoked: bool
    created_at: str
    scopes: list[str]
    user_id: int
    last_used_at: str | None
    active: bool
    expires_at: str | None


def token_shape(token: Token) -> TokenShape:
    return TokenShape(
        id=token.id,
        name=token.name,
        description=None,
        revoked=token.revoked,
        created_at=iso(token.created_at),
        scopes=list(token.scopes),
        user_id=token.user.id,
        last_used_at=iso_or_none(token.last_used_at),
        active=not token.revoked and not is_over(token.expires_on),
        expires_at=token.expires_on,
    )


async def _own_token(call: Call) -> Reply:
    """Of group and project access tokens as well."""
    if call.caller.token is None:
        raise unauthorized()
    return Reply(body=token_shape(call.caller.token))


class Projects(Paged):
    membership: bool = False
    min_access_level: int = NO_ACCESS
    search: str | None = None
    simple: bool = False
    archived: bool | None = None
    order_by: str = "created_at"
    sort: str = "desc"
    pagination: str | None = None
    include_subgroups: bool = False
    owned: bool = False
    with_shared: bool = True


async def _projects(call: Call) -> Reply:
    wanted, user, world = call.params(Projects), call.caller.user, call.sim.world
    least = max(wanted.min_access_level, 1 if wanted.membership else 0)
    found = [
        one
        for one in reversed(world.projects.values())
        if may_see(user, one)
        and level_of(user, one) >= least
        and wanted.archived in (None, one.archived)
        and (wanted.search or "").lower() in one.full_path.lower()
    ]
    if wanted.sort == "asc":
        found.reverse()
    items, headers = call.page(found)
    urls = call.sim.urls
    if wanted.simple:
        return Reply(body=[project_basic(urls, one) for one in items], headers=headers)
    return Reply(body=[project_full(urls, one, user) for one in items], headers=headers)


class License(Params):
    license: bool = False
    with_custom_attributes: bool = False


async def _project(call: Call) -> Reply:
    return Reply(body=project_full(call.sim.urls, call.project, call.caller.user))


class Settings(Params):
    only_allow_merge_if_pipeline_succeeds: bool | None = None
    allow_merge_on_skipped_pipeline: bool | None = None
    visibility: Literal["private", "internal", "public"] | None = None
    path: str | None = None
    default_branch: str | None = None


async def _change_project(call: Call) -> Reply:
    wanted, project = call.params(Settings), call.project
    if wanted.only_allow_merge_if_pipeline_succeeds is not None:
        project.only_if_pipeline_succeeds = wanted.only_allow_merge_if_pipeline_succeeds
    if wanted.allow_merge_on_skipped_pipeline is not None:
        project.skipped_pipeline_is_enough = wanted.allow_merge_on_skipped_pipeline
    project.visibility = wanted.visibility or project.visibility
    project.default_branch = wanted.default_branch or project.default_branch
    if wanted.path is not None:
        owning.move_project(call.sim, project, project.namespace, wanted.path)
    return Reply(body=project_full(call.sim.urls, project, call.caller.user))


async def _fork(call: Call) -> Reply:
    made = await owning.fork_project(call.sim, call.project, call.user, call.user)
    return Reply(201, project_full(call.sim.urls, made, call.user), made=made.id)


async def _forks(call: Call) -> Reply:
    user, source = call.caller.user, call.project
    known = call.sim.world.projects.values()
    found = [one for one in known if one.forked_from is source and may_see(user, one)]
    items, headers = call.page(found)
    return Reply(body=[project_full(call.sim.urls, one, user) for one in items], headers=headers)


async def _groups(call: Call) -> Reply:
    least = call.params(Projects).min_access_level
    user = call.caller.user
    known = call.sim.world.groups.values()
    found = [g for g in known if may_see(user, g) and level_of(user, g) >= least]
    items, headers = call.page(found)
    return Reply(body=[group_shape(call.sim.urls, one) for one in items], headers=headers)


class WithProjects(Params):
    with_projects: bool = True
    with_custom_attributes: bool = False


async def _group(call: Call) -> Reply:
    return Reply(body=group_shape(call.sim.urls, call.group))


async def _group_projects(call: Call) -> Reply:
    user, wanted = call.caller.user, call.params(Projects)
    known = call.sim.world.projects_of(call.group)
    found = [
        one
        for one in known
        if may_see(user, one) and (wanted.include_subgroups or one.namespace is call.group)
    ]
    items, headers = call.page(found)
    return Reply(body=[project_full(call.sim.urls, one, user) for one in items], headers=headers)


ROUTES = (
    Route("GET", "/version", _version, login=True),
    Route("GET", "/metadata", _metadata, login=True),
    Route("GET", "/user", _current, login=True, scopes=("read_user",)),
    Route("GET", "/users", _users, ByName),
    Route("GET", "/users/{user_id}", _user, scopes=("read_user",)),
    Route(
        "GET",
        "/personal_access_tokens/self",
        _own_token,
        login=True,
        scopes=("read_user", "read_repository", "write_repository", "self_rotate"),
    ),
    Route("GET", "/projects", _projects, Projects),
    Route("GET", "/projects/{id}", _project, License),
    Route("PUT", "/projects/{id}", _change_project, Settings, MAINTAINER),
    Route("POST", "/projects/{id}/fork", _fork, level=NO_ACCESS),
    Route("GET", "/projects/{id}/forks", _forks, Paged),
    Route("GET", "/groups", _groups, Projects),
    Route("GET", "/groups/{id}", _group, WithProjects),
    Route("GET", "/groups/{id}/projects", _group_projects, Projects),
)
