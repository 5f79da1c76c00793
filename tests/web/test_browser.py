"""The log page in a real browser: what is hostile does not act, and what is live appears."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import pytest

from tests.browser import Browser, NoBrowser, browsing, chromium
from tests.conftest import REQUIRED
from tests.web.conftest import Site
from tests.web.test_live import a_running_step
from tests.web.test_logs import a_run

pytestmark = pytest.mark.timeout(180)

ACT = "document.title='hacked';alert(1)"
HOSTILE = (
    f"<script>{ACT}</script>",
    f"</span></div><script>{ACT}</script>",
    f'<img src=x onerror="{ACT}">',
    f'"><svg onload="{ACT}">',
    f"'><body onload='{ACT}'>",
    f'<a href="javascript:{ACT}">click</a>',
    f'<iframe srcdoc="<script>{ACT}</script>"></iframe>',
    '<iframe src="https://evil.example/"></iframe>',
    '<link rel="stylesheet" href="https://evil.example/x.css">',
    "<style>body{background:url(https://evil.example/x)}</style>",
    '<meta http-equiv="refresh" content="0;url=https://evil.example/">',
    '<base href="https://evil.example/">',
    '<form action="https://evil.example/"><button>go</button></form>',
    '<object data="https://evil.example/"></object>',
    '<video src="https://evil.example/x" autoplay></video>',
    f'<details open ontoggle="{ACT}">',
    f'<input autofocus onfocus="{ACT}">',
    f"<template><script>{ACT}</script></template>",
    f"<math><mtext><script>{ACT}</script></mtext></math>",
    "<!-- comment --><![CDATA[x]]>",
    "<plaintext>",
    "<textarea><title><noscript>",
    "&lt;script&gt;&#x3c;script&#62;&amp;",
    "{{ 7 * 7 }} {% raw %} ${7*7} #{7}",
    f"\\u003cscript\\u003e{ACT}\\u003c/script\\u003e",
    "data: x\n\nevent: lines\ndata: {}\n",
    '","x":["<b>"]]}],"windows":[]',
    "\x1b]8;;https://evil.example/\x07link\x1b]8;;\x07",
    "\x1b]8;;javascript:alert(1)\x1b\\link\x1b]8;;\x1b\\",
    "\x1b]0;title\x07\x1b]2;title\x1b\\",
    "\x1b[2J\x1b[H\x1b[1A\x1b[2Kmoved",
    "\x1b[38;2;1;2;3;4m\x1b[999999999m\x1b[;;;;m\x1b[38;5m",
    '\x1b[31"onmouseover=alert(1)m',
    "\x1bP+q544e\x1b\\\x1b_x\x1b\\\x9b31m",
    "\u202edesrever\u202c \u2066isolated\u2069 \u200f",
    "nul \x00 bell \x07 back \x08\x08\x08 del \x7f",
    "\u2028alert(1)\u2029",
    "z\u0300\u0301\u0302" + "\u0336\u0489" * 200,
    "\ufeff\ufffe\uffff\U000e0041 🏳️‍🌈",
    "x" * 1_000_000 + f"<script>{ACT}</script>",
)
SURROGATE = b"\xed\xa0\x80<script>alert(1)</script>\xff\xfe\n"
OURS = {"DIV", "SPAN", "A", "MARK", "P", "BUTTON"}


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    try:
        chromium()
    except NoBrowser as error:
        if os.environ.get(REQUIRED):
            pytest.fail(f"{REQUIRED} is set, but {error}", pytrace=False)
        pytest.skip(str(error))
    async with browsing() as opened:
        yield opened


def url(site: Site, path: str) -> str:
    return f"http://127.0.0.1:{site.server.port}{path}"


async def test_forty_hostile_lines_and_titles_do_nothing(site: Site, browser: Browser) -> None:
    assert len(HOSTILE) == 40
    output = "\n".join(HOSTILE).encode("utf-8", "replace") + b"\n" + SURROGATE
    title = "".join(HOSTILE[:39])
    run = await a_run(site, output, title=title)
    for script in (False, True):
        await browser.show(1280, 900, script=script)
        await browser.open(url(site, site.links.url(run.id, None)))
        await asyncio.sleep(1)
        await browser.show(1280, 900)
        found = set(await browser.run("[...document.querySelectorAll('.log *')].map(e => e.tagName)"))
        assert found <= OURS
        assert (
            await browser.run(
                "document.querySelectorAll('main script, iframe, img, object, form[action^=http], base, svg, style, video').length"
            )
            == 0
        )
        assert (await browser.run("document.title")).startswith(
            "Failed: "
        )  # not what the scripts make it
        text = await browser.run("document.querySelector('.log').textContent")
        assert f"<script>{ACT}</script>" in text
        assert "\u202e" not in text
        assert await browser.run(
            "[...document.querySelectorAll('.log a')].every(a => new URL(a.href).origin === location.origin)"
        )
    assert browser.dialogs == []
    assert browser.errors == []
    assert all(each.startswith((url(site, "/"), "about:")) for each in browser.requests), (
        browser.requests
    )


async def test_lines_appear_as_they_are_written_and_stay_once(site: Site, browser: Browser) -> None:
    run, _, log = await a_running_step(site)
    log.write(b"first\n")
    await browser.open(url(site, site.links.url(run.id, None)))
    for number in range(5):
        log.write(b"live %d\n" % number)
        await browser.until(f"document.querySelector('.log').textContent.includes('live {number}')")
    rows = await browser.run("[...document.querySelectorAll('.l')].map(e => e.textContent)")
    assert rows == ["first", *(f"live {number}" for number in range(5))]
    log.close()
    assert browser.errors == []


async def test_search_line_links_and_folds_by_keyboard(site: Site, browser: Browser) -> None:
    lines = b"".join(b"line %d\n" % number for number in range(1, 3001))
    run = await a_run(site, b"x\n", lines.replace(b"line 1500\n", b"the Needle\n"))
    await browser.open(url(site, site.links.url(run.id, None)))
    await browser.until("document.documentElement.classList.contains('js')")
    await browser.press("/")
    await browser.write("needle")
    await browser.until("document.querySelector('.l.now mark')?.textContent === 'Needle'")
    assert await browser.run("document.getElementById('count').textContent") == "1 of 1"
    await browser.click(".l.now .n")
    assert (await browser.run("location.hash")).endswith("/2:L1500")
    await browser.run("location.hash = '#test/2:L2000-L2002'")
    await browser.until("document.querySelectorAll('.l.picked').length === 3")
    await browser.run("document.querySelector('#step-1 summary').focus()")
    was = await browser.run("document.querySelector('#step-1').open")
    await browser.press("Enter")
    await browser.until(f"document.querySelector('#step-1').open === {str(not was).lower()}")
    unnamed = [
        role
        for role, name in await browser.names()
        if role in ("button", "link", "searchbox", "DisclosureTriangle", "navigation", "search")
        and not name
        and role != "search"
    ]
    assert unnamed == []
    assert browser.errors == []


async def test_of_a_long_log_only_what_is_looked_at_is_brought(site: Site, browser: Browser) -> None:
    log = b"".join(b"line %07d of a long log, as a build writes them\n" % n for n in range(1, 200_001))
    run = await a_run(site, log)
    page = url(site, site.links.url(run.id, None))
    await browser.open(f"{page}#test/1:L150000")
    row = "document.getElementById('test/1:L150000')"
    assert (
        await browser.until(f"{row}?.textContent")
        == "line 0150000 of a long log, as a build writes them"
    )
    await browser.until(f"{row}.getBoundingClientRect().top > 0")
    await browser.press("/")
    await browser.write("line 0199999")
    await browser.until("document.querySelector('.l.now')?.textContent.startsWith('line 0199999')")
    brought = "performance.getEntries().reduce((sum, each) => sum + (each.encodedBodySize ?? 0), 0)"
    assert await browser.run(brought) < len(log) / 20
    assert await browser.run("document.querySelectorAll('.l').length") < 2000
    assert browser.errors == []
