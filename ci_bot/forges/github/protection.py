"""A repository's name in; what its default branch demands of a merge out, asked of GitHub. I/O."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ci_bot.core.errors import ForgeDenied, ForgeError, SettingsError
from ci_bot.core.events import Repo
from ci_bot.core.report.names import GATE
from ci_bot.forges.gate import GateExamination
from ci_bot.forges.github.auth import NotGranted, Tokens
from ci_bot.forges.github.calls import Calls
from ci_bot.forges.github.gate import Protection, Us, examination
from ci_bot.forges.github.permissions import PROTECTION, RESULTS
from ci_bot.forges.github.values import FORGE, is_full_name, repo_of
from ci_bot.forges.payload import Fields, WrongShape

NO_NAME: Final = "{name} names no repository: write owner/name"
NOT_INSTALLED: Final = (
    "the App is not installed on {name}, or there is no such repository; install it from the App's page"
)


async def examine(calls: Calls, tokens: Tokens, app_id: int, name: str) -> GateExamination:
    """`name` is "owner/name". Raises `SettingsError` if not, `ForgeDenied` where the App is not installed."""
    if not is_full_name(name):
        raise SettingsError([NO_NAME.format(name=name)])
    tenant, slug = await _installation(tokens, name)
    repo = await _repo(calls, name, tenant)
    branch = await _branch(calls, repo)
    rules = await _rules(calls, repo)
    checks, statuses = await _results(calls, repo, branch)
    found = Protection(branch, rules, checks, statuses)
    return examination(repo.default_branch, found, Us(app_id, slug))


async def _installation(tokens: Tokens, name: str) -> tuple[str, str]:
    """Its number, and the App's slug.

    https://docs.github.com/rest/apps/apps#get-a-repository-installation-for-the-authenticated-app
    """
    owner, _, repo = name.partition("/")
    try:
        answer = await tokens.as_app("/repos/{owner}/{repo}/installation", owner=owner, repo=repo)
        found = Fields.of(answer)
        return str(found.id("id")), found.name("app_slug")
    except WrongShape as error:
        raise ForgeError("GitHub's answer describes no installation") from error
    except ForgeError as error:
        if error.status != 404:
            raise
        raise ForgeDenied(NOT_INSTALLED.format(name=name), 404) from error


async def _repo(calls: Calls, name: str, tenant: str) -> Repo:
    """https://docs.github.com/rest/repos/repos#get-a-repository."""
    unknown = Repo(FORGE, 0, name, default_branch="", private=True, tenant=tenant)
    try:
        return repo_of(Fields.of(await calls.get(unknown, PROTECTION, "")), tenant)
    except WrongShape as error:
        raise ForgeError("GitHub's answer describes no repository") from error


async def _branch(calls: Calls, repo: Repo) -> Any:
    """None where the repository has no commit yet, so not that branch either."""
    try:
        return await calls.get(repo, PROTECTION, "/branches/{branch}", branch=repo.default_branch)
    except ForgeError as error:
        if error.status == 404:
            return None
        raise


async def _rules(calls: Calls, repo: Repo) -> Sequence[Any]:
    """None of them where the forge does not know rules at all, as older Enterprise Servers."""
    url = "/rules/branches/{branch}{?per_page,page}"
    listed = calls.items(repo, PROTECTION, url, branch=repo.default_branch, per_page=100)
    try:
        return [rule async for rule in listed]
    except ForgeError as error:
        if error.status == 404:
            return ()
        raise


async def _results(calls: Calls, repo: Repo, branch: Any) -> tuple[Any, Any]:
    """Check runs and statuses of the newest commit; nothing where those may not be read."""
    commit = branch.get("commit") if isinstance(branch, dict) else None
    if not isinstance(commit, dict):
        return None, None
    checks, statuses = "/commits/{sha}/check-runs{?check_name}", "/commits/{sha}/status{?per_page}"
    sha = str(commit.get("sha"))
    try:
        return (
            await calls.get(repo, RESULTS, checks, sha=sha, check_name=GATE),
            await calls.get(repo, RESULTS, statuses, sha=sha, per_page=100),
        )
    except NotGranted:
        return None, None
