"""What a forge, and what a stranger, is answered on POST /hooks/{forge}."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from io import BytesIO

import pytest
from sqlalchemy import text

from ci_bot.web import hooks
from tests.make import pushed
from tests.web.conftest import Site


async def stored(site: Site) -> int:
    return len(await site.store.inbox.pending(100))


async def test_what_asks_for_something_is_202_and_durable(site: Site) -> None:
    assert await site.post(site.webhook.send(pushed())) == (202, "stored\n")
    assert await stored(site) == 1


async def test_the_same_delivery_again_is_200_and_stored_once(site: Site) -> None:
    body = site.webhook.send(pushed())
    await site.post(body)
    assert await site.post(body) == (200, "repeated\n")
    assert await stored(site) == 1


async def test_what_asks_for_nothing_is_200_and_not_stored(site: Site) -> None:
    assert await site.post(site.webhook.send(None)) == (200, "ignored\n")
    assert await stored(site) == 0


@pytest.mark.parametrize("signature", ["", "wrong"])
async def test_unsigned_and_wrongly_signed_is_401(site: Site, signature: str) -> None:
    status, _ = await site.post(site.webhook.send(pushed()), X_Signature=signature)
    assert (status, await stored(site)) == (401, 0)
    assert "parse" not in site.webhook.calls


async def test_of_what_is_not_signed_no_body_is_read(site: Site) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b"x" * 1000
        await asyncio.Event().wait()

    async with asyncio.timeout(5):
        status, _ = await site.post(endless(), X_Signature="")
    assert status == 401
    assert "verify" not in site.webhook.calls


async def test_signed_junk_is_400(site: Site) -> None:
    assert await site.post(b"junk") == (400, "no such event\n")


async def test_an_unknown_forge_is_404(site: Site) -> None:
    status, words = await site.post(b"x", "/hooks/gitea")
    assert (status, words) == (404, "no forge called 'gitea' is set up here\n")


async def test_hooks_are_posted(site: Site) -> None:
    assert (await site.get("/hooks/github"))[0] == 405


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, gzip"])
async def test_compressed_bodies_are_415(site: Site, encoding: str) -> None:
    assert (await raw(site, f"Content-Encoding: {encoding}\r\nContent-Length: 3\r\n", b"abc"))[0] == 415
    assert await stored(site) == 0


async def test_too_long_by_its_own_account_is_413_before_it_is_sent(site: Site) -> None:
    status, words = await raw(site, f"Content-Length: {hooks.MAX_BODY + 1}\r\n", b"")
    assert (status, words) == (413, f"a delivery has at most {hooks.MAX_BODY} bytes\n")


async def test_too_long_without_saying_so_is_413(site: Site) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(hooks.MAX_BODY // 2**20 + 1):
            yield bytes(2**20)

    assert (await site.post(chunks()))[0] == 413
    assert await stored(site) == 0


async def test_the_longest_body_that_a_forge_sends_is_read_whole(site: Site) -> None:
    body = bytes(hooks.MAX_BODY)
    site.webhook.events[body] = pushed()
    assert (await site.post(BytesIO(body)))[0] == 202
    (found,) = await site.store.inbox.pending(1)
    assert len(found.delivery.body) == hooks.MAX_BODY


async def test_a_body_in_chunks_that_are_none_is_the_senders_fault(site: Site) -> None:
    status, words = await raw(site, "Transfer-Encoding: chunked\r\n", b"zz\r\nx\r\n")
    assert (status, "failed" in words) == (400, False)


async def test_a_sender_who_goes_away_in_mid_body_is_no_bug_of_ours(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", site.server.port)
    writer.write(HEAD + b"Content-Length: 1000\r\n\r\nonly this")
    await writer.drain()
    await asyncio.sleep(0.05)
    writer.close()
    await writer.wait_closed()
    assert await site.get("/healthz") == (200, "ok\n")
    assert "Traceback" not in "".join(capsys.readouterr())
    assert not await reader.read()
    assert await stored(site) == 0


async def test_a_store_that_fails_is_503_so_that_it_is_sent_again(site: Site) -> None:
    async with site.store.database.write() as connection:
        await connection.execute(text("ALTER TABLE deliveries RENAME TO elsewhere"))
    status, words = await site.post(site.webhook.send(pushed()))
    assert (status, words) == (503, "the delivery could not be stored; send it again later\n")


async def test_a_bug_of_ours_is_told_in_words_without_a_traceback(site: Site) -> None:
    status, words = await site.post(site.webhook.send(pushed()), X_Delivery="")
    assert (status, words) == (500, "ci-bot failed here; the operator's log says how\n")


async def test_what_became_of_deliveries_is_counted(site: Site) -> None:
    await site.post(site.webhook.send(pushed()))
    await site.post(b"x", X_Signature="")
    count = site.meters.registry.get_sample_value
    for answer in ("stored", "refused"):
        labels = {"forge": "github", "answer": answer}
        assert count("ci_bot_deliveries_total", labels) == 1
    assert count("ci_bot_delivery_seconds_count") == 2


HEAD = b"POST /hooks/github HTTP/1.1\r\nHost: x\r\nX-Signature: good\r\nX-Delivery: d1\r\n"


async def raw(site: Site, headers: str, body: bytes) -> tuple[int, str]:
    """What an HTTP library would not send."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.server.port)
    writer.write(HEAD + b"Connection: close\r\n" + headers.encode() + b"\r\n" + body)
    await writer.drain()
    try:
        async with asyncio.timeout(5):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            (length,) = re.findall(r"Content-Length: (\d+)", head)
            words = (await reader.readexactly(int(length))).decode()
    finally:
        writer.close()
    return int(head.split()[1]), words
