"""A project's path in; what a merge into its default branch depends on out, asked of GitLab. I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ci_bot.core.errors import ForgeBusy, ForgeDenied, ForgeError, SettingsError
from ci_bot.core.events import Repo
from ci_bot.forges.gate import GateExamination
from ci_bot.forges.gitlab.client import Client
from ci_bot.forges.gitlab.facts import access_level, read_file
from ci_bot.forges.gitlab.gate import ForkHead, Found, examination
from ci_bot.forges.gitlab.levels import DEVELOPER
from ci_bot.forges.gitlab.values import is_project_path, repo_of
from ci_bot.forges.payload import Fields, shaped

NO_NAME: Final = "{name} names no project: write group/project"
NOT_SEEN: Final = "there is no project {name}, or the bot may not see it; add it as a member, in the project's Manage, Members"
CI_FILE: Final = ".gitlab-ci.yml"
#: Merge requests whose forks are looked at.
_MOST_PULLS: Final = 100


async def examine(client: Client, name: str, bot: int, username: str) -> GateExamination:
    """`name` is "group/project". Raises `SettingsError` if not, `ForgeDenied` where it is not seen."""
    project = await project_of(client, name)
    repo = shaped(repo_of, project)
    level = await access_level(client, repo.id, bot)
    return examination(
        Found(
            project=project,
            level=level,
            bot=username,
            has_ci_file=await _has_ci_file(client, repo, project),
            may_update=await _may_update(client, repo, level, bot),
            forks=[each async for each in _forks(client, repo, bot)],
        )
    )


async def project_of(client: Client, name: str) -> Any:
    """https://docs.gitlab.com/api/projects/#get-a-single-project"""
    if not is_project_path(name):
        raise SettingsError([NO_NAME.format(name=name)])
    try:
        return await client.get("/projects/{project}", project=name)
    except ForgeBusy:
        raise
    except ForgeError as error:
        if error.status not in (403, 404):
            raise
        raise ForgeDenied(NOT_SEEN.format(name=name), error.status) from error


async def _has_ci_file(client: Client, repo: Repo, project: Mapping[str, Any]) -> bool:
    """On the default branch; a file elsewhere ("path@project") or of another name counts as well."""
    path = project.get("ci_config_path") or CI_FILE
    if not repo.default_branch:
        return False
    if path != CI_FILE and ("@" in path or "://" in path):
        return True
    try:
        return await read_file(client, repo, path, repo.default_branch) is not None
    except ForgeBusy:
        raise
    except ForgeError as error:
        if error.status == 404:
            return False
        raise


async def _may_update(client: Client, repo: Repo, level: int, bot: int) -> bool:
    """What GitLab asks of whoever sets a status on a protected branch.

    https://docs.gitlab.com/api/protected_branches/#get-a-single-protected-branch-or-wildcard-protected-branch
    https://gitlab.com/gitlab-org/gitlab/-/blob/master/app/policies/ci/pipeline_policy.rb
    """
    endpoint = "/projects/{project}/protected_branches/{branch}"
    if not repo.default_branch:
        return True
    try:
        rule = await client.get(endpoint, project=repo.id, branch=repo.default_branch)
    except ForgeBusy:
        raise
    except ForgeError as error:
        if error.status not in (403, 404):
            raise
        return True  # not protected, or not for us to see: then the role is told already
    rules = Fields.of(rule)
    allowed = [*_listed(rules, "push_access_levels"), *_listed(rules, "merge_access_levels")]
    return any(
        one.get("user_id") == bot
        or (one.get("user_id") is None and 0 < (one.get("access_level") or 0) <= level)
        for one in allowed
    )


def _listed(rule: Fields, key: str) -> Sequence[Mapping[str, Any]]:
    found = rule.data.get(key)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


async def _forks(client: Client, repo: Repo, bot: int) -> Any:
    query = {"state": "opened", "per_page": _MOST_PULLS, "order_by": "updated_at"}
    known: dict[int, bool] = {}
    listed = client.items("/projects/{project}/merge_requests", query, pages=1, project=repo.id)
    async for item in listed:
        number, fork = shaped(_source, item)
        if fork in (None, repo.id):
            continue
        if fork not in known:
            known[fork] = await is_developer(client, fork, bot)
        yield ForkHead(number, await _path(client, fork), known[fork])


def _source(item: Fields) -> tuple[int, int | None]:
    fork = item.id("source_project_id") if item.has("source_project_id") else None
    return item.id("iid"), fork


async def is_developer(client: Client, project: int, bot: int) -> bool:
    """Whether our statuses are taken there. What may not be seen takes none."""
    try:
        return await access_level(client, project, bot) >= DEVELOPER
    except ForgeDenied:
        return False


async def _path(client: Client, project: int) -> str:
    try:
        return shaped(repo_of, await client.get("/projects/{project}", project=project)).name
    except ForgeBusy:
        raise
    except ForgeError:
        return f"project {project}, which the bot does not see"
