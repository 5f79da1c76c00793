"""Shared parts of the JSON shapes: addresses, time stamps, users, namespaces, projects."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from ..access import level_of
from ..state import Group, Project, User


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


@dataclass(frozen=True, slots=True)
class Urls:
    """``web`` is where the pages and git are, ``api`` the root of the REST API."""

    web: str

    @property
    def api(self) -> str:
        return f"{self.web}/api/v4"

    def project(self, project: Project) -> str:
        return f"{self.web}/{project.full_path}"

    def user(self, user: User) -> str:
        return f"{self.web}/{user.username}"


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def iso_or_none(at: float | None) -> str | None:
    return None if at is None else iso(at)


def hook_time(at: float) -> str:
    """As payloads of merge requests and notes tell it: ``2026-11-27 07:00:00 UTC``."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


class UserBasic(Shape):
    """The author of anything: https://docs.gitlab.com/api/merge_requests/."""

    id: int
    username: str
    public_email: str | None
    name: str
    state: str
    locked: bool
    avatar_url: str | None
    web_url: str


def user_basic(urls: Urls, user: User) -> UserBasic:
    return UserBasic(**_basic(urls, user))


def _basic(urls: Urls, user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "username": user.username,
        "public_email": None,
        "name": user.name,
        "state": user.state,
        "locked": False,
        "avatar_url": None,
        "web_url": urls.user(user),
    }


class UserFull(UserBasic):
    """https://docs.gitlab.com/api/users/#retrieve-a-user."""

    created_at: str
    bio: str
    bot: bool
    location: str | None
    organization: str | None
    job_title: str


def user_full(urls: Urls, user: User) -> UserFull:
    return UserFull(
        **_basic(urls, user),
        created_at=iso(user.created_at),
        bio="",
        bot=user.bot,
        location=None,
        organization=None,
        job_title="",
    )


class CurrentUser(UserFull):
    """https://docs.gitlab.com/api/users/#retrieve-the-current-user."""

    email: str
    commit_email: str
    external: bool
    two_factor_enabled: bool
    can_create_group: bool
    can_create_project: bool
    namespace_id: int


def current_user(urls: Urls, user: User) -> CurrentUser:
    return CurrentUser(
        **user_full(urls, user).model_dump(),
        email=email_of(user),
        commit_email=email_of(user),
        external=False,
        two_factor_enabled=False,
        can_create_group=not user.bot,
        can_create_project=not user.bot,
        namespace_id=user.namespace_id,
    )


def email_of(user: User) -> str:
    return f"{user.id}-{user.username}@users.noreply.example.com"


class Namespace(Shape):
    id: int
    name: str
    path: str
    kind: str
    full_path: str
    parent_id: int | None
    avatar_url: str | None
    web_url: str


def namespace(urls: Urls, space: Group | User) -> Namespace:
    if isinstance(space, Group):
        path, full, kind, web = space.path, space.full_path, "group", f"groups/{space.full_path}"
        parent = space.parent.id if space.parent else None
    else:
        path, full, kind, web, parent = space.username, space.username, "user", space.username, None
    number = space.id if isinstance(space, Group) else space.namespace_id
    return Namespace(
        id=number,
        name=path,
        path=path,
        kind=kind,
        full_path=full,
        parent_id=parent,
        avatar_url=None,
        web_url=f"{urls.web}/{web}",
    )


class Access(Shape):
    access_level: int
    notification_level: int


class Permissions(Shape):
    project_access: Access | None
    group_access: Access | None


class ProjectBasic(Shape):
    id: int
    description: str | None
    name: str
    name_with_namespace: str
    path: str
    path_with_namespace: str
    created_at: str
    default_branch: str | None
    tag_list: list[str]
    topics: list[str]
    ssh_url_to_repo: str
    http_url_to_repo: str
    web_url: str
    readme_url: str | None
    forks_count: int
    avatar_url: str | None
    star_count: int
    last_activity_at: str
    visibility: str
    namespace: Namespace


class ProjectFull(ProjectBasic):
    """https://docs.gitlab.com/api/projects/#retrieve-a-project."""

    archived: bool
    empty_repo: bool
    creator_id: int
    ci_config_path: str | None
    builds_access_level: str
    merge_requests_access_level: str
    repository_access_level: str
    merge_method: str
    only_allow_merge_if_pipeline_succeeds: bool
    allow_merge_on_skipped_pipeline: bool
    only_allow_merge_if_all_discussions_are_resolved: bool
    permissions: Permissions | None = None
    forked_from_project: ProjectBasic | None = None


def _project(urls: Urls, project: Project) -> dict[str, Any]:
    web = urls.project(project)
    host = urls.web.split("://")[1].split(":")[0]
    space = namespace(urls, project.namespace)
    return {
        "id": project.id,
        "description": None,
        "name": project.path,
        "name_with_namespace": project.full_path.replace("/", " / "),
        "path": project.path,
        "path_with_namespace": project.full_path,
        "created_at": iso(project.created_at),
        "default_branch": project.default_branch,
        "tag_list": [],
        "topics": [],
        "ssh_url_to_repo": f"git@{host}:{project.full_path}.git",
        "http_url_to_repo": f"{web}.git",
        "web_url": web,
        "readme_url": None,
        "forks_count": 0,
        "avatar_url": None,
        "star_count": 0,
        "last_activity_at": iso(project.updated_at),
        "visibility": project.visibility,
        "namespace": space,
    }


def project_basic(urls: Urls, project: Project) -> ProjectBasic:
    return ProjectBasic(**_project(urls, project))


def project_full(urls: Urls, project: Project, viewer: User | None) -> ProjectFull:
    parent = project.forked_from
    return ProjectFull(
        **_project(urls, project),
        archived=project.archived,
        empty_repo=not project.refs,
        creator_id=project.creator.id,
        ci_config_path=None,
        builds_access_level="enabled",
        merge_requests_access_level="enabled",
        repository_access_level="enabled",
        merge_method="merge",
        only_allow_merge_if_pipeline_succeeds=project.only_if_pipeline_succeeds,
        allow_merge_on_skipped_pipeline=project.skipped_pipeline_is_enough,
        only_allow_merge_if_all_discussions_are_resolved=False,
        permissions=None if viewer is None else _permissions(project, viewer),
        forked_from_project=None if parent is None else project_basic(urls, parent),
    )


def _permissions(project: Project, viewer: User) -> Permissions:
    own = project.members.get(viewer.id)
    space = project.namespace
    group = level_of(viewer, space) if isinstance(space, Group) else 0
    direct = own.level if own is not None else 0
    if isinstance(space, User) and space is viewer:
        direct = 50
    return Permissions(
        project_access=Access(access_level=direct, notification_level=3) if direct else None,
        group_access=Access(access_level=group, notification_level=3) if group else None,
    )


class GroupShape(Shape):
    """https://docs.gitlab.com/api/groups/#retrieve-a-group."""

    id: int
    name: str
    path: str
    description: str
    visibility: str
    full_name: str
    full_path: str
    parent_id: int | None
    avatar_url: str | None
    web_url: str
    created_at: str


def group_shape(urls: Urls, group: Group) -> GroupShape:
    return GroupShape(
        id=group.id,
        name=group.path,
        path=group.path,
        description="",
        visibility=group.visibility,
        full_name=group.full_path.replace("/", " / "),
        full_path=group.full_path,
        parent_id=group.parent.id if group.parent else None,
        avatar_url=None,
        web_url=f"{urls.web}/groups/{group.full_path}",
        created_at=iso(group.created_at),
    )


class MemberShape(UserBasic):
    """https://docs.gitlab.com/api/project_members/."""

    access_level: int
    created_at: str
    expires_at: str | None
    membership_state: str
    created_by: UserBasic | None = None
