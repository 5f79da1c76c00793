"""Hooks of projects and groups, and the token behind them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from ci_bot.core.errors import ForgeDenied, SettingsError
from ci_bot.forges.gitlab import HookSecrets
from tests.forge_sim.gitlab import Config, start
from tests.forges.gitlab.scene import NAME, Scene, Stub, set_scene

KEY = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
BOTH = HookSecrets(signing=KEY, plain="a plain token of ours")
P = "/projects/acme%2Fshop%2Fweb/hooks"


async def hooks(scene: Scene, where: str = P) -> list[dict[str, Any]]:
    found = await scene.client.api("GET", where, by="alice")
    return [one for one in found if one["url"] == scene.hooks]


async def test_a_project_is_connected_and_again_and_keeps_one_hook(scene: Scene) -> None:
    first = await scene.gitlab.connect(NAME, BOTH)
    assert (first.where, first.is_group, first.is_new, first.is_signed) == (NAME, False, True, True)
    assert (first.level, first.problems, first.notes) == (40, (), ())
    again = await scene.gitlab.connect(NAME, BOTH)
    assert (again.hook, again.is_new) == (first.hook, False)
    (hook,) = await hooks(scene)
    wanted = ("push_events", "tag_push_events", "merge_requests_events", "note_events")
    assert all(hook[name] for name in (*wanted, "enable_ssl_verification", "signing_token_present"))
    assert not hook["issues_events"]


async def test_a_group_is_connected_by_its_owner(scene: Scene) -> None:
    with pytest.raises(ForgeDenied, match="Owner, and GitLab Premium"):
        await scene.gitlab.connect("acme", BOTH)
    await scene.client.organization("crew", {"alice": "admin"})
    owner = await scene.other(token=await scene.client.token("alice", "api"))
    made = await owner.connect("crew", BOTH)
    assert (made.where, made.is_group, made.is_new, made.level) == ("crew", True, True, 50)
    (hook,) = await hooks(scene, "/groups/crew/hooks")
    assert hook["id"] == made.hook


async def test_who_may_not_is_told_which_role_it_takes(scene: Scene) -> None:
    developer = await scene.other(token=await scene.client.token("wim", "api"))
    with pytest.raises(ForgeDenied, match=r"role there is 30, and that needs Maintainer \(40\)"):
        await developer.connect(NAME, BOTH)
    with pytest.raises(ForgeDenied, match="no group or project acme/none"):
        await scene.gitlab.connect("acme/none", BOTH)


async def test_what_cannot_be_tried_is_told_before(scene: Scene) -> None:
    with pytest.raises(SettingsError, match="names no group"):
        await scene.gitlab.connect("a b", BOTH)
    with pytest.raises(SettingsError, match="no signing token"):
        await scene.gitlab.connect(NAME, HookSecrets())
    with pytest.raises(SettingsError, match="public_url"):
        await (await scene.other(hook_url="")).connect(NAME, BOTH)


async def test_a_gitlab_that_does_not_sign_proves_itself_by_the_plain_token(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    older = await start(Config(data=tmp_path_factory.mktemp("gitlab"), version="18.4.0"))
    try:
        async with set_scene(older) as scene:
            made = await scene.gitlab.connect(NAME, BOTH)
            assert (made.is_signed, len(made.notes)) == (False, 1)
            with pytest.raises(SettingsError, match="webhook_token_file"):
                await scene.gitlab.connect(NAME, HookSecrets(signing=KEY))
    finally:
        await older.stop()


async def test_a_hook_that_gitlab_had_switched_off_is_told(stub: Stub) -> None:
    url = "http://ci.example/hooks/gitlab"
    stub.says({"id": 900, "username": "ci-bot"})
    stub.says({"id": 11}, {"id": 900, "state": "active", "access_level": 20})
    stub.says(
        [{"id": 3, "url": url, "alert_status": "disabled"}], {"id": 3, "signing_token_present": True}
    )
    async with stub.gitlab(hook_url=url) as gitlab:
        made = await gitlab.connect("acme/web", BOTH)
    assert "had stopped sending" in made.notes[0]
    assert "the bot's role in acme/web is 20" in made.problems[0]


# ── the token ────────────────────────────────────────────────────────────────────────────────


async def test_whose_the_token_is_and_when_it_ends(scene: Scene) -> None:
    state = await scene.gitlab.token_state()
    assert state.user == await scene.gitlab.bot_id() == scene.bot["bot_id"]
    assert (state.is_active, "api" in state.scopes) == (True, True)
    assert await scene.gitlab.examine() == ()
    ending = await scene.other(token=await scene.client.token("alice", "api", expires_at="2999-12-31"))
    midnight = datetime(2999, 12, 31, tzinfo=UTC).timestamp()
    assert (await ending.token_state()).expires_at == midnight


async def test_a_token_that_may_too_little_or_is_none(scene: Scene, stub: Stub) -> None:
    reading = await scene.other(token=await scene.client.token("alice", "read_api"))
    (problem,) = await reading.examine()
    assert "ci-bot needs api" in problem
    stub.says({"message": "401 Unauthorized"}, status=401)
    known = {"name": "x", "user_id": 9, "scopes": ["api"], "active": False, "expires_at": "2020-01-01"}
    stub.says(known)
    async with stub.gitlab() as gitlab:
        assert "no good any more" in (await gitlab.examine())[0]
        stub.clock.ahead += 61
        assert "revoked or has expired" in (await gitlab.examine())[0]
