"""Deployments of a commit and their states, as GitHub takes them; and branches' heads."""

from __future__ import annotations

import pytest

from ci_bot.core.errors import ForgeDenied, ForgeError
from ci_bot.core.report.values import DeploymentReport, DeploymentState, Spot
from tests.forges.github.scene import NAME, Scene

LOG = "https://ci.example.com/runs/1"
BEGUN = DeploymentReport("eu/production", DeploymentState.IN_PROGRESS, "deploy, attempt 2", LOG)
DONE = DeploymentReport("eu/production", DeploymentState.SUCCESS, "deploy " + "x" * 200, LOG)
LEFT = DeploymentReport("", DeploymentState.INACTIVE, "another attempt took its place", "")
HELD = {"contents": "read", "metadata": "read", "checks": "write"}


@pytest.fixture
async def granted(scene: Scene) -> Scene:
    await scene.installed(permissions={**HELD, "deployments": "write"})
    return scene


async def test_a_deployment_is_made_found_and_brought_to_its_end(granted: Scene) -> None:
    scene, github = granted, granted.github
    handle = await github.create_deployment(scene.repo, Spot(scene.sha), BEGUN, "7/1/x")
    await github.update_deployment(scene.repo, handle, BEGUN)
    await github.update_deployment(scene.repo, handle, DONE)
    assert await github.find_deployment(scene.repo, scene.sha, BEGUN, "7/1/x") == handle
    assert await github.find_deployment(scene.repo, scene.sha, BEGUN, "7/1/y") is None
    ((environment, states),) = await scene.client.deployments(NAME, scene.sha)
    assert environment == "eu/production"
    assert [(one["state"], one["log_url"]) for one in states] == [
        ("in_progress", LOG),
        ("success", LOG),
    ]
    assert len(states[1]["description"]) == 140


async def test_one_that_was_replaced_says_no_more_than_that(granted: Scene) -> None:
    scene = granted
    handle = await scene.github.create_deployment(scene.repo, Spot(scene.sha), BEGUN, "7/1/x")
    await scene.github.update_deployment(scene.repo, handle, LEFT)
    ((_, states),) = await scene.client.deployments(NAME, scene.sha)
    assert [one["state"] for one in states] == ["inactive"]


async def test_the_token_may_do_that_and_nothing_else(granted: Scene) -> None:
    await granted.github.create_deployment(granted.repo, Spot(granted.sha), BEGUN, "7/1/x")
    assert [token["permissions"] for token in granted.minted()] == [{"deployments": "write"}]


async def test_what_is_not_granted_is_refused_in_words(scene: Scene) -> None:
    await scene.installed(permissions=HELD)
    with pytest.raises(
        ForgeDenied, match=r"^the App is not granted deployments: write: grant it in the App's settings"
    ):
        await scene.github.create_deployment(scene.repo, Spot(scene.sha), BEGUN, "7/1/x")


async def test_a_commit_that_is_not_there_is_refused_for_good(granted: Scene) -> None:
    with pytest.raises(ForgeDenied, match="GitHub takes no such deployment"):
        await granted.github.create_deployment(granted.repo, Spot("b" * 40), BEGUN, "7/1/x")


async def test_what_is_no_deployment_is_not_updated_as_one(granted: Scene) -> None:
    with pytest.raises(ForgeError, match="'check:3' is no deployment"):
        await granted.github.update_deployment(granted.repo, "check:3", DONE)


async def test_the_head_of_a_branch(scene: Scene) -> None:
    new = await scene.client.push(NAME, "release/1", {"x": "y"}, by="alice")
    assert await scene.github.branch_head(scene.repo, "release/1") == new
    assert await scene.github.branch_head(scene.repo, "main") == scene.sha
    assert await scene.github.default_branch(scene.repo) == "main"
    for none in ("gone", "release", "a/../main", ""):
        assert await scene.github.branch_head(scene.repo, none) is None
