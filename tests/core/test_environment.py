"""The variables of docs/language.md, for each kind of event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ci_bot.core.environment import step_environment
from ci_bot.core.model import JobRun, Run, RunKind, Verdict
from ci_bot.core.states import Status
from tests.make import ALICE, REPO, SHA_A, SHA_C, job

PROMISED = {
    *("CI", "CI_EVENT", "CI_REPO", "CI_FORGE", "CI_SHA", "CI_REF", "CI_BRANCH", "CI_TAG"),
    *("CI_BASE_BRANCH", "CI_BASE_SHA", "CI_PR", "CI_PR_TITLE", "CI_ACTOR", "CI_RUN_ID", "CI_RUN_URL"),
    *("CI_JOB", "CI_STEP", "CI_ATTEMPT", "CI_MATRIX", "CI_DEFAULT_BRANCH", "CI_WORKSPACE"),
}
PUSH = Run(
    "r1", "k", REPO, RunKind.PUSH, "feature/x", SHA_A, Verdict.PLANNED, ALICE, 0.0, title="Fix it"
)
ATTEMPT = JobRun("j1", "r1", "test", "Tests", 2, Status.RUNNING, ())


def environment(run: Run, **own: str) -> Mapping[str, str]:
    planned = job("test", "make")
    return step_environment(run, planned, ATTEMPT, replace(planned.steps[0], env=own), "http://x/r1")


def test_every_promised_variable_is_there_and_none_besides() -> None:
    assert set(environment(PUSH)) == PROMISED


def test_a_push() -> None:
    env = environment(PUSH)
    assert (env["CI"], env["CI_EVENT"], env["CI_SHA"]) == ("true", "push", SHA_A)
    assert (env["CI_REF"], env["CI_BRANCH"], env["CI_TAG"]) == ("refs/heads/feature/x", "feature/x", "")
    assert (env["CI_PR"], env["CI_PR_TITLE"]) == ("", "")
    assert (env["CI_REPO"], env["CI_DEFAULT_BRANCH"], env["CI_ACTOR"]) == ("acme/shop", "main", "alice")
    assert (env["CI_JOB"], env["CI_STEP"], env["CI_ATTEMPT"]) == ("test", "make", "2")
    assert (env["CI_RUN_ID"], env["CI_RUN_URL"]) == ("r1", "http://x/r1")


def test_a_pull_request_has_its_number_its_title_and_its_base() -> None:
    pull = replace(PUSH, kind=RunKind.PULL_REQUEST, pull=3, base_ref="main", base_sha=SHA_C)
    env = environment(pull)
    assert (env["CI_PR"], env["CI_PR_TITLE"]) == ("3", "Fix it")
    assert (env["CI_BASE_BRANCH"], env["CI_BASE_SHA"]) == ("main", SHA_C)


def test_a_tag_is_no_branch() -> None:
    env = environment(replace(PUSH, kind=RunKind.TAG, ref="v1"))
    assert (env["CI_REF"], env["CI_BRANCH"], env["CI_TAG"]) == ("refs/tags/v1", "", "v1")


def test_the_branch_of_a_merge_queue_is_named_once() -> None:
    env = environment(replace(PUSH, kind=RunKind.MERGE_GROUP, ref="refs/heads/queue/main/pr-3"))
    assert (env["CI_REF"], env["CI_BRANCH"]) == ("refs/heads/queue/main/pr-3", "queue/main/pr-3")


def test_the_files_own_variables_are_there() -> None:
    assert environment(PUSH, GREETING="hello")["GREETING"] == "hello"


@given(st.dictionaries(st.sampled_from(sorted(PROMISED)), st.text()))
def test_ours_cannot_be_overwritten(own: dict[str, str]) -> None:
    assert environment(PUSH, **own) == environment(PUSH)


@given(st.text())
def test_foreign_text_is_a_value_and_nothing_else(title: str) -> None:
    pull = replace(PUSH, kind=RunKind.PULL_REQUEST, pull=3)
    told, plain = environment(replace(pull, title=title)), environment(replace(pull, title=""))
    assert told["CI_PR_TITLE"] == title
    assert {**told, "CI_PR_TITLE": ""} == plain
