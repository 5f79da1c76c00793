"""Three jobs of 3 s each without needs, through `ci-bot run` with room for three: how long together."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.scene import bring_busybox
from bench.table import CannotMeasure, Result, Target, figure, report, times
from dev.recipes import BUSYBOX

JOBS = 3
SECONDS = 3.0
ROUNDS = 3
SHARE = 0.4  # of the time that they take one after the other

PIPELINE = f"""\
jobs:
  each:
    image: {BUSYBOX}
    matrix: {{number: {list(range(JOBS))}}}
    steps:
      - sleep {SECONDS:.0f}
"""


def measure() -> Result:
    bring_busybox()
    with tempfile.TemporaryDirectory(prefix="ci-bot-bench-") as folder:
        tree = _tree(Path(folder))
        together = min(_run(tree, JOBS) for _ in range(ROUNDS))
        alone = _run(tree, 1)
    serial = JOBS * SECONDS
    share = together / serial
    return Result(
        title=f"parallel: {JOBS} jobs of {SECONDS:.0f} s, best of {ROUNDS}, process and engine included",
        columns=("", "s", "of the serial time"),
        rows=(
            ("at once", figure(together), times(share)),
            ("one after the other, measured", figure(alone), times(alone / serial)),
            ("one after the other, nothing but the work", figure(serial), times(1.0)),
        ),
        targets=(Target("together", share, SHARE, "of the serial time"),),
    )


def _tree(folder: Path) -> Path:
    (folder / ".ci.yaml").write_text(PIPELINE)
    git = ["git", "-C", str(folder), "-c", "user.name=bench", "-c", "user.email=bench@localhost"]
    for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "bench"]):
        subprocess.run([*git, *words], check=True)
    return folder


def _run(tree: Path, capacity: int) -> float:
    env = os.environ | {"CI_BOT_MAX_JOBS": str(capacity), "CI_BOT_CONFIG": ""}
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "ci_bot", "run"], cwd=tree, env=env, capture_output=True, check=False
    )
    taken = time.perf_counter() - began
    if done.returncode:
        raise CannotMeasure((done.stderr or done.stdout).decode(errors="replace")[-500:])
    return taken


if __name__ == "__main__":
    sys.exit(report(measure))
