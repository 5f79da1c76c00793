"""The simulated GitHub: its routes put together and started."""

from __future__ import annotations

from aiohttp import web

from . import api, control, githttp, pages
from .config import Config
from .running import RunningForge, bind
from .shapes.common import Urls
from .sim import Sim

Forge = RunningForge[Sim]


async def start(config: Config) -> Forge:
    config.data.mkdir(parents=True, exist_ok=True)
    sim = Sim(config)

    def add_routes(router: web.UrlDispatcher) -> None:
        for part in (api, control, githttp, pages):
            part.add_routes(router, sim)

    runner, address = await bind(config.host, config.port, add_routes)
    sim.urls = Urls(address)
    return RunningForge(sim, runner)
