"""Jobs with an environment are shown as deployments, one for each attempt, whatever the forge answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import structlog

from ci_bot.archive.logs import FileLogs
from ci_bot.core.decisions import Decision, Retry
from ci_bot.core.errors import ForgeDenied, ForgeError
from ci_bot.core.events import Permission
from ci_bot.core.occasion import Facts
from ci_bot.core.planned import Plan
from ci_bot.core.report.values import DeploymentState
from ci_bot.core.states import Change
from ci_bot.core.trust import Role, Ruling, Voucher
from tests.flow.test_publish import FAILED, PASSED, RUNNING, Showing
from tests.make import ALICE, MALLORY, REPO, SHA_A, job, new_run, plan
from tests.stores import Store

DEPLOY = plan(replace(job("deploy", "make deploy"), environment="production"))
CHECK = "ci-bot / deploy"
DENIED = "the App is not granted deployments: write"


@pytest.fixture
def showing(store: Store, logs: FileLogs) -> Iterator[Showing]:
    with structlog.testing.capture_logs() as said:
        yield Showing(store, logs)
    assert [line for line in said if line["log_level"] == "error"] == []


def states(showing: Showing) -> list[list[str]]:
    """Of each deployment, in order."""
    return [[str(each.state) for each in states] for *_, states in showing.forge.deployments.values()]


async def retry(showing: Showing, run_id: str) -> None:
    again = Retry(REPO.key, SHA_A, (run_id,), ALICE)
    await showing.store.decisions.commit(Decision("again", retry=(again,)), None)


async def test_a_deployment_begins_with_the_job_and_ends_with_it(showing: Showing) -> None:
    run_id = await showing.create(new_run(plan=DEPLOY))
    assert states(showing) == []
    claim = await showing.start()
    await showing.show()
    assert states(showing) == [["in_progress"]]
    await showing.end(claim)
    await showing.show()
    assert states(showing) == [["in_progress", "success"]]
    ((sha, environment, _, reports),) = showing.forge.deployments.values()
    assert (sha, environment) == (SHA_A, "production")
    assert (reports[-1].description, reports[-1].log_url) == (
        "deploy",
        f"http://ci/runs/{run_id}/{claim.job.id}",
    )
    assert await showing.show() == []


async def test_each_attempt_is_one(showing: Showing) -> None:
    run_id = await showing.create(new_run(plan=DEPLOY))
    await showing.end(await showing.start(), code=1)
    await showing.show()
    await retry(showing, run_id)
    await showing.end(await showing.start())
    await showing.show()
    assert states(showing) == [["failure"], ["success"]]
    *_, last = showing.forge.deployments.values()
    assert last[3][0].description == "deploy, attempt 2"


async def test_an_attempt_that_was_replaced_before_its_end_was_shown_is_inactive(
    showing: Showing,
) -> None:
    run_id = await showing.create(new_run(plan=DEPLOY))
    claim = await showing.start()
    await showing.show()
    await showing.end(claim, code=1)
    await retry(showing, run_id)
    await showing.start()
    await showing.show()
    assert states(showing) == [["in_progress", "inactive"], ["in_progress"]]


@pytest.mark.parametrize("change", [Change.BREAK, Change.CANCEL])
async def test_an_end_that_is_not_the_jobs_own_doing_is_an_error(
    showing: Showing, change: Change
) -> None:
    await showing.create(new_run(plan=DEPLOY))
    claim = await showing.start()
    await showing.store.runs.end_job(claim.lease, change, "x")
    await showing.show()
    assert states(showing) == [[DeploymentState.ERROR]]


async def test_jobs_without_an_environment_ask_for_none(showing: Showing) -> None:
    await showing.create(new_run(plan=plan(job("test"))))
    await showing.end(await showing.start())
    assert not [call for call in await showing.show() if "deploy" in call]


# ── the forge in trouble ─────────────────────────────────────────────────────────────────────


async def test_an_answer_that_was_lost_makes_no_second_one(showing: Showing) -> None:
    await showing.create(new_run(plan=DEPLOY))
    showing.forge.deployment_answers_lost = [ForgeError("cut", 0)]
    claim = await showing.start()
    await showing.show()
    assert showing.shown(CHECK) == RUNNING  # no check waits for it
    showing.restart()
    await showing.end(claim)
    showing.store.clock.time += 3600
    await showing.show()
    assert states(showing) == [["success"]]
    assert showing.shown(CHECK) == PASSED


async def test_a_state_that_was_not_taken_is_said_again(showing: Showing) -> None:
    await showing.create(new_run(plan=DEPLOY))
    showing.forge.no_answers["deployed success"] = [ForgeError("down", 502)]
    await showing.end(await showing.start())
    await showing.show()
    assert states(showing) == [[]]
    showing.store.clock.time += 3600
    await showing.show()
    assert states(showing) == [["success"]]


async def test_what_is_not_granted_is_said_in_the_jobs_check_and_fails_nothing(
    showing: Showing,
) -> None:
    await showing.create(new_run(plan=DEPLOY))
    showing.forge.no_answers["deploy production"] = [ForgeDenied(DENIED, 422) for _ in range(9)]
    claim = await showing.start()
    await showing.show()
    await showing.end(claim)
    showing.restart()
    showing.store.clock.time += 3600
    asked = await showing.show()
    assert (showing.shown(CHECK), showing.number_of(CHECK)) == (PASSED, 1)
    report = showing.forge.latest(SHA_A, CHECK)
    assert report is not None
    assert f"No deployment to `production` is shown: {DENIED}." in report.summary
    assert not [call for call in asked if "deploy production" in call]  # it is not asked again


# ── whose ────────────────────────────────────────────────────────────────────────────────────


def outsiders() -> tuple[Voucher, ...]:
    author = Voucher(MALLORY, Role.AUTHOR, Permission.READ, 0.0)
    return (author, Voucher(ALICE, Role.APPROVER, Permission.WRITE, 0.0))


@pytest.mark.parametrize(
    ("more", "jobs"),
    [
        ({"ruling": Ruling.RUN_WITHOUT_SECRETS}, DEPLOY),
        ({"vouchers": outsiders()}, DEPLOY),
        ({}, replace(DEPLOY, facts=Facts(event="pull_request", fork=True))),
    ],
)
async def test_what_outsiders_wrote_is_reported_as_no_deployment(
    showing: Showing, more: dict[str, Any], jobs: Plan
) -> None:
    await showing.create(replace(new_run(plan=jobs), **more))
    await showing.end(await showing.start(), code=1)
    await showing.show()
    assert (states(showing), showing.shown(CHECK)) == ([], FAILED)
    report = showing.forge.latest(SHA_A, CHECK)
    assert report is not None
    assert "No deployment to `production` is shown: somebody without write access" in report.summary
