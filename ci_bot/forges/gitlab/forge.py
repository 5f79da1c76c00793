"""GitLab as the ports see it: facts asked, reports shown, everything with one access token. I/O."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ci_bot.core.changes import Between, ChangedFiles, OfPull
from ci_bot.core.convergence import FoundCheck
from ci_bot.core.effects import Reaction
from ci_bot.core.errors import ForgeBusy, ForgeError
from ci_bot.core.events import Access, Actor, Pull, Repo
from ci_bot.core.model import Run
from ci_bot.core.reconciling import Attempt, LastPush, OpenPull
from ci_bot.core.report.values import CheckReport, CommentReport, DeploymentReport, Spot
from ci_bot.forges.gate import GateExamination
from ci_bot.forges.gitlab import (
    connecting,
    deployments,
    facts,
    hearing,
    notes,
    protection,
    reconciling,
    reporting,
    token,
)
from ci_bot.forges.gitlab.client import Client
from ci_bot.forges.gitlab.connecting import HookConnection, HookSecrets
from ci_bot.forges.gitlab.heads import Heads
from ci_bot.forges.gitlab.hearing import Hearing
from ci_bot.forges.gitlab.levels import LEVELS, Levels
from ci_bot.forges.gitlab.reconciling import Deliveries
from ci_bot.forges.gitlab.reporting import Me
from ci_bot.forges.gitlab.token import TokenState
from ci_bot.ports import Clock, CloneSource, ForgeCall, OnCall

#: Any name goes with an access token in git's HTTP; this one with those of OAuth, too.
#: https://docs.gitlab.com/user/profile/personal_access_tokens/#clone-repository-using-personal-access-token
_GIT_USER: Final = "oauth2"

_NOTE: Final = "note"
_DEPLOYMENT: Final = "deployment"


def _nobody(call: ForgeCall) -> None:
    """Nobody counts the calls."""


class GitLab:
    """`ports.ForgeFacts`, `ForgeReports`, `ReconcilingForge`, `DeployingForge` and `Branches` for one access token on gitlab.com or a server of one's own.

    `url` is the server's ("https://gitlab.com", "https://host/gitlab"): the only host that ever sees
    the token. `hook_url` is where our hooks point ("https://ci.example.org/hooks/gitlab"): by it they
    are recognised; "" and no delivery is asked for again.
    """

    def __init__(
        self,
        *,
        url: str,
        token: str,
        clock: Clock,
        ca_file: Path | None = None,
        proxy: str | None = None,
        levels: Levels = LEVELS,
        hook_url: str = "",
        on_call: OnCall = _nobody,
    ) -> None:
        """Raises `SettingsError` for a file of certificates that cannot be used."""
        self._url = url.rstrip("/")
        self._token = token
        self._levels = levels
        self._hook_url = hook_url
        self._client = Client(self._url, token, ca_file, proxy, clock, on_call)
        self._heads = Heads(self._client)
        self._deliveries = Deliveries(self._client, hook_url)
        self._me: Me | None = None

    def page_of(self, run: Run) -> str:
        """GitLab's own page of what a run tested."""
        what = f"merge_requests/{run.pull}" if run.pull is not None else f"commit/{run.sha}"
        return f"{self._url}/{run.repo.name}/-/{what}"

    async def bot_id(self) -> int:
        """The account of the token, asked for once: its own notes command nothing."""
        return (await self._bot()).id

    async def _bot(self) -> Me:
        if self._me is None:
            self._me = await reporting.me(self._client)
        return self._me

    # ── facts ────────────────────────────────────────────────────────────────────────────────

    async def read_file(self, repo: Repo, path: str, sha: str) -> bytes | None:
        return await facts.read_file(self._client, repo, path, sha)

    async def pull(self, repo: Repo, number: int) -> Pull:
        found = await facts.pull(self._client, repo, number)
        self._heads.learn(repo, found)
        return found

    async def pulls_of_head(self, repo: Repo, sha: str) -> Sequence[Pull]:
        return await facts.pulls_of_head(self._client, repo, sha)

    async def permission(self, repo: Repo, actor: Actor) -> Access:
        return await facts.permission(self._client, self._levels, repo, actor)

    async def branch_head(self, repo: Repo, branch: str) -> str | None:
        return await facts.branch_head(self._client, repo, branch)

    async def commit_message(self, repo: Repo, sha: str) -> str:
        return await facts.commit_message(self._client, repo, sha)

    async def clone_source(self, repo: Repo, pull: int | None) -> CloneSource:
        """A fork's commit is fetched from the target project, which keeps a ref for it."""
        refs = () if pull is None else (f"refs/merge-requests/{pull}/head",)
        return CloneSource(f"{self._url}/{repo.name}.git", _GIT_USER, self._token, refs)

    async def changed_files(self, repo: Repo, question: OfPull | Between) -> ChangedFiles:
        return await facts.changed_files(self._client, repo, question)

    async def forced_at(self, repo: Repo, number: int) -> float | None:
        return await facts.forced_at(self._client, repo, number)

    # ── reports ──────────────────────────────────────────────────────────────────────────────

    async def publish(
        self, repo: Repo, spot: Spot, report: CheckReport, external_id: str, handle: str | None
    ) -> str:
        """As a commit status; a completed one may be sent again, and GitLab keeps the newest of a name."""
        bot = await self._bot()
        return await reporting.publish(self._client, self._heads, bot, repo, spot, report, handle)

    async def find(self, repo: Repo, sha: str, name: str, external_id: str) -> FoundCheck | None:
        """None: GitLab keeps no mark of ours, and a status may be sent twice without harm."""
        return None

    async def comment(self, repo: Repo, number: int, comment: CommentReport, handle: str | None) -> str:
        bot, known = await self._bot(), _number(handle, _NOTE)
        whole = await reporting.with_warning(self._heads, bot, repo, number, comment)
        return f"{_NOTE}:{await notes.write(self._client, repo, number, whole, known, bot.id)}"

    async def react(self, repo: Repo, number: int, comment: int, reaction: Reaction) -> None:
        await notes.react(self._client, repo, number, comment, reaction)

    # ── deployments ──────────────────────────────────────────────────────────────────────────

    async def create_deployment(
        self, repo: Repo, spot: Spot, report: DeploymentReport, external_id: str
    ) -> str:
        return f"{_DEPLOYMENT}:{await deployments.create(self._client, repo, spot, report)}"

    async def find_deployment(
        self, repo: Repo, sha: str, report: DeploymentReport, external_id: str
    ) -> str | None:
        found = await deployments.find(self._client, repo, sha, report, (await self._bot()).id)
        return None if found is None else f"{_DEPLOYMENT}:{found}"

    async def update_deployment(self, repo: Repo, handle: str, report: DeploymentReport) -> None:
        deployment = _number(handle, _DEPLOYMENT)
        if deployment is None:
            raise ForgeError(f"{handle!r} is no deployment")
        await deployments.update(self._client, repo, deployment, report)

    # ── reconciling ──────────────────────────────────────────────────────────────────────────

    async def attempts(self, repos: Sequence[Repo], since: float) -> Sequence[Attempt]:
        return await self._deliveries.attempts(repos, since)

    async def redeliver(self, attempt: Attempt) -> None:
        await self._deliveries.redeliver(attempt)

    async def open_pulls(self, repo: Repo, since: float) -> Sequence[OpenPull]:
        return await reconciling.open_pulls(self._client, repo, since)

    async def default_branch(self, repo: Repo) -> str:
        return await reconciling.default_branch(self._client, repo)

    async def last_push(self, repo: Repo, branch: str) -> LastPush | None:
        return await reconciling.last_push(self._client, repo, branch)

    # ── set-up ───────────────────────────────────────────────────────────────────────────────

    async def token_state(self) -> TokenState:
        """Whose the token is, what it may, and when it expires."""
        return await token.state(self._client)

    async def examine(self) -> tuple[str, ...]:
        """What is wrong with the token, each with its remedy; () if nothing."""
        try:
            return token.problems(await self.token_state())
        except ForgeBusy as error:
            if error.status != 401:
                raise
            return (str(error),)

    async def examine_gate(self, repo_name: str) -> GateExamination:
        """What a merge into the default branch of "group/project" depends on, and what is wrong with that.

        Raises `SettingsError` for another name and `ForgeDenied` where the token does not see it.
        """
        bot = await self._bot()
        return await protection.examine(self._client, repo_name, bot.id, bot.username)

    async def examine_hook(self, repo_name: str, *, is_signed: bool) -> Hearing:
        """Whether a webhook brings us what happens in "group/project", as far as the bot may see."""
        return await hearing.examine(self._client, repo_name, self._hook_url, is_signed=is_signed)

    async def connect(self, name: str, secrets: HookSecrets) -> HookConnection:
        """Has the hooks of a group or project ("group", "group/project") come to `hook_url`. Safe to repeat.

        Raises `SettingsError` without a `hook_url`, `ForgeDenied` where the token may not do it.
        """
        bot = await self._bot()
        return await connecting.connect(self._client, name, self._hook_url, secrets, bot.id)

    async def close(self) -> None:
        """Ends the threads and connections."""
        await self._client.close()


def _number(handle: str | None, kind: str) -> int | None:
    """The number in a handle of this kind, None for no handle."""
    if handle is None:
        return None
    found, _, text = handle.partition(":")
    if found != kind or not text.isdecimal():
        raise ForgeError(f"{handle!r} is no {kind} of GitLab's")
    return int(text)
