"""GitLab as the ports see it: facts asked, reports shown, everything with one access token. I/O."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ci_bot.core.changes import Between, ChangedFiles, OfPull
from ci_bot.core.convergence import FoundCheck
from ci_bot.core.effects import Reaction
from ci_bot.core.events import Access, Actor, Pull, Repo
from ci_bot.core.model import Run
from ci_bot.core.reconciling import Attempt, LastPush, OpenPull
from ci_bot.core.report.values import CheckReport, CommentReport, DeploymentReport, Spot
from ci_bot.forges.gate import GateExamination
from ci_bot.forges.gitlab.connecting import HookConnection, HookSecrets
from ci_bot.forges.gitlab.levels import LEVELS, Levels
from ci_bot.forges.gitlab.token import TokenState
from ci_bot.ports import Clock, CloneSource, ForgeCall, OnCall


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
        """Raises `SettingsError` for a token, an address or a file of certificates that cannot be used."""

    def page_of(self, run: Run) -> str:
        """GitLab's own page of what a run tested."""
        raise NotImplementedError

    async def bot_id(self) -> int:
        """The account of the token, asked for once: its own notes command nothing."""
        raise NotImplementedError

    async def token_state(self) -> TokenState:
        """Whose the token is, what it may, and when it expires."""
        raise NotImplementedError

    async def read_file(self, repo: Repo, path: str, sha: str) -> bytes | None:
        raise NotImplementedError

    async def pull(self, repo: Repo, number: int) -> Pull:
        raise NotImplementedError

    async def pulls_of_head(self, repo: Repo, sha: str) -> Sequence[Pull]:
        raise NotImplementedError

    async def permission(self, repo: Repo, actor: Actor) -> Access:
        raise NotImplementedError

    async def branch_head(self, repo: Repo, branch: str) -> str | None:
        raise NotImplementedError

    async def commit_message(self, repo: Repo, sha: str) -> str:
        raise NotImplementedError

    async def clone_source(self, repo: Repo, pull: int | None) -> CloneSource:
        raise NotImplementedError

    async def changed_files(self, repo: Repo, question: OfPull | Between) -> ChangedFiles:
        raise NotImplementedError

    async def forced_at(self, repo: Repo, number: int) -> float | None:
        raise NotImplementedError

    async def publish(
        self, repo: Repo, spot: Spot, report: CheckReport, external_id: str, handle: str | None
    ) -> str:
        raise NotImplementedError

    async def find(self, repo: Repo, sha: str, name: str, external_id: str) -> FoundCheck | None:
        raise NotImplementedError

    async def comment(self, repo: Repo, number: int, comment: CommentReport, handle: str | None) -> str:
        raise NotImplementedError

    async def react(self, repo: Repo, number: int, comment: int, reaction: Reaction) -> None:
        raise NotImplementedError

    async def create_deployment(
        self, repo: Repo, spot: Spot, report: DeploymentReport, external_id: str
    ) -> str:
        raise NotImplementedError

    async def find_deployment(
        self, repo: Repo, sha: str, report: DeploymentReport, external_id: str
    ) -> str | None:
        raise NotImplementedError

    async def update_deployment(self, repo: Repo, handle: str, report: DeploymentReport) -> None:
        raise NotImplementedError

    async def attempts(self, since: float) -> Sequence[Attempt]:
        raise NotImplementedError

    async def redeliver(self, attempt: Attempt) -> None:
        raise NotImplementedError

    async def open_pulls(self, repo: Repo, since: float) -> Sequence[OpenPull]:
        raise NotImplementedError

    async def default_branch(self, repo: Repo) -> str:
        raise NotImplementedError

    async def last_push(self, repo: Repo, branch: str) -> LastPush | None:
        raise NotImplementedError

    async def examine(self) -> tuple[str, ...]:
        """What is wrong with the token, each with its remedy; () if nothing."""
        raise NotImplementedError

    async def examine_gate(self, repo_name: str) -> GateExamination:
        """What a merge into the default branch of "group/project" depends on, and what is wrong with that.

        Raises `SettingsError` for another name and `ForgeDenied` where the token does not see it.
        """
        raise NotImplementedError

    async def connect(self, name: str, secrets: HookSecrets) -> HookConnection:
        """Has the hooks of a group or project ("group", "group/project") come to `hook_url`. Safe to repeat.

        Raises `SettingsError` without a `hook_url`, `ForgeDenied` where the token may not do it.
        """
        raise NotImplementedError

    async def close(self) -> None:
        """Ends the threads and connections."""
