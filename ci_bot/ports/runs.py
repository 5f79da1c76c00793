"""The store of runs and their jobs. Each method is one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ci_bot.core.events import Repo
from ci_bot.core.model import JobRun, Run, RunKind, Usage
from ci_bot.core.standing import Standing
from ci_bot.core.states import Change


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write about one job; every write carries it. `epoch` rises with each holder."""

    job_id: str
    holder: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A job to work on, with all that is known about it.

    `is_adopted`: another process began it; `cancel_reason`: and was asked to end it, "" if not.
    """

    lease: Lease
    run: Run
    job: JobRun
    is_adopted: bool
    cancel_reason: str = ""


class Runs(Protocol):
    """Runs and their jobs. Methods with a lease raise `LeaseLost` if it is not the newest one.

    `claim` is safe with many processes: a job is given to one. Writes mark what the forge should
    show as due for publishing, in the same transaction.
    """

    async def run(self, run_id: str) -> Run | None: ...

    async def attempts(self, run_id: str) -> Sequence[JobRun]:
        """Every attempt of every job of a run, in the order of the file, oldest attempt first."""
        ...

    async def claim(
        self, holder: str, seconds: float, held: Collection[str] = (), only_left: bool = False
    ) -> Claim | None:
        """A job that was left behind, else (but for `only_left`) the oldest ready one.

        Left behind is a running job whose lease has run out, or that an earlier process of the same
        instance began; but never one of `held`, the ids of those that the asker is working on.
        """
        ...

    async def next_due(self) -> float | None:
        """When the first job will be due that is ready but for its time; None if there is none."""
        ...

    async def renew(self, leases: Collection[Lease], seconds: float) -> Mapping[str, str]:
        """Prolongs leases; returns job id → reason for those that somebody asked to cancel."""
        ...

    async def start_step(self, lease: Lease, step: int) -> int:
        """Records that a container is about to be made; returns the new generation, from 1."""
        ...

    async def end_step(
        self,
        lease: Lease,
        step: int,
        change: Change,
        reason: str,
        exit_code: int | None,
        log_bytes: int,
        usage: Usage | None = None,
    ) -> None: ...

    async def end_job(
        self, lease: Lease, change: Change, reason: str, *, may_pass: bool = True
    ) -> None:
        """Ends the job and its unfinished steps, and releases or skips the jobs that need it.

        Where it gets another attempt by itself (`core.retrying`), that is made and what needs it waits
        on. `may_pass`: a job that the infrastructure failed may do better a little later.
        """
        ...

    async def hold(self, lease: Lease, reason: str) -> None:
        """The job does not start, nor does what else of its run has not: it waits for approval again."""
        ...

    async def alive(self, holder: str) -> Collection[str]:
        """Ids of the jobs that this holder is running."""
        ...


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs: everything that is given must hold. A default asks for nothing."""

    repos: tuple[str, ...] | None = None  # keys; () matches no run at all
    branch: str = ""  # or tag; of a pull request its head's, also where that is in a fork
    sha: str = ""  # or how it begins; lower case
    pull: int | None = None
    kinds: tuple[RunKind, ...] = ()
    standings: tuple[Standing, ...] = ()


@dataclass(frozen=True, slots=True)
class RunPage:
    """Some runs, newest first. `next` is what to give as `before` for those that follow, "" for none."""

    runs: tuple[Run, ...]
    next: str


class RunList(Protocol):
    """Runs to be looked through. Raises `StoreError`. A run that cannot be read is left out."""

    async def page(self, wanted: RunFilter, limit: int, before: str = "") -> RunPage:
        """At most `limit` runs (at least 1) that are older than the run `before`, "" for the newest.

        Pages have no gap and no repeat, whatever begins meanwhile: `before` need not exist any more.
        """
        ...

    async def find(self, run_id: str, repos: Collection[str]) -> Run | None:
        """The run, if it is of one of these repositories."""
        ...

    async def repo(self, name: str, forge: str = "") -> Repo | None:
        """The repository of that name now, "owner/name", as forges compare names: without case.

        `forge` "" for any: of two the one that was seen last.
        """
        ...
