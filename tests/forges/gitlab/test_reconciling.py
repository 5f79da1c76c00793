"""What GitLab could not deliver, the heads that it has, and who moved a branch."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ci_bot.core.errors import ForgeBusy
from ci_bot.core.events import NO_SHA, Actor
from ci_bot.core.reconciling import Attempt, LastPush
from ci_bot.forges.gitlab import GitLabWebhook, HookSecrets
from tests.forge_sim.gitlab.shapes.hooks import alert_status
from tests.forge_sim_tests.gitlab.scene import receiving
from tests.forges.gitlab.scene import NAME, REPO, Scene, Stub

KEY = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
HOOK = "http://ci.example/hooks/gitlab"


async def test_a_delivery_that_failed_is_found_and_asked_for_again(scene: Scene) -> None:
    await scene.gitlab.connect(NAME, HookSecrets(signing=KEY))  # nobody listens there
    assert await scene.gitlab.attempts([scene.repo], 0) == []
    await scene.pushed()
    await scene.client.quiet()
    found = await scene.gitlab.attempts([scene.repo], 0)
    assert found
    assert {each.is_accepted for each in found} == {False}
    assert all(abs(each.at - time.time()) < 60 for each in found)
    await scene.gitlab.redeliver(found[0])
    await scene.client.quiet()
    scene.clock.ahead = 4000  # the list of hooks is not believed for ever
    again = await scene.gitlab.attempts([scene.repo], 0)
    assert [each.guid for each in again].count(found[0].guid) == 2


async def test_other_hooks_and_old_deliveries_are_not_ours(scene: Scene) -> None:
    elsewhere = await scene.other(hook_url="http://127.0.0.1:9/another")
    await scene.gitlab.connect(NAME, HookSecrets(signing=KEY))
    await scene.pushed()
    await scene.client.quiet()
    assert await elsewhere.attempts([scene.repo], 0) == []
    assert await scene.gitlab.attempts([scene.repo], time.time() + 60) == []
    nowhere = await scene.other(hook_url="")
    assert await nowhere.attempts([scene.repo], 0) == ()


async def test_a_hook_that_gitlab_had_stopped_is_revived(scene: Scene) -> None:
    """Its owner was away for long: without that GitLab would tell us nothing for up to a day."""
    async with receiving() as receiver:
        receiver.answer = 503
        gitlab = await scene.other(hook_url=receiver.url)
        await gitlab.connect(NAME, HookSecrets(signing=KEY))
        await scene.opened()
        for number in range(4):
            await scene.pushed(f"b{number}")
            await scene.client.quiet()
        (hook,) = [one for one in scene.sim.sim.world.hooks.values() if one.url == receiver.url]
        assert alert_status(hook) == "temporarily_disabled"
        receiver.answer = 200
        await gitlab.attempts([scene.repo], 0)
        assert alert_status(hook) == "executable"
        sample = receiver.got[-1]
        webhook = GitLabWebhook(signing_tokens=[KEY], plain_tokens=[], clock=scene.clock)
        webhook.verify(sample.headers, sample.raw)
        assert webhook.parse(sample.headers, sample.raw) is None


def event(id: int, *, status: Any = "200", guid: str = "g", **headers: str) -> dict[str, Any]:
    sent = {"Idempotency-Key": guid} if guid else {}
    sent |= {name.replace("_", "-"): value for name, value in headers.items() if name != "Date"}
    came = {"Date": headers["Date"]} if "Date" in headers else {}
    return {"id": id, "request_headers": sent, "response_headers": came, "response_status": status}


async def test_when_a_delivery_was_tried_is_said_by_what_was_sent_or_came_or_when_it_was_seen(
    stub: Stub,
) -> None:
    stub.says([{"id": 3, "url": HOOK}], [], [])
    stub.says(
        [
            event(3, status="internal error", guid="c"),
            event(2, Date="Tue, 14 Nov 2023 22:13:20 GMT", guid="b", status="503"),
            event(1, Webhook_Timestamp="1700000000", guid="a"),
            event(0, guid=""),
        ]
    )
    async with stub.gitlab(hook_url=HOOK) as gitlab:
        found = await gitlab.attempts([REPO], 0)
    hook = "projects/11/3"
    assert found[1:] == [
        Attempt(2, "b", 1_700_000_000.0, False, hook),
        Attempt(1, "a", 1_700_000_000.0, True, hook),
    ]
    assert (found[0].guid, found[0].is_accepted) == ("c", False)
    assert abs(found[0].at - time.time()) < 60
    paths = [request.path for request in stub.asked]
    assert paths[:3] == [
        "/api/v4/projects/11/hooks",
        "/api/v4/groups/acme/hooks",
        "/api/v4/groups/acme/shop/hooks",  # as one segment: see the raw path
    ]
    assert stub.asked[2].raw_path.startswith("/api/v4/groups/acme%2Fshop/hooks")


async def test_where_hooks_may_not_be_seen_there_is_nothing_to_look_at(stub: Stub) -> None:
    stub.says(*[{"message": "403 Forbidden"}] * 3, status=403)
    async with stub.gitlab(hook_url=HOOK) as gitlab:
        assert await gitlab.attempts([REPO], 0) == []
        asked = len(stub.asked)
        assert await gitlab.attempts([REPO], 0) == []
        assert len(stub.asked) == asked == 3


async def test_no_more_is_asked_for_again_than_gitlab_allows(stub: Stub) -> None:
    failed = Attempt(7, "g", 0.0, False, "groups/acme+shop/3")
    async with stub.gitlab(hook_url=HOOK) as gitlab:
        for _ in range(5):
            await gitlab.redeliver(failed)
        with pytest.raises(ForgeBusy):
            await gitlab.redeliver(failed)
        assert len(stub.asked) == 5
        stub.clock.ahead += 62
        await gitlab.redeliver(failed)
    assert stub.asked[0].raw_path == "/api/v4/groups/acme%2Fshop/hooks/3/events/7/resend"


async def test_open_merge_requests_and_since_when(scene: Scene) -> None:
    sha, number = await scene.opened()
    (found,) = await scene.gitlab.open_pulls(scene.repo, 0)
    assert (found.pull.number, found.pull.head_sha, found.pull.is_open) == (number, sha, True)
    assert abs(found.updated_at - time.time()) < 60
    assert await scene.gitlab.open_pulls(scene.repo, time.time() + 60) == ()


async def test_who_moved_a_branch_last(stub: Stub) -> None:
    def pushed(ref: str, **data: Any) -> dict[str, Any]:
        return {
            "author": {"id": 7, "username": "alice"},
            "created_at": "2023-11-14T22:13:20.000Z",
            "push_data": {
                "ref": ref,
                "ref_type": "branch",
                "commit_from": "b" * 40,
                "commit_to": "a" * 40,
                **data,
            },
        }

    stub.says(
        [
            pushed("other"),
            pushed("main", ref_type="tag"),
            {"push_data": None},
            pushed("main"),
            pushed("main"),
        ],
        [pushed("main", commit_from=None)],
        [pushed("main", commit_to=None)],
        [],
    )
    async with stub.gitlab() as gitlab:
        alice = Actor(7, "alice")
        first = LastPush("main", "a" * 40, "b" * 40, alice, 1_700_000_000.0)
        assert await gitlab.last_push(REPO, "main") == first
        new = await gitlab.last_push(REPO, "main")
        assert new is not None
        assert new.before == NO_SHA
        assert await gitlab.last_push(REPO, "main") is None
        assert await gitlab.last_push(REPO, "main") is None
