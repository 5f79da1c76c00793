"""A stored log of 100 MB in a real browser: how soon one reads it, and what that costs; a plain file beside it."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import aiohttp

from bench.bare_server import bare_server
from bench.scene import Scene, bring_busybox, scene
from bench.table import CannotMeasure, Result, Target, figure, report, times
from dev.recipes import BUSYBOX
from tests.browser import Browser, NoBrowser, browsing
from tests.forge_sim.client import ForgeClient

LINES = 1_500_000
LINE = 1_000_000
NEEDLE = "line 1400000 "
ROUNDS = 3
PATIENCE = 60.0
MB = 1_000_000
PLAIN = "times the plain file"
LIMIT_SERVER = 16 * MB
#: 67 bytes a line, 100 MB in all.
CI_YAML = f"""\
jobs:
  test:
    image: {BUSYBOX}
    steps:
      - awk 'BEGIN {{ for (i = 1; i <= {LINES}; i++) printf "line %07d of a long log, as a build writes them when it is told to\\n", i }}'
"""
ROW = "document.getElementById('test/1:L{}')"
IN_SIGHT = (
    "(() => {{ const row = {row}; return !!row && row.getBoundingClientRect().top < innerHeight; }})()"
)


@dataclass(frozen=True, slots=True)
class Seen:
    """Seconds and bytes of one visit."""

    first: float
    line: float
    tab: int


def measure() -> Result:
    bring_busybox()
    try:
        return asyncio.run(_measure())
    except NoBrowser as error:
        raise CannotMeasure(str(error)) from error


async def _measure() -> Result:
    async with scene(CI_BOT_LIMITS__LOG=str(200 * MB)) as here:
        url = await _stored(here)
        (file,) = (here.data / "logs").glob("*/0.log")
        size = file.stat().st_size
        server = _pid(here)
        before = _memory(server)
        async with bare_server(file) as plain_url:
            ours, plain = [], []
            for _ in range(ROUNDS):
                ours.append(await _page(url))
                plain.append(await _file(plain_url))
        grown = _memory(server) - before
        search, download = await _search(url), await _download(url, size)
    return _result(size, ours, plain, grown, search, download)


def _result(
    size: int, ours: list[Seen], plain: list[Seen], grown: int, search: float, download: float
) -> Result:
    def row(what: str, of: Callable[[Seen], float]) -> tuple[str, ...]:
        mine, other = median(map(of, ours)), median(map(of, plain))
        return what, figure(mine), figure(other), times(mine / other)

    return Result(
        title=f"long_log: {LINES:,} lines, {size / MB:.0f} MB, in Chromium",
        columns=("", "log page", "plain file", "ratio"),
        rows=(
            row("first lines, s", lambda seen: seen.first),
            row(f"link to line {LINE:,}, s", lambda seen: seen.line),
            row("memory of the tab, MB", lambda seen: seen.tab / MB),
            ("search of all of it, s", figure(search), "", ""),
            ("download, s", figure(download), "", ""),
            ("memory of the server, MB more", figure(grown / MB), "", ""),
        ),
        targets=(
            Target("first lines", _ratio(ours, plain, lambda seen: seen.first), 1.0, PLAIN),
            Target(f"line {LINE:,}", _ratio(ours, plain, lambda seen: seen.line), 1.0, PLAIN),
            Target("tab", _ratio(ours, plain, lambda seen: seen.tab), 0.5, PLAIN),
            Target("server", grown / MB, LIMIT_SERVER / MB, "MB more"),
        ),
        notes=(
            f"medians of {ROUNDS} visits in turn, each with a browser of its own",
            "the plain file is brought whole and searched by a script; shown whole, it takes minutes",
        ),
    )


def _ratio(ours: list[Seen], plain: list[Seen], of: Callable[[Seen], float]) -> float:
    return median(map(of, ours)) / median(map(of, plain))


async def _stored(here: Scene) -> str:
    """The address of the job's page, once the step has written everything."""
    repo = await here.found("acme", {".ci.yaml": CI_YAML, "README.md": "# Shop\n"})
    sha = await here.forge.push(repo, "main", {"number.txt": "1\n"}, by="alice")
    return await _ended(here.forge, repo, sha)


async def _ended(forge: ForgeClient, repo: str, sha: str) -> str:
    check = await forge.wait_check(repo, sha, "ci-bot / test", timeout=PATIENCE)
    if check["conclusion"] != "success":
        raise CannotMeasure(f"the job ended with {check['conclusion']}: {check['output']['summary']}")
    return str(check["details_url"])


# ── the log page ─────────────────────────────────────────────────────────────────────────────


async def _page(url: str) -> Seen:
    async with browsing() as tab:
        first = await _until(tab, url, f"!!{ROW.format(1)}")
        line = await _until(tab, f"{url}#test/1:L{LINE}", IN_SIGHT.format(row=ROW.format(LINE)))
        return Seen(first, line, _tab_memory(tab))


async def _search(url: str) -> float:
    """From Enter to the line in sight; the last one that a search of the whole log comes to."""
    async with browsing() as tab:
        await _until(tab, url, f"!!{ROW.format(1)}")
        await tab.press("/")
        begin = time.perf_counter()
        await tab.write(NEEDLE)
        await tab.press("Enter")
        await tab.until("!!document.querySelector('.l.now')", PATIENCE)
        return time.perf_counter() - begin


async def _download(url: str, size: int) -> float:
    begin, got = time.perf_counter(), 0
    async with aiohttp.ClientSession() as session, session.get(url.replace("?", "/0/raw?")) as answer:
        async for piece in answer.content.iter_any():
            got += len(piece)
    if got != size:
        raise CannotMeasure(f"{got} of {size} bytes were downloaded")
    return time.perf_counter() - begin


# ── the plain file ───────────────────────────────────────────────────────────────────────────


async def _file(url: str) -> Seen:
    """All of it in the tab and the line found, but not shown: laid out whole, it takes a browser minutes."""
    text = "document.body?.firstChild?.firstChild?.data"
    async with browsing() as tab:
        first = await _until(tab, url, f"({text} ?? '').length > 1000")
        await tab.call("Page.stopLoading")
    async with browsing() as tab:
        tab.patience = PATIENCE
        begin = time.perf_counter()
        found = await tab.run(
            f"fetch({url!r}).then((answer) => answer.text())"
            f".then((text) => (window.kept = text).split('\\n', {LINE})[{LINE - 1}])"
        )
        if not str(found).startswith(f"line {LINE} "):
            raise CannotMeasure(f"the plain file has another line there: {found}")
        return Seen(first, time.perf_counter() - begin, _tab_memory(tab))


async def _until(tab: Browser, url: str, wanted: str) -> float:
    """Seconds from asking for an address until something is true of what is shown."""
    tab.patience = PATIENCE
    begin = time.perf_counter()
    await tab.call("Page.navigate", url=url)
    await tab.until(wanted, PATIENCE)
    return time.perf_counter() - begin


# ── memory ───────────────────────────────────────────────────────────────────────────────────


def _memory(process: int) -> int:
    """Resident bytes of its own."""
    for line in Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Private_Dirty:"):
            return int(line.split()[1]) * 1024
    raise CannotMeasure("the kernel does not tell a process's memory")


def _pid(here: Scene) -> int:
    if here.bot.process.child is None:
        raise CannotMeasure("the server does not run")
    return here.bot.process.child.pid


def _tab_memory(tab: Browser) -> int:
    """Of the largest renderer of this browser; the others are spare."""
    renderers = [each for each in _processes(tab.process) if b"--type=renderer" in _command(each)]
    return max(map(_memory, renderers))


def _processes(session: int) -> list[int]:
    found = [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit()]
    return [each for each in found if _session(each) == session]


def _session(process: int) -> int:
    try:
        return os.getsid(process)
    except ProcessLookupError:
        return -1


def _command(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


if __name__ == "__main__":
    sys.exit(report(measure))
