"""The simulated forge and ci-bot as processes of their own: started, found ready, killed, started again.

Used by the scenarios, the benchmarks and `make demo`. The two speak HTTP and git, nothing else.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.error import URLError

from tests.forge_sim.client import ForgeClient
from tests.forge_sim.gitlab import GitLabClient
from tests.preloaded import Forked, Preloaded

ROOT = Path(__file__).parent.parent
DESCRIPTION = ROOT / ".cache" / "forge-description" / "api.github.com.json"
START_SECONDS = 30.0


class NotStarted(Exception):
    """A process ended, or said nothing, before it was ready; the text holds what it wrote last."""


class Child(Protocol):
    """As much of `subprocess.Popen` as is used here."""

    pid: int

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, number: signal.Signals, /) -> None: ...
    def kill(self) -> None: ...


@dataclass
class Process:
    """A process of ours whose output goes to a file."""

    command: list[str]
    log: Path
    env: dict[str, str] = field(default_factory=dict)
    waiting: Preloaded | None = None  # forks `python -m …` without its imports
    child: Child | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            if self.waiting is not None:
                words = self.command[self.command.index("-m") + 1 :]
                self.child = Forked(self.waiting, words, os.environ | self.env, ROOT, log.fileno())
                return
            self.child = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=os.environ | self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self) -> None:
        """As `kill -9` would: nothing is said and nothing is saved."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """As an operator would: SIGTERM, and the exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        if self.child is None:
            return 0
        if self.child.poll() is None:
            self.child.send_signal(number)
        try:
            return self.child.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.child.kill()
            return self.child.wait()

    def check(self) -> None:
        """Raises `NotStarted` if it has ended."""
        if self.child is None or self.child.poll() is not None:
            raise NotStarted(f"{' '.join(self.command[1:4])} ended:\n{self.tail()}")

    def tail(self, size: int = 4000) -> str:
        return self.log.read_text(errors="replace")[-size:] if self.log.exists() else ""


@dataclass
class Bot:
    """ci-bot as an operator runs it: `python -m ci_bot serve` with settings in the environment."""

    home: Path
    port: int
    process: Process

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def hook(self) -> str:
        return f"{self.url}/hooks/github"

    @property
    def env(self) -> dict[str, str]:
        return self.process.env

    def start(self) -> None:
        self.process.start()
        self.wait_ready()

    def wait_ready(self, path: str = "/healthz") -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                with urllib.request.urlopen(self.url + path, timeout=5):
                    return
            except (URLError, OSError) as error:
                self.process.check()
                if time.monotonic() > deadline:
                    raise NotStarted(f"ci-bot: {error}\n{self.process.tail()}") from error
                time.sleep(0.02)


@contextmanager
def running_forge(
    home: Path, *, description: Path | None = DESCRIPTION, waiting: Preloaded | None = None
) -> Iterator[str]:
    """The simulated GitHub; yields its URL."""
    more = () if description is None else ("--description", str(description))
    with _running("tests.forge_sim", home, waiting, *more) as url:
        yield url


@contextmanager
def running_gitlab(home: Path, *, waiting: Preloaded | None = None) -> Iterator[str]:
    """The simulated GitLab; yields its URL."""
    with _running("tests.forge_sim.gitlab", home, waiting) as url:
        yield url


@contextmanager
def _running(program: str, home: Path, waiting: Preloaded | None, *more: str) -> Iterator[str]:
    home.mkdir(parents=True, exist_ok=True)
    announce = home / "announce.json"
    command = [sys.executable, "-m", program, "--data", str(home / "forge")]
    command += ["--announce", str(announce), *more]
    process = Process(command, home / "forge.log", waiting=waiting)
    process.start()
    try:
        deadline = time.monotonic() + START_SECONDS
        while not announce.exists():
            process.check()
            if time.monotonic() > deadline:
                raise NotStarted(f"the simulated forge: {process.tail()}")
            time.sleep(0.02)
        yield json.loads(announce.read_text())["url"]
    finally:
        process.stop()


async def make_bot(
    client: ForgeClient,
    home: Path,
    *,
    slug: str = "ci-bot",
    waiting: Preloaded | None = None,
    **settings: str,
) -> Bot:
    """Registers an App on the forge and gets ci-bot ready to serve it; not started yet."""
    bot = bare_bot(home)
    bot.process.waiting = waiting
    secret = secrets.token_hex(32)
    app = await client.app(slug, webhook_url=bot.hook, webhook_secret=secret)
    key = home / "app.pem"
    key.write_text(app["private_key"])
    key.chmod(0o600)
    github = {
        "CI_BOT_GITHUB__APP_ID": str(app["id"]),
        "CI_BOT_GITHUB__PRIVATE_KEY_FILE": str(key),
        "CI_BOT_GITHUB__WEBHOOK_SECRET": secret,
        "CI_BOT_GITHUB__API_URL": f"{client.url}/api/v3",
        "CI_BOT_GITHUB__WEB_URL": client.url,
    }
    bot.env.update(github | settings)
    return bot


def bare_bot(home: Path) -> Bot:
    """ci-bot with settings for everything but a forge."""
    home.mkdir(parents=True, exist_ok=True)
    port = free_port()
    env = {
        "CI_BOT_CONFIG": str(_empty(home / "ci-bot.toml")),
        "CI_BOT_DATA_DIR": str(home / "data"),
        "CI_BOT_PORT": str(port),
        "CI_BOT_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "CI_BOT_DEFAULT_IMAGE": "ci-bot/busybox:1",
        "PYTHONWARNINGS": "default",
    }
    process = Process([sys.executable, "-m", "ci_bot", "serve"], home / "ci-bot.log", env)
    return Bot(home, port, process)


async def on_gitlab(bot: Bot, client: GitLabClient, *, slug: str = "ci-bot") -> dict[str, Any]:
    """Gives it an account there, and GitLab's webhooks a signing token; returns the account."""
    made = await client.app(slug, webhook_url=f"{bot.url}/hooks/gitlab")
    bot.env["CI_BOT_GITLAB__URL"] = client.url
    bot.env["CI_BOT_GITLAB__TOKEN"] = made["token"]
    bot.env["CI_BOT_GITLAB__SIGNING_TOKEN"] = made["webhook_secret"]
    return made


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _empty(file: Path) -> Path:
    """Settings come from the environment alone, whatever lies in the working directory."""
    file.touch()
    return file
