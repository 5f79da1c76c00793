"""GET /runs/{run}[/{job}]: the log page, as it can be read without a script; the script makes it live."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from ci_bot.core.model import JobRun, LogRef
from ci_bot.core.page.urls import list_url
from ci_bot.core.page.view import chosen_job, open_step, run_view
from ci_bot.core.retention import log_removed
from ci_bot.web.logs import AROUND, find, opening, windows_of
from ci_bot.web.site import SITE, Opened, Site, number, open_run, page

SHOWN_HITS = 200


async def run_page(request: web.Request) -> web.Response:
    opened, site = await open_run(request), request.app[SITE]
    run, job = opened.run, opened.job or chosen_job(opened.run)
    now = site.clock.now()
    view = run_view(run, opened.attempts, job, opened.urls, opened.clean, now)
    step = number(request.query, "step", 0) - 1
    if step < 0 and job is not None:
        step = -1 if (found := open_step(job)) is None else found
    return page(
        request,
        "run.html",
        view=view,
        now=now,
        icons=_icons(site),
        key=request.query.get("key", ""),
        open_step=step,
        gone=_gone(site, job),
        gone_text=log_removed(site.kept),
        windows=await _windows(site, job, step, number(request.query, "from", 0)),
        forge_page=site.forge_page(run),
        list_url=_list(site, opened, request),
        query=request.query.get("q", ""),
        hits=await _hits(request, site, job),
    )


def _gone(site: Site, job: JobRun | None) -> frozenset[int]:
    """Steps whose log was removed for its age."""
    steps = job.steps if job is not None else ()
    return frozenset(
        step.index
        for step in steps
        if job is not None and step.log_bytes and not site.logs.size(LogRef(job.id, step.index))
    )


async def _windows(site: Site, job: JobRun | None, step: int, first: int) -> Sequence[dict[str, Any]]:
    """Of the one step whose log the page brings along."""
    if job is None or not 0 <= step < len(job.steps):
        return ()
    windows, total = await opening(site, LogRef(job.id, step), first + AROUND if first else 0)
    return windows_of(windows, total)


def _icons(site: Site) -> str:
    """The little pictures of the browser's tab by status, as JSON."""
    found = {
        name.removeprefix("icon-").removesuffix(".svg"): f"{site.links.base}/static/{hashed}"
        for name, hashed in site.assets.names.items()
        if name.startswith("icon-")
    }
    return json.dumps(found | {"none": f"{site.links.base}/static/{site.assets.names['icon.svg']}"})


def _list(site: Site, opened: Opened, request: web.Request) -> str:
    """Where the repository's runs are listed, for whoever may see the list: a link to one run opens no other."""
    repo = opened.run.repo
    if site.rules.open_pages and not repo.private:
        return list_url(site.links.base, repo, "")
    key = request.cookies.get(cookie_name(repo.forge, repo.id), "")
    return list_url(site.links.base, repo, key) if site.links.is_list_key(repo, key) else ""


def cookie_name(forge: str, id: int) -> str:
    """A browser that was given a list's link finds back to it from the runs that it leads to."""
    return f"ci-bot-list-{forge}-{id}"


async def _hits(request: web.Request, site: Site, job: JobRun | None) -> dict[str, Any] | None:
    """For browsers without our script: where the searched text stands."""
    needle = request.query.get("q", "")
    if job is None or not needle:
        return None
    found, more = await find(site, job, needle)
    return {"found": found[:SHOWN_HITS], "more": more or len(found) > SHOWN_HITS}
