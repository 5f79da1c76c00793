"""What an operator does on the server's machine: commands, settings, another start."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.rig import ROOT
from tests.scenarios.world import World


def cli(world: World, *words: str, value: str = "") -> str:
    """`ci-bot …` as the operator runs it on the server's machine."""
    done = subprocess.run(
        [sys.executable, "-m", "ci_bot", *words],
        cwd=ROOT,
        env=os.environ | world.bot.env,
        input=value.encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def set_policy(world: World, **policy: str) -> None:
    """A `[[trust]]` table for the scenario's organisation, and the restart that makes it count."""
    lines = [f'{key} = "{value}"' for key, value in policy.items()]
    text = "\n".join(["[[trust]]", f'repositories = ["{world.org}/*"]', *lines, ""])
    (world.bot.home / "ci-bot.toml").write_text(text)
    world.bot.process.stop()
    world.bot.start()
