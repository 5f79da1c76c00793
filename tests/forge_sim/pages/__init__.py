"""The pages a person sees: repositories, pull requests, checks; forms that act as ``?as=login``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from ..errors import ApiError
from ..rendering import css
from ..rules import BrokenRule
from ..sim import Sim
from . import acting, pull, repo, run, settings
from .render import Page, page

_View = Callable[[Page], Awaitable[web.Response]]


def add_routes(router: web.UrlDispatcher, sim: Sim) -> None:
    for method, path, view in _ROUTES:
        router.add_route(method, path, _wrap(sim, view))


def _wrap(sim: Sim, view: _View) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        asked = await page(sim, request)
        try:
            return await view(asked)
        except (ApiError, BrokenRule) as error:
            status = error.status if isinstance(error, ApiError) else 422
            return asked.show("error.html", status=status, message=error.message, code=status)

    return handle


async def _style(asked: Page) -> web.Response:
    return web.Response(text=css(), content_type="text/css")


_PULL = "/{owner}/{repo}/pull/{number:\\d+}"
_RUN = "/{owner}/{repo}/runs/{run:\\d+}"
_ROUTES: tuple[tuple[str, str, _View], ...] = (
    ("GET", "/", repo.home),
    ("GET", "/-/forge.css", _style),
    ("POST", "/settings/apps/new", settings.new_app),
    ("POST", "/organizations/{org}/settings/apps/new", settings.new_app),
    ("POST", "/settings/apps/confirmed", settings.confirmed),
    ("GET", "/apps/{slug}", settings.app_page),
    ("GET", "/apps/{slug}/installations/new", settings.app_page),
    ("POST", "/apps/{slug}/installations/new", settings.install),
    ("GET", "/{owner}/{repo}", repo.overview),
    ("GET", "/{owner}/{repo}/pulls", repo.pulls),
    ("POST", "/{owner}/{repo}/pulls", acting.open_pull),
    ("GET", "/{owner}/{repo}/commit/{sha:[0-9a-f]{7,40}}", repo.commit),
    ("GET", _PULL, pull.conversation),
    ("GET", f"{_PULL}/files", pull.files),
    ("POST", f"{_PULL}/comment", acting.comment),
    ("POST", f"{_PULL}/merge", acting.merge),
    ("GET", _RUN, run.check),
    ("POST", f"{_RUN}/rerequest", acting.rerequest),
    ("POST", f"{_RUN}/press", acting.press),
)
