"""Where the documents' commands run: a forge, a server, a token, a clone, runs that passed, failed and go on."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from dev.demo import BROKEN as BROKEN_CODE
from dev.demo import TESTS
from dev.playground import REPO as TODO
from dev.playground import write_variables
from tests.docs.shown import Shown
from tests.forge_sim.client import ForgeClient
from tests.preloaded import ci_bot, shared
from tests.rig import Bot, make_bot, running_forge

REPO: Final = "acme/web"
OTHER = """\
on: {manual: {inputs: {target: {options: [staging, production]}}}}
jobs: {deploy: {steps: [echo deployed]}}
"""
#: The server's operator runs these on its machine; the others know its address and a token alone.
OPERATING: Final = (
    "app",
    "audit",
    "backup",
    "doctor",
    "link",
    "restore",
    "schedules",
    "secret",
    "token",
)
PASSING: Final = """\
image: ci-bot/busybox:1
jobs:
  test:
    steps:
      - echo begin
      - echo all is well
"""
#: Fails until the operator has stored the secret: a retry may pass.
FAILING: Final = """\
image: ci-bot/busybox:1
jobs:
  test:
    secrets: [MISSING]
    steps:
      - echo begin
"""
ENDLESS: Final = """\
image: ci-bot/busybox:1
jobs:
  test:
    steps:
      - sleep 600
"""
#: What `ci-bot validate` complains about in the README and the guide.
BROKEN: Final = """\
image: ci-bot/busybox:1

env:
  A: b

jobs:
  test:
    timeout: 5m
    step:
      - echo never
"""
PATIENCE: Final = 60.0
_ASKED: Final = "CI_BOT_TOKEN=$("


@dataclass
class Scene:
    home: Path
    bot: Bot
    programs: Path  # where `ci-bot` is found first, whatever a page's shell says
    token: str = ""
    runs: dict[str, str] = field(default_factory=dict)  # "passed", "failed", "endless" → id
    repo_key: str = ""
    pull: int = 0
    sha: str = ""
    before: dict[str, list[str]] = field(default_factory=dict)  # page → what its shell remembers

    def run(self, shown: Shown) -> subprocess.CompletedProcess[str]:
        """In a shell, as shown but for what stands for something; it is where the page's shell is by then."""
        self._settle()
        command = self._placed(shown)
        before = self.before.setdefault(shown.page, [])
        done = subprocess.run(
            ["bash", "-c", " && ".join([*before, f"PATH={self.programs}:$PATH", command])],
            cwd=self._place(shown),
            env=self._environment(shown.text),
            input="a value for whoever asks\n",
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        if command.startswith(("export ", ". ", "cd ")):
            before.append(_remembered(command, done.stdout))
        return done

    def _placed(self, shown: Shown) -> str:
        text = shown.text
        for word, stands_for in self._words(shown).items():
            text = text.replace(word, stands_for)
        return text + "; echo $CI_BOT_TOKEN" if _ASKED in text else text

    def _words(self, shown: Shown) -> dict[str, str]:
        """What the documents' placeholders and example names stand for here."""
        return {
            "https://ci.example.com": self.bot.url,
            "/etc/ci-bot/": f"{self.bot.home}/",
            "/var/lib/ci-bot-new": f"{self.home}/restored",
            "--into /var/lib/ci-bot": f"--into {self.home}/moved",
            "/backup/": f"{self.home}/backup/",
            "--repo …": f"--repo {REPO}",
            "--config …": "",
            "github:123456": self.repo_key,
            "1a2b3c4": self.sha[:7],
            "--pr 17": f"--pr {self.pull}",
            "OWNER/NAME": REPO,
            "owner/name": REPO,
            "[JOB]": "test",
            "RUN": self._newest(TODO) if "guide" in shown.page else self.runs[_run_for(shown.text)],
            "ci-bot backup FILE": f"ci-bot backup {self.home}/one.zst",
            "ci-bot restore FILE": f"ci-bot restore {self.home}/one.zst",
            "DIR": f"{self.home}/another",
            "--secret NAME": "--secret NPM_TOKEN",
            "seal NAME": "seal NPM_TOKEN",
        }

    def _place(self, shown: Shown) -> Path:
        """`ci-bot validate` that prints something is in a repository whose file is broken so."""
        return self.home / ("broken" if shown.prints and "validate" in shown.text else "web")

    def _environment(self, text: str) -> dict[str, str]:
        env = {name: value for name, value in os.environ.items() if not name.startswith("CI_BOT_")}
        env |= {
            "HOME": str(self.home),
            "PATH": f"{Path(sys.executable).parent}:{env['PATH']}",
            "NPM_TOKEN": "from-the-shell",
            "GIT_TERMINAL_PROMPT": "0",
            "CI_BOT_DEFAULT_IMAGE": "ci-bot/busybox:1",
        }
        if any(f"ci-bot {verb}" in text for verb in OPERATING) or "logs RUN [JOB]" in text:
            return env | self.bot.env
        return env | {"CI_BOT_SERVER": self.bot.url, "CI_BOT_TOKEN": self.token}

    def _settle(self) -> None:
        """What was begun has ended: the next command finds the runs as the documents have them."""
        deadline = time.monotonic() + PATIENCE
        while self._going_on():
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def _going_on(self) -> set[str]:
        found = self.get("/runs?status=queued&status=running")["runs"]
        return {run["id"] for run in found} - {self.runs["endless"]}

    def _newest(self, repo: str) -> str:
        found = self.get(f"/runs?repository={repo}")["runs"]
        return str(found[0]["id"]) if found else ""

    def get(self, path: str) -> Any:
        asking = urllib.request.Request(
            f"{self.bot.url}/api/v1{path}", headers={"Authorization": f"Bearer {self.token}"}
        )
        with urllib.request.urlopen(asking, timeout=10) as answer:
            return json.load(answer)

    def operate(self, *words: str, value: str = "") -> str:
        done = subprocess.run(
            ci_bot(*words),
            env=os.environ | self.bot.env,
            input=value,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()


def _remembered(command: str, printed: str) -> str:
    """What an `export` asked for is asked for once."""
    return f"export CI_BOT_TOKEN={printed.strip()}" if _ASKED in command else command


def _run_for(text: str) -> str:
    if "ci-bot cancel" in text:
        return "endless"
    return "failed" if "ci-bot retry" in text else "passed"


@contextmanager
def scene(home: Path) -> Iterator[Scene]:
    with running_forge(home / "forge", description=None, waiting=shared("forges")) as url:
        made = asyncio.run(_set(url, home, shared().program.parent))
        try:
            yield made
        finally:
            made.bot.process.stop()


async def _set(url: str, home: Path, programs: Path) -> Scene:
    async with ForgeClient(url) as forge:
        made = Scene(home, await make_bot(forge, home / "server", waiting=shared()), programs)
        alice = await forge.user("alice")
        await forge.organization("acme", {"alice": "admin"})
        await forge.organization("globex", {"alice": "admin"})
        await forge.repo("acme/api", {"README.md": "# API\n"})
        await forge.repo(TODO, {"total.sh": BROKEN_CODE, "tests.sh": TESTS})
        repo = await forge.repo(REPO, {"pyproject.toml": "[project]\nname = 'web'\n"})
        made.repo_key = f"github:{repo['id']}"
        made.bot.start()
        try:
            app_id = int(made.bot.env["CI_BOT_GITHUB__APP_ID"])
            await forge.install(app_id, "acme")
            await forge.install(app_id, "globex")
            await _make_runs(forge, made)
            await forge.protect(REPO, "ci-bot", by="alice", app_id=app_id)
            _furnish(made, forge.remote(REPO, alice))
            write_variables(made.home / "web" / ".cache" / "demo.env", forge, made.bot, alice)
        except BaseException:
            made.bot.process.stop()
            raise
        return made


async def _make_runs(forge: ForgeClient, made: Scene) -> None:
    """On a branch each; the one that passed is of the default branch and of a pull request."""
    pushed = {
        "endless": await forge.push(REPO, "endless", {".ci.yaml": ENDLESS}, by="alice"),
        "failed": await forge.push(REPO, "failing", {".ci.yaml": FAILING}, by="alice"),
        "passed": await forge.push(REPO, "main", {".ci.yaml": PASSING}, by="alice"),
    }
    await forge.push(REPO, "totals", {"total.sh": "echo 5\n"}, by="alice")
    made.pull = int((await forge.open_pull(REPO, "totals", by="alice"))["number"])
    made.sha = pushed["passed"]
    for name in ("failed", "passed"):
        await forge.wait_check(REPO, pushed[name], "ci-bot", timeout=PATIENCE)
    made.token = made.operate(
        "token", "create", "--name", "docs", "--repo", REPO, "--repo", TODO, "--scope", "write"
    )
    made.operate("secret", "set", "MISSING", "--repo", REPO, value="here it is")
    for name, sha in pushed.items():
        (found,) = made.get(f"/runs?commit={sha}")["runs"]
        made.runs[name] = found["id"]


def _furnish(made: Scene, remote: str) -> None:
    """The directories and files that the commands name."""
    for name in ("backup", "broken", ".config/ci-bot"):
        (made.home / name).mkdir(parents=True)
    (made.home / "broken" / ".ci.yaml").write_text(BROKEN)
    (made.home / ".config/ci-bot/token").write_text(made.token)
    subprocess.run(["git", "clone", "--quiet", remote, made.home / "web"], check=True)
    for name, value in (("user.name", "Alice"), ("user.email", "alice@users.noreply.example.com")):
        subprocess.run(["git", "config", name, value], cwd=made.home / "web", check=True)
    (made.home / "web" / "token").write_text("npm-token-of-the-test")
    (made.home / "web" / "other.yaml").write_text(OTHER)
    (made.home / "web" / ".git/info/exclude").write_text("token\nother.yaml\n.venv\n.cache\n")
    (made.home / "web" / ".venv/bin").mkdir(parents=True)
    (made.home / "web" / ".venv/bin/ci-bot").symlink_to(made.programs / "ci-bot")
