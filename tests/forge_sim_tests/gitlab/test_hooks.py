"""Webhooks registered, failing, paused, listed and sent again."""

from __future__ import annotations

import base64
import time

import pytest

from tests.forge_sim.gitlab.hooks import sign

from .scene import REPO, P, Scene, receiving

TOKEN = f"whsec_{base64.b64encode(b'k' * 32).decode()}"


async def test_a_hook_is_registered_and_never_tells_its_tokens(scene: Scene) -> None:
    async with receiving() as other:
        body = {"url": other.url, "signing_token": TOKEN, "note_events": True, "name": "CI"}
        made = await scene.call("POST", f"{P}/hooks", body)
        assert (made.status, made.body["signing_token_present"], made.body["token_present"]) == (
            *(201, True),
            False,
        )
        assert (made.body["push_events"], made.body["merge_requests_events"]) == (True, False)
        assert TOKEN not in str(made.body)
        await scene.client.push(REPO, "x", {"a": "1"}, by="wim")
        await scene.settled()
        assert other.only("push").signed(TOKEN)
        assert not other.only("push").signed(scene.bot["webhook_secret"])
        shared = {one.headers["X-Gitlab-Event-UUID"] for one in (*other.got, *scene.hooks.got)}
        assert len(shared) == 1
        path = f"{P}/hooks/{made.body['id']}"
        await scene.call("PUT", path, {"push_events_branch_filter": "release/*", "url": other.url})
        await scene.client.push(REPO, "y", {"a": "1"}, by="wim")
        await scene.settled()
        assert other.names() == ["push"]
        assert (await scene.call("DELETE", path)).status == 204
        assert (await scene.call("GET", path)).status == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"url": "nonsense"}, 422),
        ({"url": "http://127.0.0.1/x"}, 422),
        ({"url": "http://ci.example.com", "signing_token": "whsec_short"}, 422),
        ({"url": "http://ci.example.com"}, 201),
    ],
)
async def test_addresses_and_tokens_are_checked(
    scene: Scene, body: dict[str, str], status: int
) -> None:
    await scene.client.settings(local_hooks=False)
    assert (await scene.call("POST", f"{P}/hooks", body)).status == status


async def test_who_may_register_hooks(scene: Scene) -> None:
    body = {"url": "http://ci.example.com"}
    assert (await scene.call("POST", f"{P}/hooks", body, by="wim")).status == 403
    assert (await scene.call("POST", "/groups/acme/hooks", body)).status == 403, "owners alone"
    await scene.client.collaborator("acme", scene.bot["slug"], "admin")
    made = await scene.call("POST", "/groups/acme/hooks", body)
    assert (made.status, made.body["subgroup_events"]) == (201, False)
    await scene.client.settings(tier="free")
    assert (await scene.call("GET", "/groups/acme/hooks")).status == 404
    assert (await scene.call("POST", "/hooks", body)).status == 403
    await scene.client.control("POST", "/users", {"login": "root", "admin": True})
    assert (await scene.call("POST", "/hooks", body, by="root")).status == 201


async def test_system_hooks_have_a_name_of_their_own_and_hear_no_comments(scene: Scene) -> None:
    await scene.client.control("POST", "/users", {"login": "root", "admin": True})
    async with receiving() as other:
        body = {"url": other.url, "token": "t", "merge_requests_events": True, "note_events": True}
        await scene.call("POST", "/hooks", body, by="root")
        _, number = await scene.opened()
        await scene.client.comment(REPO, number, "/retry", by="wim")
        await scene.settled()
        assert other.names() == ["push", "merge_request.open"]
        assert {one.headers["X-Gitlab-Event"] for one in other.got} == {"System Hook"}


async def test_an_older_gitlab_knows_no_signing_tokens(scene: Scene) -> None:
    await scene.client.settings(version="18.9.1")
    made = (await scene.call("POST", f"{P}/hooks", {"url": "http://x.y", "signing_token": TOKEN})).body
    assert "signing_token_present" not in made
    assert (await scene.call("GET", "/version")).body["version"] == "18.9.1-ee"


async def test_four_failures_pause_a_hook_and_time_heals_it(scene: Scene) -> None:
    await scene.client.settings(backoff_first=0.4)
    scene.hooks.answer = 401
    hook = next(iter(scene.gitlab.sim.world.hooks.values()))
    path = f"/groups/acme/hooks/{hook.id}"
    await scene.client.collaborator("acme", "alice", "admin")
    for number in range(5):
        await scene.client.push(REPO, f"x{number}", {"a": "1"}, by="wim")
        await scene.settled()
        paused = number >= 3
        told = (await scene.call("GET", path, by="alice")).body
        assert (told["alert_status"], told["disabled_until"] is not None) == (
            "temporarily_disabled" if paused else "executable",
            paused,
        )
        if paused and number == 3:
            hook.disabled_until = time.time() + 60
    assert len(scene.hooks.got) == 4, "the fifth was not sent at all"
    scene.hooks.answer = 200
    hook.disabled_until = time.time() - 1
    await scene.client.push(REPO, "well", {"a": "1"}, by="wim")
    await scene.settled()
    assert (await scene.call("GET", path, by="alice")).body["alert_status"] == "executable"


async def test_events_are_listed_and_sent_again(scene: Scene) -> None:
    await scene.client.collaborator("acme", "alice", "admin")
    scene.hooks.answer = 500
    await scene.client.push(REPO, "x", {"a": "1"}, by="wim")
    scene.hooks.answer = (await scene.settled()).answer
    hook = next(iter(scene.gitlab.sim.world.hooks.values()))
    path = f"/groups/acme/hooks/{hook.id}/events"
    assert (await scene.call("GET", f"{path}?status=successful", by="alice")).body == []
    failed = (await scene.call("GET", f"{path}?status=server_failure", by="alice")).body
    assert [(one["trigger"], one["response_status"]) for one in failed] == [("push_hooks", "500")]
    assert failed[0]["request_data"]["object_kind"] == "push"
    scene.hooks.answer = 200
    again = await scene.call("POST", f"{path}/{failed[0]['id']}/resend", by="alice")
    assert (again.status, again.body) == (201, {"response_status": 200})
    first, second = scene.hooks.got
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    assert first.raw == second.raw
    assert second.signed(scene.bot["webhook_secret"])
    for _ in range(4):
        await scene.call("POST", f"{path}/{failed[0]['id']}/resend", by="alice")
    assert (await scene.call("POST", f"{path}/{failed[0]['id']}/resend", by="alice")).status == 429


async def test_deliveries_are_dropped_doubled_spoiled_and_made_by_hand(scene: Scene) -> None:
    client, token = scene.client, str(scene.bot["webhook_secret"])
    await client.fault("hook_drop", "push", times=1)
    await client.push(REPO, "a", {"a": "1"}, by="wim")
    await client.fault("hook_double", "push", times=1)
    await client.push(REPO, "b", {"a": "1"}, by="wim")
    assert await client.quiet()  # or the second of the two would come when it likes
    await client.fault("hook_corrupt", "push", times=1)
    await client.push(REPO, "c", {"a": "1"}, by="wim")
    hooks = await scene.settled()
    assert [one.signed(token) for one in hooks.got] == [True, True, False]
    assert len({one.headers["webhook-id"] for one in hooks.got}) == 2
    assert await client.deliver(scene.bot["id"], "Issue Hook", {"object_kind": "issue"}) == 202
    assert (hooks.got[-1].headers["X-Gitlab-Event"], hooks.got[-1].signed(token)) == (
        "Issue Hook",
        True,
    )


def test_a_signature_is_of_the_decoded_key() -> None:
    """The vector of the Standard Webhooks specification's reference libraries."""
    token = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    wanted = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert sign(token, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body) == wanted
