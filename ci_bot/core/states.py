"""The one table of status changes of jobs and steps, and how statuses fold: steps → job → run.

A change that the table does not hold is a bug and raises.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Status(StrEnum):
    """Where a job or a step stands."""

    WAITING = "waiting"  # for a need, or for the step before
    READY = "ready"  # a worker may claim it (jobs alone)
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    BROKEN = "broken"  # infrastructure: the engine, the forge or the server failed it

    @property
    def is_final(self) -> bool:
        return self not in _UNFINISHED

    @property
    def is_bad(self) -> bool:
        """True where a job that needs this one cannot run."""
        return self.is_final and self is not Status.SUCCEEDED


_UNFINISHED: Final = frozenset({Status.WAITING, Status.READY, Status.RUNNING})


class Change(StrEnum):
    """What can happen to a job or a step."""

    RELEASE = "release"  # everything it needs has succeeded
    START = "start"
    SUCCEED = "succeed"
    FAIL = "fail"
    TIME_OUT = "time_out"
    CANCEL = "cancel"
    SKIP = "skip"
    BREAK = "break"


_END: Final[Mapping[Change, Status]] = MappingProxyType(
    {
        Change.SUCCEED: Status.SUCCEEDED,
        Change.FAIL: Status.FAILED,
        Change.TIME_OUT: Status.TIMED_OUT,
        Change.CANCEL: Status.CANCELLED,
        Change.BREAK: Status.BROKEN,
    }
)

JOB_CHANGES: Final[Mapping[Status, Mapping[Change, Status]]] = MappingProxyType(
    {
        Status.WAITING: {
            Change.RELEASE: Status.READY,
            Change.SKIP: Status.SKIPPED,
            Change.CANCEL: Status.CANCELLED,
            Change.FAIL: Status.FAILED,  # its condition has no answer
        },
        Status.READY: {Change.START: Status.RUNNING, Change.CANCEL: Status.CANCELLED},
        Status.RUNNING: _END,
    }
)

STEP_CHANGES: Final[Mapping[Status, Mapping[Change, Status]]] = MappingProxyType(
    {
        Status.WAITING: {
            Change.START: Status.RUNNING,
            Change.SKIP: Status.SKIPPED,
            Change.CANCEL: Status.CANCELLED,
            Change.FAIL: Status.FAILED,  # its condition has no answer
        },
        Status.RUNNING: _END,
    }
)


class IllegalChange(Exception):
    """A bug: somebody asked for a change that the table does not hold."""


def job_after(status: Status, change: Change) -> Status:
    """The status of a job after a change; raises `IllegalChange` where there is none."""
    return _after(JOB_CHANGES, "job", status, change)


def step_after(status: Status, change: Change) -> Status:
    """The status of a step after a change; raises `IllegalChange` where there is none."""
    return _after(STEP_CHANGES, "step", status, change)


def _after(
    table: Mapping[Status, Mapping[Change, Status]], what: str, status: Status, change: Change
) -> Status:
    try:
        return table[status][change]
    except KeyError:
        raise IllegalChange(f"a {what} that is {status} cannot {change}") from None


#: From the worst to the best: the first one present decides a fold.
WORST_FIRST: Final = (
    Status.FAILED,
    Status.BROKEN,
    Status.TIMED_OUT,
    Status.CANCELLED,
    Status.SKIPPED,
    Status.SUCCEEDED,
)


def fold(statuses: Iterable[Status]) -> Status:
    """Folds the statuses of a run's jobs (or a job's steps) into one.

    Unfinished while any is unfinished (running once one has begun); then the worst wins, but
    `SKIPPED` beside `SUCCEEDED` is success: a skip is explained, not a failure. A job skipped
    because its need failed stands beside that failure, which decides.
    """
    seen = set(statuses)
    if not seen:
        return Status.SUCCEEDED
    if seen & _UNFINISHED:
        return _fold_unfinished(seen)
    if seen == {Status.SKIPPED, Status.SUCCEEDED}:
        return Status.SUCCEEDED
    return next(status for status in WORST_FIRST if status in seen)


def _fold_unfinished(seen: set[Status]) -> Status:
    begun = Status.RUNNING in seen or any(s.is_final for s in seen)
    return Status.RUNNING if begun else Status.READY if Status.READY in seen else Status.WAITING
