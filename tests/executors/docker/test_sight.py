"""What a look at the engine leaves on the disk: nothing, also of a process that was killed while it looked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ci_bot.executors.docker.sight import clear_probes


def test_what_killed_processes_left_goes_and_what_another_one_uses_stays(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for pid in (ended.pid, os.getpid(), os.getppid()):
        (tmp_path / f".probe-{pid}-x").mkdir()
        (tmp_path / f".probe-{pid}-x" / "nonce").touch()
    (tmp_path / ".probe-of-an-older-version").mkdir()
    clear_probes(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == [f".probe-{os.getppid()}-x"]
