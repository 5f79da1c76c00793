"""Removes from the engine and the disk what no living job of this server needs."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from ci_bot.executors.docker import control, names, network, volumes
from ci_bot.executors.docker.containers import listed, remove
from ci_bot.executors.docker.host import Host
from ci_bot.ports import Alive


async def reap(host: Host, alive: Alive) -> int:
    """Looks, asks who is alive, removes the rest; returns how many things. Raises `EngineError`."""
    async with host.sight.looking:  # a probe's container belongs to no job
        found = await listed(host.engine, host.instance)
    kept = await volumes.listed(host.engine, host.instance)
    nets = await network.of_jobs(host.engine, host.instance)
    controls = await asyncio.to_thread(control.jobs, host.run_dir)
    living = await alive()
    dead = [*_of_the_dead(found, living), *_outdated(found, living)]
    orphans = [job_id for job_id in controls if job_id not in living]
    await remove(host.engine, dead)
    unused = [each["Name"] for each in kept if (each["Labels"] or {}).get(names.JOB) not in living]
    await volumes.remove(host.engine, unused)
    idle = [each["Id"] for each in nets if each["Labels"].get(names.JOB) not in living]
    await network.remove(host.engine, idle)
    for job_id in orphans:
        await asyncio.to_thread(control.remove_job, host.run_dir, job_id)
    return len(dead) + len(unused) + len(idle) + len(orphans)


def _of_the_dead(found: Iterable[dict[str, Any]], alive: Collection[str]) -> Iterator[str]:
    return (each["Id"] for each in found if each["Labels"].get(names.JOB) not in alive)


def _outdated(found: Iterable[dict[str, Any]], alive: Collection[str]) -> Iterator[str]:
    """Containers of living jobs whose step has a newer generation."""
    steps: defaultdict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
    for each in found:
        labels = each["Labels"]
        if labels.get(names.JOB) in alive and names.STEP in labels:
            steps[labels[names.JOB], labels[names.STEP]].append(
                (int(labels[names.GENERATION]), each["Id"])
            )
    for generations in steps.values():
        newest = max(generation for generation, _ in generations)
        yield from (id for generation, id in generations if generation < newest)
