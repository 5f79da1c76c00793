"""What a scenario says in a user's words: people push, open, close and click; the forge shows checks."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import docker

from ci_bot.wiring.files import instance_of
from tests.executors.docker.conftest import sweep
from tests.forge_sim.client import ForgeClient
from tests.forge_sim.hands import Hands
from tests.rig import Bot

PASSING = """\
jobs:
  test:
    steps:
      - echo all is well
"""
PATIENCE = 30.0


@dataclass
class Scene:
    """One organisation on a forge; `alice` may write, `rita` may read, `mallory` is a stranger."""

    forge: Hands
    bot: Bot
    org: str

    @property
    def repo(self) -> str:
        return f"{self.org}/shop"

    async def people(self) -> None:
        for person in ("alice", "rita", "mallory"):
            await self.forge.user(person)
        await self.forge.organization(self.org, {"alice": "admin"})

    async def make_repo(
        self, ci_yaml: str | None = PASSING, *, private: bool = True, **files: str
    ) -> str:
        """Makes the repository with one commit, which is older than ci-bot's first sight of it."""
        content = {"README.md": "# Shop\n"} | {_path(name): text for name, text in files.items()}
        if ci_yaml is not None:
            content[".ci.yaml"] = ci_yaml
        people = {"alice": "write", "rita": "read"}
        return str(
            (await self.forge.repo(self.repo, content, private=private, collaborators=people))["sha"]
        )

    async def push(self, branch: str = "feature", by: str = "alice", **files: str | None) -> str:
        """One commit; keyword names stand for paths, `ci_yaml` for `.ci.yaml`."""
        message = files.pop("message", None) or "Change files"
        return await self.forge.push(self.repo, branch, _paths(files), by=by, message=message)

    async def open_pull(self, branch: str = "feature", by: str = "alice", **more: Any) -> int:
        return int((await self.forge.open_pull(self.repo, branch, by=by, **more))["number"])

    async def check(self, sha: str, name: str = "ci-bot", **more: Any) -> dict[str, Any]:
        """The newest check of that name, once it is completed."""
        return dict(await self.forge.wait_check(self.repo, sha, name, **{"timeout": PATIENCE} | more))

    async def checks(self, sha: str) -> dict[str, str]:
        """Name → conclusion or status, of the newest check of each name."""
        found = await self.forge.checks(self.repo, sha)
        return {check["name"]: check["conclusion"] or check["status"] for check in found}

    async def ended(self, sha: str) -> dict[str, str]:
        """The same, as soon as all of them are completed."""

        async def look() -> dict[str, str] | None:
            checks = await self.checks(sha)
            return None if {"queued", "in_progress"} & set(checks.values()) else checks

        return dict(await self.until(look))

    async def comment(self, number: int) -> str:
        """The text of ci-bot's one comment, once it is there."""
        comments = await self.until(lambda: self.forge.comments(self.repo, number))
        assert len(comments) == 1, [comment["body"] for comment in comments]
        return str(comments[0]["body"])

    async def log(self, check: dict[str, Any]) -> str:
        """The log that “Details” leads to, as text."""
        address = check["details_url"].replace("?key=", "/text?key=")
        async with aiohttp.ClientSession() as session, session.get(address) as answer:
            assert answer.status == 200, await answer.text()
            assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
            return await answer.text()

    async def settled(self) -> None:
        """Every delivery has been decided, but for what a broken forge keeps, and what followed at once
        was published."""
        await self.forge.quiet()
        with suppress(TimeoutError):
            await self.until(self._has_decided, patience=5)
        await asyncio.sleep(0.5)

    def _has_decided(self) -> bool:
        file = Path(self.bot.env["CI_BOT_DATA_DIR"]) / "ci-bot.db"
        if not file.exists():
            return True  # its database is elsewhere
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=30)) as database:
            (left,) = database.execute(
                "SELECT count(*) FROM deliveries WHERE state = 'pending'"
            ).fetchone()
        return not left

    async def until(self, look: Callable[[], Any], patience: float = PATIENCE) -> Any:
        """What `look` gives (awaited if need be), as soon as it is something.

        Looking costs what is waited for its processor, so the pauses grow to a fifth of a second.
        """
        deadline, pause = time.monotonic() + patience, 0.05
        while True:
            found = look()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return found
            if time.monotonic() > deadline:
                raise TimeoutError(f"nothing within {patience} s\n{self.bot.process.tail(2000)}")
            await asyncio.sleep(pause)
            pause = min(pause * 1.4, 0.2)

    def containers(self) -> list[dict[str, Any]]:
        """The containers of this organisation's repository, stopped ones too, as the engine lists them."""
        client = docker.APIClient(os.environ.get("DOCKER_HOST"))
        try:
            return list(client.containers(all=True, filters={"label": f"ci-bot.repo={self.repo}"}))
        finally:
            client.close()


def leave_nothing(bot: Bot) -> None:
    """Builds outlive their server, and no next one comes; an engine has some thirty networks for all of it."""
    client = docker.APIClient(os.environ.get("DOCKER_HOST"))
    try:
        sweep(client, instance_of(Path(bot.env["CI_BOT_DATA_DIR"])))
    finally:
        client.close()


@dataclass
class World(Scene):
    """On GitHub."""

    forge: ForgeClient
    installation: int = 0

    @property
    def app_id(self) -> int:
        return int(self.bot.env["CI_BOT_GITHUB__APP_ID"])

    async def found(self) -> None:
        await self.people()
        self.installation = await self.forge.install(self.app_id, self.org)
        await self.forge.quiet()


def _paths(files: dict[str, str | None]) -> dict[str, str | None]:
    return {_path(name): text for name, text in files.items()}


def _path(name: str) -> str:
    return {"ci_yaml": ".ci.yaml", "ci_yml": ".ci.yml"}.get(name, name)
