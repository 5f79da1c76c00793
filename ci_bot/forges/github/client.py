"""GitHub as the ports see it: facts asked, reports shown, everything with the App's credentials. I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import aiohttp

from ci_bot.core.changes import Between, ChangedFiles, OfPull
from ci_bot.core.convergence import FoundCheck
from ci_bot.core.effects import Reaction
from ci_bot.core.errors import ForgeDenied, ForgeError
from ci_bot.core.events import Access, Actor, Pull, Repo
from ci_bot.core.model import Run
from ci_bot.core.reconciling import Attempt, LastPush, OpenPull
from ci_bot.core.report.values import CheckReport, CommentReport, DeploymentReport, Spot
from ci_bot.forges.gate import GateExamination
from ci_bot.forges.github import (
    checks,
    comments,
    deployments,
    examination,
    facts,
    protection,
    reconciling,
    statuses,
    syncing,
)
from ci_bot.forges.github.api import Api
from ci_bot.forges.github.auth import AppKey, Identity, NotGranted, Tokens
from ci_bot.forges.github.calls import Calls
from ci_bot.forges.github.manifest import hook_url
from ci_bot.forges.github.permissions import CLONE
from ci_bot.forges.github.syncing import AppSync
from ci_bot.ports import Clock, CloneSource, OnCall

#: The user name that goes with an installation token in git's HTTP.
#: https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/authenticating-as-a-github-app-installation
_GIT_USER: Final = "x-access-token"

_CHECK: Final = "check"
_STATUS: Final = "status"
_COMMENT: Final = "comment"
_DEPLOYMENT: Final = "deployment"


class GitHub:
    """`ports.ForgeFacts`, `ForgeReports`, `ReconcilingForge`, `DeployingForge` and `Branches` for one App on github.com or an Enterprise Server.

    `api_url` and `web_url` ("https://api.github.com", "https://github.com"; for a server
    "https://HOST/api/v3", "https://HOST") are the only hosts that ever see a credential. `on_token`
    is told every token before it is used, so that no log shows it. The session stays the caller's.
    """

    def __init__(
        self,
        *,
        app_id: int,
        private_key: str,
        api_url: str,
        web_url: str,
        session: aiohttp.ClientSession,
        clock: Clock,
        on_token: Callable[[bytes], None],
        on_call: OnCall = lambda _: None,
    ) -> None:
        """`private_key` is the App's, in PEM. Raises `SettingsError` if it is none."""
        api = Api(session, api_url, clock, on_call)
        self._app_id = app_id
        self._web_url = web_url.rstrip("/")
        self._tokens = Tokens(api, AppKey(app_id, private_key), on_token)
        self._calls = Calls(api, self._tokens)
        self._me = Identity(app_id, self._tokens)

    def page_of(self, run: Run) -> str:
        """GitHub's own page of what a run tested."""
        what = f"pull/{run.pull}" if run.pull is not None else f"commit/{run.sha}"
        return f"{self._web_url}/{run.repo.name}/{what}"

    async def read_file(self, repo: Repo, path: str, sha: str) -> bytes | None:
        return await facts.read_file(self._calls, repo, path, sha)

    async def pull(self, repo: Repo, number: int) -> Pull:
        return await facts.pull(self._calls, repo, number)

    async def pulls_of_head(self, repo: Repo, sha: str) -> Sequence[Pull]:
        return await facts.pulls_of_head(self._calls, repo, sha)

    async def permission(self, repo: Repo, actor: Actor) -> Access:
        return await facts.permission(self._calls, repo, actor)

    async def branch_head(self, repo: Repo, branch: str) -> str | None:
        return await facts.branch_head(self._calls, repo, branch)

    async def commit_message(self, repo: Repo, sha: str) -> str:
        return await facts.commit_message(self._calls, repo, sha)

    async def clone_source(self, repo: Repo, pull: int | None) -> CloneSource:
        """A fork's commit is fetched from the base repository: the token has no access to the fork."""
        token = await self._tokens.get(repo, CLONE)
        refs = () if pull is None else (f"refs/pull/{pull}/head",)
        return CloneSource(f"{self._web_url}/{repo.name}.git", _GIT_USER, token, refs)

    async def changed_files(self, repo: Repo, question: OfPull | Between) -> ChangedFiles:
        return await facts.changed_files(self._calls, repo, question)

    async def forced_at(self, repo: Repo, number: int) -> float | None:
        return await facts.forced_at(self._calls, repo, number)

    async def publish(
        self, repo: Repo, spot: Spot, report: CheckReport, external_id: str, handle: str | None
    ) -> str:
        """As a check run; as a commit status of the same name where checks are not granted."""
        check, sha = _number(handle, _CHECK), spot.sha
        if check is not None:
            await checks.update(self._calls, repo, check, report)
            return _handle(_CHECK, check)
        if handle is not None:
            return await self._publish_status(repo, sha, report)
        try:
            check = await checks.create(self._calls, repo, sha, report, external_id)
        except NotGranted as denied:
            return await self._publish_status(repo, sha, report, denied)
        return _handle(_CHECK, check)

    async def _publish_status(
        self, repo: Repo, sha: str, report: CheckReport, denied: ForgeDenied | None = None
    ) -> str:
        """Where statuses are not granted either, it is checks that should be."""
        try:
            await statuses.publish(self._calls, repo, sha, report)
        except NotGranted:
            if denied is None:
                raise
            raise denied from None
        return _handle(_STATUS, report.name)

    async def find(self, repo: Repo, sha: str, name: str, external_id: str) -> FoundCheck | None:
        """None also where checks are not granted: a status may be written twice without harm."""
        try:
            found = await checks.find(self._calls, repo, sha, name, external_id, self._app_id)
        except NotGranted:
            return None
        return None if found is None else FoundCheck(_handle(_CHECK, found[0]), found[1])

    async def comment(self, repo: Repo, number: int, comment: CommentReport, handle: str | None) -> str:
        known = _number(handle, _COMMENT)
        written = await comments.write(self._calls, repo, number, comment, known, self._me)
        return _handle(_COMMENT, written)

    async def react(self, repo: Repo, number: int, comment: int, reaction: Reaction) -> None:
        await comments.react(self._calls, repo, comment, reaction.value)

    async def create_deployment(
        self, repo: Repo, spot: Spot, report: DeploymentReport, external_id: str
    ) -> str:
        made = await deployments.create(self._calls, repo, spot.sha, report, external_id)
        return _handle(_DEPLOYMENT, made)

    async def find_deployment(
        self, repo: Repo, sha: str, report: DeploymentReport, external_id: str
    ) -> str | None:
        found = await deployments.find(self._calls, repo, sha, report, external_id)
        return None if found is None else _handle(_DEPLOYMENT, found)

    async def update_deployment(self, repo: Repo, handle: str, report: DeploymentReport) -> None:
        deployment = _number(handle, _DEPLOYMENT)
        if deployment is None:
            raise ForgeError(f"{handle!r} is no deployment")
        await deployments.update(self._calls, repo, deployment, report)

    async def attempts(self, repos: Sequence[Repo], since: float) -> Sequence[Attempt]:
        return await reconciling.attempts(self._tokens, since)

    async def redeliver(self, attempt: Attempt) -> None:
        await reconciling.redeliver(self._tokens, attempt.id)

    async def open_pulls(self, repo: Repo, since: float) -> Sequence[OpenPull]:
        return await reconciling.open_pulls(self._calls, repo, since)

    async def default_branch(self, repo: Repo) -> str:
        return await reconciling.default_branch(self._calls, repo)

    async def last_push(self, repo: Repo, branch: str) -> LastPush | None:
        return await reconciling.last_push(self._calls, repo, branch)

    async def examine(self) -> tuple[str, ...]:
        """What is wrong with the App's registration, each with its remedy; () if nothing."""
        return examination.problems(await self._tokens.as_app("/app"))

    async def sync(self, public_url: str) -> AppSync:
        """Moves the webhook to this server, and tells what an owner must do."""
        return await syncing.sync(self._tokens, hook_url(public_url))

    async def examine_gate(self, repo_name: str) -> GateExamination:
        """What protects the default branch of "owner/name", and what is wrong with that.

        Raises `SettingsError` for another name and `ForgeDenied` where the App is not installed.
        """
        return await protection.examine(self._calls, self._tokens, self._app_id, repo_name)

    async def close(self) -> None:
        """Revokes every token. Call it last, while the session is still open."""
        await self._tokens.revoke_all()


def _handle(kind: str, what: int | str) -> str:
    return f"{kind}:{what}"


def _number(handle: str | None, kind: str) -> int | None:
    """The id in a handle of this kind, None for no handle or one of another kind."""
    if handle is None:
        return None
    found, _, text = handle.partition(":")
    if found == kind:
        return int(text)
    if found in (_CHECK, _STATUS, _COMMENT, _DEPLOYMENT):
        return None
    raise ForgeError(f"{handle!r} is no handle of GitHub's")
