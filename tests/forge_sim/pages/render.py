"""A request for a page of the simulated GitHub: who looks, at what, and how it is shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from .. import rendering
from ..errors import not_found
from ..sim import Sim
from ..state import Account, Pull, Repo


@dataclass(slots=True)
class Page:
    """A request for a page: who looks (``?as=``), at what."""

    sim: Sim
    request: web.Request
    viewer: Account | None
    form: dict[str, str] = field(default_factory=dict)

    @property
    def repo(self) -> Repo:
        match = self.request.match_info
        world = self.sim.world
        name = f"{match['owner']}/{match['repo']}".lower()
        found = world.names.get(name) or world.moved.get(name)
        if found is None:
            raise not_found()
        return found

    @property
    def pull(self) -> Pull:
        found = self.repo.pulls.get(int(self.request.match_info["number"]))
        if found is None:
            raise not_found()
        return found

    def link(self, path: str) -> str:
        """An address that keeps who is looking."""
        return rendering.link(path, self.viewer)

    def show(self, template: str, *, code: int = 200, **values: Any) -> web.Response:
        people = [a for a in self.sim.world.accounts.values() if a.type == "User"]
        shown = rendering.environment().get_template(template)
        path = self.request.path
        text = shown.render(viewer=self.viewer, people=people, path=path, link=self.link, **values)
        return rendering.page_response(text, code)


async def page(sim: Sim, request: web.Request) -> Page:
    form: dict[str, str] = {}
    if request.method == "POST":
        form = {key: str(value) for key, value in (await request.post()).items()}
    login = form.get("as") or request.query.get("as") or ""
    return Page(sim, request, sim.world.account(login), form)
