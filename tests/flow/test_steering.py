"""What the API asks takes the one road: durable in the inbox, decided later, by what is true then."""

from __future__ import annotations

from typing import Any

import pytest

from ci_bot.core.errors import BadDelivery
from ci_bot.core.events import Ask, RunSteered
from ci_bot.core.states import Change, Status
from ci_bot.core.tokens import TokenScope
from ci_bot.core.trust import Ruling
from ci_bot.flow.bell import Bell
from ci_bot.flow.steering import Steering, SteeringParser
from ci_bot.ports import AuditFilter, DeliveryOutcome
from ci_bot.system import SystemIds
from tests.flow.road import Deciding
from tests.make import REPO, creating, new_run, token


@pytest.fixture
def steering(deciding: Deciding) -> Steering:
    return Steering(deciding.store.inbox, SystemIds(), Bell())


async def a_failed_run(deciding: Deciding, **more: Any) -> str:
    store = deciding.store
    (run_id,) = await store.decisions.commit(creating(new_run(**more)), None)
    claim = await store.runs.claim("one/p1", 30)
    assert claim is not None
    await store.runs.end_job(claim.lease, Change.FAIL, "exit code 1")
    return run_id


def asked(run_id: str, ask: Ask = Ask.RETRY) -> RunSteered:
    return RunSteered(REPO, run_id, ask, (), False, "t1", token().actor)


async def test_a_retry_is_stored_before_it_is_answered_and_done_when_it_is_decided(
    deciding: Deciding, steering: Steering
) -> None:
    await deciding.store.tokens.create(token(), [])
    run_id = await a_failed_run(deciding)
    id = await steering.ask(asked(run_id))
    assert await steering.outcome("t1", id) == DeliveryOutcome(False, False, "")
    await deciding.decide()
    words = "token:alice re-runs what did not succeed"
    assert await steering.outcome("t1", id) == DeliveryOutcome(True, False, words)
    (job,) = (await deciding.store.the_run()).jobs
    assert (job.attempt, job.status) == (2, Status.READY)
    assert deciding.forge.calls == []
    lines = [line for _, line in await deciding.store.audit.newest(9, AuditFilter(repo=REPO.key))]
    assert [(line.action, line.actor.login) for line in lines] == [("retry", "token:alice")]


async def test_a_retry_keeps_the_trust_of_the_first_attempt(
    deciding: Deciding, steering: Steering
) -> None:
    await deciding.store.tokens.create(token(), [])
    run_id = await a_failed_run(deciding, ruling=Ruling.RUN_WITHOUT_SECRETS)
    await steering.ask(asked(run_id))
    await deciding.decide()
    run = await deciding.store.the_run()
    assert (run.ruling, run.jobs[0].attempt) == (Ruling.RUN_WITHOUT_SECRETS, 2)


async def test_a_token_that_is_revoked_before_the_decision_moves_nothing(
    deciding: Deciding, steering: Steering
) -> None:
    await deciding.store.tokens.create(token(), [])
    run_id = await a_failed_run(deciding)
    id = await steering.ask(asked(run_id))
    await deciding.store.tokens.revoke("t1", [])
    await deciding.decide()
    outcome = await steering.outcome("t1", id)
    assert outcome is not None
    assert outcome.reason == "token:alice is not valid any more"
    assert (await deciding.store.the_run()).jobs[0].attempt == 1


@pytest.mark.parametrize("more", [{"scope": TokenScope.READ}, {"repos": ("github:8",)}])
async def test_a_token_that_may_not_moves_nothing(
    deciding: Deciding, steering: Steering, more: dict[str, Any]
) -> None:
    await deciding.store.tokens.create(token(**more), [])
    run_id = await a_failed_run(deciding)
    await steering.ask(asked(run_id))
    await deciding.decide()
    assert (await deciding.store.the_run()).jobs[0].attempt == 1
    assert await deciding.store.audit.newest(9) == []


async def test_what_was_asked_is_told_to_whoever_asked_it_alone(
    deciding: Deciding, steering: Steering
) -> None:
    id = await steering.ask(asked("r1"))
    assert await steering.outcome("t2", id) is None
    assert await steering.outcome("t1", "other") is None


@pytest.mark.parametrize("body", [b"", b"{}", b"[" * 100_000, b'{"repo": 1}', b"\xff"])
def test_a_stored_request_that_cannot_be_read_is_a_bad_delivery(body: bytes) -> None:
    with pytest.raises(BadDelivery):
        SteeringParser().parse({}, body)
