"""What a step costs: a job of ten steps that do nothing, beside ten runs of a container."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
import uuid
from pathlib import Path
from statistics import median

import docker

from bench.table import CannotMeasure, Result, Target, figure, ms, report, times
from ci_bot.archive.logs import FileLogs
from ci_bot.core.errors import EngineError
from ci_bot.core.model import LogRef
from ci_bot.core.planned import Job, Step
from ci_bot.executors.docker.executor import DockerExecutor
from ci_bot.ports import JobSpec, Session, StepSpec, Workspace
from dev.images import ImagesError, ensure_images
from dev.recipes import BUSYBOX

STEPS = 10
ROUNDS = 5
LIMIT_RATIO = 1.3
PLAN = Job("test", "test", ())


def measure() -> Result:
    try:
        ensure_images([BUSYBOX])
        return asyncio.run(_measure())
    except (ImagesError, EngineError) as error:
        raise CannotMeasure(str(error)) from error


async def _measure() -> Result:
    ours, theirs = [], []
    client = docker.from_env()
    with tempfile.TemporaryDirectory(prefix="ci-bot-bench-") as folder:
        home = Path(folder)
        executor = DockerExecutor(instance=f"bench-{uuid.uuid4().hex[:8]}", run_dir=home / "run")
        try:
            await run_job(executor, home)  # makes the network and looks into the image
            for _ in range(ROUNDS):
                began = time.perf_counter()
                await run_job(executor, home)
                between = time.perf_counter()
                await asyncio.to_thread(_docker_runs, client)
                ours.append(between - began)
                theirs.append(time.perf_counter() - between)
        finally:
            await executor.close()
            client.close()
    return _result(median(ours), median(theirs))


async def run_job(executor: DockerExecutor, home: Path, plan: Job = PLAN) -> None:
    """As `ci_bot.flow.steps` does it: the next step is prepared while one runs."""
    job = uuid.uuid4().hex[:12]
    work = home / job
    work.mkdir()
    spec = JobSpec(job, "bench", "acme/shop", plan, Workspace(work, None))
    logs = FileLogs(home / "logs")
    async with executor.session(spec) as session:
        for index in range(STEPS):
            ahead = asyncio.create_task(_prepare(session, index + 1))
            log = logs.open(LogRef(job, index), ())
            end = await session.run(_step(index), log)
            await asyncio.to_thread(log.close)
            await ahead
            if end.code != 0:
                raise CannotMeasure(f"`true` ended with {end.code}")


async def _prepare(session: Session, index: int) -> None:
    if index < STEPS:
        await session.prepare(_step(index))


def _step(index: int) -> StepSpec:
    return StepSpec(index, 1, Step("true", "true", BUSYBOX), {})


def _docker_runs(client: docker.DockerClient) -> None:
    """What `docker run --rm` asks of the engine, without the command's own start."""
    for _ in range(STEPS):
        client.containers.run(BUSYBOX, "true", remove=True)


def _result(ours: float, theirs: float) -> Result:
    rows = [
        (name, figure(taken), ms(taken / STEPS))
        for name, taken in (("ci-bot", ours), ("docker run --rm", theirs))
    ]
    ratio = ours / theirs
    return Result(
        title=f"step: {STEPS} steps of `true`, median of {ROUNDS} rounds in turn",
        columns=("", "s", "ms a step"),
        rows=(*rows, ("ratio", times(ratio), "")),
        targets=(Target("ratio", ratio, LIMIT_RATIO, "times docker run --rm"),),
    )


if __name__ == "__main__":
    sys.exit(report(measure))
