"""POST /runs/{run}/retry and /cancel: stored, answered 202, decided on the one road; GET /requests/{id}: what came of it."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from pydantic import Field

from ci_bot.core.errors import KeyReused
from ci_bot.core.events import Ask, RunSteered
from ci_bot.core.model import Run
from ci_bot.core.steering import refusal, unknown_jobs
from ci_bot.ports import DeliveryOutcome
from ci_bot.web.api import models
from ci_bot.web.api.endpoint import Answer, Asked, Call, Endpoint, Id, RunPath, say
from ci_bot.web.api.problems import Refused, missing
from ci_bot.web.api.runs import found
from ci_bot.web.masking import mask_of

READ_ONLY = "this token may read, and not {}"
HOW_TO_WRITE = "ask the operator for one of scope write: ci-bot token create --scope write"
FOLLOW_UP = {"request": ("getRequest", {"request": "$response.body#/id"})}

Jobs = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=256)], ...],
    Field(max_length=256, description="ids of jobs; none: all that it is about"),
]


class CancelBody(Asked):
    jobs: Jobs = ()


class RetryBody(Asked):
    jobs: Jobs = ()
    everything: bool = Field(
        False, alias="all", description="also what succeeded, where no jobs are named"
    )


class ActHeaders(Asked):
    """https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-idempotency-key-header"""

    key: Annotated[str, Field(min_length=1, max_length=255, pattern="^[!-~]+$")] | None = Field(
        None,
        alias="Idempotency-Key",
        description="asked again with the same key, the same is one request, and has the same answer",
    )


class RequestPath(Asked):
    request: Id


async def retry_run(call: Call) -> web.Response:
    body: RetryBody = call.body
    return await _steer(call, Ask.RETRY, body.jobs, whole=body.everything)


async def cancel_run(call: Call) -> web.Response:
    body: CancelBody = call.body
    return await _steer(call, Ask.CANCEL, body.jobs, whole=False)


async def _steer(call: Call, ask: Ask, jobs: tuple[str, ...], *, whole: bool) -> web.Response:
    """What can be refused now is refused now; the decision looks again, at what is true then."""
    run = await found(call.parts, call.token, call.path.run)
    if not call.token.vouched.may_write:
        raise Refused(403, READ_ONLY.format(ask), HOW_TO_WRITE)
    event = RunSteered(
        repo=run.repo,
        run=run.id,
        ask=ask,
        jobs=tuple(dict.fromkeys(jobs)),
        whole=whole and not jobs,
        token=call.token.id,
        actor=call.token.actor,
    )
    try:
        id = await _asked(call, run, event)
    except KeyReused as error:
        raise Refused(409, str(error), "take a new key for a new request") from None
    # Relative to where it was asked, so that a proxy in front of us may add to the path.
    location = f"../../requests/{id}"
    return say(models.Request(id=id, state="pending", reason=""), 202, Location=location)


async def _asked(call: Call, run: Run, event: RunSteered) -> str:
    """The request's id. What was asked before is not looked at again: it may have come true meanwhile."""
    key = call.headers.key or ""
    if key and (id := await call.parts.steering.asked_before(event, key)):
        return id
    await _check(call, run, event.ask, event.jobs, whole=event.whole)
    return await call.parts.steering.ask(event, key)


async def _check(call: Call, run: Run, ask: Ask, jobs: tuple[str, ...], *, whole: bool) -> None:
    mask = await mask_of([run], call.parts.vault)
    if why := unknown_jobs(run, jobs):
        raise Refused(409, mask(why), "name jobs as .ci.yaml does")
    if why := refusal(run, ask, jobs, whole=whole):
        raise Refused(409, mask(f"nothing to {ask}: {why}"))


async def get_request(call: Call) -> web.Response:
    id = call.path.request
    outcome = await call.parts.steering.outcome(call.token.id, id)
    if outcome is None:
        raise missing(f"request {id}")
    return say(models.Request(id=id, state=_state(outcome), reason=outcome.reason))


def _state(outcome: DeliveryOutcome) -> str:
    if outcome.is_set_aside:
        return "failed"
    return "done" if outcome.is_decided else "pending"


STORED = Answer(
    "stored, and about to be decided",
    models.Request,
    headers={"Location": "where it can be seen what came of it"},
    links=FOLLOW_UP,
)

ENDPOINTS = (
    Endpoint(
        "POST",
        "/runs/{run}/retry",
        "retryRun",
        "A new attempt of what did not succeed, of the jobs that are named, or of everything",
        retry_run,
        {202: STORED},
        path=RunPath,
        body=RetryBody,
        headers=ActHeaders,
        refuses=(403, 404, 408, 409, 413, 415),
    ),
    Endpoint(
        "POST",
        "/runs/{run}/cancel",
        "cancelRun",
        "The end of what is unfinished, or of the jobs that are named",
        cancel_run,
        {202: STORED},
        path=RunPath,
        body=CancelBody,
        headers=ActHeaders,
        refuses=(403, 404, 408, 409, 413, 415),
    ),
    Endpoint(
        "GET",
        "/requests/{request}",
        "getRequest",
        "What came of a retry or a cancel that this token asked for",
        get_request,
        {200: Answer("the request", models.Request)},
        path=RequestPath,
        refuses=(404,),
    ),
)
