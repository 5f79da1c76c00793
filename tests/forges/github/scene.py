"""What the tests of the adapter have in common: a repository with an App, a clock, a forge that is told."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import aiohttp
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ci_bot.core.events import Repo
from ci_bot.forges.github import GitHub, open_session
from tests.forge_sim import Forge, ForgeClient

NAME = "acme/web"
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
    """acme/web with admin alice, writer wim and reader rita; mallory is a stranger."""

    forge: Forge
    client: ForgeClient
    app: dict[str, Any]
    installation: int
    github: GitHub
    repo: Repo
    sha: str
    clock: ShiftedClock
    tokens: list[bytes]
    session: aiohttp.ClientSession

    def other(self, **more: Any) -> GitHub:
        """Another process of the same App."""
        return adapter(self.app, self.forge, self.session, self.clock, self.tokens.append, **more)

    def asked(self) -> list[str]:
        """Every request of the App so far but for tokens, in order: "POST /check-runs"."""
        return [
            f"{one['method']} {one['path'].removeprefix(f'/repos/{NAME}')}"
            for one in self.forge.ledger
            if _is_by_app(one) and "access_tokens" not in one["path"]
        ]

    def minted(self) -> list[dict[str, Any]]:
        """The bodies of the requests for tokens."""
        return [
            one["request"]
            for one in self.forge.ledger
            if one["kind"] == "api" and "access_tokens" in one["path"]
        ]

    async def installed(self, **change: Any) -> None:
        """Suspends, resumes or narrows the installation: see the simulator's control API."""
        await self.client.control("PATCH", f"/installations/{self.installation}", change)


def _is_by_app(entry: dict[str, Any]) -> bool:
    return entry["kind"] == "api" and str(entry.get("who", "")).startswith(("installation:", "app:"))


async def set_scene(stack: AsyncExitStack, forge: Forge) -> Scene:
    client = await stack.enter_async_context(ForgeClient(forge.url))
    for login in ("alice", "wim", "rita", "mallory"):
        await client.user(login)
    roles = {"alice": "admin", "wim": "write", "rita": "read"}
    made = await client.repo(NAME, FILES, private=True, collaborators=roles)
    app = await client.app(private_key=usual_key())
    installation = await client.install(app["id"], "acme")
    session = await stack.enter_async_context(open_session())
    clock, tokens = ShiftedClock(), list[bytes]()
    github = adapter(app, forge, session, clock, tokens.append)
    repo = Repo("github", made["id"], NAME, "main", private=True, tenant=str(installation))
    return Scene(forge, client, app, installation, github, repo, made["sha"], clock, tokens, session)


def adapter(
    app: dict[str, Any],
    forge: Forge,
    session: aiohttp.ClientSession,
    clock: ShiftedClock,
    on_token: Callable[[bytes], None],
    **more: Any,
) -> GitHub:
    known: dict[str, Any] = {
        "app_id": app["id"],
        "private_key": app["private_key"],
        "api_url": forge.api_url,
        "web_url": forge.url,
        "session": session,
        "clock": clock,
        "on_token": on_token,
    }
    return GitHub(**known | more)


@cache
def usual_key() -> str:
    """One for all of the process: making and reading a key takes longer than most tests."""
    return new_key()


def new_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()


@dataclass
class Stub:
    """A forge that answers what no real one would say: the next `answers`, in order, then 200 {}."""

    url: str = ""
    answers: list[web.Response] = field(default_factory=list)
    asked: list[web.Request] = field(default_factory=list)

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

    @asynccontextmanager
    async def github(self) -> AsyncIterator[GitHub]:
        """The adapter in front of this forge, which first grants it a token."""
        granted = {"token": "t", "expires_at": "2999-01-01T00:00:00Z"}
        self.answers.insert(0, web.json_response(granted, status=201))
        async with open_session() as session:
            yield GitHub(
                app_id=1,
                private_key=usual_key(),
                api_url=self.url,
                web_url=self.url,
                session=session,
                clock=ShiftedClock(),
                on_token=lambda token: None,
            )

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked.append(request)
        return self.answers.pop(0) if self.answers else web.json_response({})
