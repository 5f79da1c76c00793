"""Engines that run jobs, and the checkouts that these run in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from ci_bot.core.events import Repo
from ci_bot.core.globs import Globs
from ci_bot.core.model import Exit
from ci_bot.core.planned import Checkout, Job, Step
from ci_bot.ports.files import FileSink
from ci_bot.ports.forges import CloneSource
from ci_bot.ports.logs import LogWriter


@dataclass(frozen=True, slots=True)
class Workspace:
    """A checkout that lives as long as its job: `path` is the work tree with its `.git`.

    `.git` borrows objects from `objects` (a directory, read-only for steps), which a session must
    show to its steps as `OBJECTS_INSIDE`.
    """

    path: Path
    objects: Path | None


#: Where a step sees its workspace, and where the workspace's `.git` looks for borrowed objects.
WORKSPACE_INSIDE = "/workspace"
OBJECTS_INSIDE = "/ci-bot/objects"


@dataclass(frozen=True, slots=True)
class JobSpec:
    """What an executor needs to know of a job."""

    id: str  # of this attempt; unique, safe in names
    run_id: str
    repo: str  # "owner/name": for labels
    job: Job
    workspace: Workspace
    is_outsiders: bool = False  # somebody without write access wrote what it runs
    forge: str = ""  # where the repository is

    @property
    def place(self) -> str:
        """ "gitlab:group/name": what the operator's settings for some repositories are asked about."""
        return f"{self.forge}:{self.repo}" if self.forge else self.repo


@dataclass(frozen=True, slots=True)
class StepSpec:
    """What a session needs to know of a step. `generation` is stored before `run` is called."""

    index: int
    generation: int
    step: Step
    # Everything the step's environment gets, CI_* included, but for secrets, and for what only an executor
    # knows: where the job's own engine is.
    env: Mapping[str, str]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)  # these win


class Session(Protocol):
    """One job on one engine: containers that share a workspace.

    Each step has one for itself, or, where the job's plan says `shares_container`, consecutive steps of the
    same image have one together, with what they leave running in it; their environments stay apart. A
    step that was stopped ends that one, so the next step gets a new one.

    `prepare` of the next step may run while `run` of the current one does; at most one `run` at a
    time. Cancelling the task in `run` only lets go: the step goes on and can be adopted. To end a
    step, call `stop`.
    """

    async def prepare(self, spec: StepSpec) -> None:
        """Brings the image and makes ready what can be, without running anything of the step.

        Safe to call twice, and optional. Raises as `run` does.
        """
        ...

    async def run(self, spec: StepSpec, log: LogWriter) -> Exit:
        """Runs the step to its end and returns how it ended, having written all its output.

        `Exit.usage` says what it used where the engine can tell without slowing it; never of a killed one.

        If this generation was started already, by whatever process, it is picked up and not started
        again. Raises `StepRefused` when the step cannot run as written (no such image, no shell) and
        `EngineError` or `EngineGone` when the engine fails or the container has vanished.
        """
        ...

    async def has_begun(self, spec: StepSpec) -> bool:
        """Whether this generation was started already, by whatever process, so that it has its secrets."""
        ...

    async def serve(self, log_of: Callable[[int], LogWriter]) -> None:
        """Starts the job's services, or finds those that an earlier process started; call it first.

        Returns when each is ready. `log_of` opens the log of a service by its place in the job. Raises
        `StepRefused`, which names the service, and `EngineError`.
        """
        ...

    async def ended_services(self) -> tuple[str, ...]:
        """The services that have ended by themselves by now, in words. Raises `EngineError`."""
        ...

    async def fetch(self, globs: Globs, sink: FileSink) -> None:
        """Shows the sink every file of the workspace that the globs match, as it is now, while no step runs.

        What the sink raises comes out. Raises `EngineError`, also for a file that cannot be read.
        """
        ...

    async def stop(self) -> None:
        """Ends the running step within 2 s; its `run` returns with `ExitReason.STOPPED`.

        Safe to call at any time, also when nothing runs.
        """
        ...


#: The ids of the jobs that are running at the moment of asking.
Alive = Callable[[], Awaitable[Collection[str]]]


class Executor(Protocol):
    """An engine that runs jobs."""

    def session(self, spec: JobSpec) -> AbstractAsyncContextManager[Session]:
        """Opens a session, or re-opens the one that an earlier process left (adoption).

        Leaving the context normally removes everything of the job from the engine, shielded from
        cancellation and with a deadline of its own. When it is left by an exception, cancellation
        included, the end of the job may not be stored: everything stays as it is, for the next
        process to adopt or for the reaper. Raises `EngineError`.
        """
        ...

    async def reap(self, alive: Alive) -> int:
        """Removes what this server's other jobs left. Returns how many things that was.

        Looks first and asks `alive` then: what is made after the look belongs to a job that is alive.
        """
        ...

    async def check(self) -> str:
        """One line about the engine for `doctor`. Raises `EngineGone`."""
        ...


#: No submodules, pointers for large files, the whole history.
WHOLE: Final = Checkout()


class Differences(Protocol):
    """What git knows about commits, where a forge's answer has an end."""

    async def between(
        self, repo: Repo, source: CloneSource, base: str, head: str, *, from_common: bool
    ) -> Sequence[str]:
        """Paths that differ, of renamed files both names. `base` and `head` are full shas.

        `from_common`: what leads from their last common commit to `head`. Brings what is missing, which
        may take minutes. Raises `WorkspaceError`.
        """
        ...


class Workspaces(Protocol):
    """Checkouts for jobs, from mirrors that are kept between them."""

    async def prepare(
        self,
        job_id: str,
        repo: Repo,
        sha: str,
        source: CloneSource,
        base_sha: str = "",
        checkout: Checkout = WHOLE,
    ) -> Workspace:
        """A checkout of exactly `sha`. The same job id gets the same workspace, as it is now.

        `checkout` says how much of the history a step sees, and what else is brought. Raises
        `CheckoutRefused` where that cannot be had as the author asks for it.

        `base_sha` is brought too where the forge still has it, so that a step can compare with it; ""
        for none. Raises `WorkspaceError` in words; the token is in none of them.
        """
        ...

    async def find(self, job_id: str, repo: Repo) -> Workspace | None:
        """The workspace of a job that was prepared earlier, perhaps by another process."""
        ...

    async def discard(self, job_id: str) -> None:
        """Removes the job's checkout. Safe to call twice."""
        ...

    async def reap(self, alive: Alive) -> int:
        """Removes the checkouts of all other jobs, looking first and asking then. Returns how many."""
        ...
