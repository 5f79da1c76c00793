"""Every protocol between ci-bot and the world, on one page. Read this first.

The rules are the prose above each protocol; `tests/contract` holds every adapter to them. Values that
cross a port are frozen and our own (`ci_bot.core`), never a forge's or an engine's. A method raises the
exceptions named here and no others; all of them stand in `ci_bot.core.errors`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ci_bot.core.convergence import FoundCheck, Published
from ci_bot.core.decisions import AuditLine, Decision
from ci_bot.core.effects import Effect, Reaction, Turn
from ci_bot.core.events import Access, Actor, Event, Pull, Repo
from ci_bot.core.model import Exit, Job, JobRun, LogRef, Run, RunKind, Step, Usage
from ci_bot.core.notices import Notice
from ci_bot.core.reconciling import Attempt, KnownRepo, LastPush, OpenPull
from ci_bot.core.registration import MadeApp
from ci_bot.core.report.values import CheckReport, CommentReport
from ci_bot.core.retention import KeptLog
from ci_bot.core.secret_rules import StoredSecret
from ci_bot.core.spans import Span
from ci_bot.core.standing import Standing
from ci_bot.core.states import Change
from ci_bot.core.tokens import ApiToken
from ci_bot.core.trust import Voucher

# ── time and names ───────────────────────────────────────────────────────────────────────────


class Clock(Protocol):
    """The only source of time."""

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class Ids(Protocol):
    """The only source of new names."""

    def new(self) -> str:
        """A name never given before: lower-case letters and digits, at most 26, sortable by time."""
        ...


# ── forges ───────────────────────────────────────────────────────────────────────────────────


class Webhook(Protocol):
    """The pure half of a forge: from one HTTP request to one event.

    Call `require_signature` before the body is read, then `verify` on the raw bytes; the others may be
    called only after it returned. All are total: whatever the body holds, they return or raise what is
    named, in bounded time.
    """

    def require_signature(self, headers: Mapping[str, str]) -> None:
        """Raises `SignatureRefused` where the headers alone show that no body could be ours.

        So strangers cannot make us read, and hold, what they send.
        """
        ...

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raises `SignatureRefused` unless the body is signed with our secret. Constant time.

        `headers` are case-insensitive. No secret configured means that everything is refused.
        """
        ...

    def parse(self, headers: Mapping[str, str], body: bytes) -> Event | None:
        """The event, or None for what asks nothing of us. Raises `BadDelivery`."""
        ...

    def delivery_id(self, headers: Mapping[str, str]) -> str:
        """The forge's id of this delivery; its redelivery has the same. Raises `BadDelivery`."""
        ...


class EventParser(Protocol):
    """What is left of a `Webhook` once a delivery is stored."""

    def parse(self, headers: Mapping[str, str], body: bytes) -> Event | None:
        """The event, or None for what asks nothing of us. Raises `BadDelivery`."""
        ...


@dataclass(frozen=True, slots=True)
class CloneSource:
    """Where git gets a commit: an HTTP(S) URL without credentials, and a header's worth of them.

    `token` may be used for one fetch by one process and must be written nowhere. "" for none needed.
    `refs` are tried when the server does not give out a commit by its bare sha.
    """

    url: str
    username: str
    token: str
    refs: tuple[str, ...] = ()


class ForgeFacts(Protocol):
    """What a forge can be asked. Any method may run concurrently with any other.

    All raise `ForgeBusy(seconds)` when the forge wants to be left alone, `ForgeDenied` when our
    permissions do not suffice, `ForgeError` for everything else, never a library's own exception.
    """

    async def read_file(self, repo: Repo, path: str, sha: str) -> bytes | None:
        """A file's content at a commit; None if it is not there (or is not a file).

        Raises `FileTooLarge` where the forge does not give it out for its size.
        """
        ...

    async def pull(self, repo: Repo, number: int) -> Pull: ...

    async def pulls_of_head(self, repo: Repo, sha: str) -> Sequence[Pull]:
        """Open pull requests of the same repository whose head is exactly this commit."""
        ...

    async def permission(self, repo: Repo, actor: Actor) -> Access:
        """What the account may do now. `Access.account` is whom the answer is about: compare it.

        Somebody the forge does not know there has `Permission.NONE`.
        """
        ...

    async def commit_message(self, repo: Repo, sha: str) -> str: ...

    async def clone_source(self, repo: Repo, pull: int | None) -> CloneSource:
        """Credentials for one fetch, read-only, for this repository alone."""
        ...

    async def changed_files(self, repo: Repo, number: int) -> Sequence[str]:
        """Paths that a pull request changes, old names of what it renames too; perhaps not all.

        Forges end such lists somewhere (GitHub after 3,000 files).
        """
        ...

    async def forced_at(self, repo: Repo, number: int) -> float | None:
        """When the head of a pull request was last moved by force, by the forge's clock; None if never."""
        ...


class ForgeReports(Protocol):
    """What a forge can be asked to show. Raises as `ForgeFacts` does.

    Handles are opaque strings that only the same adapter reads; they are stored.
    """

    async def publish(
        self, repo: Repo, sha: str, report: CheckReport, external_id: str, handle: str | None
    ) -> str:
        """Creates the check (handle None) or updates it; returns its handle.

        Safe to repeat with a handle. Without one it creates a second check: call `find` first when
        the outcome of an earlier call is unknown. A completed check is final: never updated.
        """
        ...

    async def find(self, repo: Repo, sha: str, name: str, external_id: str) -> FoundCheck | None:
        """Our own check with this external id, if the forge has it."""
        ...

    async def comment(self, repo: Repo, number: int, comment: CommentReport, handle: str | None) -> str:
        """Writes a comment: by handle, else by its marker among our own, else anew.

        So it is safe to repeat: the sticky comment and each reply stand there once.
        """
        ...

    async def react(self, repo: Repo, comment: int, reaction: Reaction) -> None:
        """Reacts to a comment on a pull request. Safe to repeat; a comment that is gone is fine."""
        ...


class ReconcilingForge(Protocol):
    """A forge that can be asked what it failed to tell, and what it has. Raises as `ForgeFacts` does."""

    async def attempts(self, since: float) -> Sequence[Attempt]:
        """Its deliveries to us that ended after `since`, the newest of them at least."""
        ...

    async def redeliver(self, attempt: int) -> None:
        """Asks for one of them again. It comes with the delivery id of the first."""
        ...

    async def open_pulls(self, repo: Repo, since: float) -> Sequence[OpenPull]:
        """Open pull requests about which anything changed after `since`; perhaps not all."""
        ...

    async def last_push(self, repo: Repo, branch: str) -> LastPush | None:
        """None where the branch is gone, or where the forge keeps no record of who moved it."""
        ...


@dataclass(frozen=True, slots=True)
class ForgeCall:
    """One request to a forge, for whoever counts them.

    `endpoint` is the template of its address, so its values are few; `status` is "2xx", the status of a
    refusal, or "none" for no answer. `left` is what the forge says may still be asked this hour, -1 if
    it says nothing.
    """

    tenant: str  # whose budget it is; "" for the App's own
    endpoint: str  # "/commits/{sha}/check-runs"
    status: str
    seconds: float
    left: int


#: Hears every request after its answer. Must not raise or wait.
OnCall = Callable[[ForgeCall], None]


@dataclass(frozen=True, slots=True)
class AppForm:
    """What a browser posts to the forge, as the field `manifest`, to have an App made."""

    url: str
    manifest: str


class AppMaking(Protocol):
    """An App of our own, made by a person on the forge's pages from a form that we fill in."""

    def form(self, state: str) -> AppForm:
        """`state` comes back with the person, beside a code."""
        ...

    async def exchange(self, code: str) -> MadeApp:
        """What the code stands for; good once. Raises `RegistrationRefused`, or as `ForgeFacts` does."""
        ...


# ── notifications ────────────────────────────────────────────────────────────────────────────


class Notifier(Protocol):
    """Tells people outside the forge. Any method may run concurrently with any other."""

    def targets(self, repo: Repo, branch: str, turn: Turn) -> Sequence[str]:
        """The addresses to be told, by names that outlive a restart and give nothing away."""
        ...

    async def send(self, target: str, notice: Notice) -> None:
        """Sent once when it returns. Raises `NoticeFailed`, or `NoticeUncertain` where it may have been."""
        ...


# ── executors ────────────────────────────────────────────────────────────────────────────────


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
    repo: str  # "owner/name": for labels and for the operator's per-repository settings
    job: Job
    workspace: Workspace
    is_outsiders: bool = False  # somebody without write access wrote what it runs


@dataclass(frozen=True, slots=True)
class StepSpec:
    """What a session needs to know of a step. `generation` is stored before `run` is called."""

    index: int
    generation: int
    step: Step
    env: Mapping[str, str]  # everything the step's environment gets, CI_* included, but for secrets
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)  # and these, which win


class LogWriter(Protocol):
    """Receives the raw output of one step; masks, bounds and stores it.

    It must be fed from the first byte of the step's output, always: after a restart of the server it
    is fed from the first byte again and drops by itself what is stored already, so nothing is lost
    and nothing stands there twice. Called from one thread at a time, which need not be the loop's.
    """

    def write(self, chunk: bytes) -> None: ...

    def note(self, line: str) -> None:
        """A line of our own, marked as such, after everything written so far."""
        ...

    def close(self) -> int:
        """Flushes to disk and returns the stored size in bytes. Safe to call twice."""
        ...


class Session(Protocol):
    """One job on one engine: containers that share a workspace.

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


class Workspaces(Protocol):
    """Checkouts for jobs, from mirrors that are kept between them."""

    async def prepare(
        self, job_id: str, repo: Repo, sha: str, source: CloneSource, base_sha: str = ""
    ) -> Workspace:
        """A checkout of exactly `sha`. The same job id gets the same workspace, as it is now.

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


class LogSink(Protocol):
    """Where logs are kept. Byte offsets are stable: what was read once at an offset stays there."""

    def open(self, log: LogRef, secrets: Sequence[bytes]) -> LogWriter: ...

    def size(self, log: LogRef) -> int: ...

    def read(self, log: LogRef, start: int = 0, end: int | None = None) -> bytes:
        """Stored bytes; b"" for a log that is not there."""
        ...

    def tail(self, log: LogRef, size: int) -> bytes:
        """At most the last `size` bytes, from the beginning of a line on where something is left out."""
        ...

    def follow(self, log: LogRef, start: int = 0) -> AsyncIterator[bytes]:
        """Stored bytes, then what comes, until the log is closed; no gap and no repeat at the join."""
        ...


class Spans(Protocol):
    """Where traces go. Must not raise or wait: nothing that happens depends on it."""

    def emit(self, spans: Sequence[Span]) -> None: ...


# ── the store: each method is one transaction ────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Delivery:
    """One verified request of a forge that asks for something."""

    forge: str
    delivery_id: str
    headers: Mapping[str, str]  # the few that `Webhook.parse` reads
    body: bytes
    turn: str = ""  # those with the same one are decided one after the other; "" waits for nobody


@dataclass(frozen=True, slots=True)
class StoredDelivery:
    """A delivery that waits to be decided. `tries` counts the attempts before this one."""

    id: int
    delivery: Delivery
    received_at: float
    tries: int


@dataclass(frozen=True, slots=True)
class DeliveryOutcome:
    """`reason` says what was decided, or what went wrong at the last attempt."""

    is_decided: bool
    is_set_aside: bool
    reason: str


class Inbox(Protocol):
    """Deliveries, from the moment they are durable until they are decided. Raises `StoreError`."""

    async def put(self, delivery: Delivery) -> bool:
        """Durable when it returns. False if the same id with the same body is there already.

        One that was set aside is taken up again.
        """
        ...

    async def pending(self, limit: int, busy: Collection[str] = ()) -> Sequence[StoredDelivery]:
        """Undecided deliveries that are due, oldest first: of each turn the first alone, of `busy` none."""
        ...

    async def fail(self, id: int, reason: str, retry_at: float | None) -> None:
        """An attempt to decide failed; `retry_at` None sets the delivery aside for good, visibly."""
        ...

    async def outcome(self, forge: str, delivery_id: str) -> DeliveryOutcome | None:
        """What became of a delivery; None if there is none of that id."""
        ...


class Decisions(Protocol):
    """Writes what was decided."""

    async def commit(self, decision: Decision, delivery: int | None) -> Sequence[str]:
        """All of the decision and the end of the delivery, at once. Returns ids of the runs touched."""
        ...

    async def runs_of_head(self, repo_key: str, sha: str) -> Sequence[Run]:
        """Every run of a commit, oldest first."""
        ...

    async def push_after(self, repo_key: str, branch: str, sha: str) -> Run | None:
        """The newest run of a push that moved the branch on from `sha`."""
        ...


class Repositories(Protocol):
    """What ci-bot serves. Written with decisions. Raises `StoreError`."""

    async def served(self) -> Sequence[KnownRepo]:
        """Every repository that was not taken from us, longest known first."""
        ...


class Approvals(Protocol):
    """Who let which commits of outsiders run. They are written with decisions."""

    async def of(self, repo_key: str, sha: str, pull: int | None) -> Sequence[Voucher]:
        """Those of this very commit that were not withdrawn; `pull` None for a commit of no pull request."""
        ...

    async def had_one(self, repo_key: str, author: int) -> bool:
        """Whether any change of this account was ever approved here."""
        ...


@dataclass(frozen=True, slots=True)
class StoredEffect:
    """An effect that is to be performed. `tries` counts the attempts before this one."""

    id: int
    effect: Effect
    tries: int


class Effects(Protocol):
    """What is to be done on forges besides the reports, until it is done. Raises `StoreError`.

    They are written with decisions; of several with the same key the first alone is kept.
    """

    async def due(self, limit: int) -> Sequence[StoredEffect]:
        """Those that may be performed now, longest waiting first."""
        ...

    async def runs(self, keys: Sequence[str]) -> Sequence[Run]:
        """Runs by their natural keys, for effects that wait for them."""
        ...

    async def done(self, id: int, then: Sequence[Effect] = ()) -> None:
        """`then` are to be performed next, stored in the same transaction."""
        ...

    async def postpone(self, id: int, until: float, error: str) -> None:
        """Not due before `until`; an error, other than "", counts as an attempt."""
        ...

    async def give_up(self, id: int, error: str) -> None:
        """It failed for good, unless it is done or postponed after all; it is kept, with the reason."""
        ...


class Secrets(Protocol):
    """Stored secrets, encrypted. Raises `StoreError`. Nothing here sees a value."""

    async def current(self, scopes: Sequence[str], names: Sequence[str]) -> Sequence[StoredSecret]:
        """The values that count now; one name may stand in several scopes."""
        ...

    async def every(self, scopes: Sequence[str], names: Sequence[str]) -> Sequence[StoredSecret]:
        """Retired ones too: a step that still runs may have been given one of them."""
        ...

    async def is_locked(self, repo_key: str) -> bool:
        """Whether the repository was transferred and nobody has confirmed its new owner yet."""
        ...


class Audit(Protocol):
    """The record of who caused what, for what has no decision of its own. Raises `StoreError`."""

    async def write(self, lines: Sequence[AuditLine]) -> None:
        """Durable when it returns."""
        ...


class Tokens(Protocol):
    """The API's tokens, as they are now: a token that is revoked is so at once. Raises `StoreError`.

    Of the repositories of a token only those are named that ci-bot still serves, and whose owner
    nobody has to confirm.
    """

    async def by_hash(self, sha256: str) -> ApiToken | None: ...

    async def by_id(self, id: str) -> ApiToken | None: ...

    async def used(self, token: ApiToken) -> None:
        """Notes that it was used now."""
        ...


class Vault(Protocol):
    """Secrets opened for steps, and nothing else. Raises `StoreError` and `SettingsError`."""

    async def open(self, run: Run, job: JobRun, step: Step) -> Mapping[str, str]:
        """Variable → value of every secret that the step names, each use in the audit before it returns.

        Raises `SecretRefused` in words if one of them is not for this step.
        """
        ...

    async def values(self, run: Run) -> Sequence[bytes]:
        """Everything that steps of this run may have been given, now or before: what to mask."""
        ...


@dataclass(frozen=True, slots=True)
class Stock:
    """How much of everything waits, at one moment."""

    jobs: Mapping[str, int]  # unfinished ones by status
    longest_ready: float  # seconds since the oldest ready job was made; 0.0 for none
    deliveries: int  # to be decided
    set_aside: int  # deliveries that failed for good
    publications: int  # commits and pull requests whose truth the forge does not show yet
    effects: int


class Stocktaking(Protocol):
    async def stock(self) -> Stock:
        """Raises `StoreError`."""
        ...


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

    async def end_job(self, lease: Lease, change: Change, reason: str) -> None:
        """Ends the job and its unfinished steps, and releases or skips the jobs that need it."""
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

    async def repo(self, name: str) -> Repo | None:
        """The repository of that name now, "owner/name", as forges compare names: without case."""
        ...


@dataclass(frozen=True, slots=True)
class Subject:
    """Something the forge shows: a commit (`sha`), or a pull request's conversation (`pull`).

    `wanted` is the version of the truth to be shown; publishing ends by saying which was.
    """

    id: int
    repo: Repo
    sha: str
    pull: int | None
    wanted: int
    tries: int
    runs: tuple[Run, ...]  # every run of the commit, or of the pull request, oldest first


class Publications(Protocol):
    """What should be shown, and what the forge is known to show. Raises `StoreError`."""

    async def due(self, limit: int) -> Sequence[Subject]:
        """Subjects whose truth is newer than what is shown and that are due, longest waiting first."""
        ...

    async def known(self, subject: int) -> Mapping[str, Published]: ...

    async def save(self, subject: int, published: Published) -> None: ...

    async def show_waiting(self) -> None:
        """Whatever has a job that is ready is to be shown anew: why it waits has changed."""
        ...

    async def shown(self, subject: int, version: int) -> None:
        """Everything up to `version` is shown."""
        ...

    async def postpone(self, subject: Subject, until: float, error: str) -> None:
        """Not due again before `until`.

        With an error that holds whatever happens; without one (progress that was held back) only as
        long as the truth stays as it was read.
        """
        ...


#: Where a sweep over all runs stands: when a run was made, and its id.
Place = tuple[float, str]
BEGINNING: Place = (0.0, "")


@dataclass(frozen=True, slots=True)
class Forgotten:
    """One batch: how many runs went, whose jobs' logs can go, and the place to go on after.

    `place` is None at the end of the sweep.
    """

    runs: int
    jobs: tuple[str, ...]
    place: Place | None


class Past(Protocol):
    """What is old, in batches: each is one short transaction. Raises `StoreError`.

    What is removed is chosen inside its transaction by `core.retention`, so nothing open refers to it.
    """

    async def forget_deliveries(self, before: float) -> int:
        """Deliveries that ended before a moment, and effects; how many. 0 when none is left."""
        ...

    async def forget_runs(self, before: float, after: Place = BEGINNING) -> Forgotten: ...

    async def logs_wanted(self, job_ids: Collection[str]) -> Collection[str]:
        """Those of these jobs whose logs must stay, however old they are."""
        ...

    async def give_back(self) -> int:
        """Gives the space that is free inside the database back to the disk; how many pages."""
        ...


class LogArchive(Protocol):
    """The logs of all jobs as something that takes up a disk. Both may block: call them in a thread."""

    def kept(self) -> Sequence[KeptLog]: ...

    def forget(self, job_id: str) -> None:
        """Removes the logs of a job. Safe to call twice."""
        ...
