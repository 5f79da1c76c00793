"""The simulated GitLab: its routes put together and started."""

from __future__ import annotations

from aiohttp import web

from ..running import RunningForge, bind
from . import api, control, githttp, pages
from .config import Config
from .shapes.common import Urls
from .sim import Sim

GitLab = RunningForge[Sim]


async def start(config: Config) -> GitLab:
    config.data.mkdir(parents=True, exist_ok=True)
    sim = Sim(config)

    def add_routes(router: web.UrlDispatcher) -> None:
        for part in (api, control, githttp, pages):  # the last ones' paths take anything
            part.add_routes(router, sim)

    runner, address = await bind(config.host, config.port, add_routes)
    sim.urls = Urls(address)
    return RunningForge(sim, runner)
