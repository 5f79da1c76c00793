"""What is planned: a Pipeline (a valid `.ci.yaml`), and the Plan that one event makes of it.

Executors see `Job` and `Step` alone: the features of the language are lowered to their fields.
Durations are whole seconds, sizes are bytes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from ci_bot.core.occasion import Facts


@dataclass(frozen=True, slots=True)
class SecretRef:
    """A variable of a step whose value is a secret: a stored one by its name, or a sealed string."""

    variable: str
    name: str  # of the stored secret, or the one that the sealed string bears
    sealed: str = ""  # "" for a stored one


@dataclass(frozen=True, slots=True)
class Step:
    """A script for the image's shell, or arguments for its entry point; run in a container."""

    name: str
    run: str  # "" where `args` is given
    image: str
    env: Mapping[str, str] = field(default_factory=dict)
    timeout: int | None = None  # None: what is left of the job's time
    workdir: str = "."  # relative to the workspace
    continue_on_error: bool = False
    line: int = 0  # where it stands in .ci.yaml, from 1; 0 if unknown
    secrets: tuple[SecretRef, ...] = ()
    condition: str = ""  # CEL; "": while all before it succeeded
    args: tuple[str, ...] | None = None  # for the image's own entry point, instead of a script
    shell: str = ""  # the program that reads the script; "" is `sh -e`


@dataclass(frozen=True, slots=True)
class Resources:
    """What each step and service of a job may use at most; None: the server's own limit."""

    cpu: float | None = None  # processors
    memory: int | None = None
    pids: int | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """A container beside the steps of a job, reached by its name."""

    name: str
    image: str
    env: Mapping[str, str] = field(default_factory=dict)
    ready: str = ""  # a command that exits 0 when it is up; "": as soon as it runs
    timeout: int = 60  # to become ready
    line: int = 0


@dataclass(frozen=True, slots=True)
class Retry:
    """New attempts of a job that failed by itself."""

    limit: int  # attempts after the first
    on: tuple[int, ...] = ()  # exit codes of the step that failed it; (): any


@dataclass(frozen=True, slots=True)
class Artifacts:
    """What is kept of a job's workspace, for the jobs that need it and for people."""

    paths: tuple[str, ...] = ()  # globs
    always: bool = False  # of a job that failed as well
    expire: int = 30 * 86400  # seconds
    junit: tuple[str, ...] = ()  # globs of test reports
    coverage: tuple[str, ...] = ()  # globs of Cobertura reports


@dataclass(frozen=True, slots=True)
class Cache:
    """Paths of the workspace that jobs of other runs find again."""

    key: str  # `${{ hashFiles(…) }}` in it is replaced where the job runs
    paths: tuple[str, ...]
    fallback: tuple[str, ...] = ()  # beginnings of keys, tried in order


@dataclass(frozen=True, slots=True)
class Concurrency:
    """At most `limit` of what names the same group in a repository run at the same time."""

    group: str  # "${{ branch }}" in it is replaced when it is planned
    limit: int = 1
    cancel_older: bool = False  # else they queue


@dataclass(frozen=True, slots=True)
class Checkout:
    submodules: bool = False
    lfs: bool = False
    depth: int = 0  # 0: the whole history


#: Under this name the engine of a job is reached by its steps.
ENGINE_NAME: Final = "docker"


class EngineKind(StrEnum):
    """What `docker: true` gives to a job; the operator chooses."""

    NESTED = "nested"  # a whole engine, as root
    ROOTLESS = "rootless"  # a whole engine, as an ordinary user
    BUILDKIT = "buildkit"  # what builds images and nothing else, as an ordinary user


@dataclass(frozen=True, slots=True)
class Job:
    """Steps that share a workspace and run one after the other."""

    id: str  # a cell of a matrix: "test(3.12,linux)"
    name: str
    steps: tuple[Step, ...]
    needs: tuple[str, ...] = ()  # names as `group` has them: of a matrix all cells are needed
    timeout: int = 3600
    line: int = 0
    group: str = ""  # its id in the file, which all cells of a matrix share; "": `id`
    optional: tuple[str, ...] = ()  # those of `needs` that may have been skipped by their condition
    matrix: Mapping[str, str] = field(default_factory=dict)  # the values of its cell
    condition: str = ""  # CEL that is decided when its needs have ended; "": they must have succeeded
    skip: str = ""  # why this event does not run it, in words; "" where it does
    fail_fast: bool = False  # of a matrix: the first failure of a cell ends the others
    max_parallel: int = 0  # cells of its matrix at once; 0: any number
    allow_failure: bool = False
    retry: Retry | None = None
    resources: Resources = Resources()
    services: tuple[Service, ...] = ()
    checkout: Checkout = Checkout()
    artifacts: Artifacts | None = None
    caches: tuple[Cache, ...] = ()
    concurrency: Concurrency | None = None
    environment: str = ""  # of a deployment; "": it is none
    engine: bool = False  # gets a container engine of its own
    shares_container: bool = False  # consecutive steps of the same image run in one container
    file: str = ""  # the included one that it stands in; "": the plan's

    @property
    def family(self) -> str:
        """The id in the file: what `needs` names."""
        return self.group or self.id

    @property
    def company(self) -> tuple[str, ...]:
        """The names of the containers beside its steps, in the order of their logs."""
        return (*(service.name for service in self.services), *([ENGINE_NAME] if self.engine else []))

    def is_named(self, names: Collection[str]) -> bool:
        """By its id, or by that of its family: a matrix's name means all its cells."""
        return self.id in names or self.family in names


@dataclass(frozen=True, slots=True)
class Input:
    """What whoever starts a job by hand may choose. Without a default it must be given."""

    name: str
    default: str | None = None
    options: tuple[str, ...] = ()  # () means anything


@dataclass(frozen=True, slots=True)
class Filter:
    """What `on` demands of one event beyond its name; () asks for nothing.

    Patterns as written: one that begins with "!" takes away.
    """

    branches: tuple[str, ...] = ()  # of a pull request its base's
    branches_ignore: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    paths_ignore: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    drafts: bool = True


@dataclass(frozen=True, slots=True)
class Schedule:
    """One entry of `on.schedule`."""

    cron: str  # five fields, UTC
    branch: str = ""  # "": the default branch
    line: int = 0


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A valid `.ci.yaml`, independent of any event."""

    name: str  # "" where the file does not say: the repository's name is shown
    on: frozenset[str]
    jobs: tuple[Job, ...]  # in an order in which every need comes first
    file: str = ".ci.yaml"  # where it was read from
    # `${{ inputs.NAME }}` in the env of its steps stands for their values.
    inputs: tuple[Input, ...] = ()
    filters: Mapping[str, Filter] = field(default_factory=dict)  # event → what else it must be
    schedules: tuple[Schedule, ...] = ()
    concurrency: Concurrency | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What one event makes of a pipeline. Where nothing runs, `reason` says why.

    `inputs` are those that have no values yet: of what is offered, and of nothing that runs.
    """

    name: str
    jobs: tuple[Job, ...]  # those with `skip` do not run
    reason: str = ""
    file: str = ".ci.yaml"
    inputs: tuple[Input, ...] = ()
    awaits: bool = False  # nothing runs until a person acts: a draft becomes ready
    facts: Facts | None = None  # what conditions that are decided later read
    concurrency: Concurrency | None = None
    #: Why every path counts as changed; "" where the changed files are known, or nothing asks for them.
    all_changed: str = ""


def secret_names(plan: Plan | None) -> tuple[str, ...]:
    """The names of all secrets that the steps of a plan ask for, each once, in order."""
    steps = [step for job in (plan.jobs if plan else ()) for step in job.steps]
    return tuple(dict.fromkeys(ref.name for step in steps for ref in step.secrets))
