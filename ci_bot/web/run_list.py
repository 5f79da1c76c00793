"""GET /repos/{forge}/{repo}: a repository's runs, newest first, page by page."""

from __future__ import annotations

import re
from typing import Final

from aiohttp import web

from ci_bot.core.model import Run
from ci_bot.core.page.listing import run_row
from ci_bot.core.page.urls import RunUrls, list_url
from ci_bot.ports import RunFilter
from ci_bot.web.run_page import cookie_name
from ci_bot.web.site import SITE, Site, cleaner, open_repo, page

ON_A_PAGE: Final = 30
_RUN_ID: Final = re.compile(r"[0-9a-z]{1,32}")
COOKIE_SECONDS: Final = 30 * 24 * 3600


async def run_list(request: web.Request) -> web.Response:
    repo, has_key = await open_repo(request)
    site = request.app[SITE]
    before = request.query.get("before", "")
    branch = request.query.get("branch", "")[:255]
    wanted = RunFilter(repos=(repo.key,), branch=branch)
    found = await site.listing.page(wanted, ON_A_PAGE, before if _RUN_ID.fullmatch(before) else "")
    now, base, key = site.clock.now(), site.links.base, site.links.sign_repo(repo) if has_key else ""
    clean = await cleaner(site.vault, found.runs)
    response = page(
        request,
        "list.html",
        repo=repo,
        rows=[run_row(run, _urls(site, run, has_key=has_key), clean, now) for run in found.runs],
        now=now,
        branch=branch,
        key=key,
        first_url=list_url(base, repo, key, branch=branch) if before else "",
        next_url=list_url(base, repo, key, before=found.next, branch=branch) if found.next else "",
        all_url=list_url(base, repo, key),
        action=list_url(base, repo, ""),
    )
    if has_key:
        response.set_cookie(
            cookie_name(repo.forge, repo.id),
            key,
            max_age=COOKIE_SECONDS,
            path=f"{base}/runs",
            httponly=True,
            secure=site.links.is_https,
            samesite="Strict",
        )
    return response


def _urls(site: Site, run: Run, *, has_key: bool) -> RunUrls:
    return RunUrls(site.links.base, run.id, site.links.sign(run.id) if has_key else "")
