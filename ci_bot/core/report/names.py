"""The runs of one commit → the name of each job's check; and back from a check's name to the job.

A name must never change once it is shown: a check that nobody names any more would stay in progress
for ever. So names depend on nothing that changes while jobs run, and older runs choose first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, TypeAlias

from ci_bot.core.gate import oldest_first
from ci_bot.core.manners import numbered
from ci_bot.core.markdown import NAME_LENGTH, clip, one_line
from ci_bot.core.model import JobRun, Run, RunKind
from ci_bot.core.report.values import Spot

GATE: Final = "ci-bot"
_PREFIX: Final[Mapping[RunKind, str]] = MappingProxyType(
    {RunKind.TAG: f"{GATE} (tag)", RunKind.MANUAL: f"{GATE} (manual)"}
)

#: A job over all its attempts: the run's id and the job's key.
JobId: TypeAlias = tuple[str, str]


def aggregate_name(run: Run) -> str:
    """Of a schedule with its times: "ci-bot (schedule 0 3 * * mon)"."""
    if run.kind is RunKind.SCHEDULE:
        return f"{GATE} ({run.kind} {run.title})"
    return _PREFIX.get(run.kind, GATE)


def check_names(runs: Sequence[Run]) -> Mapping[JobId, str]:
    """A name for each job of all runs of a commit, superseded ones too.

    Runs of one lane share names: a pull request goes on where the push of its branch left off.
    Otherwise whoever comes later gets the pull request, the branch or the key beside the name.
    """
    names: dict[JobId, str] = {}
    owners: dict[str, tuple[str, str]] = {}
    lanes = _lanes(runs)
    for run in oldest_first(runs):
        lane = lanes[run.id]
        for job in run.jobs:
            owner = (lane, job.key)
            candidates = _candidates(run, job)
            name = next(name for name in candidates if owners.setdefault(name, owner) == owner)
            names[run.id, job.key] = name
    return names


def runs_of_check(check: str, runs: Sequence[Run]) -> tuple[Sequence[Run], str | None]:
    """The runs of a commit that a check stands for, and the key of its job; None for an aggregate.

    Nothing for a name that is none of ours.
    """
    owners = {name: owner for owner, name in check_names(runs).items() if _is_live(owner, runs)}
    if check in owners:
        run_id, key = owners[check]
        return [run for run in runs if run.id == run_id], key
    return [run for run in runs if aggregate_name(run) == check], None


def spot_of(check: str, runs: Sequence[Run]) -> Spot:
    """Where a check of the commit of `runs` is shown; the commit's own spot for what is none of them.

    A pull request's head comes before the push of the same commit: there it keeps from merging. `runs`
    are one at least.
    """
    its_runs, key = runs_of_check(check, runs)
    oldest = oldest_first(its_runs or runs)
    live = [run for run in oldest if not run.superseded] or oldest
    run = ([run for run in live if run.pull is not None] or live)[-1]
    may_fail = any(job.tolerated for job in run.jobs if job.key == key)
    counts = run.kind.is_gating and not may_fail
    return Spot(run.sha, run.ref, run.pull, run.kind is RunKind.TAG, counts)


def _is_live(owner: JobId, runs: Sequence[Run]) -> bool:
    return any(run.id == owner[0] and not run.superseded for run in runs)


def _lanes(runs: Sequence[Run]) -> Mapping[str, str]:
    """Run id → lane. The first pull request from a branch takes over the lane of its pushes."""
    lanes: dict[str, str] = {}
    heirs: dict[str, str] = {}
    for run in oldest_first(runs):
        own = f"{run.kind} {run.pull or run.ref}"
        pushes = f"{RunKind.PUSH} {run.ref}"
        if run.kind is RunKind.PULL_REQUEST and pushes in lanes.values():
            heirs.setdefault(pushes, own)
        lanes[run.id] = pushes if heirs.get(pushes) == own and own not in lanes.values() else own
    return lanes


def _candidates(run: Run, job: JobRun) -> Iterator[str]:
    base = f"{aggregate_name(run)} / {clip(one_line(job.name) or job.key, NAME_LENGTH)}"
    whose = clip(one_line(_whose(run)), NAME_LENGTH)
    yield base
    yield f"{base} ({whose})"
    yield f"{base} ({whose}, {job.key})"
    number = 2
    while True:
        yield f"{base} ({whose}, {job.key}, {number})"
        number += 1


def _whose(run: Run) -> str:
    match run.kind:
        case RunKind.PULL_REQUEST:
            return numbered(run.repo.forge, run.pull)
        case RunKind.MERGE_GROUP:
            return "merge queue"
        case _:
            return run.ref
