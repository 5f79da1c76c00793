"""Whatever a pull request goes through, and in whatever order and however often its events arrive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ci_bot.core.events import Event, Pull, PullRequestChanged, PullRequestClosed
from ci_bot.core.model import Run, RunKind
from ci_bot.core.states import Change, Status
from tests.fakes import FakeForge, FakeWebhook
from tests.flow.road import Deciding
from tests.make import ALICE, REPO, pull
from tests.stores import open_store

JOBS = b"jobs: {build: {steps: [make]}, test: {needs: build, steps: [make test]}}\n"
SHAS = [letter * 40 for letter in "ab"]
NUMBERS = count(1)


@dataclass
class Story:
    """One pull request, and the events that are still on their way."""

    deciding: Deciding
    pull: Pull
    on_their_way: list[Event] = field(default_factory=list)

    @property
    def possible(self) -> list[str]:
        """What a person can do now."""
        if not self.pull.is_open:
            return ["reopen"]
        heads = [f"push {sha[0]}" for sha in SHAS if sha != self.pull.head_sha]
        return [*heads, "base release" if self.pull.base_ref == "main" else "base main", "close"]

    def happens(self, doing: str) -> None:
        """The forge's truth changes, and an event is sent."""
        verb, _, what = doing.partition(" ")
        match verb:
            case "push":
                self.now(replace(self.pull, head_sha=what * 40))
            case "base":
                self.now(replace(self.pull, base_ref=what), brought_head=False)
            case "reopen":
                self.now(replace(self.pull, is_open=True), brought_head=False)
            case _:
                self.pull = self.deciding.forge.pulls[3] = replace(self.pull, is_open=False)
                self.on_their_way.append(PullRequestClosed(REPO, self.pull, ALICE))

    def now(self, pull: Pull, *, brought_head: bool = True) -> None:
        self.pull = self.deciding.forge.pulls[3] = pull
        self.on_their_way.append(PullRequestChanged(REPO, pull, ALICE, brought_head))

    async def arrives(self, index: int, *, is_last: bool) -> None:
        """One of them arrives; where it is not the last time, it will come once more."""
        event = self.on_their_way[index % len(self.on_their_way)]
        if is_last:
            self.on_their_way.remove(event)
        await self.deciding.decide(event)

    async def works(self) -> bool:
        """A job begins, or one that had begun ends: as it was asked to, or well. False: nothing to do."""
        runs = self.deciding.store.runs
        claim = await runs.claim(f"one/{next(NUMBERS)}", 30)
        if claim is None:
            return False
        if claim.is_adopted:
            asked = await runs.renew([claim.lease], 30)
            change = Change.CANCEL if claim.job.id in asked else Change.SUCCEED
            await runs.end_job(claim.lease, change, asked.get(claim.job.id, ""))
        return True


@given(st.data())
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
async def test_one_live_run_remains_for_the_head_and_every_delivery_has_its_reason(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    file = tmp_path_factory.mktemp("story") / "ci-bot.db"
    async with open_store(f"sqlite+aiosqlite:///{file}") as store:
        forge = FakeForge()
        forge.files = {(sha, ".ci.yaml"): JOBS for sha in SHAS}
        story = Story(Deciding(store, forge, FakeWebhook()), pull())
        await unfolds(story, data)
        reasons = await store.reasons()
        assert all(state == "done" and reason for state, reason in reasons), reasons
        while await story.works():
            pass
        deserved(story.pull, await store.runs.recent(100))


async def unfolds(story: Story, data: st.DataObject) -> None:
    story.now(story.pull)
    for _ in range(data.draw(st.integers(1, 12))):
        what = data.draw(st.sampled_from(["happens", "arrives", "comes again", "works", "works"]))
        if what == "happens":
            story.happens(data.draw(st.sampled_from(story.possible)))
        elif what == "works":
            await story.works()
        elif story.on_their_way:
            await story.arrives(data.draw(st.integers(0, 4)), is_last=what == "arrives")
    while story.on_their_way:
        await story.arrives(data.draw(st.integers(0, 4)), is_last=True)
        if data.draw(st.booleans()):
            await story.works()


def deserved(pull: Pull, runs: Sequence[Run]) -> None:
    """Everything has come to its end: is that what the pull request deserves?"""
    live = [run for run in runs if not run.superseded]
    if pull.is_open:
        (run,) = live
        assert (run.kind, run.sha) == (RunKind.PULL_REQUEST, pull.head_sha)
        assert run.base_ref == pull.base_ref
        assert {job.status for job in run.jobs} == {Status.SUCCEEDED}
    else:
        assert len(live) <= 1
