"""Three jobs of 3 s each without needs, by the local engine: all at once beside one after the other."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.scene import bring_busybox
from bench.table import CannotMeasure, Result, Target, figure, report, times
from ci_bot.cli.logging import configure
from ci_bot.core.decisions import Decision, NewRun, SeeRepo
from ci_bot.core.errors import CiBotError
from ci_bot.core.model import Run, RunKind, Verdict
from ci_bot.core.occasion import Facts, Occasion
from ci_bot.core.pipeline import plan, read
from ci_bot.core.planned import Plan
from ci_bot.core.states import Status
from ci_bot.settings import Settings
from ci_bot.wiring.local import Local, Tree, look_at, open_local
from dev.recipes import BUSYBOX

JOBS = 3
SECONDS = 3
ROUNDS = 3
SHARE = 0.4  # of the time that they take one after the other
LOOK_SECONDS = 0.01

PIPELINE = "jobs:\n" + "".join(f"  j{n}: {{steps: [sleep {SECONDS}]}}\n" for n in range(JOBS))


def measure() -> Result:
    bring_busybox()
    configure("error", "text")
    try:
        with tempfile.TemporaryDirectory(prefix="ci-bot-bench-") as folder:
            return asyncio.run(_measure(_repository(Path(folder))))
    except CiBotError as error:
        raise CannotMeasure(str(error)) from error


async def _measure(folder: Path) -> Result:
    tree, planned = await look_at(folder), _planned()
    together = [await _run(tree, planned, JOBS) for _ in range(ROUNDS)]
    serial = await _run(tree, planned, 1)
    share = min(together) / serial
    return Result(
        title=f"parallel: {JOBS} jobs of {SECONDS} s, from the decision to the last end; best of {ROUNDS}",
        columns=("", "s", "ratio"),
        rows=(
            ("one after the other", figure(serial), ""),
            (f"with room for {JOBS}", figure(min(together)), times(share)),
            ("one of them, nothing but its work", figure(SECONDS), times(SECONDS / serial)),
        ),
        targets=(Target("together", share, SHARE, "of the time one after the other"),),
    )


def _repository(folder: Path) -> Path:
    (folder / ".ci.yaml").write_text(PIPELINE)
    git = ["git", "-C", str(folder), "-c", "user.name=bench", "-c", "user.email=bench@localhost"]
    for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "bench"]):
        subprocess.run([*git, *words], check=True)
    return folder


def _planned() -> Plan:
    pipeline = read(PIPELINE.encode(), default_image=BUSYBOX).pipeline
    if pipeline is None:
        raise CannotMeasure("the pipeline is not read")
    return plan(pipeline, Occasion(Facts(event="push", branch="main")))


async def _run(tree: Tree, planned: Plan, capacity: int) -> float:
    """Seconds. The network is made and the image looked into before."""
    settings = Settings().model_copy(update={"max_jobs": capacity})
    async with open_local(settings, tree, {}, print) as local:
        began = time.perf_counter()
        run_id = await _begin(local, tree, planned)
        working = asyncio.create_task(local.work())  # it looks at once, as after a bell
        try:
            run = await _ended(local, run_id)
            taken = time.perf_counter() - began
        finally:
            await local.idle()
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
    if any(job.status is not Status.SUCCEEDED for job in run.jobs):
        raise CannotMeasure("; ".join(job.reason for job in run.jobs))
    return taken


async def _begin(local: Local, tree: Tree, planned: Plan) -> str:
    new = NewRun(
        key="bench",
        repo=local.repo,
        kind=RunKind.PUSH,
        ref=tree.branch,
        sha=tree.sha,
        verdict=Verdict.PLANNED,
        actor=local.actor,
        plan=planned,
    )
    decision = Decision("bench", create=(new,), repos=(SeeRepo(local.repo),))
    (run_id,) = await local.decisions.commit(decision, None)
    return run_id


async def _ended(local: Local, run_id: str) -> Run:
    while True:
        run = await local.runs.run(run_id)
        if run is not None and all(job.status.is_final for job in run.jobs):
            return run
        await asyncio.sleep(LOOK_SECONDS)


if __name__ == "__main__":
    sys.exit(report(measure))
