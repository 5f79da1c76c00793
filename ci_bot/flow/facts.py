"""2b. the facts about an event: what the forge, the store and `.ci.yaml` say of it. Nothing is decided here."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from ci_bot.core import changes, deciding
from ci_bot.core.changes import Question
from ci_bot.core.deciding import Head
from ci_bot.core.errors import FileTooLarge, ForgeDenied
from ci_bot.core.events import Actor, Pull, PullRequestChanged, Repo
from ci_bot.core.inspection import inspect
from ci_bot.core.model import Inspection, Run, RunKind
from ci_bot.core.occasion import NOT_ASKED, Changed
from ci_bot.core.pipeline import (
    CONFIG_FILES,
    Absent,
    Limits,
    Reading,
    needs_changes,
    offered,
    read,
    refuse,
)
from ci_bot.core.planned import secret_names
from ci_bot.core.trust import Policy, Role, Source, Trust, Vouched, Voucher, judge
from ci_bot.flow.changes import Changes
from ci_bot.ports import Approvals, Clock, Decisions, Differences, ForgeFacts

T = TypeVar("T")
REMEMBERED = 256  # commits whose configuration and message need not be asked for again
LAG_PAUSES = (0.5, 1.5, 4.0)  # seconds

#: A path in → the file, or why there is none.
Bring = Callable[[str], Awaitable[bytes | Absent]]

#: The operator's policy for a repository, by its forge and name.
Policies = Callable[[Repo], Policy]


class Reader:
    """How `.ci.yaml` is read here: off the event loop, since a hostile file takes its time.

    One at a time, in a thread of its own: several would keep the rest of the process waiting.
    """

    def __init__(self, default_image: str, limits: Limits) -> None:
        self.default_image = default_image
        self.limits = limits
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="read")

    def refuse(self, length: int, file: str) -> Reading:
        return refuse(length, file, self.limits)

    async def read(self, text: bytes, file: str, bring: Bring) -> Reading:
        """`bring` is asked for what the file includes, until nothing is missing."""
        brought: dict[str, bytes | Absent] = {}
        settings = {"file": file, "default_image": self.default_image, "limits": self.limits}
        while True:
            work = partial(read, text, included=brought, **settings)  # type: ignore[arg-type]
            reading = await asyncio.get_running_loop().run_in_executor(self._thread, work)
            if not reading.wanted:
                return reading
            brought |= {path: await bring(path) for path in reading.wanted}


class Recent(OrderedDict[tuple[str, str], T]):
    """What is known about commits, by repository key and sha; the oldest is forgotten first."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size

    def __setitem__(self, key: tuple[str, str], value: T) -> None:
        super().__setitem__(key, value)
        while len(self) > self._size:
            self.popitem(last=False)


class Facts:
    """Asks for one thing at a time; the answers of one commit are remembered for the next question."""

    def __init__(
        self,
        forges: Mapping[str, ForgeFacts],
        decisions: Decisions,
        approvals: Approvals,
        policies: Policies,
        reader: Reader,
        clock: Clock,
        differences: Differences,
    ) -> None:
        self._forges = forges
        self._decisions = decisions
        self._approvals = approvals
        self._policies = policies
        self._reader = reader
        self._clock = clock
        self._changes = Changes(forges, differences)
        self._readings: Recent[Reading | None] = Recent(REMEMBERED)
        self._messages: Recent[str] = Recent(REMEMBERED)

    def forge(self, repo: Repo) -> ForgeFacts:
        return self._forges[repo.forge]

    # pull requests

    async def pull_of(self, event: PullRequestChanged) -> Pull:
        """The pull request as the forge has it now.

        A forge's API may lag behind its own webhooks: while it still shows what this event replaced,
        it is given a moment. Forced back to that head, the pull request stays with it.
        """
        forge = self.forge(event.repo)
        current = await forge.pull(event.repo, event.pull.number)
        for seconds in LAG_PAUSES:
            if not deciding.lags_behind(current, event):
                break
            await self._clock.sleep(seconds)
            current = await forge.pull(event.repo, event.pull.number)
        return current

    async def head_of_pull(self, repo: Repo, pull: Pull, trust: Trust) -> Head:
        """With what somebody who is to approve it should look at, where it waits for that."""
        message, reading = await asyncio.gather(
            self.message(repo, pull.head_sha), self.reading(repo, pull.head_sha)
        )
        has_base = reading is None and await self._has_config(repo, pull.base_sha)
        if not trust.ruling.may_start:
            inspection = await self._inspection(repo, pull, reading)
            return Head(reading, has_base, message, inspection, pull)
        changed = await self.changed(repo, pull.head_sha, "pull_request", changes.of_pull(pull))
        return Head(reading, has_base, message, None, pull, changed)

    async def _inspection(self, repo: Repo, pull: Pull, reading: Reading | None) -> Inspection:
        """What the forge lists is enough for a person to look at, though it may not be all."""
        changed, base = await asyncio.gather(
            self.forge(repo).changed_files(repo, changes.of_pull(pull)),
            self.reading(repo, pull.base_sha),
        )
        return await asyncio.to_thread(inspect, reading, base, changed.paths)

    async def trust_of_pull(
        self,
        repo: Repo,
        pull: Pull,
        actor: Actor,
        event: PullRequestChanged | None = None,
        approval: Voucher | None = None,
    ) -> Trust:
        """`approval`: as if this one were given as well."""
        source = deciding.source_of(repo, pull, event, actor)
        reading = await self.reading(repo, pull.head_sha)
        runs = await self._decisions.runs_of_head(repo.key, pull.head_sha)
        approvals = await self._approvals.of(repo.key, pull.head_sha, pull.number)
        known = deciding.recorded(runs, repo, pull)
        if source is Source.OWN and not _asks(reading):
            was_pushed = event is not None and bool(event.before)
            return deciding.granted() if was_pushed or known is None else known
        behind = deciding.people_behind(repo, pull, actor)
        return deciding.trust_of_pull(
            repo,
            pull,
            event,
            await self._people(repo, behind, ask=source is not Source.OWN_BOT),
            known,
            self._policies(repo),
            (*approvals, approval) if approval else approvals,
            actor=actor,
            returning=await self._approvals.had_one(repo.key, pull.author.id),
            now=self._clock.now(),
        )

    async def trust_of_push(
        self, repo: Repo, sha: str, actor: Actor, approval: Voucher | None = None
    ) -> Trust:
        """Of a branch or a tag of the repository itself."""
        source = deciding.source_of_push(actor)
        approvals = await self._approvals.of(repo.key, sha, None)
        if source is Source.OWN and not _asks(await self.reading(repo, sha)):
            return deciding.granted()
        people = await self._people(repo, [(Role.SENDER, actor)], ask=source is Source.OWN)
        approvals = (*approvals, approval) if approval else approvals
        policy, now = self._policies(repo), self._clock.now()
        return judge(source, people, policy, approvals=approvals, now=now)

    async def trust_of_schedule(self, repo: Repo, sha: str, actor: Actor) -> Trust:
        """Of what `actor` brought to a branch some time ago. They are asked about, whatever it runs:

        nobody stands by when it starts, and it goes on for ever.
        """
        source = deciding.source_of_push(actor)
        approvals = await self._approvals.of(repo.key, sha, None)
        people = await self._people(repo, [(Role.SENDER, actor)], ask=source is Source.OWN)
        policy, now = self._policies(repo), self._clock.now()
        return judge(source, people, policy, approvals=approvals, now=now)

    def trust_of_queue(self, repo: Repo, actor: Actor) -> Trust:
        people = [(Role.SENDER, Vouched(actor, None))]
        return judge(Source.QUEUE, people, self._policies(repo), now=self._clock.now())

    async def _people(
        self, repo: Repo, people: Sequence[tuple[Role, Actor]], *, ask: bool
    ) -> list[tuple[Role, Vouched]]:
        """The forge does not know what an App may do, so it is not asked about one."""
        return [
            (role, await self.vouch(repo, actor) if ask else Vouched(actor, None))
            for role, actor in people
        ]

    async def vouch(self, repo: Repo, actor: Actor) -> Vouched:
        """What the forge says of a person now; a forge that will not say means no.

        A forge that is busy or broken is asked again later: until then nothing is decided.
        """
        try:
            return Vouched(actor, await self.forge(repo).permission(repo, actor))
        except ForgeDenied:
            return Vouched(actor, None)

    # commits

    async def runs_of_head(self, repo: Repo, sha: str) -> Sequence[Run]:
        return await self._decisions.runs_of_head(repo.key, sha)

    async def head(
        self, repo: Repo, sha: str, message: str, base_sha: str, kind: RunKind, question: Question
    ) -> Head:
        """Of anything but a pull request; `question` is what to ask about the files that it changes."""
        reading = await self.reading(repo, sha)
        has_base = reading is None and bool(base_sha) and await self._has_config(repo, base_sha)
        changed = await self.changed(repo, sha, kind, question)
        return Head(reading, has_base, message, changed=changed)

    async def changed(self, repo: Repo, sha: str, event: str, question: Question) -> Changed:
        """Asked only where something in the file depends on it."""
        reading = await self.reading(repo, sha)
        if reading is None or reading.pipeline is None or not needs_changes(reading.pipeline, event):
            return NOT_ASKED
        return await self._changes.of(repo, question)

    def told_message(self, repo: Repo, sha: str, message: str) -> None:
        self._messages[repo.key, sha] = message

    async def message(self, repo: Repo, sha: str) -> str:
        if (repo.key, sha) not in self._messages:
            self._messages[repo.key, sha] = await self.forge(repo).commit_message(repo, sha)
        return self._messages[repo.key, sha]

    async def reading(self, repo: Repo, sha: str) -> Reading | None:
        """What a commit holds never changes, and a push and its pull request ask for the same."""
        if (repo.key, sha) not in self._readings:
            self._readings[repo.key, sha] = await self._read(repo, sha)
        return self._readings[repo.key, sha]

    async def _read(self, repo: Repo, sha: str) -> Reading | None:
        for file in CONFIG_FILES:
            try:
                text = await self.forge(repo).read_file(repo, file, sha)
            except FileTooLarge as error:
                return self._reader.refuse(error.length, file)
            if text is not None:
                return await self._reader.read(text, file, partial(self._bring, repo, sha))
        return None

    async def _bring(self, repo: Repo, sha: str, path: str) -> bytes | Absent:
        """An included file comes from the very commit that includes it, a fork's from the fork's."""
        try:
            text = await self.forge(repo).read_file(repo, path, sha)
        except FileTooLarge as error:
            return Absent(f"is too large ({error.length} bytes)")
        return Absent("is not there") if text is None else text

    async def _has_config(self, repo: Repo, sha: str) -> bool:
        for file in CONFIG_FILES:
            try:
                text = await self.forge(repo).read_file(repo, file, sha)
            except FileTooLarge:
                return True
            if text is not None:
                return True
        return False


def _asks(reading: Reading | None) -> bool:
    """Whether any job of the file asks for a secret."""
    pipeline = reading.pipeline if reading else None
    return pipeline is not None and bool(secret_names(offered(pipeline)))
