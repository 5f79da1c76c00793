"""What lets a merge past our results, found and told with its remedy."""

from __future__ import annotations

from typing import Any

import pytest

from ci_bot.core.errors import ForgeDenied, ForgeError, SettingsError
from ci_bot.forges.gitlab.gate import ForkHead, Found, examination
from tests.forges.gitlab.scene import NAME, Scene

PROJECT = {
    "path_with_namespace": "acme/shop/web",
    "default_branch": "main",
    "only_allow_merge_if_pipeline_succeeds": True,
    "allow_merge_on_skipped_pipeline": False,
    "builds_access_level": "enabled",
    "auto_devops_enabled": False,
    "merge_trains_enabled": False,
}


def problems(
    level: int = 40, *forks: ForkHead, has_ci_file: bool = False, may_update: bool = True, **change: Any
) -> tuple[str, ...]:
    found = Found({**PROJECT, **change}, level, "ci-bot", has_ci_file, may_update, forks)
    return examination(found).problems


def test_a_project_that_waits_for_pipelines_is_well() -> None:
    found = examination(Found(PROJECT, 30, "ci-bot", False, True, ()))
    assert (found.branch, found.problems, found.has_merge_queue) == ("main", (), False)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"only_allow_merge_if_pipeline_succeeds": False}, "Pipelines must succeed"),
        ({"only_allow_merge_if_pipeline_succeeds": None}, "Pipelines must succeed"),
        ({"allow_merge_on_skipped_pipeline": True}, "takes skipped pipelines for successful"),
        ({"builds_access_level": "disabled"}, "CI/CD is switched off"),
        ({"auto_devops_enabled": True}, "Auto DevOps"),
        ({"merge_trains_enabled": True}, "merge trains"),
    ],
)
def test_each_hole_is_told_with_its_remedy(change: dict[str, Any], words: str) -> None:
    (problem,) = problems(**change)
    assert words in problem
    assert "acme/shop/web" in problem


def test_pipelines_of_its_own_and_a_bot_that_may_not() -> None:
    (own,) = problems(has_ci_file=True)
    assert ".gitlab-ci.yml" in own
    (level,) = problems(20)
    assert "the bot's role in acme/shop/web is 20" in level
    (protected,) = problems(30, may_update=False)
    assert "main of acme/shop/web is protected" in protected


def test_forks_that_take_no_status_are_named_a_few_of_them() -> None:
    heads = [ForkHead(number, f"mallory/{number}", is_ours=number == 1) for number in range(1, 10)]
    found = problems(40, *heads)
    assert len(found) == 5
    assert found[0].startswith("!2 comes from mallory/2")
    assert "@ci-bot" in found[0]


def test_an_answer_that_is_no_project_is_an_error() -> None:
    answers: tuple[Any, ...] = (None, [], {})
    for answer in answers:
        with pytest.raises(ForgeError):
            examination(Found(answer, 40, "ci-bot", False, True, ()))


async def test_a_real_project_before_and_after_it_is_protected(scene: Scene) -> None:
    found = await scene.gitlab.examine_gate(NAME)
    assert found.branch == "main"
    assert "Pipelines must succeed" in found.problems[0]
    await scene.client.protect(NAME, "ci-bot", by="alice")
    assert (await scene.gitlab.examine_gate(NAME)).problems == ()
    _, number, _ = await scene.from_fork()
    (fork,) = (await scene.gitlab.examine_gate(NAME)).problems
    assert fork.startswith(f"!{number} comes from mallory/web")
    await scene.client.push(NAME, "main", {".gitlab-ci.yml": "x: {}"}, by="alice")
    assert any(".gitlab-ci.yml" in one for one in (await scene.gitlab.examine_gate(NAME)).problems)


async def test_a_name_that_is_none_and_a_project_that_is_not_seen(scene: Scene) -> None:
    for name in ("acme", "a b/c", "../x"):
        with pytest.raises(SettingsError, match="group/project"):
            await scene.gitlab.examine_gate(name)
    with pytest.raises(ForgeDenied, match="there is no project acme/none"):
        await scene.gitlab.examine_gate("acme/none")
