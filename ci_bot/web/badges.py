"""GET /badges/{forge}/{repo}.svg?branch=…: a branch's state as a picture, and nothing of what is private."""

from __future__ import annotations

import hashlib
from typing import Final

from aiohttp import web

from ci_bot.core.events import Repo
from ci_bot.core.model import RunKind
from ci_bot.core.page.badge import Badge, badge_of, svg
from ci_bot.ports import RunFilter, RunList
from ci_bot.web.site import SITE

LOOK_BACK: Final = 10  # pushes; one of them has ended, or the branch is only beginning
SECONDS: Final = 60
OF_A_HEAD: Final = 100


async def badge(request: web.Request) -> web.Response:
    """The same "unknown" for a repository that is private, gone or never was."""
    text = svg(await _badge(request))
    response = web.Response(text=text, content_type="image/svg+xml")
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = f"public, max-age={SECONDS}"
    response.etag = hashlib.sha256(text.encode()).hexdigest()[:16]
    wanted = request.if_none_match or ()
    if any(tag.value in (response.etag.value, "*") for tag in wanted if response.etag):
        response.set_status(304)
        response.text = ""
    return response


async def _badge(request: web.Request) -> Badge:
    site, names = request.app[SITE], request.match_info
    repo = await site.listing.repo(names["repo"], names["forge"])
    if repo is None:
        return Badge.UNKNOWN
    if repo.private and not site.links.is_badge_key(repo, request.query.get("key", "")):
        return Badge.UNKNOWN
    branch = request.query.get("branch", "") or repo.default_branch
    return await branch_badge(site.listing, repo, branch[:255])


async def branch_badge(listing: RunList, repo: Repo, branch: str) -> Badge:
    """By pushes alone: a pull request from a fork may have a branch of the same name."""
    pushes = await listing.page(
        RunFilter(repos=(repo.key,), branch=branch, kinds=(RunKind.PUSH,)), LOOK_BACK
    )
    heads = []
    for sha in dict.fromkeys(run.sha for run in pushes.runs):
        found = await listing.page(RunFilter(repos=(repo.key,), sha=sha), OF_A_HEAD)
        heads.append(found.runs)
    return badge_of(heads)
