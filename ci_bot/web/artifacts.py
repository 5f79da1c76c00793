"""GET /runs/{run}/{job}/artifacts: what was kept of a job, as one archive; for whoever may see its log."""

from __future__ import annotations

import asyncio
from typing import BinaryIO, Final

from aiohttp import web

from ci_bot.core.errors import PackRefused
from ci_bot.ports import Packs
from ci_bot.web.site import DATA_HEADERS, SITE, Missing, open_run

ZSTD: Final = "application/zstd"
CHUNK: Final = 256 * 1024


async def artifacts(request: web.Request) -> web.StreamResponse:
    opened, site = await open_run(request), request.app[SITE]
    if opened.job is None or not await site.records.of([opened.job.id]):
        raise Missing
    try:
        pack, size = await opened_pack(site.artifacts, opened.job.id)
    except PackRefused:
        raise Missing from None
    name = f"{opened.run.id}-{opened.job.id}.tar.zst"
    headers = DATA_HEADERS | {"Content-Disposition": f'attachment; filename="{name}"'}
    return await send_pack(request, pack, size, headers)


async def send_pack(
    request: web.Request, pack: BinaryIO, size: int | None, headers: dict[str, str]
) -> web.StreamResponse:
    """Closes the pack. Who asks gets exactly the bytes that were there when it was opened."""
    with pack:
        response = web.StreamResponse(headers=headers)
        response.content_type = ZSTD
        response.content_length = size
        await response.prepare(request)
        while piece := await asyncio.to_thread(pack.read, CHUNK):
            await response.write(piece)
        await response.write_eof()
        return response


async def opened_pack(packs: Packs, id: str) -> tuple[BinaryIO, int | None]:
    """Raises `PackRefused`."""
    return await asyncio.to_thread(packs.open, id), await asyncio.to_thread(packs.size, id)
