"""Deployments of environments."""

from __future__ import annotations

import pytest

from ci_bot.core.errors import ForgeDenied, ForgeError
from ci_bot.core.report.values import DeploymentReport, DeploymentState, Spot
from tests.forges.gitlab.scene import NAME, REPO, Scene, Stub

BEGUN = DeploymentReport("production", DeploymentState.IN_PROGRESS, "deploy", "http://ci/1")
DONE = DeploymentReport("production", DeploymentState.SUCCESS, "deploy", "http://ci/1")
PUSH = Spot("a" * 40, "main")


async def test_a_deployment_from_its_begin_to_its_end(scene: Scene) -> None:
    sha = await scene.client.push(NAME, "main", {"x": "1"}, by="alice")
    gitlab, repo = scene.gitlab, scene.repo
    handle = await gitlab.create_deployment(repo, Spot(sha, "main"), BEGUN, "7/1/x")
    assert await gitlab.find_deployment(repo, sha, BEGUN, "7/1/x") == handle
    for report in (BEGUN, DONE, DONE):
        await gitlab.update_deployment(repo, handle, report)
    assert await gitlab.find_deployment(repo, sha, BEGUN, "7/1/x") is None
    ((environment, states),) = await scene.client.deployments(NAME, sha)
    assert environment == "production"
    assert states[-1]["state"] == "success"


async def test_what_gitlab_does_not_take_is_denied(stub: Stub) -> None:
    for status in (400, 403, 404, 422):
        stub.says({"message": "no"}, status=status)
        async with stub.gitlab() as gitlab:
            with pytest.raises(ForgeDenied):
                await gitlab.create_deployment(REPO, PUSH, BEGUN, "x")
    async with stub.gitlab() as gitlab:
        with pytest.raises(ForgeDenied, match="branches and tags"):
            await gitlab.create_deployment(REPO, Spot("a" * 40), BEGUN, "x")
        with pytest.raises(ForgeError):
            await gitlab.update_deployment(REPO, "note:7", BEGUN)
