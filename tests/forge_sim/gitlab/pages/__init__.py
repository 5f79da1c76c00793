"""The pages a person sees: projects, merge requests, pipelines; forms that act as ``?as=username``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from ...rendering import css
from ..errors import ApiError
from ..sim import Sim
from . import acting, merge_request, projects
from .render import Page, page

_View = Callable[[Page], Awaitable[web.Response]]


def add_routes(router: web.UrlDispatcher, sim: Sim) -> None:
    """Last of all: a project's own page has any path."""
    for method, path, view in _ROUTES:
        router.add_route(method, path, _wrap(sim, view))


def _wrap(sim: Sim, view: _View) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        asked = await page(sim, request)
        try:
            return await view(asked)
        except ApiError as error:
            said = error.said.get("message", str(error))
            return asked.show("error.html", status=error.status, message=said, code=error.status)

    return handle


async def _style(asked: Page) -> web.Response:
    return web.Response(text=css(), content_type="text/css")


_P = "/{path:.+?}/-"
_MR = f"{_P}/merge_requests/{{iid:\\d+}}"
_ROUTES: tuple[tuple[str, str, _View], ...] = (
    ("GET", "/", projects.home),
    ("GET", "/-/forge.css", _style),
    ("GET", f"{_P}/merge_requests", projects.merge_requests),
    ("POST", f"{_P}/merge_requests", acting.open_mr),
    ("GET", _MR, merge_request.overview),
    ("GET", f"{_MR}/pipelines", merge_request.pipelines_tab),
    ("GET", f"{_MR}/diffs", merge_request.changes),
    ("POST", f"{_MR}/notes", acting.comment),
    ("POST", f"{_MR}/merge", acting.merge),
    ("GET", f"{_P}/pipelines", projects.pipelines),
    ("GET", f"{_P}/pipelines/{{pipeline:\\d+}}", projects.pipeline),
    ("GET", f"{_P}/commit/{{sha:[0-9a-f]{{7,40}}}}", projects.commit),
    ("GET", "/{path:.+}", projects.overview),
)
