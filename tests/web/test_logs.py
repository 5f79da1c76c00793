"""Whole logs as plain text, for whoever has the link and for nobody else."""

from __future__ import annotations

import pytest
from aiohttp import web
from sqlalchemy import update

from ci_bot.core.decisions import Decision, Retry
from ci_bot.core.model import LogRef, Run
from ci_bot.core.states import Change
from ci_bot.store.schema import steps
from ci_bot.web.logs import CHUNK
from tests.make import ALICE, REPO, SHA_A, creating, job, new_run, plan
from tests.web.conftest import Site


async def a_run(site: Site, *output: bytes, title: str = "Fix it") -> Run:
    """A run of one job that has ended, its steps having written this."""
    steps = [f"step {number}" for number in range(len(output))]
    new = new_run(plan=plan(job("test", *steps)), title=title)
    await site.store.decisions.commit(creating(new), None)
    await end_job(site, *output)
    return await site.store.the_run()


async def end_job(site: Site, *output: bytes) -> None:
    claim = await site.store.runs.claim("one/p1", 30)
    assert claim is not None
    for index, data in enumerate(output):
        await site.store.runs.start_step(claim.lease, index)
        writer = site.logs.open(LogRef(claim.job.id, index), ())
        writer.write(data)
        await site.store.runs.end_step(claim.lease, index, Change.FAIL, "why", 3, writer.close())
    await site.store.runs.end_job(claim.lease, Change.FAIL, "it failed")


def text_of(site: Site, run_id: str, job_id: str | None = None) -> str:
    return site.links.url(run_id, job_id).replace("?key=", "/text?key=")


async def test_the_link_of_a_run_shows_every_step_and_what_it_wrote(site: Site) -> None:
    run = await a_run(site, b"made\n", b"tested\n")
    status, page = await site.get(text_of(site, run.id))
    assert status == 200
    assert page == (
        f"acme/shop @ {SHA_A}\nFix it\n"
        "\n=== test: failed (it failed)\n"
        "\n--- 1. step 0: failed (exit code 3)\nmade\n"
        "\n--- 2. step 1: failed (exit code 3)\ntested\n"
    )


async def test_nothing_may_be_run_kept_or_passed_on_from_the_page(site: Site) -> None:
    run = await a_run(site, b"<script>alert(1)</script>")
    answer = await site.headers(text_of(site, run.id))
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    policy = answer.headers["Content-Security-Policy"]
    assert policy == "default-src 'none'; frame-ancestors 'none'; sandbox"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "no-store" in answer.headers["Cache-Control"]


async def test_a_stranger_is_answered_exactly_as_if_nothing_were_there(site: Site) -> None:
    run = await a_run(site, b"secret plans\n")
    key = site.links.sign(run.id)
    answers = {
        await told(site, path)
        for path in (
            f"/runs/{run.id}",
            f"/runs/{run.id}?key=",
            f"/runs/{run.id}?key={key[:-1]}",
            f"/runs/{run.id}?key={site.links.sign('other')}",
            f"/runs/{run.id}?key=%E2%9C%93%00%ff",
            f"/runs/{run.id}/{run.jobs[0].id}?key=wrong",
            f"/runs/nosuch?key={key}",
            f"/runs/%ff%00%E2%80%AE?key={key}",
            f"/runs/{run.id}/nosuch?key={key}",
        )
    }
    ((status, words, _),) = answers
    assert (status, "secret" in words) == (404, False)


async def told(site: Site, path: str) -> tuple[int, str, str]:
    async with site.client.get(path) as answer:
        kept = {name: value for name, value in answer.headers.items() if name != "Date"}
        return answer.status, await answer.text(), str(sorted(kept.items()))


async def test_the_link_of_an_earlier_attempt_still_leads_to_it(site: Site) -> None:
    run = await a_run(site, b"the first\n")
    retry = Retry(REPO.key, SHA_A, (run.id,), ALICE)
    await site.store.decisions.commit(Decision("x", retry=(retry,)), None)
    await end_job(site, b"the second\n")
    newer = (await site.store.the_run()).jobs[0]
    _, first = await site.get(text_of(site, run.id, run.jobs[0].id))
    _, second = await site.get(text_of(site, run.id, newer.id))
    assert ("the first\n" in first, "the second\n" in first) == (True, False)
    assert "=== test: failed, attempt 2 (it failed)" in second
    assert "the second\n" in second


async def test_control_characters_and_what_turns_text_around_are_shown_as_what_they_are(
    site: Site,
) -> None:
    run = await a_run(
        site, b"\x1b[31mred\x1b[0m \x1b]0;title\x07 \xe2\x80\xaereversed\x00", title="Fix\u202eti"
    )
    _, page = await site.get(text_of(site, run.id))
    assert "red \\x1b]0;title\\x07 \\u202ereversed\\x00\n" in page
    assert "Fix\\u202eti" in page
    assert not set(page) & set("\x1b\x07\x00\u202e")


async def test_wrong_utf_8_is_shown_as_such(site: Site) -> None:
    run = await a_run(site, b"caf\xe9\n")
    _, page = await site.get(text_of(site, run.id))
    assert "caf\ufffd\n" in page


@pytest.mark.parametrize("line", ["é" * 40, "€" * 27 + "\n", "🙂" * 1000 + "\n", "x" * 99 + "\n"])
async def test_a_long_log_is_whole_wherever_its_pieces_meet(site: Site, line: str) -> None:
    text = line * (3 * CHUNK // len(line.encode()) + 1)
    for shift in range(4):
        assert len(text.encode()) > 2 * CHUNK
        run_text = "x" * shift + text
        page = await page_of(site, run_text, shift)
        assert page.endswith(run_text if run_text.endswith("\n") else run_text + "\n")


async def page_of(site: Site, text: str, number: int) -> str:
    new = new_run(ref=f"branch{number}", plan=plan(job("test", "make")))
    (run_id,) = await site.store.decisions.commit(creating(new), None)
    await end_job(site, text.encode())
    return (await site.get(text_of(site, run_id)))[1]


async def test_a_long_log_is_sent_in_pieces(site: Site) -> None:
    run = await a_run(site, b"line\n" * (4 * CHUNK // 5))
    async with site.client.get(text_of(site, run.id)) as answer:
        assert answer.headers.get("Transfer-Encoding") == "chunked"
        assert "Content-Length" not in answer.headers
        pieces = [len(piece) async for piece, _ in answer.content.iter_chunks()]
    assert sum(pieces) > 4 * CHUNK - 5
    assert max(pieces) <= 2 * CHUNK


async def test_a_job_that_has_not_begun_is_told_as_such(site: Site) -> None:
    await site.store.decisions.commit(creating(new_run()), None)
    run = await site.store.the_run()
    _, page = await site.get(text_of(site, run.id))
    assert "=== test: ready\n" in page


async def test_only_reading_is_offered(site: Site) -> None:
    run = await a_run(site, b"x")
    async with site.client.delete(text_of(site, run.id)) as answer:
        assert answer.status == web.HTTPMethodNotAllowed.status_code


async def test_a_run_that_was_forgotten_is_told_to_whoever_has_its_link(site: Site) -> None:
    status, text = await site.get(f"/runs/forgotten/job?key={site.links.sign('forgotten')}")
    assert status == 410
    assert "keeps runs for 365 days" in text


async def test_a_log_that_was_removed_is_told_where_it_stood(site: Site) -> None:
    run = await a_run(site, b"hello\n")
    async with site.store.database.write() as connection:
        await connection.execute(update(steps).values(log_bytes=6))
    path = f"/runs/{run.id}?key={site.links.sign(run.id)}"
    assert "hello" in (await site.get(path))[1]
    site.logs.forget(run.jobs[0].id)
    status, text = await site.get(path)
    assert status == 200
    assert "hello" not in text
    assert "(the log was removed: this server keeps logs for 90 days" in text
