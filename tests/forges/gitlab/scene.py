"""What the tests of the adapter have in common: projects on a simulated GitLab, a clock, a stand-in."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from ci_bot.core.events import Repo
from ci_bot.core.report.values import CheckReport, CheckState, Conclusion
from ci_bot.forges.gitlab import GitLab
from ci_bot.ports import ForgeCall
from tests.forge_sim.gitlab import GitLab as Simulated
from tests.forge_sim.gitlab import GitLabClient

NAME = "acme/shop/web"
FILES = {"README.md": "hello\n", ".ci.yaml": "jobs: {}\n", "src/a file.py": "x = 1\n"}


class ShiftedClock:
    """The machine's time, off by as much as a test says; nobody sleeps on it."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self) -> float:
        return time.time() + self.ahead

    async def sleep(self, seconds: float) -> None:
        self.ahead += seconds


@dataclass
class Scene:
    """acme/shop/web with maintainer alice, developer wim and reporter rita; mallory is a stranger.

    `hooks` is where the bot's hooks point; nobody listens there.
    """

    sim: Simulated
    client: GitLabClient
    bot: dict[str, Any]
    gitlab: GitLab
    repo: Repo
    sha: str
    clock: ShiftedClock
    hooks: str
    calls: list[ForgeCall]
    stack: AsyncExitStack

    async def other(self, **more: Any) -> GitLab:
        """Another process with the same token, or another one."""
        known: dict[str, Any] = {
            "url": self.sim.url,
            "token": self.bot["token"],
            "clock": self.clock,
            "hook_url": self.hooks,
            "on_call": self.calls.append,
        }
        made = GitLab(**known | more)
        self.stack.push_async_callback(made.close)
        return made

    async def pushed(self, branch: str = "feature", *, by: str = "wim", **files: str) -> str:
        return await self.client.push(NAME, branch, {"a.txt": "1", **files}, by=by)

    async def opened(self, branch: str = "feature", **files: str) -> tuple[str, int]:
        """A pushed branch with a merge request; its head and its number."""
        sha = await self.pushed(branch, **files)
        return sha, int((await self.client.open_pull(NAME, branch, by="wim"))["number"])

    async def from_fork(self, **files: str) -> tuple[str, int, int]:
        """A merge request of mallory's; its head, its number, and the fork's."""
        fork = await self.client.fork(NAME, "mallory")
        sha = await self.client.push("mallory/web", "feature", {"b.txt": "1", **files}, by="mallory")
        made = await self.client.open_pull(NAME, "mallory:feature", by="mallory")
        return sha, int(made["number"]), int(fork["id"])

    def asked(self) -> list[str]:
        """Every request of the bot so far, in order: "POST /projects/{project}/statuses/{sha} 2xx"."""
        return [f"{call.endpoint} {call.status}" for call in self.calls]


@asynccontextmanager
async def set_scene(sim: Simulated) -> AsyncIterator[Scene]:
    clock, calls = ShiftedClock(), list[ForgeCall]()
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(GitLabClient(sim.url))
        for login in ("alice", "wim", "rita", "mallory"):
            await client.user(login)
        await client.organization("acme", {"alice": "maintain"})
        roles = {"wim": "write", "rita": "read"}
        made = await client.repo(NAME, FILES, collaborators=roles)
        bot = await client.app()
        await client.install(bot["id"], "acme")
        about = await client.api("GET", "/projects/acme%2Fshop%2Fweb", by="alice")
        repo = Repo("gitlab", about["id"], NAME, "main", private=False, tenant="")
        hooks = "http://127.0.0.1:9/hooks/gitlab"
        scene = Scene(sim, client, bot, None, repo, made["sha"], clock, hooks, calls, stack)  # type: ignore[arg-type]
        scene.gitlab = await scene.other()
        yield scene


@dataclass
class Stub:
    """A GitLab that answers what no real one would say: the next `answers`, in order, then 200 {}."""

    url: str = ""
    answers: list[web.Response] = field(default_factory=list)
    asked: list[web.Request] = field(default_factory=list)
    clock: ShiftedClock = field(default_factory=ShiftedClock)

    @classmethod
    @asynccontextmanager
    async def running(cls) -> AsyncIterator[Stub]:
        stub = cls()
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", stub._answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        stub.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield stub
        finally:
            await runner.cleanup()

    def says(self, *answers: Any, status: int = 200, **headers: str) -> None:
        """The next answers: JSON, all with that status and these headers."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers += [web.json_response(one, status=status, headers=named) for one in answers]

    @asynccontextmanager
    async def gitlab(self, **more: Any) -> AsyncIterator[GitLab]:
        made = GitLab(url=self.url, token="t0ken", clock=self.clock, **more)
        try:
            yield made
        finally:
            await made.close()

    async def _answer(self, request: web.Request) -> web.Response:
        await request.read()
        self.asked.append(request)
        return self.answers.pop(0) if self.answers else web.json_response({})


REPO = Repo("gitlab", 11, NAME, "main", private=True, tenant="")


def report(
    state: CheckState = CheckState.IN_PROGRESS,
    conclusion: Conclusion | None = None,
    name: str = "ci-bot",
    **more: Any,
) -> CheckReport:
    known: dict[str, Any] = {"title": "Running", "summary": "", "details_url": "http://ci/runs/1"}
    return CheckReport(name, state, conclusion, **known | more)


def ended(conclusion: Conclusion, **more: Any) -> CheckReport:
    return report(CheckState.COMPLETED, conclusion, **more)
