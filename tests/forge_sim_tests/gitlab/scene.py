"""What the tests of the simulated GitLab have in common: a group, people, a bot, and who receives."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.forge_sim.gitlab import GitLab, GitLabClient

REPO = "acme/shop/web"
P = "/projects/acme%2Fshop%2Fweb"


@dataclass(slots=True)
class Received:
    headers: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)

    @property
    def name(self) -> str:
        action = self.body.get("object_attributes", {}).get("action")
        kind = str(self.body["object_kind"])
        return f"{kind}.{action}" if action else kind

    def signed(self, token: str) -> bool:
        """Asked of the Standard Webhooks' own package."""
        try:
            Webhook(token).verify(self.raw, {k.lower(): v for k, v in self.headers.items()})
        except WebhookVerificationError:
            return False
        return True


@dataclass(slots=True)
class Receiver:
    """Keeps what arrives; ``answer`` is the status it gives."""

    got: list[Received] = field(default_factory=list)
    answer: int = 202
    url: str = ""

    async def take(self, request: web.Request) -> web.Response:
        self.got.append(Received(request.headers.copy(), await request.read()))
        return web.Response(status=self.answer)

    def names(self) -> list[str]:
        return [one.name for one in self.got]

    def only(self, name: str) -> Received:
        found = [one for one in self.got if one.name == name]
        assert len(found) == 1, (name, self.names())
        return found[0]


@dataclass(slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: Any


@dataclass(slots=True)
class Scene:
    """acme/shop/web with maintainer alice and developer wim; mallory is a stranger; the bot is a maintainer."""

    gitlab: GitLab
    client: GitLabClient
    hooks: Receiver
    bot: dict[str, Any]
    http: aiohttp.ClientSession
    sha: str = ""

    async def call(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, by: str = ""
    ) -> Answer:
        """As the bot, unless another token ("" for none) or a person is given."""
        held = str(self.bot["token"]) if token is None else token
        if by:
            held = (await self.client.user(by)).token
        headers = {"PRIVATE-TOKEN": held} if held else {}
        url = path if path.startswith("http") else self.gitlab.api_url + path
        async with self.http.request(method, url, json=body, headers=headers) as answer:
            raw = await answer.read()
            is_json = answer.content_type == "application/json" and raw
            return Answer(answer.status, answer.headers.copy(), json.loads(raw) if is_json else raw)

    async def status(self, sha: str, state: str, name: str = "ci-bot", **fields: Any) -> Answer:
        sent = {"state": state, "name": name, **fields}
        return await self.call("POST", f"{P}/statuses/{sha}", sent)

    async def opened(self, branch: str = "feature", **files: str) -> tuple[str, int]:
        """A pushed branch with a merge request; its head and its number."""
        sha = await self.client.push(REPO, branch, {"a.txt": "1", **files}, by="wim")
        return sha, int((await self.client.open_pull(REPO, branch, by="wim"))["number"])

    async def settled(self) -> Receiver:
        assert await self.client.quiet()
        await asyncio.sleep(0)
        return self.hooks


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hooks", receiver.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hooks"
    try:
        yield receiver
    finally:
        await runner.cleanup()


@asynccontextmanager
async def made_scene(gitlab: GitLab) -> AsyncIterator[Scene]:
    async with receiving() as hooks, GitLabClient(gitlab.url) as client:
        for login in ("alice", "wim", "mallory"):
            await client.user(login)
        await client.organization("acme", {"alice": "maintain"})
        files = {"README.md": "hello\n", ".ci.yaml": "on: push\n", "src/a file.py": "x = 1\n"}
        made = await client.repo(REPO, files, collaborators={"wim": "write"})
        bot = await client.app(webhook_url=hooks.url)
        await client.install(bot["id"], "acme")
        async with aiohttp.ClientSession() as http:
            yield Scene(gitlab, client, hooks, bot, http, made["sha"])
