"""GET …/log: bytes by offset and by range, and while they come: without gap, without repeat, to the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientPayloadError, ClientResponse

from ci_bot.core.decisions import Decision, Retry
from ci_bot.core.model import LogRef
from ci_bot.core.states import Change
from ci_bot.ports import Claim, LogWriter
from ci_bot.web import streams
from ci_bot.web.api import logs
from ci_bot.web.api.parts import FOLLOWED_BY_ONE
from tests.make import ALICE, REPO, SHA_A, job, plan
from tests.web.api.conftest import READER, Api, Said

TEXT = b"0123456789" * 100_000


async def read(api: Api, query: str = "", text: bytes = TEXT, **headers: str) -> Said:
    run_id = await api.a_run(text)
    return await api.ask(f"/runs/{run_id}/jobs/test/steps/1/log{query}", **headers)


async def test_the_whole_log_as_it_is_stored(api: Api) -> None:
    said = await read(api, text=b"\x1b[31mred\x1b[0m caf\xe9\n")
    assert (said.status, said.body) == (200, b"\x1b[31mred\x1b[0m caf\xe9\n")
    assert said.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert said.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"


async def test_a_long_log_comes_whole_with_its_length(api: Api) -> None:
    said = await read(api)
    assert (said.body, said.headers["Content-Length"]) == (TEXT, "1000000")
    assert said.headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize("offset", [0, 1, 999_999, 1_000_000, 1_000_001, 2**53])
async def test_from_an_offset_on(api: Api, offset: int) -> None:
    said = await read(api, f"?offset={offset}")
    assert (said.status, said.body) == (200, TEXT[offset:])


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        ("bytes=0-9", 0, 10),
        ("bytes=5-5", 5, 6),
        ("bytes=999990-", 999_990, 1_000_000),
        ("bytes=999990-2000000", 999_990, 1_000_000),
        ("bytes=-3", 999_997, 1_000_000),
        ("bytes=-2000000", 0, 1_000_000),
    ],
)
async def test_a_range(api: Api, wanted: str, start: int, end: int) -> None:
    said = await read(api, Range=wanted)
    assert (said.status, said.body) == (206, TEXT[start:end])
    assert said.headers["Content-Range"] == f"bytes {start}-{end - 1}/1000000"


@pytest.mark.parametrize("wanted", ["bytes=1000000-", "bytes=1000000-1000001"])
async def test_a_range_that_is_not_there(api: Api, wanted: str) -> None:
    said = await read(api, Range=wanted)
    assert (said.status, said.headers["Content-Range"]) == (416, "bytes */1000000")


@pytest.mark.parametrize("wanted", ["lines=1-2", "bytes=0-1,5-6", "bytes=x-y", "nonsense", "bytes=9-1"])
async def test_what_is_no_single_range_is_answered_with_the_whole(api: Api, wanted: str) -> None:
    said = await read(api, text=b"0123456789", Range=wanted)
    assert (said.status, said.body) == (200, b"0123456789")


async def test_an_offset_and_a_range_together_are_refused(api: Api) -> None:
    assert (await read(api, "?offset=3", Range="bytes=0-1")).status == 400


async def test_what_has_not_begun_is_empty(api: Api) -> None:
    run_id = await api.begin()
    said = await api.ask(f"/runs/{run_id}/jobs/test/steps/1/log")
    assert (said.status, said.body) == (200, b"")


async def test_jobs_steps_and_attempts_that_are_not_there(api: Api) -> None:
    run_id = await api.a_run(b"x")
    for path, words in (
        ("jobs/nosuch/steps/1/log", "there is no such job or attempt in this run"),
        ("jobs/test/steps/1/log?attempt=2", "there is no such job or attempt in this run"),
        ("jobs/test/steps/2/log", "the job has 1 steps"),
        ("jobs/test/steps/0/log", "there is no such thing"),
        ("jobs/test/steps/-1/log", "there is no such thing"),
        ("jobs/test/steps/x/log", "there is no such thing"),
        ("jobs/..%2f..%2fetc/steps/1/log", "there is no such job"),
    ):
        said = await api.ask(f"/runs/{run_id}/{path}")
        assert said.status == 404
        assert words in said.json["detail"]


async def test_an_earlier_attempt(api: Api) -> None:
    run_id = await api.a_run(b"first")
    again = Retry(REPO.key, SHA_A, (run_id,), ALICE)
    await api.store.decisions.commit(Decision("again", retry=(again,)), None)
    await api.end(b"second")
    path = f"/runs/{run_id}/jobs/test/steps/1/log"
    assert (await api.ask(path)).body == b"second"
    assert (await api.ask(f"{path}?attempt=1")).body == b"first"


# ── while it comes ───────────────────────────────────────────────────────────────────────────


class Running:
    """A step that a test writes for."""

    def __init__(self, api: Api, run_id: str, claim: Claim, writer: LogWriter) -> None:
        self.api, self.run_id, self.claim, self.writer = api, run_id, claim, writer
        self.path = f"/api/v1/runs/{run_id}/jobs/test/steps/1/log"

    async def end(self) -> None:
        size = self.writer.close()
        await self.api.store.runs.end_step(self.claim.lease, 0, Change.SUCCEED, "", 0, size)

    @asynccontextmanager
    async def followed(self, offset: int = 0) -> AsyncIterator[ClientResponse]:
        path = f"{self.path}?follow=true&offset={offset}"
        headers = {"Authorization": f"Bearer {READER}"}
        async with self.api.client.get(path, headers=headers) as answer:
            yield answer


async def running(api: Api) -> Running:
    run_id = await api.begin(plan=plan(job("test", "make", "make test")))
    claim = await api.store.runs.claim("one/p1", 3000)
    assert claim is not None
    await api.store.runs.start_step(claim.lease, 0)
    return Running(api, run_id, claim, api.logs.open(LogRef(claim.job.id, 0), ()))


async def test_a_log_that_is_followed_comes_as_it_is_written_and_ends_with_the_step(api: Api) -> None:
    step = await running(api)
    step.writer.write(b"one\n")
    async with step.followed() as answer:
        assert answer.headers["X-Accel-Buffering"] == "no"
        assert await answer.content.readexactly(4) == b"one\n"
        step.writer.write(b"two\n")
        assert await answer.content.readexactly(4) == b"two\n"
        step.writer.write(b"three\n")
        await step.end()
        assert await answer.read() == b"three\n"


async def test_who_is_cut_off_at_any_byte_goes_on_without_gap_or_repeat(api: Api) -> None:
    step = await running(api)
    got = b""

    async def write() -> None:
        for number in range(200):
            step.writer.write(f"line {number}\n".encode() * 20)
            await asyncio.sleep(0.005)
        await step.end()

    writing = asyncio.create_task(write())
    for size in (1, 7, 4096, 100, 33_333):
        async with step.followed(len(got)) as answer:
            got += await answer.content.read(size)
            answer.close()
    async with step.followed(len(got)) as answer:
        got += await answer.read()
    await writing
    assert got == b"".join(f"line {number}\n".encode() * 20 for number in range(200))


async def test_a_step_that_never_begins_ends_what_follows_it(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "LOOK_SECONDS", 0.05)
    step = await running(api)
    headers = {"Authorization": f"Bearer {READER}"}
    second = step.path.replace("steps/1", "steps/2") + "?follow=true"
    async with api.client.get(second, headers=headers) as answer:
        await api.store.runs.end_job(step.claim.lease, Change.FAIL, "step 1 failed")
        assert await answer.read() == b""


async def test_a_log_that_was_left_open_ends_with_its_step(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "LOOK_SECONDS", 0.05)
    step = await running(api)
    step.writer.write(b"half a li")
    async with step.followed() as answer:
        assert await answer.content.readexactly(4) == b"half"
        step.writer.write(b"ne\n")
        await api.store.runs.end_job(step.claim.lease, Change.BREAK, "the engine is gone")
        assert await answer.read() == b" a line\n"


async def test_a_server_that_ends_cuts_followers_off_so_that_they_see_it(api: Api) -> None:
    step = await running(api)
    step.writer.write(b"one\n")
    async with step.followed() as answer:
        assert await answer.content.readexactly(4) == b"one\n"
        closing = asyncio.create_task(api.server.close())
        with pytest.raises(ClientPayloadError):
            await asyncio.wait_for(answer.read(), 5)
        await asyncio.wait_for(closing, 5)


async def test_one_token_follows_only_so_many_logs_and_who_leaves_makes_room(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "GONE_SECONDS", 0.05)
    step = await running(api)
    step.writer.write(b"x")
    headers = {"Authorization": f"Bearer {READER}"}
    answers = [
        await api.client.get(f"{step.path}?follow=true", headers=headers)
        for _ in range(FOLLOWED_BY_ONE)
    ]
    path = step.path.removeprefix("/api/v1")
    refused = await api.ask(f"{path}?follow=true")
    assert (refused.status, refused.headers["Retry-After"]) == (429, "10")
    assert (await api.ask(path)).body == b"x"
    for answer in answers:
        answer.close()
    while (await _status(api, f"{step.path}?follow=true")) == 429:
        await asyncio.sleep(0.02)
    await step.end()


async def _status(api: Api, path: str) -> int:
    headers = {"Authorization": f"Bearer {READER}"}
    async with api.client.get(path, headers=headers) as answer:
        answer.close()
        return answer.status


async def events(answer: ClientResponse) -> list[str]:
    """Read to the end, without what says when to come again; comments too."""
    text = (await answer.read()).decode()
    assert text.startswith("retry: 1000\n\n")
    return text.split("\n\n")[1:-1]


async def test_a_log_as_events_has_offsets_and_whole_characters_and_comments_while_it_is_silent(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "BEAT_SECONDS", 0.05)
    step = await running(api)
    step.writer.write(b"one\ncaf\xc3")
    headers = {"Authorization": f"Bearer {READER}", "Accept": "text/event-stream"}
    async with api.client.get(f"{step.path}?follow=true", headers=headers) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert "no-transform" in answer.headers["Cache-Control"]
        await answer.content.readuntil(b": beat\n\n")
        step.writer.write(b"\xa9\n")
        await step.end()
        rest = (await answer.read()).decode()
    assert 'id: 10\nevent: log\ndata: {"text": "\\u00e9\\n"}\n\n' in rest
    assert rest.endswith("id: 10\nevent: end\ndata: {}\n\n")
    again = headers | {"Last-Event-ID": "7"}
    async with api.client.get(f"{step.path}?follow=true", headers=again) as answer:
        first, last = await events(answer)
    assert (first, last) == (
        'id: 10\nevent: log\ndata: {"text": "\\u00e9\\n"}',
        "id: 10\nevent: end\ndata: {}",
    )
