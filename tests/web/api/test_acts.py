"""POST retry and cancel: refused in words where they can be, else stored before they are answered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from urllib.parse import urljoin

import pytest

from ci_bot.core.decisions import Decision
from ci_bot.core.errors import StoreError
from ci_bot.core.events import Ask
from ci_bot.core.states import Change
from ci_bot.core.tokens import text_of
from ci_bot.core.trust import Ruling
from ci_bot.flow.steering import SteeringParser
from tests.fakes import FakeForge, FakeWebhook
from tests.flow.road import Deciding
from tests.make import REPO, job, plan, token
from tests.web.api.conftest import READER, WRITER, Api


async def asked(api: Api) -> list[tuple[Ask, str, tuple[str, ...], bool, str]]:
    """What stands in the inbox."""
    stored = await api.store.inbox.pending(10)
    events = [SteeringParser().parse({}, each.delivery.body) for each in stored]
    assert {each.delivery.turn for each in stored} <= {REPO.key}
    return [(e.ask, e.run, e.jobs, e.whole, e.actor.login) for e in events]


async def test_a_retry_is_durable_when_it_is_answered(api: Api) -> None:
    run_id = await api.a_run(b"")
    said = await api.post(f"/runs/{run_id}/retry")
    assert (said.status, said.json["state"], said.json["reason"]) == (202, "pending", "")
    assert await asked(api) == [(Ask.RETRY, run_id, (), False, "token:writer")]


async def test_the_address_of_the_request_says_what_came_of_it(api: Api) -> None:
    run_id = await api.a_run(b"")
    said = await api.post(f"/runs/{run_id}/retry")
    where = urljoin(f"/api/v1/runs/{run_id}/retry", said.headers["Location"])
    path = where.removeprefix("/api/v1")
    assert (await api.ask(path, WRITER)).json == said.json
    (stored,) = await api.store.inbox.pending(10)
    await api.store.decisions.commit(Decision("done as asked"), stored.id)
    assert (await api.ask(path, WRITER)).json == {
        "id": said.json["id"],
        "state": "done",
        "reason": "done as asked",
    }
    assert (await api.ask(path, READER)).status == 404


async def test_a_request_that_failed_for_good_says_so(api: Api) -> None:
    run_id = await api.a_run(b"")
    said = await api.post(f"/runs/{run_id}/retry")
    (stored,) = await api.store.inbox.pending(10)
    await api.store.inbox.fail(stored.id, "a bug", None)
    answer = await api.ask(f"/requests/{said.json['id']}", WRITER)
    assert answer.json == {"id": said.json["id"], "state": "failed", "reason": "a bug"}


@pytest.mark.parametrize(
    ("body", "jobs", "whole"),
    [
        ({"jobs": ["test"]}, ("test",), False),
        ({"jobs": ["test", "test"]}, ("test",), False),
        ({"all": True}, (), True),
        ({"all": False}, (), False),
        ({}, (), False),
        (None, (), False),
        (b"", (), False),
    ],
)
async def test_what_is_to_be_retried(
    api: Api, body: object, jobs: tuple[str, ...], whole: bool
) -> None:
    run_id = await api.a_run(b"")
    assert (await api.post(f"/runs/{run_id}/retry", body)).status == 202
    assert await asked(api) == [(Ask.RETRY, run_id, jobs, whole, "token:writer")]


async def test_a_cancel(api: Api) -> None:
    run_id = await api.begin(plan=plan(job("a"), job("b")))
    assert (await api.post(f"/runs/{run_id}/cancel", {"jobs": ["b"]})).status == 202
    assert await asked(api) == [(Ask.CANCEL, run_id, ("b",), False, "token:writer")]


async def test_a_token_that_may_only_read_is_told_what_it_needs(api: Api) -> None:
    run_id = await api.a_run(b"")
    for act in ("retry", "cancel"):
        said = await api.post(f"/runs/{run_id}/{act}", by=READER)
        assert (said.status, said.json["detail"]) == (403, f"this token may read, and not {act}")
        assert "--scope write" in said.json["remedy"]
    assert await asked(api) == []


async def test_what_cannot_be_done_is_told_at_once(api: Api) -> None:
    passed = await api.a_run(b"", change=Change.SUCCEED, ref="passed")
    held = await api.begin(ref="held", ruling=Ruling.WAIT)
    for run_id, act, body, status, words in (
        (passed, "retry", None, 409, "nothing to retry: nothing of it failed; name the jobs"),
        (passed, "cancel", None, 409, "nothing to cancel: nothing of that is running"),
        (held, "retry", {"all": True}, 409, "no token can give that"),
        (passed, "retry", {"jobs": ["x"]}, 409, f'run {passed} has no job "x"; its jobs: test'),
    ):
        said = await api.post(f"/runs/{run_id}/{act}", body)
        assert said.status == status
        assert words in said.json["detail"]
    assert await asked(api) == []


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"jobs": "test"}, "body.jobs"),
        ({"jobs": [1]}, "body.jobs.0"),
        ({"jobs": [""]}, "body.jobs.0"),
        ({"jobs": ["x"] * 257}, "body.jobs"),
        ({"all": "true"}, "body.all"),
        ({"all": 1}, "body.all"),
        ({"everything": True}, "body.everything"),
        ({"nosuch": 1}, "body.nosuch"),
        ([], "body"),
        (b"null", "body"),
        (b"{", "body"),
        (b"[" * 60_000, "body"),
        (b'{"jobs": ' + b"9" * 5000 + b"}", "body"),
        (b'{"jobs": ["\xff"]}', "body"),
        (b'"\\ud800"', "body"),
    ],
)
async def test_a_body_that_is_not_understood_is_named(api: Api, body: object, where: str) -> None:
    run_id = await api.a_run(b"")
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    said = await api.post(f"/runs/{run_id}/retry", text, Content_Type="application/json")
    assert (said.status, said.json["problems"][0]["where"]) == (400, where)
    assert await asked(api) == []


async def test_a_body_is_small_plain_json(api: Api) -> None:
    path = f"/runs/{await api.a_run(b'')}/retry"
    for body, headers, status in (
        (b" " * (64 * 1024 + 1), {"Content_Type": "application/json"}, 413),
        (b"{}", {"Content_Type": "text/plain"}, 415),
        (b"jobs=test", {"Content_Type": "application/x-www-form-urlencoded"}, 415),
        (b"{}", {"Content_Type": "application/json", "Content_Encoding": "gzip"}, 415),
        (b"{}", {"Content_Type": "application/json; charset=utf-8"}, 202),
    ):
        assert (await api.post(path, body, **headers)).status == status


async def test_a_long_body_without_a_length_is_cut_off(api: Api) -> None:
    run_id = await api.a_run(b"")

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 64 * 1024

    async with api.client.post(
        f"/api/v1/runs/{run_id}/retry",
        data=endless(),
        headers={"Authorization": f"Bearer {WRITER}", "Content-Type": "application/json"},
    ) as answer:
        assert answer.status == 413


# ── asked again ──────────────────────────────────────────────────────────────────────────────


async def test_the_same_with_the_same_key_is_one_request_however_often_it_comes(api: Api) -> None:
    path = f"/runs/{await api.a_run(b'')}/retry"
    key = {"Idempotency_Key": "deploy-42"}
    first, twin = await asyncio.gather(api.post(path, **key), api.post(path, {}, **key))
    assert (first.status, twin.status, first.json) == (202, 202, twin.json)
    assert len(await asked(api)) == 1
    deciding = Deciding(api.store, FakeForge(), FakeWebhook())
    await deciding.decide()
    assert (await api.post(path)).status == 409  # it is queued again: there is nothing to retry now
    again = await api.post(path, **key)
    assert (again.status, again.json) == (202, first.json)
    assert again.headers["Location"] == first.headers["Location"]
    assert await asked(api) == []


async def test_a_key_stands_for_one_thing_of_one_token(api: Api) -> None:
    path = f"/runs/{await api.a_run(b'')}/retry"
    other = text_of(b"\x09" * 32)
    assert await api.store.tokens.create(token(other, id="t9", name="other"), []) == ""
    first = await api.post(path, Idempotency_Key="k")
    for elsewhere, body in ((path, {"all": True}), (path.replace("retry", "cancel"), None)):
        said = await api.post(elsewhere, body, Idempotency_Key="k")
        assert (said.status, "take a new key" in said.words) == (409, True)
    both = {(await api.post(path, by=by, Idempotency_Key="k")).json["id"] for by in (WRITER, other)}
    assert (len(both), first.json["id"] in both) == (2, True)


@pytest.mark.parametrize("key", ["", "k" * 256, "two words", "caf\u00e9"])
async def test_a_key_is_short_and_plain(api: Api, key: str) -> None:
    said = await api.post(f"/runs/{await api.a_run(b'')}/retry", Idempotency_Key=key)
    assert (said.status, said.json["problems"][0]["where"]) == (400, "header.Idempotency-Key")


async def test_what_cannot_be_stored_is_not_promised(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = await api.a_run(b"")

    async def fails(_delivery: object) -> bool:
        raise StoreError("disk full")

    monkeypatch.setattr(api.store.inbox, "put", fails)
    assert (await api.post(f"/runs/{run_id}/retry")).status == 503


async def test_no_url_of_the_hooks_leads_to_what_the_api_stores(api: Api) -> None:
    async with api.client.post("/hooks/api", data=b"{}", headers={"X-Signature": "good"}) as answer:
        assert answer.status == 404
