"""From the runs of one commit to the one answer that branch protection reads: DESIGN section 7's table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from ci_bot.core.model import JobRun, Run, Verdict
from ci_bot.core.states import Status


class CheckState(StrEnum):
    QUEUED = "queued"  # a job's own check alone; the gate is in progress from the first second
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"


class Conclusion(StrEnum):
    """How a completed check ended. `skipped` and `neutral` are missing on purpose: forges let them pass."""

    SUCCESS = "success"
    FAILURE = "failure"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    ACTION_REQUIRED = "action_required"
    SKIPPED = "skipped"  # for a job's own check alone, never for the gate


@dataclass(frozen=True, slots=True)
class GateState:
    """What an aggregate check answers, and from which runs: `core.report` finds the words."""

    state: CheckState
    conclusion: Conclusion | None  # set exactly when completed
    runs: tuple[Run, ...]  # those that count, oldest first; all of them if all are superseded
    is_superseded: bool = False  # completed for no other reason than that


#: How a verdict ends where no job ran.
_BY_VERDICT: Final[Mapping[Verdict, Conclusion]] = MappingProxyType(
    {
        Verdict.NOTHING_TO_RUN: Conclusion.SUCCESS,
        Verdict.CONFIG_BROKEN: Conclusion.FAILURE,
        Verdict.CONFIG_MISSING: Conclusion.FAILURE,
        Verdict.HELD: Conclusion.ACTION_REQUIRED,
        Verdict.SKIP_CI: Conclusion.ACTION_REQUIRED,
        Verdict.DRAFT: Conclusion.ACTION_REQUIRED,
    }
)

#: What a job brings to the fold; None while it is unfinished. A job that was skipped because of its
#: need brings nothing bad of its own: the need stands beside it and decides.
_BY_STATUS: Final[Mapping[Status, Conclusion | None]] = MappingProxyType(
    {
        Status.WAITING: None,
        Status.READY: None,
        Status.RUNNING: None,
        Status.SUCCEEDED: Conclusion.SUCCESS,
        Status.SKIPPED: Conclusion.SUCCESS,
        Status.FAILED: Conclusion.FAILURE,
        Status.BROKEN: Conclusion.FAILURE,
        Status.TIMED_OUT: Conclusion.TIMED_OUT,
        Status.CANCELLED: Conclusion.CANCELLED,
    }
)

_BAD: Final = frozenset({Conclusion.FAILURE, Conclusion.TIMED_OUT, Conclusion.CANCELLED})


def gate(runs: Sequence[Run]) -> GateState | None:
    """The gate of a commit from all its runs, in any order; None where none of them counts in it."""
    gating = [run for run in runs if run.kind.is_gating]
    return judge(gating) if gating else None


def judge(runs: Sequence[Run]) -> GateState:
    """Folds runs (at least one) of a commit, whatever their kind, into one answer."""
    every = oldest_first(runs)
    live = tuple(run for run in every if not run.superseded)
    return _folded(live) if live else _all_superseded(every)


def newest_head(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Of all runs of a pull request (at least one), those of its newest head that is not superseded."""
    every = oldest_first(runs)
    sha = next((run.sha for run in reversed(every) if not run.superseded), every[-1].sha)
    return tuple(run for run in every if run.sha == sha)


def oldest_first(runs: Sequence[Run]) -> tuple[Run, ...]:
    return tuple(sorted(runs, key=lambda run: (run.created_at, run.id)))


def _all_superseded(runs: tuple[Run, ...]) -> GateState:
    """Nobody will finish these. What came to its own end stays true and stays shown.

    The newest one alone decides: it is what counted last. The run of a push that a pull request took
    over on the same commit, and that of another base, were out of the count before.
    """
    newest = runs[-1]
    if _came_to_its_own_end(newest):
        return _folded((newest,))
    return GateState(CheckState.COMPLETED, Conclusion.CANCELLED, runs, is_superseded=True)


def _came_to_its_own_end(run: Run) -> bool:
    if run.verdict is Verdict.HELD:  # nobody awaits a word about it any more
        return False
    return all(job.status.is_final and job.status is not Status.CANCELLED for job in run.jobs)


def _folded(runs: tuple[Run, ...]) -> GateState:
    conclusion = _worst({end for run in runs for end in _ends(run)})
    state = CheckState.COMPLETED if conclusion else CheckState.IN_PROGRESS
    return GateState(state, conclusion, runs)


def _ends(run: Run) -> set[Conclusion | None]:
    if run.verdict is not Verdict.PLANNED:
        return {_BY_VERDICT[run.verdict]}
    # A plan that has no jobs proves nothing: never green.
    return {_end_of(job) for job in run.jobs} or {Conclusion.FAILURE}


def _end_of(job: JobRun) -> Conclusion | None:
    end = _BY_STATUS[job.status]
    return Conclusion.SUCCESS if end is not None and job.tolerated else end


def _worst(ends: set[Conclusion | None]) -> Conclusion | None:
    if None in ends:
        return None
    bad = ends & _BAD
    if len(bad) == 1:
        return bad.pop()
    if bad:
        return Conclusion.FAILURE
    return Conclusion.ACTION_REQUIRED if Conclusion.ACTION_REQUIRED in ends else Conclusion.SUCCESS
