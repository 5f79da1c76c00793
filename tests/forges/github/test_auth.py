"""Keys and tokens, against the simulated forge: narrow, shared, renewed, hidden, revoked."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest

from ci_bot.core.errors import ForgeDenied, ForgeError, SettingsError
from ci_bot.core.report.values import CommentReport
from ci_bot.forges.github.auth import AppKey
from ci_bot.forges.github.permissions import CHECKS, CLONE, COMMENTS, READ, STATUSES
from tests.forges.github.scene import Scene, new_key


def claims(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return decoded


def test_a_jwt_is_issued_a_minute_back_and_lives_nine_minutes_at_most() -> None:
    now = 1_795_183_200.7
    found = claims(AppKey(123, new_key()).jwt(now))
    assert found["iat"] == 1_795_183_140
    assert 0 < found["exp"] - now <= 9 * 60
    assert found["iss"] == "123"


@pytest.mark.parametrize("pem", ["", "no key", "-----BEGIN RSA PRIVATE KEY-----\n"])
def test_a_key_that_is_none_is_told_to_the_operator(pem: str) -> None:
    with pytest.raises(SettingsError, match="private key"):
        AppKey(1, pem)


async def test_a_token_is_minted_for_one_repository_and_the_least_permissions(scene: Scene) -> None:
    await scene.github.clone_source(scene.repo, None)
    await scene.github.commit_message(scene.repo, scene.sha)
    assert scene.minted() == [
        {"repository_ids": [scene.repo.id], "permissions": {"contents": "read"}},
        {
            "repository_ids": [scene.repo.id],
            "permissions": {"contents": "read", "metadata": "read", "pull_requests": "read"},
        },
    ]


def test_no_grant_is_more_than_reading_but_for_the_one_thing_it_writes() -> None:
    for grant in (READ, CLONE):
        assert {level for _, level in grant} == {"read"}
    for grant in (CHECKS, STATUSES, COMMENTS):
        assert [level for _, level in grant] == ["write"]
    assert not any(
        ("contents", "write") in grant for grant in (READ, CLONE, CHECKS, STATUSES, COMMENTS)
    )


async def test_concurrent_calls_share_one_token(scene: Scene) -> None:
    calls = [scene.github.clone_source(scene.repo, None) for _ in range(20)]
    sources = await asyncio.gather(*calls)
    assert len({source.token for source in sources}) == 1
    assert len(scene.minted()) == 1


async def test_one_caller_who_gives_up_takes_the_token_from_no_other(scene: Scene) -> None:
    await scene.client.fault("delay", "POST /app/installations", seconds=0.2)
    first = asyncio.create_task(scene.github.clone_source(scene.repo, None))
    second = asyncio.create_task(scene.github.clone_source(scene.repo, None))
    await asyncio.sleep(0.05)
    first.cancel()
    assert (await second).token
    assert first.cancelled()
    assert len(scene.minted()) == 1


async def test_a_token_is_kept_until_five_minutes_before_it_expires(scene: Scene) -> None:
    first = await scene.github.clone_source(scene.repo, None)
    scene.clock.ahead = 54 * 60
    assert await scene.github.clone_source(scene.repo, None) == first
    scene.clock.ahead = 55 * 60 + 5
    assert (await scene.github.clone_source(scene.repo, None)).token != first.token


async def test_every_token_minted_is_registered_with_the_masker(scene: Scene) -> None:
    source = await scene.github.clone_source(scene.repo, 1)
    await scene.github.comment(
        scene.repo, await _pull(scene), CommentReport("<!--m-->", "<!--m-->"), None
    )
    assert source.token.encode() in scene.tokens
    assert len(scene.tokens) == len(set(scene.tokens)) == len(scene.minted()) == 2


async def _pull(scene: Scene) -> int:
    await scene.client.push("acme/web", "patch", {"a": "b"}, by="wim")
    return int((await scene.client.open_pull("acme/web", "patch", by="wim"))["number"])


async def test_tokens_are_revoked_at_shutdown(scene: Scene) -> None:
    await scene.github.clone_source(scene.repo, None)
    await scene.github.commit_message(scene.repo, scene.sha)
    assert (await scene.client.control("GET", "/state"))["tokens"] == 2
    await scene.github.close()
    assert (await scene.client.control("GET", "/state"))["tokens"] == 0


async def test_a_forge_that_is_down_does_not_hold_up_the_shutdown(scene: Scene) -> None:
    await scene.github.clone_source(scene.repo, None)
    await scene.client.fault("cut_before", "DELETE /installation/token")
    await scene.github.close()
    assert set(scene.asked()) == {"DELETE /installation/token"}


async def test_a_token_that_the_forge_no_longer_takes_is_renewed_once(scene: Scene) -> None:
    await scene.github.commit_message(scene.repo, scene.sha)
    await scene.client.control("POST", "/settings", {"expire_tokens": True})
    assert await scene.github.commit_message(scene.repo, scene.sha) == "Initial commit"
    assert len(scene.minted()) == 2


@pytest.mark.parametrize("minutes", [-10, 10, -600, 600])
async def test_a_clock_that_is_off_still_signs_what_the_forge_takes(scene: Scene, minutes: int) -> None:
    scene.clock.ahead = minutes * 60
    assert await scene.github.commit_message(scene.repo, scene.sha) == "Initial commit"
    scene.clock.ahead = -minutes * 60
    assert await scene.github.commit_message(scene.repo, scene.sha) == "Initial commit"


async def test_a_permission_that_is_not_granted_is_named(scene: Scene) -> None:
    await scene.installed(permissions={"contents": "read", "metadata": "read"})
    with pytest.raises(ForgeDenied, match=r"not granted pull_requests: write: grant it"):
        await scene.github.comment(scene.repo, 1, CommentReport("<!--m-->", "<!--m-->"), None)


async def test_a_repository_that_is_not_installed_is_denied_and_not_missing_a_file(
    scene: Scene,
) -> None:
    await scene.client.repo("acme/other", {"README.md": ""})
    await scene.installed(repositories=["other"])
    with pytest.raises(ForgeDenied, match="not installed on repository"):
        await scene.github.read_file(scene.repo, ".ci.yaml", scene.sha)


async def test_a_suspended_installation_is_denied(scene: Scene) -> None:
    await scene.installed(suspended=True)
    with pytest.raises(ForgeDenied, match="suspended"):
        await scene.github.clone_source(scene.repo, None)


async def test_an_installation_that_is_gone_is_denied(scene: Scene) -> None:
    await scene.client.control("DELETE", f"/installations/{scene.installation}")
    with pytest.raises(ForgeDenied, match="installation is gone"):
        await scene.github.clone_source(scene.repo, None)


async def test_another_apps_key_is_denied(scene: Scene) -> None:
    stranger = scene.other(private_key=new_key())
    with pytest.raises(ForgeDenied, match="App id and private key"):
        await stranger.clone_source(scene.repo, None)


async def test_a_failure_to_mint_is_shared_and_not_repeated_by_each(scene: Scene) -> None:
    await scene.client.fault("status", "POST /app/installations", status=502)
    calls = [scene.github.clone_source(scene.repo, None) for _ in range(5)]
    errors = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(error, ForgeError) for error in errors)
    assert len(scene.minted()) == 1


async def test_a_token_may_have_any_form_and_length(scene: Scene) -> None:
    token = (await scene.github.clone_source(scene.repo, None)).token
    assert len(token) > 255
    assert await scene.github.read_file(scene.repo, ".ci.yaml", scene.sha) == b"jobs: {}\n"
