"""What the forge did not tell is found, takes the one road, and is found once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from ci_bot.core.decisions import Cancel, Decision, SeeRepo
from ci_bot.core.errors import ForgeError, SignatureRefused
from ci_bot.core.events import NO_SHA, Actor, Permission, Repo
from ci_bot.core.model import Run, RunKind, Verdict
from ci_bot.core.reconciling import Attempt, LastPush, OpenPull
from ci_bot.core.states import Status
from ci_bot.flow.bell import Bell
from ci_bot.flow.reconcile import Findings, Reconciler
from tests.fakes import FakeForge, FakeWebhook
from tests.flow.road import Deciding
from tests.make import ALICE, MALLORY, REPO, SHA_A, SHA_B, SHA_C, opened, pull
from tests.stores import Store

YAML = b"jobs: {test: {steps: [run it]}}\n"


@dataclass
class Shown:
    """A `ReconcilingForge` in memory."""

    tries: list[Attempt] = field(default_factory=list)
    pulls: list[OpenPull] = field(default_factory=list)
    push: LastPush | None = None
    redelivered: list[int] = field(default_factory=list)
    since: list[float] = field(default_factory=list)
    looked_at: list[str] = field(default_factory=list)
    is_down: bool = False

    async def attempts(self, repos: Sequence[Repo], since: float) -> Sequence[Attempt]:
        if self.is_down:
            raise ForgeError("down", 502)
        self.since.append(since)
        return [each for each in self.tries if each.at >= since]

    async def redeliver(self, attempt: Attempt) -> None:
        self.redelivered.append(attempt.id)

    async def open_pulls(self, repo: Repo, since: float) -> Sequence[OpenPull]:
        if self.is_down:
            raise ForgeError("down", 502)
        self.looked_at.append(repo.name)
        return [each for each in self.pulls if each.updated_at >= since]

    async def default_branch(self, repo: Repo) -> str:
        return "main"

    async def last_push(self, repo: Repo, branch: str) -> LastPush | None:
        return self.push


@dataclass
class Scene:
    deciding: Deciding
    shown: Shown
    reconciler: Reconciler

    @property
    def store(self) -> Store:
        return self.deciding.store

    async def look(self) -> int:
        """Once, and what was found is decided."""
        count = await self.reconciler.look_at_heads()
        while await self.deciding.decider.work_off():
            pass
        return count

    async def runs(self) -> Sequence[Run]:
        return await self.store.runs.recent(10)

    def show(self, *, fork: int | None = None, author: Actor = ALICE) -> None:
        """A pull request, of the repository itself or of a fork, long enough ago."""
        head = pull(SHA_A, head_repo=fork or REPO.id, author=author)
        self.deciding.forge.pulls[head.number] = head
        self.shown.pulls = [OpenPull(head, self.store.clock.now() - 300)]


@pytest.fixture
async def scene(store: Store) -> Scene:
    """The repository was first seen an hour ago."""
    deciding = Deciding(store, _forge(), FakeWebhook())
    await store.decisions.commit(Decision("installed", repos=(SeeRepo(REPO),)), None)
    store.clock.time += 3600
    shown = Shown()
    reconciler = Reconciler(
        {"github": shown},
        store.repositories,
        store.decisions,
        store.inbox,
        store.clock,
        Bell(),
    )
    return Scene(deciding, shown, reconciler)


def _forge() -> FakeForge:
    forge = FakeForge()
    for sha in (SHA_A, SHA_B):
        forge.files[sha, ".ci.yaml"] = YAML
    forge.permissions = {ALICE.id: Permission.WRITE}
    return forge


async def test_a_pull_request_that_nobody_told_of_is_tested_once(scene: Scene) -> None:
    scene.show()
    assert await scene.look() == 1
    (run,) = await scene.runs()
    assert (run.kind, run.sha, run.verdict) == (RunKind.PULL_REQUEST, SHA_A, Verdict.PLANNED)
    before = await scene.store.reasons()
    for _ in range(10):
        assert await scene.look() == 0
    assert await scene.store.reasons() == before


async def test_a_webhook_that_comes_after_all_meets_the_same_run(scene: Scene) -> None:
    scene.show()
    await scene.look()
    await scene.deciding.decide(opened(pull(SHA_A)))
    assert len(await scene.runs()) == 1


async def test_a_finding_that_the_webhook_overtook_starts_nothing(scene: Scene) -> None:
    scene.show()
    await scene.deciding.deliver(opened(pull(SHA_A)))  # stored, not decided yet
    await scene.look()
    assert len(await scene.runs()) == 1
    assert (await scene.store.reasons())[-1] == ("done", "its run is known by now")


async def test_a_run_that_was_cancelled_stays_so(scene: Scene) -> None:
    scene.show()
    await scene.look()
    (run,) = await scene.runs()
    await scene.store.decisions.commit(Decision("no", cancel=(Cancel((run.id,), "by hand"),)), None)
    assert await scene.look() == 0
    (job,) = (await scene.store.the_run()).jobs
    assert (job.status, job.attempt) == (Status.CANCELLED, 1)


async def test_a_strangers_head_that_was_found_waits_and_a_trusted_webhook_frees_it(
    scene: Scene,
) -> None:
    """Nobody knows who brought it, so not even its author's permission lets it run."""
    scene.show(fork=99)
    await scene.look()
    (run,) = await scene.runs()
    assert run.verdict is Verdict.HELD
    await scene.deciding.decide(opened(pull(SHA_A, head_repo=99)))
    (run,) = await scene.runs()
    assert run.verdict is Verdict.PLANNED


async def test_a_strangers_head_that_was_found_takes_no_bare_approval_of_before(scene: Scene) -> None:
    scene.show(fork=99, author=MALLORY)
    await scene.look()
    (run,) = await scene.runs()
    assert run.head_at == scene.store.clock.now()


async def test_a_push_that_nobody_told_of_is_tested(scene: Scene) -> None:
    at = scene.store.clock.now() - 300
    scene.shown.push = LastPush("main", SHA_B, SHA_C, ALICE, at)
    assert (await scene.look(), await scene.look()) == (1, 0)
    (run,) = await scene.runs()
    assert (run.kind, run.ref, run.base_sha, run.title) == (RunKind.PUSH, "main", SHA_C, "a commit")


async def test_a_head_without_a_configuration_is_asked_about_once(scene: Scene) -> None:
    head = pull("d" * 40)
    scene.deciding.forge.pulls[head.number] = head
    scene.shown.pulls = [OpenPull(head, scene.store.clock.now() - 300)]
    assert [await scene.look() for _ in range(3)] == [1, 0, 0]
    assert await scene.runs() == []


async def test_a_head_that_moved_on_meanwhile_starts_nothing(scene: Scene) -> None:
    scene.show()
    await scene.reconciler.look_at_heads()
    scene.deciding.forge.pulls[3] = pull(SHA_B)
    while await scene.deciding.decider.work_off():
        pass
    assert await scene.runs() == []


async def test_what_is_older_than_the_first_sight_starts_nothing(scene: Scene) -> None:
    scene.show()
    scene.shown.pulls = [OpenPull(pull(SHA_A), scene.store.clock.now() - 7200)]
    scene.shown.push = LastPush("main", SHA_B, NO_SHA, ALICE, scene.store.clock.now() - 7200)
    assert await scene.look() == 0


async def test_repositories_take_turns_and_none_is_left_out(scene: Scene) -> None:
    others = [Repo("github", n, f"acme/r{n}", "", private=True, tenant="42") for n in range(8, 12)]
    await scene.store.decisions.commit(Decision("more", repos=tuple(map(SeeRepo, others))), None)
    for _ in range(3):
        await scene.reconciler.look_at_heads(2)
    names = ["acme/shop", "acme/r10", "acme/r11", "acme/r8", "acme/r9"]
    assert scene.shown.looked_at == names
    await scene.reconciler.look_at_heads(2)
    assert scene.shown.looked_at[5:] == names[:2]


async def test_deliveries_that_failed_are_asked_for_again_until_one_is_accepted(scene: Scene) -> None:
    clock, shown = scene.store.clock, scene.shown
    shown.tries = [Attempt(1, "a", clock.now() - 3600, is_accepted=False)]
    assert await scene.reconciler.ask_again() == 1
    shown.tries.append(Attempt(2, "a", clock.now(), is_accepted=False))
    clock.time += 100
    assert await scene.reconciler.ask_again() == 0  # it is given time
    clock.time += 100
    assert await scene.reconciler.ask_again() == 1
    shown.tries.append(Attempt(3, "a", clock.now(), is_accepted=True))
    clock.time += 4000
    assert await scene.reconciler.ask_again() == 0
    assert shown.redelivered == [1, 2]


async def test_only_the_news_is_read_after_the_first_look(scene: Scene) -> None:
    for _ in range(2):
        await scene.reconciler.ask_again()
        scene.store.clock.time += 60
    first, second = scene.shown.since
    assert second - first > 2.9 * 24 * 3600


async def test_a_forge_that_is_down_is_looked_at_next_time(scene: Scene) -> None:
    scene.show()
    scene.shown.tries = [Attempt(1, "a", scene.store.clock.now() - 3600, is_accepted=False)]
    scene.shown.is_down = True
    assert (await scene.reconciler.ask_again(), await scene.look()) == (0, 0)
    scene.shown.is_down = False
    assert (await scene.reconciler.ask_again(), await scene.look()) == (1, 1)


def test_nobody_can_deliver_a_finding_from_outside() -> None:
    for ask in (
        lambda: Findings().require_signature({}),
        lambda: Findings().verify({}, b"{}"),
        lambda: Findings().delivery_id({}),
    ):
        with pytest.raises(SignatureRefused):
            ask()
