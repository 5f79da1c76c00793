"""Live logs: what a reader is told, joined anywhere, is every line once; and no reader keeps the server."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import ClientResponse

from ci_bot.archive.writer import FileLogWriter
from ci_bot.core.model import LogRef, Run
from ci_bot.core.states import Change
from ci_bot.ports import Claim
from ci_bot.web import live
from tests.make import creating, new_run
from tests.web.conftest import Site


async def a_running_step(site: Site) -> tuple[Run, Claim, FileLogWriter]:
    await site.store.decisions.commit(creating(new_run()), None)
    claim = await site.store.runs.claim("one/p1", 3000)
    assert claim is not None
    await site.store.runs.start_step(claim.lease, 0)
    return await site.store.the_run(), claim, site.logs.open(LogRef(claim.job.id, 0), ())


def address(site: Site, run: Run, what: str = "0/events") -> str:
    return site.links.url(run.id, run.jobs[0].id).replace("?", f"/{what}?")


async def events(answer: ClientResponse) -> Any:
    """(name, data, id) of each event as it comes; beats are left out."""
    event: dict[str, str] = {}
    async for line in answer.content:
        field, _, value = line.decode().rstrip("\n").partition(": ")
        if field:
            event[field] = value
        elif "event" in event:
            yield event["event"], json.loads(event["data"]), event.get("id", "")
            event = {}


def add(page: dict[int, str], data: dict[str, Any]) -> None:
    for number, *pieces in data.get("lines", []):
        page[number] = "".join(piece if isinstance(piece, str) else piece[1] for piece in pieces)


async def test_a_reader_is_told_each_line_until_the_log_is_closed(site: Site) -> None:
    run, _, log = await a_running_step(site)
    log.write(b"one\ntw")
    page: dict[int, str] = {}
    async with site.client.get(address(site, run)) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert answer.headers["X-Accel-Buffering"] == "no"
        assert "no-transform" in answer.headers["Cache-Control"]
        async for name, data, id in events(answer):
            add(page, data)
            if name == "end":
                break
            if page.get(2) == "tw":
                assert id == "4:2"
                log.write(b"o\nthree")
            if page.get(3) == "three":
                await asyncio.to_thread(log.close)
    assert page == {1: "one", 2: "two", 3: "three"}


async def test_who_comes_again_goes_on_where_it_was(site: Site) -> None:
    """Broken after every event there is; what is put together is the log, each line under its number."""
    run, _, log = await a_running_step(site)
    lines = [b"line %d\n" % number for number in range(1, 301)]
    page: dict[int, str] = {}
    last, told = "", 0

    async def write() -> None:
        for line in lines:
            log.write(line[:3])
            log.write(line[3:])
            if line.endswith(b"0\n"):
                await asyncio.sleep(0.01)
        log.write(b"no end")
        await asyncio.to_thread(log.close)

    writing = asyncio.create_task(write())
    is_over = False
    while not is_over:
        headers = {"Last-Event-ID": last} if last else {}
        async with site.client.get(address(site, run), headers=headers) as answer:
            async for name, data, id in events(answer):
                told += len(data.get("lines", []))
                add(page, data)
                is_over = name == "end"
                if is_over or id != last:
                    last = id
                    break
    await writing
    expected = [line.decode().rstrip("\n") for line in lines] + ["no end"]
    assert page == dict(enumerate(expected, 1))
    assert told < 2 * len(expected)  # again is told what had not ended, and nothing else


async def test_a_page_goes_on_from_where_its_lines_end(site: Site) -> None:
    run, _, log = await a_running_step(site)
    log.write(b"one\ntwo\n")
    async with site.client.get(address(site, run, "0/lines") + "&open=1") as answer:
        following = (await answer.json())["windows"][0]["next"]
    log.write(b"three\n")
    async with site.client.get(address(site, run) + f"&after={following}") as answer:
        async for _, data, _ in events(answer):
            assert data["lines"] == [[3, "three"]]
            break


async def test_a_place_that_is_none_makes_the_page_begin_again(site: Site) -> None:
    run, _, log = await a_running_step(site)
    log.write(b"one\ntwo\n")
    for place in ("3:2", "400:2", "4:3", "junk"):
        async with site.client.get(address(site, run), headers={"Last-Event-ID": place}) as answer:
            names = []
            async for name, data, _ in events(answer):
                names.append((name, [line[0] for line in data.get("lines", [])]))
                if len(names) == 2:
                    break
        assert names == [("again", []), ("lines", [1, 2])]


async def test_who_is_far_behind_is_taken_to_the_end(site: Site) -> None:
    run, _, log = await a_running_step(site)
    for _ in range(40):
        log.write(b"x" * 99 + b"\n" + (b"y" * 99 + b"\n") * 999)
    await asyncio.to_thread(log.close)
    size = 0
    skipped, numbers = 0, set[int]()
    async with site.client.get(address(site, run)) as answer:
        async for name, data, _ in events(answer):
            size += len(json.dumps(data))
            numbers |= {line[0] for line in data.get("lines", [])}
            skipped = data["to"] if name == "skip" else skipped
            if name == "end":
                break
    assert skipped > 30_000
    assert size < 2 * live.FAR_BEHIND
    assert 40_000 in numbers
    assert skipped in numbers


async def test_the_state_of_a_run_is_told_until_it_ends(site: Site) -> None:
    run, claim, log = await a_running_step(site)
    path = site.links.url(run.id, None).replace("?", "/events?") + f"&job={run.jobs[0].id}"
    seen = []
    async with site.client.get(path) as answer:
        async for name, data, _ in events(answer):
            if name == "end":
                break
            seen.append((data["run"]["status"], [step["status"] for step in data["steps"]]))
            if len(seen) == 1:
                runs = site.store.runs
                await runs.end_step(claim.lease, 0, Change.SUCCEED, "", 0, log.close())
                await runs.end_job(claim.lease, Change.SUCCEED, "")
    assert seen[0] == ("running", ["running"])
    assert seen[-1] == ("succeeded", ["succeeded"])


async def test_readers_do_not_keep_the_server_from_stopping(site: Site) -> None:
    run, _, log = await a_running_step(site)
    log.write(b"one\n")
    answer = await site.client.get(address(site, run))
    await answer.content.readline()
    async with asyncio.timeout(5):
        await site.server.close()
    answer.close()
    log.close()


async def test_so_many_readers_and_no_more(site: Site) -> None:
    run, _, log = await a_running_step(site)
    log.write(b"one\n")
    task = asyncio.create_task(asyncio.sleep(60))
    streams = site.pages.streams
    streams.open.update(asyncio.create_task(asyncio.sleep(60)) for _ in range(500))
    async with site.client.get(address(site, run)) as answer:
        assert answer.status == 503
    for each in [task, *streams.open]:
        each.cancel()
    await asyncio.gather(task, *streams.open, return_exceptions=True)
    log.close()
