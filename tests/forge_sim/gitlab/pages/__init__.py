"""The pages a person sees: projects, merge requests, pipelines; forms that act as ``?as=username``."""

from __future__ import annotations

from aiohttp import web

from ..sim import Sim


def add_routes(router: web.UrlDispatcher, sim: Sim) -> None:
    pass
