"""`needs` of the jobs of a file: what is wrong with them, and an order in which every need comes first."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping, Sequence

from ci_bot.core.pipeline.draft import JobDraft, Need
from ci_bot.core.pipeline.report import Report, quoted
from ci_bot.core.suggest import did_you_mean


def check_needs(jobs: Sequence[JobDraft], ids: Collection[str]) -> None:
    """Reports, each in its own file, unknown, repeated and own ids and cycles. `ids` are all keys of `jobs`, readable or not."""
    for job in jobs:
        _check_entries(job, ids)
    by_id = {job.id: job for job in jobs}
    left = set(by_id) - set(in_order(jobs))
    while left:
        cycle = _cycle(left, by_id)
        _report_cycle(cycle, by_id)
        kept = [job for job in jobs if job.id in left and job.id not in cycle]
        left = {job.id for job in kept} - set(in_order(kept))


def in_order(jobs: Sequence[JobDraft]) -> list[str]:
    """Ids, every need before its job and otherwise as in the file; jobs in or behind a cycle are left out.

    Needs that are not among `jobs` count as met, and so do those on the job itself.
    """
    place = {job.id: index for index, job in enumerate(jobs)}
    waits = {job.id: _known_needs(job, place) for job in jobs}
    behind: dict[str, list[str]] = {}
    for job_id, needs in waits.items():
        for need in needs:
            behind.setdefault(need, []).append(job_id)
    ready = [place[job_id] for job_id, needs in waits.items() if not needs]
    order: list[str] = []
    while ready:
        done = jobs[heapq.heappop(ready)].id
        order.append(done)
        for job_id in behind.get(done, ()):
            waits[job_id].discard(done)
            if not waits[job_id]:
                heapq.heappush(ready, place[job_id])
    return order


def _known_needs(job: JobDraft, known: Collection[str]) -> set[str]:
    return {need.job for need in job.needs if need.job in known and need.job != job.id}


def _check_entries(job: JobDraft, ids: Collection[str]) -> None:
    seen: set[str] = set()
    for need in job.needs:
        if need.job in seen:
            job.report.add(need.mark, need.path, f"{quoted(need.job)} is named twice", "name it once")
        elif need.job == job.id:
            job.report.add(need.mark, need.path, "a job cannot need itself", "remove it")
        elif need.job not in ids:
            _report_unknown(need, ids, job.report)
        seen.add(need.job)


def _report_unknown(need: Need, ids: Collection[str], report: Report) -> None:
    def hint() -> str:
        return did_you_mean(need.job, ids) or "name a job of this file"

    report.add(need.mark, need.path, f"there is no job {quoted(need.job)}", hint)


def _cycle(left: Collection[str], by_id: Mapping[str, JobDraft]) -> list[str]:
    """Every job in `left` needs another one in it, so following needs must come round."""
    walked: dict[str, None] = {}
    here = next(job_id for job_id in by_id if job_id in left)
    while here not in walked:
        walked[here] = None
        here = next(need.job for need in by_id[here].needs if need.job in left and need.job != here)
    trail = list(walked)
    return trail[trail.index(here) :]


def _report_cycle(cycle: list[str], by_id: Mapping[str, JobDraft]) -> None:
    first = next(job_id for job_id in by_id if job_id in cycle)
    turn = cycle.index(first)
    round_trip = [*cycle[turn:], *cycle[:turn], first]
    need = next(need for need in by_id[first].needs if need.job == round_trip[1])
    shown = [*round_trip[:8], "…", first] if len(round_trip) > 10 else round_trip
    message = f"jobs need each other in a circle: {' → '.join(shown)}"
    by_id[first].report.add(need.mark, need.path, message, "remove one of these needs")
