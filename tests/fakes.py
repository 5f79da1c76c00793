"""One plain fake per port: what it was told is in public attributes, what it answers is set on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from ci_bot.core.errors import ForgeError
from ci_bot.core.events import Access, Actor, Permission, Pull, Repo
from ci_bot.core.model import Exit, ExitReason
from ci_bot.core.report.values import CheckReport, CheckState, CommentReport
from ci_bot.ports import Alive, CloneSource, JobSpec, LogWriter, StepSpec, Workspace


class FakeClock:
    """Time that moves only when somebody sleeps or a test says so."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.time = now

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds
        await asyncio.sleep(0)


class FakeIds:
    """id00001, id00002, …"""

    def __init__(self) -> None:
        self._numbers = count(1)

    def new(self) -> str:
        return f"id{next(self._numbers):05}"


@dataclass
class ShownCheck:
    """A check run as the fake forge holds it."""

    sha: str
    report: CheckReport
    external_id: str


class FakeForge:
    """`ForgeFacts` and `ForgeReports` in memory; holds publishers to "completed is final"."""

    def __init__(self) -> None:
        self.files: dict[tuple[str, str], bytes] = {}  # (sha, path) → content
        self.pulls: dict[int, Pull] = {}
        self.permissions: dict[int, Permission] = {}
        self.messages: dict[str, str] = {}
        self.checks: dict[str, ShownCheck] = {}  # handle → check
        self.comments: dict[str, CommentReport] = {}
        self.calls: list[str] = []
        self.failures: list[ForgeError] = []  # raised by the next calls that write, in order
        self.fails_after_effect = False
        self._numbers = count(1)

    # facts

    async def read_file(self, repo: Repo, path: str, sha: str) -> bytes | None:
        self.calls.append(f"read {path} {sha[:7]}")
        return self.files.get((sha, path))

    async def pull(self, repo: Repo, number: int) -> Pull:
        self.calls.append(f"pull {number}")
        return self.pulls[number]

    async def pulls_of_head(self, repo: Repo, sha: str) -> Sequence[Pull]:
        self.calls.append(f"pulls of {sha[:7]}")
        return [
            pull
            for pull in self.pulls.values()
            if pull.is_open and pull.head_sha == sha and not pull.is_from_fork(repo)
        ]

    async def permission(self, repo: Repo, actor: Actor) -> Access:
        self.calls.append(f"permission {actor.login}")
        return Access(actor.id, self.permissions.get(actor.id, Permission.NONE))

    async def commit_message(self, repo: Repo, sha: str) -> str:
        self.calls.append(f"message {sha[:7]}")
        return self.messages.get(sha, "a commit")

    async def clone_source(self, repo: Repo, pull: int | None) -> CloneSource:
        return CloneSource("http://forge.invalid/x.git", "x", "token")

    # reports

    async def publish(
        self, repo: Repo, sha: str, report: CheckReport, external_id: str, handle: str | None
    ) -> str:
        self.calls.append(f"publish {report.name} {report.state}")
        if self.failures and not self.fails_after_effect:
            raise self.failures.pop(0)
        if handle is None:
            handle = f"check:{next(self._numbers)}"
        elif self.checks[handle].report.state is CheckState.COMPLETED:
            raise AssertionError(f"{report.name}: a completed check was changed")
        self.checks[handle] = ShownCheck(sha, report, external_id)
        if self.failures:
            raise self.failures.pop(0)
        return handle

    async def find(self, repo: Repo, sha: str, name: str, external_id: str) -> str | None:
        self.calls.append(f"find {name}")
        for handle, check in self.checks.items():
            if check.external_id == external_id and check.sha == sha:
                return handle
        return None

    async def comment(self, repo: Repo, number: int, comment: CommentReport, handle: str | None) -> str:
        self.calls.append(f"comment {number}")
        if self.failures:
            raise self.failures.pop(0)
        handle = handle or f"comment:{next(self._numbers)}"
        self.comments[handle] = comment
        return handle

    def latest(self, sha: str, name: str) -> CheckReport | None:
        """The newest check run of a name, as branch protection sees it."""
        found = [c.report for c in self.checks.values() if c.sha == sha and c.report.name == name]
        return found[-1] if found else None


@dataclass
class FakeStep:
    """What the fake executor makes of a step whose script is its key."""

    exit: Exit = field(default_factory=lambda: Exit(0))
    output: bytes = b""
    hangs: bool = False
    raises: Exception | None = None


class FakeExecutor:
    """`Executor` and `Session` without an engine: steps are looked up by their script."""

    def __init__(self) -> None:
        self.steps: dict[str, FakeStep] = {}
        self.ran: list[str] = []
        self.open_jobs: set[str] = set()
        self.specs: list[StepSpec] = []
        self._stopped = asyncio.Event()

    @asynccontextmanager
    async def session(self, spec: JobSpec) -> AsyncIterator[FakeExecutor]:
        self.open_jobs.add(spec.id)
        yield self
        self.open_jobs.discard(spec.id)

    async def prepare(self, spec: StepSpec) -> None:
        return None

    async def run(self, spec: StepSpec, log: LogWriter) -> Exit:
        self.specs.append(spec)
        self.ran.append(spec.step.run)
        step = self.steps.get(spec.step.run, FakeStep())
        if step.raises is not None:
            raise step.raises
        log.write(step.output)
        if not step.hangs:
            return step.exit
        self._stopped.clear()
        await self._stopped.wait()
        return Exit(137, ExitReason.STOPPED)

    async def stop(self) -> None:
        self._stopped.set()

    async def reap(self, alive: Alive) -> int:
        left = self.open_jobs - set(await alive())
        self.open_jobs -= left
        return len(left)

    async def check(self) -> str:
        return "a fake engine"


class FakeWorkspaces:
    """`Workspaces` that are names alone."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.prepared: list[str] = []
        self.discarded: list[str] = []

    async def prepare(self, job_id: str, repo: Repo, sha: str, source: CloneSource) -> Workspace:
        self.prepared.append(f"{job_id} {sha}")
        return Workspace(self._root / job_id, None)

    async def find(self, job_id: str, repo: Repo) -> Workspace | None:
        return None

    async def discard(self, job_id: str) -> None:
        self.discarded.append(job_id)

    async def reap(self, alive: Alive) -> int:
        return 0


def living(*job_ids: str) -> Alive:
    """What `reap` asks: these jobs are alive."""

    async def alive() -> Collection[str]:
        return job_ids

    return alive
