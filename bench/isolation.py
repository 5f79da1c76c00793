"""What `isolation: job` saves: ten steps that do nothing in one container, beside a container for each."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
import uuid
from dataclasses import replace
from pathlib import Path
from statistics import median

from bench.step import PLAN, STEPS, run_job
from bench.table import CannotMeasure, Result, Target, figure, ms, report, times
from ci_bot.core.errors import EngineError
from ci_bot.executors.docker.executor import DockerExecutor
from dev.images import ImagesError, ensure_images
from dev.recipes import BUSYBOX

ROUNDS = 7
LIMIT_RATIO = 0.3
SHARED = replace(PLAN, shares_container=True)


def measure() -> Result:
    try:
        ensure_images([BUSYBOX])
        return asyncio.run(_measure())
    except (ImagesError, EngineError) as error:
        raise CannotMeasure(str(error)) from error


async def _measure() -> Result:
    apart, shared = [], []
    with tempfile.TemporaryDirectory(prefix="ci-bot-bench-") as folder:
        home = Path(folder)
        executor = DockerExecutor(instance=f"bench-{uuid.uuid4().hex[:8]}", run_dir=home / "run")
        try:
            await run_job(executor, home)  # makes the network and looks into the image
            for _ in range(ROUNDS):
                began = time.perf_counter()
                await run_job(executor, home)
                between = time.perf_counter()
                await run_job(executor, home, SHARED)
                apart.append(between - began)
                shared.append(time.perf_counter() - between)
        finally:
            await executor.close()
    return _result(median(apart), median(shared))


def _result(apart: float, shared: float) -> Result:
    rows = [
        (name, figure(taken), ms(taken / STEPS))
        for name, taken in (("isolation: step", apart), ("isolation: job", shared))
    ]
    ratio = shared / apart
    return Result(
        title=f"isolation: {STEPS} steps of `true`, median of {ROUNDS} rounds in turn",
        columns=("", "s", "ms a step"),
        rows=(*rows, ("ratio", times(ratio), "")),
        targets=(Target("ratio", ratio, LIMIT_RATIO, "times isolation: step"),),
    )


if __name__ == "__main__":
    sys.exit(report(measure))
