"""What happened: Run, JobRun, StepRun, Exit. What was planned stands in `core.planned`.

Durations are whole seconds, moments are seconds since the epoch (UTC), sizes are bytes.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum

from ci_bot.core.events import Actor, Repo
from ci_bot.core.extras import NO_EXTRAS, Extras
from ci_bot.core.planned import Plan
from ci_bot.core.states import Status
from ci_bot.core.trust import Ruling, Voucher


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in `.ci.yaml`, in words for the repository's author."""

    file: str
    path: str  # "jobs.build.steps[0].run"; "" for the file as a whole
    line: int  # from 1
    column: int  # from 1
    message: str
    hint: str = ""  # how to mend it, one sentence without a full stop; may be ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}: "
        path = f"{self.path}: " if self.path else ""
        return where + path + self.message + (f"; {self.hint}" if self.hint else "")


class RunKind(StrEnum):
    """What a run was started for. The first three are folded into the gate, the others never."""

    PUSH = "push"
    PULL_REQUEST = "pull_request"
    MERGE_GROUP = "merge_group"
    TAG = "tag"
    SCHEDULE = "schedule"
    MANUAL = "manual"

    @property
    def is_gating(self) -> bool:
        return self in (RunKind.PUSH, RunKind.PULL_REQUEST, RunKind.MERGE_GROUP)


class Verdict(StrEnum):
    """What was decided about a head before any job ran."""

    PLANNED = "planned"
    NOTHING_TO_RUN = "nothing_to_run"
    CONFIG_BROKEN = "config_broken"
    CONFIG_MISSING = "config_missing"  # the base has one, the head does not
    HELD = "held"  # a stranger's head waits for approval
    SKIP_CI = "skip_ci"
    DRAFT = "draft"  # its pipeline does not run for drafts


class ExitReason(StrEnum):
    """Why a step's process ended."""

    EXITED = "exited"
    OUT_OF_MEMORY = "out_of_memory"
    STOPPED = "stopped"  # we killed it: `Session.stop`


@dataclass(frozen=True, slots=True)
class Usage:
    """What a step used, as the engine's machine counts it; None where it does not say."""

    memory: int | None = None  # the most bytes at one time, of files it read or wrote too
    cpu: float | None = None  # seconds of all processors together


@dataclass(frozen=True, slots=True)
class Exit:
    """How a step ended. `message` says in words what `code` alone does not; "" if nothing."""

    code: int
    reason: ExitReason = ExitReason.EXITED
    message: str = ""
    usage: Usage | None = field(default=None, compare=False)  # two alike ends may have cost differently


@dataclass(frozen=True, slots=True)
class StepRun:
    """One step of one attempt of a job."""

    index: int
    name: str
    status: Status
    generation: int = 0  # how often a container was made for it; 0: not yet
    exit_code: int | None = None
    reason: str = ""  # "exit code 2", "out of memory (limit 512 MiB)", "timed out after 5m"
    started_at: float | None = None
    finished_at: float | None = None
    log_bytes: int = 0
    tolerated: bool = False  # continue-on-error: its failure does not fail the job
    line: int = 0
    usage: Usage | None = None


class Cause(StrEnum):
    """How an attempt of a job came about."""

    FIRST = "first"
    RETRY = "retry"  # the one before failed by itself, and the job's `retry` says to try again
    INFRASTRUCTURE = "infrastructure"  # the infrastructure failed the one before
    PERSON = "person"  # somebody asked for it, or brought its commit back: counting begins anew

    @property
    def is_automatic(self) -> bool:
        return self in (Cause.RETRY, Cause.INFRASTRUCTURE)


@dataclass(frozen=True, slots=True)
class Earlier:
    """How an attempt ended that was followed by another one without anybody asking."""

    attempt: int
    cause: Cause
    status: Status
    reason: str
    created_at: float


@dataclass(frozen=True, slots=True)
class JobRun:
    """One attempt of one job."""

    id: str
    run_id: str
    key: str  # the job's id in .ci.yaml
    name: str
    attempt: int
    status: Status
    steps: tuple[StepRun, ...]
    needs: tuple[str, ...] = ()  # as `family` has them
    reason: str = ""
    created_at: float = 0.0
    started_at: float | None = None
    finished_at: float | None = None
    group: str = ""  # its id in the file, which all cells of a matrix share; "": `key`
    optional: tuple[str, ...] = ()  # those of `needs` that may have been skipped by their condition
    tolerated: bool = False  # allow-failure: how it ends does not fail the run
    excluded: bool = False  # skipped by its own condition, and not for what another job did
    waits: str = (
        ""  # while it is ready: why it does not start, in words; "" where nothing but room is missing
    )
    extras: Extras = NO_EXTRAS  # caches, artifacts, counts of tests
    cause: Cause = Cause.FIRST
    earlier: tuple[Earlier, ...] = ()  # since somebody last asked for it, oldest first
    retries: int = 0  # attempts that its own failures may cost beside the first
    due_at: float = 0.0  # it does not start before

    @property
    def asked_at(self) -> float:
        """When somebody, and not ci-bot by itself, last asked for it."""
        return self.earlier[0].created_at if self.earlier else self.created_at

    @property
    def asked_as(self) -> int:
        """The number of the attempt that somebody last asked for."""
        return self.attempt - len(self.earlier)

    @property
    def family(self) -> str:
        """What `needs` names."""
        return self.group or self.key

    def is_named(self, names: Collection[str]) -> bool:
        """By its key, or by that of its family: a matrix's name means all its cells."""
        return self.key in names or self.family in names

    @property
    def is_bad(self) -> bool:
        """True where it keeps the jobs that need it from running, and its run from passing."""
        return self.status.is_bad and not self.tolerated


@dataclass(frozen=True, slots=True)
class Inspection:
    """What somebody should look at before approving a commit."""

    config: tuple[str, ...] = ()  # what it does to .ci.yaml, a sentence each; () if it leaves it alone
    files: tuple[str, ...] = ()  # changed files that the steps seem to run
    changed: int = 0  # files that it changes in all
    secrets: tuple[str, ...] = ()  # names of those that its steps would be given


@dataclass(frozen=True, slots=True)
class Run:
    """One natural key: a head, and why it is tested. `jobs` holds the latest attempt of each job."""

    id: str
    key: str
    repo: Repo
    kind: RunKind
    ref: str  # branch, tag or merge-group ref, without "refs/heads/"
    sha: str
    verdict: Verdict
    actor: Actor
    created_at: float
    pull: int | None = None
    title: str = ""  # of the pull request, or the first line of the commit's message
    base_ref: str = ""
    base_sha: str = ""
    reason: str = ""  # in words: why nothing runs, what is awaited, why it was superseded
    problems: tuple[Problem, ...] = ()
    plan: Plan | None = None
    superseded: bool = False
    ruling: Ruling = Ruling.RUN  # of its first attempt; every retry keeps it
    vouchers: tuple[Voucher, ...] = ()  # whom the ruling rests on
    head_at: float = 0.0  # since when its commit is the pull request's head, by the forge's clock
    inspection: Inspection | None = None  # while it waits for approval
    jobs: tuple[JobRun, ...] = ()


@dataclass(frozen=True, slots=True)
class LogRef:
    """Names the log of one step of one attempt of a job, or with `service_log` of one of its services."""

    job_id: str
    step: int


#: A job has fewer steps than this: the numbers from here on are those of its services' logs.
FIRST_SERVICE = 1000


def service_log(job_id: str, place: int) -> LogRef:
    """The log of a service by its place among the services of the job."""
    return LogRef(job_id, FIRST_SERVICE + place)
