"""Somebody with a token looks, follows, tries again and cancels from their own machine; the forge shows it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
from dataclasses import dataclass

from tests.preloaded import ci_bot
from tests.rig import ROOT
from tests.scenarios.operating import cli
from tests.scenarios.world import World

FAILING = """\
jobs:
  test:
    steps:
      - echo not today; exit 3
"""
NUMBERED = """\
jobs:
  test:
    steps:
      - for i in $(seq 1 60); do echo "line $i"; sleep 0.05; done
"""
ENDLESS = """\
jobs:
  test:
    steps:
      - echo begun; sleep 300
"""


@dataclass
class Terminal:
    """A machine that knows the server's address and a token, and nothing else of it."""

    url: str
    token: str

    async def run(self, *words: str) -> tuple[int, str, str]:
        env = {name: value for name, value in os.environ.items() if not name.startswith("CI_BOT_")}
        child = await asyncio.create_subprocess_exec(
            *ci_bot(*words), cwd=ROOT,
            env=env | {"CI_BOT_SERVER": self.url, "CI_BOT_TOKEN": self.token},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        out, err = await child.communicate()
        assert child.returncode is not None
        assert self.token not in (out + err).decode()
        return child.returncode, out.decode(), err.decode()

    async def ask(self, *words: str) -> str:
        code, out, err = await self.run(*words)
        assert code == 0, err
        return out

    async def newest(self, sha: str) -> str:
        (found,) = json.loads(await self.ask("runs", "--commit", sha, "--json"))
        return str(found["id"])


def terminal(world: World, name: str, repo: str, scope: str = "write") -> Terminal:
    said = cli(world, "token", "create", "--name", name, "--repo", repo, "--scope", scope)
    found = re.search(r"cibot_\w+", said)
    assert found is not None, said
    return Terminal(world.bot.url, found[0])


async def test_a_run_that_failed_is_found_read_and_tried_again(world: World) -> None:
    await world.make_repo()
    sha = await world.push("main", ci_yaml=FAILING)
    first = await world.check(sha, "ci-bot / test")
    here = terminal(world, f"laptop-{world.org}", world.repo)
    (run,) = json.loads(await here.ask("runs", "--repo", world.repo, "--status", "failed", "--json"))
    assert (run["repository"], run["commit"], run["branch"]) == (world.repo, sha, "main")
    assert "not today\n" in await here.ask("logs", run["id"])
    code, out, err = await here.run("retry", run["id"], "--watch")
    assert code == 1, out + err  # it fails again
    again = await world.check(sha, "ci-bot / test", after=first["id"])
    assert again["conclusion"] == "failure"
    audit = cli(world, "audit", "--repo", world.repo)
    assert f"token:laptop-{world.org}" in audit


async def test_a_step_is_followed_to_its_end_without_a_gap(world: World) -> None:
    await world.make_repo()
    sha = await world.push("main", ci_yaml=NUMBERED)
    await world.until(lambda: any(one["State"] == "running" for one in world.containers()))
    here = terminal(world, f"reader-{world.org}", world.repo, "read")
    log = await here.ask("logs", await here.newest(sha), "-f")
    lines = [line for line in log.splitlines() if line.startswith("line ")]
    assert lines == [f"line {number}" for number in range(1, 61)]
    assert (await world.check(sha))["conclusion"] == "success"
    code, _, err = await here.run("retry", await here.newest(sha))
    assert (code, "write" in err) == (2, True)


async def test_a_cancel_ends_the_container_and_the_gate_says_so(world: World) -> None:
    await world.make_repo()
    sha = await world.push("main", ci_yaml=ENDLESS)
    await world.until(lambda: any(one["State"] == "running" for one in world.containers()))
    here = terminal(world, f"desk-{world.org}", world.repo)
    await here.ask("cancel", await here.newest(sha))
    gate = await world.check(sha)
    assert gate["conclusion"] == "cancelled"
    assert f"desk-{world.org}" in gate["output"]["title"] + gate["output"]["summary"]
    await world.until(lambda: not world.containers())


async def test_a_token_knows_nothing_of_other_repositories_and_nothing_at_all_once_revoked(
    world: World,
) -> None:
    await world.make_repo()
    sha = await world.push("main", ci_yaml=FAILING)
    await world.check(sha)
    mine = terminal(world, f"mine-{world.org}", world.repo)
    run = await mine.newest(sha)
    await world.forge.repo(f"{world.org}/other", {"README.md": "x"}, private=True)
    await world.forge.push(f"{world.org}/other", "main", {"a": "1"}, by="alice")
    await world.settled()
    others = terminal(world, f"others-{world.org}", f"{world.org}/other")
    assert json.loads(await others.ask("runs", "--json")) == []
    for words in (("runs", run), ("logs", run), ("retry", run), ("cancel", run)):
        code, out, err = await others.run(*words)
        assert (code, out) == (2, ""), words
        assert "no run" in err.lower(), err
        assert len(err.splitlines()) == 1
    cli(world, "token", "revoke", f"mine-{world.org}")
    code, out, err = await mine.run("runs")
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert "token" in err
