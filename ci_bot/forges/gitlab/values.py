"""GitLab's JSON of projects, accounts and merge requests in; our own values out, or `WrongShape`. Pure."""

from __future__ import annotations

import re
from typing import Final

from ci_bot.core.events import NO_SHA, Actor, Pull, Repo
from ci_bot.forges.payload import Fields, WrongShape

FORGE: Final = "gitlab"

#: Projects of whom everybody may read: https://docs.gitlab.com/api/projects/#project-visibility-level
_PUBLIC_LEVEL: Final = 20
_PUBLIC: Final = "public"

#: Goes into URLs, so nothing else is let through; groups within groups have no depth of ours.
#: https://docs.gitlab.com/user/reserved_names/#rules-for-usernames-project-and-group-names-and-slugs
_PART: Final = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}"
_GROUP: Final = re.compile(rf"{_PART}(?:/{_PART}){{0,30}}")
_PROJECT: Final = re.compile(rf"{_PART}(?:/{_PART}){{1,30}}")

#: The account that comes with a project's or group's access token, and one for a service, by the names
#: that GitLab gives them. Who takes such a name only loses by it.
#: https://docs.gitlab.com/user/project/settings/project_access_tokens/#bot-users-for-projects
#: https://docs.gitlab.com/user/profile/service_accounts/
_NO_PERSON: Final = re.compile(
    r"(?:project|group)_\d+_bot_?[0-9a-f]*|service_account_(?:(?:group|project)_\d+_)?[0-9a-f]{32}"
)


def is_project_path(name: str) -> bool:
    """Whether it is "group/project", at any depth, and safe in a URL."""
    return bool(_PROJECT.fullmatch(name))


def is_group_path(name: str) -> bool:
    return bool(_GROUP.fullmatch(name))


def told_repo_of(project: Fields, id: int) -> Repo:
    """A project as hooks carry it; in older ones its number stands beside it."""
    private = project.data.get("visibility_level") != _PUBLIC_LEVEL
    path = path_of(project, "path_with_namespace")
    return Repo(FORGE, id, path, _branch(project), private, tenant_of(path))


def repo_of(project: Fields) -> Repo:
    """A project as the API describes it."""
    private = project.name("visibility") != _PUBLIC if project.has("visibility") else True
    path = path_of(project, "path_with_namespace")
    return Repo(FORGE, project.id("id"), path, _branch(project), private, tenant_of(path))


def tenant_of(path: str) -> str:
    """The group at the top, or the person: whose stored secrets a project may share. Case does not count."""
    return path.partition("/")[0].lower()


def path_of(data: Fields, key: str) -> str:
    path = data.name(key)
    if not is_project_path(path):
        raise WrongShape(f"{data.path}.{key} must be group/project")
    return path


def _branch(project: Fields) -> str:
    """An empty repository has none."""
    return project.name("default_branch") if project.has("default_branch") else ""


def actor_of(account: Fields) -> Actor:
    return account_of(account.id("id"), account.name("username"))


def account_of(id: int, username: str) -> Actor:
    """`username` "" where GitLab tells the number alone."""
    is_bot = bool(_NO_PERSON.fullmatch(username))
    return Actor(id, username or f"user-{id}", is_bot=is_bot)


def pull_of(data: Fields) -> Pull:
    """A merge request as the API describes it. Lists leave out what it is compared with.

    `base_sha` is what the target branch was at when the head came, not where the source left it.
    https://docs.gitlab.com/api/merge_requests/#get-single-mr
    """
    refs = data.object("diff_refs") if data.has("diff_refs") else None
    return Pull(
        number=data.id("iid"),
        title=data.text("title"),
        author=actor_of(data.object("author")),
        head_sha=data.sha("sha"),
        head_ref=data.name("source_branch"),
        head_repo=data.id("source_project_id") if data.has("source_project_id") else None,
        base_ref=data.name("target_branch"),
        base_sha=refs.sha("start_sha") if refs is not None and refs.has("start_sha") else NO_SHA,
        is_open=data.name("state") == "opened",
        is_draft=data.flag("draft") if data.has("draft") else False,
        labels=_names(data, "labels"),
    )


def _names(data: Fields, key: str) -> tuple[str, ...]:
    """A list of strings; hooks list objects with a title."""
    listed = data.data.get(key)
    return tuple(name for name in listed if isinstance(name, str)) if isinstance(listed, list) else ()
