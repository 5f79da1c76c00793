"""GitLab as one aiohttp server: routes put together, started and stopped."""

from __future__ import annotations

from aiohttp import web

from ..state import Json
from . import api, control, githttp, pages
from .config import Config
from .shapes.common import Urls
from .sim import Sim

_MOST_BODY = 256 * 1024 * 1024


class GitLab:
    """A running simulated GitLab. ``url`` is its web address, ``api_url`` the REST root."""

    def __init__(self, sim: Sim, runner: web.AppRunner) -> None:
        self.sim = sim
        self._runner = runner

    @property
    def url(self) -> str:
        return self.sim.urls.web

    @property
    def api_url(self) -> str:
        return self.sim.urls.api

    @property
    def violations(self) -> list[Json]:
        """Each has ``violation`` (the kind), ``where``, ``message`` and ``who``."""
        return self.sim.ledger.violations

    @property
    def ledger(self) -> list[Json]:
        return self.sim.ledger.entries

    async def stop(self) -> None:
        await self._runner.cleanup()
        await self.sim.close()


async def start(config: Config) -> GitLab:
    """Bind, and only then return: the first request may follow at once."""
    config.data.mkdir(parents=True, exist_ok=True)
    sim = Sim(config)
    app = web.Application(client_max_size=_MOST_BODY)
    for part in (api, control, githttp, pages):  # the last ones' paths take anything
        part.add_routes(app.router, sim)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, config.host, config.port)
    await site.start()
    port = runner.addresses[0][1]
    sim.urls = Urls(f"http://{config.host}:{port}")
    return GitLab(sim, runner)
