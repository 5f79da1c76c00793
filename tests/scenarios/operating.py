"""What an operator does on the server's machine: commands, settings, another start."""

from __future__ import annotations

import asyncio
import os
import subprocess

from tests.preloaded import ci_bot
from tests.rig import ROOT, Bot
from tests.scenarios.world import World


def cli(world: World, *words: str, value: str = "") -> str:
    """`ci-bot …` as the operator runs it on the server's machine."""
    done = subprocess.run(
        ci_bot(*words),
        cwd=ROOT,
        env=os.environ | world.bot.env,
        input=value.encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


async def ask(bot: Bot, *words: str, code: int | None = 0) -> str:
    """`ci-bot …` with the server's settings, while everything else goes on. `code` None: whatever it is."""
    child = await asyncio.create_subprocess_exec(
        *ci_bot(*words), cwd=ROOT, env=os.environ | bot.env,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await child.communicate()
    assert code is None or child.returncode == code, out.decode()
    return out.decode()


def set_policy(world: World, **policy: str) -> None:
    """A `[[trust]]` table for the scenario's organisation, and the restart that makes it count."""
    lines = [f'{key} = "{value}"' for key, value in policy.items()]
    text = "\n".join(["[[trust]]", f'repositories = ["{world.org}/*"]', *lines, ""])
    (world.bot.home / "ci-bot.toml").write_text(text)
    world.bot.process.stop()
    world.bot.start()
