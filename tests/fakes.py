"""One plain fake per port: what it was told is in public attributes, what it answers is set on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import BytesIO
from itertools import count
from pathlib import Path

from ci_bot.core.changes import Between, ChangedFiles, OfPull
from ci_bot.core.convergence import FoundCheck
from ci_bot.core.effects import Reaction
from ci_bot.core.errors import (
    BadDelivery,
    CheckoutRefused,
    ForgeError,
    SecretRefused,
    SignatureRefused,
    WorkspaceError,
)
from ci_bot.core.events import Access, Actor, Event, Permission, Pull, Repo
from ci_bot.core.globs import Globs
from ci_bot.core.model import Exit, ExitReason, JobRun, Run
from ci_bot.core.planned import Checkout, Step
from ci_bot.core.reconciling import LastPush
from ci_bot.core.report.values import CheckReport, CheckState, CommentReport, DeploymentReport, Spot
from ci_bot.ports import WHOLE, Alive, CloneSource, FileSink, JobSpec, LogWriter, StepSpec, Workspace


class FakeClock:
    """Time that moves only when somebody sleeps or a test says so."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.time = now
        self.on_sleep: Callable[[], object] = lambda: None  # what happens meanwhile

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds
        self.on_sleep()
        await asyncio.sleep(0)


class FakeIds:
    """id00001, id00002, …"""

    def __init__(self) -> None:
        self._numbers = count(1)

    def new(self) -> str:
        return f"id{next(self._numbers):05}"


class FakeWebhook:
    """`Webhook` of a forge whose bodies are names of events; "good" is its only signature."""

    def __init__(self) -> None:
        self.events: dict[bytes, Event | None] = {}
        self.calls: list[str] = []

    def send(self, event: Event | None) -> bytes:
        """A body that means this event."""
        body = f"event {len(self.events)}".encode()
        self.events[body] = event
        return body

    def require_signature(self, headers: Mapping[str, str]) -> None:
        self.calls.append("require_signature")
        if "X-Signature" not in headers:
            raise SignatureRefused("not signed")

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        self.calls.append("verify")
        if headers.get("X-Signature") != "good":
            raise SignatureRefused("wrongly signed")

    def parse(self, headers: Mapping[str, str], body: bytes) -> Event | None:
        self.calls.append("parse")
        if body not in self.events:
            raise BadDelivery("no such event")
        return self.events[body]

    def delivery_id(self, headers: Mapping[str, str]) -> str:
        self.calls.append("delivery_id")
        return headers["X-Delivery"]


class FakeDifferences:
    """`Differences` between commits by what is set for them; nothing else is known."""

    def __init__(self) -> None:
        self.paths: dict[tuple[str, str, bool], list[str]] = {}  # (base, head, from_common)

    async def between(
        self, repo: Repo, source: CloneSource, base: str, head: str, *, from_common: bool
    ) -> Sequence[str]:
        found = self.paths.get((base, head, from_common))
        if found is None:
            raise WorkspaceError("the commit is not there")
        return found


@dataclass
class ShownCheck:
    """A check run as the fake forge holds it."""

    sha: str
    report: CheckReport
    external_id: str
    was_answered: bool

    def check_change(self, report: CheckReport) -> None:
        """Completed is final. Who never heard the answer may say the same again."""
        if self.report.state is CheckState.COMPLETED and (
            self.was_answered or self.report.conclusion is not report.conclusion
        ):
            raise AssertionError(f"{report.name}: a completed check was changed")


class FakeForge:
    """`ForgeFacts` and `ForgeReports` in memory; holds publishers to "completed is final"."""

    def __init__(self) -> None:
        self.files: dict[tuple[str, str], bytes] = {}  # (sha, path) → content
        self.pulls: dict[int, Pull] = {}
        self.permissions: dict[int, Permission] = {}
        self.messages: dict[str, str] = {}
        self.changed: dict[int, list[str]] = {}  # pull request → paths
        self.compared: dict[tuple[str, str], ChangedFiles] = {}  # (base, head)
        self.forced: dict[int, float] = {}  # pull request → when its head was last moved by force
        #: Handle → commit, environment, external id, and its states in order.
        self.deployments: dict[str, tuple[str, str, str, list[DeploymentReport]]] = {}
        self.deployment_answers_lost: list[ForgeError] = []
        self.branches: dict[str, LastPush] = {}  # its name → what moved it last
        self.reactions: list[tuple[int, Reaction]] = []
        self.checks: dict[str, ShownCheck] = {}  # handle → check
        self.comments: dict[str, CommentReport] = {}
        self.calls: list[str] = []
        self.failures: list[ForgeError] = []  # raised by the next calls that write, in order
        self.fails_after_effect = False
        self.no_answers: dict[str, list[Exception]] = {}  # how a question begins → what it raises
        self.on_question: Callable[[], object] = lambda: None  # what happens before each answer
        self.is_up = asyncio.Event()  # questions wait for it
        self.is_up.set()
        self._numbers = count(1)

    # facts

    async def read_file(self, repo: Repo, path: str, sha: str) -> bytes | None:
        await self._asked(f"read {path} {sha[:7]}")
        return self.files.get((sha, path))

    async def pull(self, repo: Repo, number: int) -> Pull:
        await self._asked(f"pull {number}")
        return self.pulls[number]

    async def pulls_of_head(self, repo: Repo, sha: str) -> Sequence[Pull]:
        await self._asked(f"pulls of {sha[:7]}")
        return [
            pull
            for pull in self.pulls.values()
            if pull.is_open and pull.head_sha == sha and not pull.is_from_fork(repo)
        ]

    async def permission(self, repo: Repo, actor: Actor) -> Access:
        await self._asked(f"permission {actor.login}")
        return Access(actor.id, self.permissions.get(actor.id, Permission.NONE))

    async def branch_head(self, repo: Repo, branch: str) -> str | None:
        await self._asked(f"branch {branch}")
        return self.branches[branch].sha if branch in self.branches else None

    async def last_push(self, repo: Repo, branch: str) -> LastPush | None:
        await self._asked(f"push {branch}")
        return self.branches.get(branch)

    async def commit_message(self, repo: Repo, sha: str) -> str:
        await self._asked(f"message {sha[:7]}")
        return self.messages.get(sha, "a commit")

    async def clone_source(self, repo: Repo, pull: int | None) -> CloneSource:
        return CloneSource("http://forge.invalid/x.git", "x", "token")

    async def changed_files(self, repo: Repo, question: OfPull | Between) -> ChangedFiles:
        if isinstance(question, OfPull):
            await self._asked(f"files {question.number}")
            return ChangedFiles(tuple(self.changed.get(question.number, [])), is_whole=True)
        await self._asked(f"compare {question.base[:7]} {question.head[:7]}")
        found = self.compared.get((question.base, question.head))
        if found is None:
            raise ForgeError("no common ancestor", 404)
        return found

    async def forced_at(self, repo: Repo, number: int) -> float | None:
        await self._asked(f"forced {number}")
        return self.forced.get(number)

    async def _asked(self, question: str) -> None:
        self.calls.append(question)
        self.on_question()
        await self.is_up.wait()
        for asked, refusals in self.no_answers.items():
            if f"{question} ".startswith(f"{asked} ") and refusals:
                raise refusals.pop(0)

    # reports

    async def publish(
        self, repo: Repo, spot: Spot, report: CheckReport, external_id: str, handle: str | None
    ) -> str:
        self.calls.append(f"publish {report.name} {report.state}")
        if self.failures and not self.fails_after_effect:
            raise self.failures.pop(0)
        if handle is None:
            handle = f"check:{next(self._numbers)}"
        else:
            self.checks[handle].check_change(report)
        self.checks[handle] = ShownCheck(spot.sha, report, external_id, was_answered=not self.failures)
        if self.failures:
            raise self.failures.pop(0)
        return handle

    async def find(self, repo: Repo, sha: str, name: str, external_id: str) -> FoundCheck | None:
        self.calls.append(f"find {name}")
        for handle, check in self.checks.items():
            if check.external_id == external_id and check.sha == sha:
                return FoundCheck(handle, check.report.conclusion)
        return None

    async def comment(self, repo: Repo, number: int, comment: CommentReport, handle: str | None) -> str:
        self.calls.append(f"comment {number}")
        if self.failures:
            raise self.failures.pop(0)
        marked = (h for h, held in self.comments.items() if held.marker == comment.marker)
        handle = handle or next(marked, None) or f"comment:{next(self._numbers)}"
        self.comments[handle] = comment
        return handle

    # deployments

    async def create_deployment(
        self, repo: Repo, spot: Spot, report: DeploymentReport, external_id: str
    ) -> str:
        await self._asked(f"deploy {report.environment}")
        handle = f"deployment:{next(self._numbers)}"
        self.deployments[handle] = (spot.sha, report.environment, external_id, [])
        if self.deployment_answers_lost:
            raise self.deployment_answers_lost.pop(0)
        return handle

    async def find_deployment(
        self, repo: Repo, sha: str, report: DeploymentReport, external_id: str
    ) -> str | None:
        await self._asked(f"find deployment {report.environment}")
        return next((h for h, one in self.deployments.items() if one[2] == external_id), None)

    async def update_deployment(self, repo: Repo, handle: str, report: DeploymentReport) -> None:
        await self._asked(f"deployed {report.state}")
        self.deployments[handle][3].append(report)

    async def react(self, repo: Repo, number: int, comment: int, reaction: Reaction) -> None:
        self.calls.append(f"react {comment} {reaction}")
        if self.failures:
            raise self.failures.pop(0)
        if (comment, reaction) not in self.reactions:
            self.reactions.append((comment, reaction))

    def latest(self, sha: str, name: str) -> CheckReport | None:
        """The newest check run of a name, as branch protection sees it."""
        found = [c.report for c in self.checks.values() if c.sha == sha and c.report.name == name]
        return found[-1] if found else None


@dataclass
class FakeStep:
    """What the fake executor makes of a step whose script is its key."""

    exit: Exit = field(default_factory=lambda: Exit(0))
    output: bytes = b""
    until: asyncio.Event | None = None  # it ends by itself then
    hangs: bool = False  # until it is stopped
    raises: Exception | None = None
    times: int = 1000  # it raises, and then no more


class FakeExecutor:
    """`Executor` without an engine: what a step does is looked up by its script."""

    def __init__(self) -> None:
        self.steps: dict[str, FakeStep] = {}
        self.ran: list[str] = []
        self.prepared: list[str] = []
        self.open_jobs: set[str] = set()  # what is on the engine
        self.specs: list[StepSpec] = []
        self.sessions: list[FakeSession] = []
        self.running = 0
        self.most_at_once = 0
        self.begun: set[tuple[int, int]] = set()  # steps and generations that run already
        self.broken: Exception | None = None  # what opening a session raises
        self.served = 0  # how often services were asked for
        self.unserved: Exception | None = None  # what serving raises
        self.ended_services: tuple[str, ...] = ()
        self.files: dict[str, bytes] = {}  # of every workspace: name → content

    @asynccontextmanager
    async def session(self, spec: JobSpec) -> AsyncIterator[FakeSession]:
        if self.broken is not None:
            raise self.broken
        self.open_jobs.add(spec.id)
        session = FakeSession(self)
        self.sessions.append(session)
        yield session
        self.open_jobs.discard(spec.id)

    async def until_running(self, script: str) -> None:
        while script not in self.ran:
            await asyncio.sleep(0.001)

    async def until_at_once(self, number: int) -> None:
        while self.running < number:
            await asyncio.sleep(0.001)

    async def reap(self, alive: Alive) -> int:
        if self.broken is not None:
            raise self.broken
        left = self.open_jobs - set(await alive())
        self.open_jobs -= left
        return len(left)

    async def check(self) -> str:
        return "a fake engine"


class FakeSession:
    """`Session` of a `FakeExecutor`."""

    def __init__(self, executor: FakeExecutor) -> None:
        self._executor = executor
        self._stopped = asyncio.Event()

    async def prepare(self, spec: StepSpec) -> None:
        self._executor.prepared.append(f"{spec.step.run} {spec.generation}")

    async def serve(self, log_of: Callable[[int], LogWriter]) -> None:
        self._executor.served += 1
        if self._executor.unserved is not None:
            raise self._executor.unserved

    async def ended_services(self) -> tuple[str, ...]:
        return self._executor.ended_services

    async def run(self, spec: StepSpec, log: LogWriter) -> Exit:
        executor = self._executor
        executor.specs.append(spec)
        executor.ran.append(spec.step.run)
        executor.running += 1
        executor.most_at_once = max(executor.most_at_once, executor.running)
        try:
            return await self._end(executor.steps.get(spec.step.run, FakeStep()), log)
        finally:
            executor.running -= 1

    async def _end(self, step: FakeStep, log: LogWriter) -> Exit:
        if step.raises is not None and step.times > 0:
            step.times -= 1
            raise step.raises
        log.write(step.output)
        if not step.hangs:
            await (step.until.wait() if step.until else asyncio.sleep(0))
            return step.exit
        self._stopped.clear()
        await self._stopped.wait()
        return Exit(137, ExitReason.STOPPED)

    async def stop(self) -> None:
        self._stopped.set()

    async def fetch(self, globs: Globs, sink: FileSink) -> None:
        for name, content in sorted(self._executor.files.items()):
            if globs.match(name):
                sink.file(name, 0o644, 0.0, len(content), BytesIO(content))

    async def has_begun(self, spec: StepSpec) -> bool:
        return (spec.index, spec.generation) in self._executor.begun


class FakeVault:
    """`Vault` that opens what it was given, and remembers for whom."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        self.refused = ""  # why nothing is given
        self.opened: list[tuple[str, str]] = []  # (job, name)

    async def open(self, run: Run, job: JobRun, step: Step) -> Mapping[str, str]:
        if self.refused and step.secrets:
            raise SecretRefused(self.refused)
        self.opened += [(job.key, ref.name) for ref in step.secrets]
        return {ref.variable: self.secrets[ref.name] for ref in step.secrets}

    async def values(self, run: Run) -> Sequence[bytes]:
        return [value.encode() for value in self.secrets.values()]


class FakeWorkspaces:
    """`Workspaces` that are names alone."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.prepared: list[str] = []
        self.discarded: list[str] = []
        self.kept: set[str] = set()  # job ids
        self.broken: WorkspaceError | CheckoutRefused | None = None  # what `prepare` raises
        self.makes_folders = False

    async def prepare(
        self,
        job_id: str,
        repo: Repo,
        sha: str,
        source: CloneSource,
        base_sha: str = "",
        checkout: Checkout = WHOLE,
    ) -> Workspace:
        if self.broken is not None:
            raise self.broken
        self.prepared.append(f"{job_id} {sha}")
        self.kept.add(job_id)
        if self.makes_folders:
            (self._root / job_id).mkdir()
        return Workspace(self._root / job_id, None)

    def folder(self, job_id: str, path: str = "") -> Path:
        return self._root / job_id / path

    async def find(self, job_id: str, repo: Repo) -> Workspace | None:
        return Workspace(self._root / job_id, None) if job_id in self.kept else None

    async def discard(self, job_id: str) -> None:
        self.discarded.append(job_id)
        self.kept.discard(job_id)

    async def reap(self, alive: Alive) -> int:
        left = self.kept - set(await alive())
        self.kept -= left
        return len(left)


def living(*job_ids: str) -> Alive:
    """What `reap` asks: these jobs are alive."""

    async def alive() -> Collection[str]:
        return job_ids

    return alive
