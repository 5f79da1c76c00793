"""A simulated forge and a ci-bot as processes of their own, and signed deliveries for it."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import sqlite3
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.table import CannotMeasure
from dev.images import ImagesError, ensure_images
from dev.recipes import BUSYBOX
from tests.forge_sim.client import ForgeClient
from tests.rig import Bot, NotStarted, make_bot, running_forge

PATIENCE = 60.0


def bring_busybox() -> None:
    """Before anything is measured. Raises `CannotMeasure`."""
    try:
        ensure_images([BUSYBOX])
    except ImagesError as error:
        raise CannotMeasure(str(error)) from error


Payload = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One HTTP request that the forge would send."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Scene:
    """`alice` may push to every repository of the scene."""

    forge: ForgeClient
    bot: Bot

    @property
    def data(self) -> Path:
        return self.bot.home / "data"

    async def found(self, org: str, files: Mapping[str, str]) -> str:
        """An organisation with ci-bot installed and one repository; its full name."""
        await self.forge.user("alice")
        await self.forge.organization(org, {"alice": "admin"})
        await self.forge.install(int(self.bot.env["CI_BOT_GITHUB__APP_ID"]), org)
        repo = f"{org}/shop"
        await self.forge.repo(repo, dict(files), collaborators={"alice": "write"})
        return repo

    def pushed(self, template: Payload, sha: str, before: str) -> Delivery:
        """What the forge would send about one pushed commit: distinct, and signed with our secret."""
        commit = template["head_commit"] | {"id": sha}
        changed = {"after": sha, "before": before, "head_commit": commit, "commits": [commit]}
        return self.signed("push", {**template, **changed})

    def commented(self, template: Payload, comment: Payload) -> Delivery:
        """What the forge would send about a new comment, by whoever wrote the template's."""
        made = {key: comment[key] for key in ("id", "body", "created_at", "updated_at", "html_url")}
        return self.signed("issue_comment", {**template, "comment": template["comment"] | made})

    def signed(self, event: str, payload: Payload) -> Delivery:
        body = json.dumps(payload, separators=(",", ":")).encode()
        secret = self.bot.env["CI_BOT_GITHUB__WEBHOOK_SECRET"].encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "GitHub-Hookshot/bench",
            "X-GitHub-Delivery": str(uuid.uuid4()),
            "X-GitHub-Event": event,
            "X-Hub-Signature-256": f"sha256={hmac.new(secret, body, hashlib.sha256).hexdigest()}",
        }
        return Delivery(headers, body)

    async def template(self, repo: str, has: str = "head_commit") -> Payload:
        """The last push that the forge delivered for a repository, as ci-bot stored it.

        `has` "comment": the last comment.
        """
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for (body,) in self._ask("SELECT body FROM deliveries ORDER BY id DESC"):
                payload: dict[str, Any] = json.loads(body)
                if has in payload and payload["repository"]["full_name"] == repo:
                    return payload
            await asyncio.sleep(0.05)
        raise CannotMeasure(f"nothing with {has} of {repo} arrived: {self.bot.process.tail(1000)}")

    async def all_decided(self) -> None:
        """Waits until no delivery waits; one that was set aside spoils the measurement."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            states = dict(self._ask("SELECT state, count(*) FROM deliveries GROUP BY state"))
            if states.get("set_aside"):
                raise CannotMeasure(f"deliveries failed: {self.bot.process.tail(1000)}")
            if not states.get("pending"):
                return
            await asyncio.sleep(0.02)
        raise CannotMeasure(f"deliveries still wait after {PATIENCE:.0f} s: {states}")

    def _ask(self, query: str) -> Sequence[tuple[Any, ...]]:
        url = f"file:{self.data / 'ci-bot.db'}?mode=ro"
        with closing(sqlite3.connect(url, uri=True, timeout=10)) as database:
            return database.execute(query).fetchall()


@asynccontextmanager
async def scene(**settings: str) -> AsyncIterator[Scene]:
    """Ready to serve; both processes have ended when it is left. Raises `CannotMeasure`."""
    with tempfile.TemporaryDirectory(prefix="ci-bot-bench-") as home:
        try:
            with running_forge(Path(home), description=None) as url:
                async with ForgeClient(url) as forge:
                    bot = await make_bot(forge, Path(home))
                    bot.env.update(settings)
                    bot.start()
                    try:
                        yield Scene(forge, bot)
                    finally:
                        bot.process.stop()
        except NotStarted as error:
            raise CannotMeasure(str(error)) from error
