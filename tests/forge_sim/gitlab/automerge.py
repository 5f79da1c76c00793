"""Merge requests that merge by themselves once their pipeline succeeds.

https://docs.gitlab.com/user/project/merge_requests/auto_merge/
"""

from __future__ import annotations

from . import merging, pipelines, pushes
from .sim import Sim
from .state import MergeRequest, Pipeline


async def settle(sim: Sim, pipeline: Pipeline) -> None:
    """After any change of a pipeline. A failed one takes the wish back."""
    for mr in list(sim.world.merge_requests_from(pipeline.project, pipeline.ref)):
        if mr.auto_merge_by is not None and pipelines.head_pipeline(mr) is pipeline:
            await _settle(sim, mr, pipelines.status_of(pipeline))


async def _settle(sim: Sim, mr: MergeRequest, status: str) -> None:
    by = mr.auto_merge_by
    assert by is not None
    if status in ("failed", "canceled"):
        mr.auto_merge_by = None
    elif status == "success":
        async with sim.lock(mr.target):
            if await merging.detailed_status(sim, mr) == "mergeable":
                await merging.merge(sim, mr, by)
                await pushes.settle(sim, mr.target, by)
