"""What is planned (Pipeline, Plan, Job, Step) and what happened (Run, JobRun, StepRun, Exit).

Durations are whole seconds, moments are seconds since the epoch (UTC), sizes are bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ci_bot.core.events import Actor, Repo
from ci_bot.core.states import Status
from ci_bot.core.trust import Ruling, Voucher

# ── what is planned ──────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class SecretRef:
    """A variable of a step whose value is a secret: a stored one by its name, or a sealed string."""

    variable: str
    name: str  # of the stored secret, or the one that the sealed string bears
    sealed: str = ""  # "" for a stored one


@dataclass(frozen=True, slots=True)
class Step:
    """One container: a script for the image's shell."""

    name: str
    run: str
    image: str
    env: Mapping[str, str] = field(default_factory=dict)
    timeout: int | None = None  # None: what is left of the job's time
    workdir: str = "."  # relative to the workspace
    continue_on_error: bool = False
    line: int = 0  # where it stands in .ci.yaml, from 1; 0 if unknown
    secrets: tuple[SecretRef, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """Steps that share a workspace and run one after the other."""

    id: str
    name: str
    steps: tuple[Step, ...]
    needs: tuple[str, ...] = ()
    timeout: int = 3600
    line: int = 0


@dataclass(frozen=True, slots=True)
class Input:
    """What whoever starts a job by hand may choose. Without a default it must be given."""

    name: str
    default: str | None = None
    options: tuple[str, ...] = ()  # () means anything


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A valid `.ci.yaml`, independent of any event."""

    name: str  # "" where the file does not say: the repository's name is shown
    on: frozenset[str]
    jobs: tuple[Job, ...]  # in an order in which every need comes first
    file: str = ".ci.yaml"  # where it was read from
    inputs: tuple[
        Input, ...
    ] = ()  # `${{ inputs.NAME }}` in the env of its steps stands for their values


@dataclass(frozen=True, slots=True)
class Plan:
    """What one event makes of a pipeline. Without jobs, `reason` says why nothing runs.

    `inputs` are those that have no values yet: of what is offered, and of nothing that runs.
    """

    name: str
    jobs: tuple[Job, ...]
    reason: str = ""
    file: str = ".ci.yaml"
    inputs: tuple[Input, ...] = ()


def secret_names(plan: Plan | None) -> tuple[str, ...]:
    """The names of all secrets that the steps of a plan ask for, each once, in order."""
    steps = [step for job in (plan.jobs if plan else ()) for step in job.steps]
    return tuple(dict.fromkeys(ref.name for step in steps for ref in step.secrets))


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


# ── what happened ────────────────────────────────────────────────────────────────────────────


class RunKind(StrEnum):
    """What a run was started for. The first three are folded into the gate, the others never."""

    PUSH = "push"
    PULL_REQUEST = "pull_request"
    MERGE_GROUP = "merge_group"
    TAG = "tag"
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
    needs: tuple[str, ...] = ()
    reason: str = ""
    created_at: float = 0.0
    started_at: float | None = None
    finished_at: float | None = None


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
    """Names the log of one step of one attempt of a job."""

    job_id: str
    step: int
