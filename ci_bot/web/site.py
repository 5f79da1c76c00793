"""What the pages are made of, who may see which, and how every one of them is answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from ci_bot.core.events import Repo
from ci_bot.core.model import JobRun, Run
from ci_bot.core.page.access import PageRules, may_open
from ci_bot.core.page.urls import RunUrls
from ci_bot.core.page.view import Clean
from ci_bot.core.plain import plain
from ci_bot.core.retention import KEPT_BY_DEFAULT, Retention, run_removed
from ci_bot.links import Links
from ci_bot.ports import Artifacts, Clock, LogSink, Packs, RunList, Runs, Vault
from ci_bot.web.assets import Assets, assets
from ci_bot.web.log_lines import LogLines
from ci_bot.web.masking import mask_of
from ci_bot.web.streams import Streams

#: The same for a wrong key, a run that is not there, and a private repository's.
NOT_FOUND: Final = "There is nothing here. The link may be incomplete, or the run may be gone.\n"

#: Nothing but our own files; where the browser knows trusted types, not even our script may make HTML.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'"
)
_BARE: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
PAGE_HEADERS: Final = _BARE | {"Content-Security-Policy": POLICY}
#: Of what is no page: texts, pieces of logs, streams.
DATA_HEADERS: Final = _BARE | {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox"
}


@dataclass(frozen=True, slots=True)
class Site:
    """`forge_page` gives the forge's own page of a run's commit or pull request, "" for none."""

    runs: Runs
    listing: RunList
    logs: LogSink
    links: Links
    vault: Vault
    clock: Clock
    records: Artifacts
    artifacts: Packs
    rules: PageRules = field(default_factory=PageRules)
    forge_page: Callable[[Run], str] = lambda _run: ""
    kept: Retention = KEPT_BY_DEFAULT
    assets: Assets = field(default_factory=assets)
    lines: LogLines = field(init=False)
    streams: Streams = field(default_factory=Streams)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lines", LogLines(self.logs))


SITE: web.AppKey[Site] = web.AppKey("site", Site)


@dataclass(frozen=True, slots=True)
class Opened:
    """A run that the asker may see, and the attempt of a job that the address names, if it does."""

    run: Run
    attempts: Sequence[JobRun]
    job: JobRun | None
    urls: RunUrls
    clean: Clean

    @property
    def is_current(self) -> bool:
        """Whether the attempt that is looked at is the latest one."""
        return self.job is not None and any(job.id == self.job.id for job in self.run.jobs)


class Missing(Exception):
    """There is nothing here for whoever asks."""


class Removed(Exception):
    """There was something here, and whoever asks may know it."""


async def open_run(request: web.Request) -> Opened:
    """Raises `Missing`: for a wrong key as for a run that is not there; `Removed` for one that was."""
    site, run_id = request.app[SITE], request.match_info["run"]
    key = request.query.get("key", "")
    has_key = site.links.is_signed(run_id, key)
    if not has_key and not site.rules.open_pages:
        raise Missing
    run = await site.runs.run(run_id)
    if run is None and has_key:  # it is a link that we signed
        raise Removed
    if run is None or not may_open(run, site.rules, site.clock.now(), has_key=has_key):
        raise Missing
    attempts = await site.runs.attempts(run_id)
    job_id = request.match_info.get("job")
    job = next((job for job in attempts if job.id == job_id), None)
    if job_id is not None and job is None:
        raise Missing
    urls = RunUrls(site.links.base, run.id, key if has_key else "")
    return Opened(run, attempts, job, urls, await cleaner(site.vault, [run]))


async def open_repo(request: web.Request) -> tuple[Repo, bool]:
    """The repository that the address names, and whether its own key came along. Raises `Missing`."""
    site = request.app[SITE]
    names = request.match_info
    repo = await site.listing.repo(names["repo"], names["forge"])
    if repo is None:
        raise Missing
    has_key = site.links.is_list_key(repo, request.query.get("key", ""))
    if not has_key and (repo.private or not site.rules.open_pages):
        raise Missing
    return repo, has_key


async def cleaner(vault: Vault, runs: Sequence[Run]) -> Clean:
    """For titles, names and reasons; the logs themselves are masked already."""
    mask = await mask_of(runs, vault)

    def clean(text: str) -> str:
        return plain(mask(text).encode("utf-8", "replace")).strip()

    return clean


def page(request: web.Request, template: str, **values: Any) -> web.Response:
    site = request.app[SITE]
    html = site.assets.render(template, base=site.links.base, **values)
    return web.Response(text=html, content_type="text/html", headers=PAGE_HEADERS)


def data(content: object, status: int = 200) -> web.Response:
    return web.json_response(content, status=status, headers=DATA_HEADERS)


def not_found(request: web.Request) -> web.Response:
    """Alike for whatever is missing, and whoever asks; in words for people, plain for programs."""
    if "text/html" in request.headers.get("Accept", ""):
        response = page(request, "missing.html", text=NOT_FOUND)
        response.set_status(404)
        return response
    return web.Response(status=404, text=NOT_FOUND, headers=DATA_HEADERS)


def removed(request: web.Request) -> web.Response:
    text = run_removed(request.app[SITE].kept)
    if "text/html" in request.headers.get("Accept", ""):
        response = page(request, "missing.html", text=text)
        response.set_status(410)
        return response
    return web.Response(status=410, text=text, headers=DATA_HEADERS)


def number(values: Mapping[str, str], name: str, default: int, most: int = 10**12) -> int:
    """A count from the address; whatever else stands there is the default."""
    text = values.get(name, "")
    return min(int(text), most) if text.isascii() and text.isdigit() and len(text) < 16 else default
