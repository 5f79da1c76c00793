"""What the tests of the simulated forge have in common: people, an App, and who receives."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import jwt
from aiohttp import web

from tests.forge_sim import Forge, ForgeClient
from tests.forge_sim.client import EVENTS

SECRET = "a webhook secret"
REPO = "acme/web"
R = f"/repos/{REPO}"


@dataclass(slots=True)
class Received:
    event: str
    headers: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)

    @property
    def name(self) -> str:
        action = self.body.get("action")
        return f"{self.event}.{action}" if action else self.event

    def signed(self, secret: str = SECRET) -> bool:
        digest = hmac.new(secret.encode(), self.raw, hashlib.sha256).hexdigest()
        return self.headers["X-Hub-Signature-256"] == f"sha256={digest}"


@dataclass(slots=True)
class Receiver:
    """Keeps what arrives; ``answer`` is the status it gives."""

    got: list[Received] = field(default_factory=list)
    answer: int = 202
    url: str = ""

    async def take(self, request: web.Request) -> web.Response:
        event = request.headers["X-GitHub-Event"]
        self.got.append(Received(event, request.headers.copy(), await request.read()))
        return web.Response(status=self.answer)

    def names(self) -> list[str]:
        return [one.name for one in self.got]

    def only(self, name: str) -> Received:
        found = [one for one in self.got if one.name == name]
        assert len(found) == 1, (name, self.names())
        return found[0]


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


# The first App's key, used again by the later ones of this process.
_keys: dict[str, str] = {}


@dataclass(slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: Any


@dataclass(slots=True)
class Scene:
    """acme/web with admin alice and writer wim; mallory is a stranger; the App is installed."""

    forge: Forge
    client: ForgeClient
    hooks: Receiver
    app: dict[str, Any]
    installation: int
    http: aiohttp.ClientSession
    token: str = ""

    def jwt(self, **claims: Any) -> str:
        now = int(time.time())
        body = {"iss": str(self.app["id"]), "iat": now - 60, "exp": now + 500, **claims}
        return jwt.encode(body, self.app["private_key"], algorithm="RS256")

    async def call(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, **headers: str
    ) -> Answer:
        """As the App's installation, unless another token is given ("" for none)."""
        held = self.token if token is None else token
        if held:
            headers["Authorization"] = f"Bearer {held}"
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        url = self.forge.api_url + path
        async with self.http.request(method, url, json=body, headers=named) as answer:
            raw = await answer.read()
            is_json = answer.content_type == "application/json" and raw
            content = json.loads(raw) if is_json else raw
            return Answer(answer.status, answer.headers.copy(), content)

    async def mint(self, **body: Any) -> Answer:
        path = f"/app/installations/{self.installation}/access_tokens"
        return await self.call("POST", path, body or None, token=self.jwt())

    async def check(self, sha: str, name: str = "ci-bot", **fields: Any) -> Answer:
        return await self.call("POST", f"{R}/check-runs", {"name": name, "head_sha": sha, **fields})

    async def settled(self) -> Receiver:
        assert await self.client.quiet()
        await asyncio.sleep(0)
        return self.hooks


@asynccontextmanager
async def made_scene(forge: Forge) -> AsyncIterator[Scene]:
    async with receiving() as hooks, ForgeClient(forge.url) as client:
        for login in ("alice", "wim", "mallory"):
            await client.user(login)
        roles = {"alice": "admin", "wim": "write"}
        files = {"README.md": "hello\n", ".ci.yaml": "on: push\n", "src/a file.py": "x = 1\n"}
        await client.repo(REPO, files, collaborators=roles)
        events = (*EVENTS, "repository", "status")
        app = await client.app(
            webhook_url=hooks.url, webhook_secret=SECRET, events=events, private_key=_keys.get("one")
        )
        _keys["one"] = app["private_key"]
        installation = await client.install(app["id"], "acme")
        async with aiohttp.ClientSession() as http:
            scene = Scene(forge, client, hooks, app, installation, http)
            scene.token = (await scene.mint()).body["token"]
            await scene.settled()
            hooks.got.clear()
            yield scene
