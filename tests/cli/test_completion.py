"""`ci-bot completion`: scripts that the shells themselves take, and what they then offer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from tests.cli.conftest import Ask
from tests.rig import ROOT


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_asks_ci_bot_for_what_may_follow(ask: Ask, shell: str) -> None:
    answer = ask("completion", shell)
    assert answer.code == 0
    assert f"_CI_BOT_COMPLETE={shell}_complete" in answer.out


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not here")
def test_bash_takes_the_script(ask: Ask) -> None:
    script = ask("completion", "bash").out
    done = subprocess.run(
        ["bash", "-c", script + "\ncomplete -p ci-bot"], capture_output=True, text=True, check=True
    )
    assert "_ci_bot_completion" in done.stdout


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("ci-bot re", {"retry", "restore"}),
        ("ci-bot token ", {"create", "list", "revoke"}),
        ("ci-bot runs --wa", {"--watch"}),
        ("ci-bot runs --status time", {"timed_out"}),
    ],
)
def test_what_may_follow(line: str, offered: set[str]) -> None:
    words = line.split(" ")
    env = {"_CI_BOT_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    code = "import sys; sys.argv[0] = 'ci-bot'; from ci_bot.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | env | {"PYTHONPATH": str(ROOT)},
    )
    assert {each.partition(",")[2] for each in done.stdout.split()} == offered
