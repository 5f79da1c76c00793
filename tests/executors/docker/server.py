"""A server that is to be killed: runs one step of one job, whose facts come as JSON, until it ends.

With "before", the script of a step that comes first and shares its container with the other. Run as `python -m tests.executors.docker.server JSON`. Says "began" when the step's first output is in.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from ci_bot.core.planned import Job
from ci_bot.executors.docker.executor import DockerExecutor
from ci_bot.ports import JobSpec, Workspace
from tests.contract.executor import MemoryLog, step


async def main(facts: dict[str, str]) -> None:
    executor = DockerExecutor(
        instance=facts["instance"],
        run_dir=Path(facts["run_dir"]),
        base_url=facts.get("base_url") or None,
    )
    workspace = Workspace(Path(facts["workspace"]), None)
    before = facts.get("before", "")
    plan = Job("build", "build", (), shares_container=bool(before))
    job = JobSpec(facts["job"], "run1", "acme/web", plan, workspace)
    log = MemoryLog()
    async with executor.session(job) as session:
        env = json.loads(facts.get("env", "{}"))
        if before:
            await session.run(step(before, facts["image"]), MemoryLog())
        spec = step(facts["run"], facts["image"], index=int(bool(before)), env=env)
        running = asyncio.create_task(session.run(spec, log))
        await log.shows(b"began\n")
        print("began", flush=True)
        await running


asyncio.run(main(json.loads(sys.argv[1])))
