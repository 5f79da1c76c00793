"""`make demo`: a pull request that fails and is fixed, on real git and real containers, on this machine.

Starts the simulated forge and ci-bot, acts as a person with git and the forge's API, prints what that
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
from tests.forge_sim.client import ForgeCallFailed, ForgeClient
from tests.rig import ROOT, Bot, NotStarted, make_bot, running_forge

REPO = "acme/shop"
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
    keep = os.environ.get("KEEP", "") not in ("", "0")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ci-bot-demo-") as home:
        try:
            with running_forge(Path(home), description=None) as url:
                asyncio.run(_demo(url, Path(home), keep, began))
        except (DemoFailed, NotStarted, TimeoutError, ForgeCallFailed, aiohttp.ClientError) as error:
            print(f"\n{RED}demo failed:{PLAIN} {error}", file=sys.stderr)
            print(_engine_hint(), file=sys.stderr)
            sys.exit(1)
        except KeyboardInterrupt:
            print()


async def _demo(url: str, home: Path, keep: bool, began: float) -> None:
    async with ForgeClient(url) as forge:
        bot = await make_bot(forge, home)
        bot.start()
        try:
            _say("forge", f"{url} (simulated), ci-bot at {bot.url}")
            first, second = await _play(forge, bot)
            seconds = time.monotonic() - began
            _say("verdict", f"first head {first[0]}, second head {second[0]} ({seconds:.1f} s)")
            if (first[0], second[0]) != ("failure", "success"):
                raise DemoFailed(
                    f"expected failure, then success; the forge says {first[0]} ({first[1]}), "
                    f"then {second[0]} ({second[1]})"
                )
            print(f"\n{GREEN}{BOLD}The pull request failed, was fixed, and may be merged.{PLAIN}")
            if keep:
                await _keep(forge, bot)
        finally:
            bot.process.stop()


async def _play(forge: ForgeClient, bot: Bot) -> tuple[tuple[str, str], tuple[str, str]]:
    """Both heads: the conclusion and the title of the check that gates the merge."""
    await set_scene(forge, bot)
    _say("alice", "pushes a branch and opens a pull request")
    first, number = await push_failing(forge)
    await _show(forge, first)
    await _show_comment(forge, number)
    await _show_log(forge, first)
    await _try_to_merge(forge, number)

    _say("alice", "pushes the fix")
    change: dict[str, str | None] = {"total.sh": FIXED}
    second = await forge.push(REPO, "totals", change, by="alice", message="Add, not subtract")
    await forge.wait_check(REPO, second, "ci-bot", timeout=60)
    await _show(forge, second)
    return (await _verdict(forge, first), await _verdict(forge, second))


async def set_scene(forge: ForgeClient, bot: Bot) -> None:
    """An organisation with a protected repository, ci-bot installed, and Alice, who works there."""
    await forge.user("alice")
    await forge.organization("acme", {"alice": "admin"})
    files = {"total.sh": FIXED, "tests.sh": TESTS, ".ci.yaml": CI_YAML, "README.md": "# Shop\n"}
    await forge.repo(REPO, files, collaborators={"alice": "admin"})
    app_id = int(bot.env["CI_BOT_GITHUB__APP_ID"])
    await forge.install(app_id, "acme")
    await forge.protect(REPO, "ci-bot", by="alice", app_id=app_id)


async def push_failing(forge: ForgeClient) -> tuple[str, int]:
    """A branch whose tests fail, and a pull request from it: its head, and its number."""
    change: dict[str, str | None] = {"total.sh": BROKEN}
    sha = await forge.push(REPO, "totals", change, by="alice", message="Compute totals")
    number = int((await forge.open_pull(REPO, "totals", by="alice", title="Compute totals"))["number"])
    await forge.wait_check(REPO, sha, "ci-bot", timeout=60)
    return sha, number


async def _verdict(forge: ForgeClient, sha: str) -> tuple[str, str]:
    """What branch protection would read: the newest check of that name, from the forge's API."""
    found = [check for check in await forge.checks(REPO, sha) if check["name"] == "ci-bot"]
    return (
        (str(found[0]["conclusion"]), str(found[0]["output"]["title"])) if found else ("no check", "")
    )


async def _show(forge: ForgeClient, sha: str) -> None:
    print(f"\n  {BOLD}checks of {sha[:7]}{PLAIN}")
    for check in sorted(await _completed(forge, sha), key=lambda check: str(check["name"])):
        colour = GREEN if check["conclusion"] == "success" else RED
        state = check["conclusion"] or check["status"]
        print(f"    {colour}{state:<9}{PLAIN} {check['name']:<17} {check['output']['title']}")


async def _completed(forge: ForgeClient, sha: str) -> list[Any]:
    async with asyncio.timeout(20):
        while any(check["status"] != "completed" for check in await forge.checks(REPO, sha)):
            await asyncio.sleep(0.05)
    return await forge.checks(REPO, sha)


async def _show_comment(forge: ForgeClient, number: int) -> None:
    async with asyncio.timeout(20):
        while not (comments := await forge.comments(REPO, number)):
            await asyncio.sleep(0.05)
    print(f"\n  {BOLD}comment by {comments[0]['user']['login']} on #{number}{PLAIN}")
    hidden_marker, _, visible = str(comments[0]["body"]).partition("\n")
    if not hidden_marker.startswith("<!--"):
        raise DemoFailed("the comment has lost its marker")
    for line in LINK.sub(r"\1", visible.strip()).splitlines():  # a browser shows links by their names
        print(f"    {DIM}│{PLAIN} {line}")


async def _show_log(forge: ForgeClient, sha: str) -> None:
    failed: list[Any] = [
        check
        for check in await forge.checks(REPO, sha)
        if check["conclusion"] == "failure" and check["name"] != "ci-bot"
    ]
    for check in failed:
        as_text = check["details_url"].replace("?key=", "/text?key=")
        async with aiohttp.ClientSession() as session, session.get(as_text) as answer:
            log = await answer.text()
        print(f"\n  {BOLD}the log behind “Details” of {check['name']}{PLAIN}")
        for line in log.splitlines()[-8:]:
            print(f"    {DIM}│{PLAIN} {line}")


async def _try_to_merge(forge: ForgeClient, number: int) -> None:
    try:
        await forge.merge(REPO, number, by="alice")
    except ForgeCallFailed as refused:
        if refused.status != 405:
            raise
        print(f"\n  {BOLD}alice tries to merge:{PLAIN} refused, {refused.body['message']}")
        return
    raise DemoFailed("the forge let the failing pull request be merged")


async def _keep(forge: ForgeClient, bot: Bot) -> None:
    await set_playground(forge, bot, {"total.sh": BROKEN, "tests.sh": TESTS, "README.md": "# To do\n"})
    print(f"\nStill running; Ctrl-C ends it.\n  the pull request  {forge.url}/{REPO}/pull/1?as=alice")
    newest = await forge.checks(REPO, (await forge.pull(REPO, 1))["head"]["sha"])
    print(f"  a log page        {newest[0]['details_url']}")
    print(f"  ci-bot's health   {bot.url}/readyz\n  ci-bot's log      {bot.process.log}")
    print(
        f"  to play yourself  . {VARIABLES.relative_to(ROOT)}   in another terminal, then docs/guide.md"
    )
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
