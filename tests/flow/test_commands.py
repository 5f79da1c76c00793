"""Comments on their way: which are stored, and what is asked of the forge before anything is decided."""

from __future__ import annotations

from ci_bot.core.effects import React, Reaction, Reply
from ci_bot.core.events import Actor, CommentDeleted, Commented, Permission
from ci_bot.core.model import Verdict
from ci_bot.flow.bell import Bell
from ci_bot.flow.meters import Meters
from ci_bot.flow.receive import READ_AT_ONCE, Received, Receiver
from tests.fakes import FakeWebhook
from tests.flow.road import Deciding
from tests.make import ALICE, MALLORY, REPO, SHA_A, opened, pull
from tests.stores import Store

JOBS = b"jobs: {test: {steps: [make]}}\n"
SIGNED = {"X-Signature": "good", "X-Delivery": "d1"}


def comment(body: str, by: Actor = ALICE) -> Commented:
    return Commented(REPO, 3, 77, body, by, 1000.0)


async def received(store: Store, body: str, prefix: str = "") -> Received:
    webhook = FakeWebhook()
    receiver = Receiver({"github": webhook}, store.inbox, Bell(), Meters(), prefix)
    return await receiver.receive("github", SIGNED, webhook.send(comment(body)))


async def test_comments_between_people_are_not_stored(store: Store) -> None:
    assert await received(store, "Looks fine to me.") is Received.IGNORED
    assert await received(store, "x" * READ_AT_ONCE + "\n> /retry") is Received.IGNORED
    assert await store.reasons() == []


async def test_a_command_is_stored_however_long_the_comment(store: Store) -> None:
    assert await received(store, "prose\n" * READ_AT_ONCE + "\n/retry") is Received.STORED


async def test_with_a_prefix_the_bare_command_is_another_bots(store: Store) -> None:
    assert await received(store, "/retry", "ci") is Received.IGNORED
    assert await received(store, "/ci retry", "ci") is Received.STORED


async def effects(deciding: Deciding) -> tuple[list[Reaction], str]:
    stored = [each.effect for each in await deciding.store.effects.due(20)]
    reactions = [each.reaction for each in stored if isinstance(each, React)]
    return reactions, "\n".join(each.body for each in stored if isinstance(each, Reply))


async def test_of_a_stranger_nothing_but_their_permission_is_asked(deciding: Deciding) -> None:
    deciding.forge.pulls[3] = pull()
    await deciding.decide(comment("/retry", MALLORY))
    assert deciding.forge.calls == ["permission mallory"]
    assert await effects(deciding) == (
        [Reaction.NOT_DONE],
        "mallory has no write access here, and commands are taken from people who have.",
    )


async def test_on_a_closed_pull_request_a_command_is_too_late_and_told_so(deciding: Deciding) -> None:
    deciding.forge.pulls[3] = pull(is_open=False)
    deciding.forge.permissions[ALICE.id] = Permission.WRITE
    await deciding.decide(comment("/retry"))
    reactions, text = await effects(deciding)
    assert reactions == [Reaction.NOT_DONE]
    assert "is closed" in text


async def test_the_approval_of_a_strangers_head_starts_exactly_that_run(deciding: Deciding) -> None:
    forge = deciding.forge
    forge.files[SHA_A, ".ci.yaml"], forge.pulls[3] = JOBS, pull(author=MALLORY, head_repo=99)
    forge.permissions[ALICE.id] = Permission.WRITE
    await deciding.decide(opened(forge.pulls[3], MALLORY))
    assert (await deciding.store.the_run()).verdict is Verdict.HELD
    await deciding.decide(comment(f"/approve {SHA_A}"))
    run = await deciding.store.the_run()
    assert (run.verdict, [job.key for job in run.jobs]) == (Verdict.PLANNED, ["test"])


async def test_a_comment_commands_once_whatever_is_delivered_again(deciding: Deciding) -> None:
    """Under another delivery id, which nobody signs: its approval has been withdrawn since."""
    forge, store = deciding.forge, deciding.store
    forge.files[SHA_A, ".ci.yaml"], forge.pulls[3] = JOBS, pull(author=MALLORY, head_repo=99)
    forge.permissions[ALICE.id] = Permission.WRITE
    await deciding.decide(opened(forge.pulls[3], MALLORY))
    await deciding.decide(comment(f"/approve {SHA_A}"))
    assert (await store.the_run()).verdict is Verdict.PLANNED
    await deciding.decide(CommentDeleted(REPO, 3, 77, ALICE))
    assert (await store.the_run()).verdict is Verdict.HELD
    await deciding.decide(comment(f"/approve {SHA_A}"))
    assert (await store.the_run()).verdict is Verdict.HELD
    assert list(await store.approvals.of(REPO.key, SHA_A, 3)) == []
