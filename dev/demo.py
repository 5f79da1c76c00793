"""`make demo`: a pull request that fails and is fixed, on real git and real containers, on this machine.

FORGE=gitlab plays it on GitLab, with its merge requests. Starts the simulated forge and ci-bot, acts as a person with git and the forge's API, prints what that
person would see, and ends with 0 only if the forge says `failure` for the first head and `success` for
the second. With KEEP=1 everything stays up until Ctrl-C.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp

from dev.playground import VARIABLES, set_playground
from dev.stands import FORGES, Stand
from tests.forge_sim.client import ForgeClient
from tests.forge_sim.gitpush import ForgeCallFailed
from tests.rig import ROOT, NotStarted

CI_YAML = """\
# Two jobs; `package` starts when `test` has passed.
image: ci-bot/busybox:1

jobs:
  test:
    steps:
      - name: Unit tests
        run: |
          echo "running the tests of $CI_REPO at $CI_SHA"
          sh tests.sh

  package:
    needs: test
    steps:
      - tar -czf shop.tar.gz total.sh
      - ls -l shop.tar.gz
"""
BROKEN = "total() {\n    echo $(($1 - $2))\n}\n"
FIXED = "total() {\n    echo $(($1 + $2))\n}\n"
TESTS = """\
. ./total.sh
got=$(total 2 3)
if [ "$got" != 5 ]; then
    echo "FAIL total 2 3: expected 5, got $got"
    exit 1
fi
echo "ok   total 2 3"
"""
LINK = re.compile(r"\[([^\]]*)\]\(http[^)]*\)")
BOLD, DIM, RED, GREEN, PLAIN = (
    ("\033[1m", "\033[2m", "\033[31m", "\033[32m", "\033[0m") if sys.stdout.isatty() else ("",) * 5
)


class DemoFailed(Exception):
    """The forge does not show what it should; the text is for the person at the terminal."""


def main() -> None:
    name = os.environ.get("FORGE") or "github"
    if "://" in name:  # where .cache/demo.env was read: there it is an address
        name = "github"
    if name not in FORGES:
        sys.exit(f"FORGE={name}: one of {', '.join(FORGES)}")
    keep = os.environ.get("KEEP", "") not in ("", "0")
    with tempfile.TemporaryDirectory(prefix="ci-bot-demo-") as home:
        try:
            asyncio.run(_demo(name, Path(home), keep))
        except (DemoFailed, NotStarted, TimeoutError, ForgeCallFailed, aiohttp.ClientError) as error:
            print(f"\n{RED}demo failed:{PLAIN} {error}", file=sys.stderr)
            print(_engine_hint(), file=sys.stderr)
            sys.exit(1)
        except KeyboardInterrupt:
            print()


async def _demo(name: str, home: Path, keep: bool) -> None:
    began = time.monotonic()
    async with FORGES[name](home) as stand:
        await set_scene(stand)
        async with stand.install() as said:
            _say("forge", f"{stand.forge.url} (simulated), ci-bot at {stand.bot.url}")
            for line in said.splitlines():
                print(f"    {DIM}│{PLAIN} {line}")
            await stand.protect()
            first, second = await _play(stand)
            seconds = time.monotonic() - began
            _say("verdict", f"first head {first[0]}, second head {second[0]} ({seconds:.1f} s)")
            if (first[0], second[0]) != ("failure", "success"):
                raise DemoFailed(
                    f"expected failure, then success; the forge says {first[0]} ({first[1]}), "
                    f"then {second[0]} ({second[1]})"
                )
            print(f"\n{GREEN}{BOLD}The {stand.thing} failed, was fixed, and may be merged.{PLAIN}")
            if keep:
                await _keep(stand)


async def _play(stand: Stand) -> tuple[tuple[str, str], tuple[str, str]]:
    """Both heads: the conclusion and the title of the check that gates the merge."""
    _say("alice", f"pushes a branch and opens a {stand.thing}")
    first, number = await push_failing(stand)
    await _show(stand, first)
    await _show_comment(stand, number)
    await _show_log(stand, first)
    await _try_to_merge(stand, number)

    _say("alice", "pushes the fix")
    change: dict[str, str | None] = {"total.sh": FIXED}
    forge, message = stand.forge, "Add, not subtract"
    second = await forge.push(stand.repo, "totals", change, by="alice", message=message)
    await forge.wait_check(stand.repo, second, "ci-bot", timeout=60)
    await _show(stand, second)
    return (await _verdict(stand, first), await _verdict(stand, second))


async def set_scene(stand: Stand) -> None:
    """An organisation with a repository, and Alice, who works there."""
    forge = stand.forge
    await forge.user("alice")
    await forge.organization("acme", {"alice": "admin"})
    files = {"total.sh": FIXED, "tests.sh": TESTS, ".ci.yaml": CI_YAML, "README.md": "# Shop\n"}
    await forge.repo(stand.repo, files, collaborators={"alice": "admin"})


async def push_failing(stand: Stand) -> tuple[str, int]:
    """A branch whose tests fail, and a pull request from it: its head, and its number."""
    forge, repo, title = stand.forge, stand.repo, "Compute totals"
    change: dict[str, str | None] = {"total.sh": BROKEN}
    sha = await forge.push(repo, "totals", change, by="alice", message=title)
    number = int((await forge.open_pull(repo, "totals", by="alice", title=title))["number"])
    await forge.wait_check(repo, sha, "ci-bot", timeout=60)
    return sha, number


async def _verdict(stand: Stand, sha: str) -> tuple[str, str]:
    """What branch protection would read: the newest check of that name, from the forge's API."""
    found = [check for check in await stand.forge.checks(stand.repo, sha) if check["name"] == "ci-bot"]
    return (
        (str(found[0]["conclusion"]), str(found[0]["output"]["title"])) if found else ("no check", "")
    )


async def _show(stand: Stand, sha: str) -> None:
    print(f"\n  {BOLD}checks of {sha[:7]}{PLAIN}")
    for check in sorted(await _completed(stand, sha), key=lambda check: str(check["name"])):
        colour = GREEN if check["conclusion"] == "success" else RED
        state = check["conclusion"] or check["status"]
        print(f"    {colour}{state:<9}{PLAIN} {check['name']:<17} {check['output']['title']}")


async def _completed(stand: Stand, sha: str) -> list[Any]:
    async with asyncio.timeout(20):
        while any(
            check["status"] != "completed" for check in await stand.forge.checks(stand.repo, sha)
        ):
            await asyncio.sleep(0.05)
    return await stand.forge.checks(stand.repo, sha)


async def _show_comment(stand: Stand, number: int) -> None:
    async with asyncio.timeout(20):
        while not (comments := await stand.forge.comments(stand.repo, number)):
            await asyncio.sleep(0.05)
    print(f"\n  {BOLD}comment by {comments[0]['user']['login']} on {stand.sign}{number}{PLAIN}")
    hidden_marker, _, visible = str(comments[0]["body"]).partition("\n")
    if not hidden_marker.startswith("<!--"):
        raise DemoFailed("the comment has lost its marker")
    for line in LINK.sub(r"\1", visible.strip()).splitlines():  # a browser shows links by their names
        print(f"    {DIM}│{PLAIN} {line}")


async def _show_log(stand: Stand, sha: str) -> None:
    failed: list[Any] = [
        check
        for check in await stand.forge.checks(stand.repo, sha)
        if check["conclusion"] == "failure" and check["name"] != "ci-bot"
    ]
    for check in failed:
        as_text = check["details_url"].replace("?key=", "/text?key=")
        async with aiohttp.ClientSession() as session, session.get(as_text) as answer:
            log = await answer.text()
        print(f"\n  {BOLD}the log behind “Details” of {check['name']}{PLAIN}")
        for line in log.splitlines()[-8:]:
            print(f"    {DIM}│{PLAIN} {line}")


async def _try_to_merge(stand: Stand, number: int) -> None:
    try:
        await stand.forge.merge(stand.repo, number, by="alice")
    except ForgeCallFailed as refused:
        if refused.status != 405:
            raise
        print(f"\n  {BOLD}alice tries to merge:{PLAIN} refused, {refused.body['message']}")
        return
    raise DemoFailed(f"the forge let the failing {stand.thing} be merged")


async def _keep(stand: Stand) -> None:
    forge, bot = stand.forge, stand.bot
    if isinstance(forge, ForgeClient):
        files = {"total.sh": BROKEN, "tests.sh": TESTS, "README.md": "# To do\n"}
        await set_playground(forge, bot, files)
    print(f"\nStill running; Ctrl-C ends it.\n  the {stand.thing}  {stand.pull(1)}")
    newest = await forge.checks(stand.repo, (await forge.pull(stand.repo, 1))["head"]["sha"])
    print(f"  a log page        {newest[0]['details_url']}")
    print(f"  ci-bot's health   {bot.url}/readyz\n  ci-bot's log      {bot.process.log}")
    if isinstance(forge, ForgeClient):
        file = VARIABLES.relative_to(ROOT)
        print(f"  to play yourself  . {file}   in another terminal, then docs/guide.md")
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        await stop.wait()
    finally:
        VARIABLES.unlink(missing_ok=True)


def _say(who: str, what: str) -> None:
    print(f"\n{BOLD}{who}{PLAIN} {what}", flush=True)


def _engine_hint() -> str:
    return "Is the Docker engine running? `dev/engine.sh` finds or starts one; `.venv/bin/ci-bot doctor` says more."


if __name__ == "__main__":
    main()
