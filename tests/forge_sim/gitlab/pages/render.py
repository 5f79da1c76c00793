"""A request for a page of the simulated GitLab: who looks, at what, and how it is shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from ... import rendering
from ..access import may_see
from ..errors import not_found
from ..sim import Sim
from ..state import MergeRequest, Pipeline, Project, User

_TEMPLATES = Path(__file__).parents[1] / "templates"


@dataclass(slots=True)
class Page:
    """``?as=username`` says who looks."""

    sim: Sim
    request: web.Request
    viewer: User | None
    form: dict[str, str] = field(default_factory=dict)

    @property
    def project(self) -> Project:
        found = self.sim.world.project(self.request.match_info["path"])
        if found is None or not may_see(self.viewer, found):
            raise not_found("Project")
        return found

    @property
    def mr(self) -> MergeRequest:
        found = self.project.merge_requests.get(int(self.request.match_info["iid"]))
        if found is None:
            raise not_found("Merge Request")
        return found

    @property
    def pipeline(self) -> Pipeline:
        found = self.project.pipelines.get(int(self.request.match_info["pipeline"]))
        if found is None:
            raise not_found("Pipeline")
        return found

    def link(self, path: str) -> str:
        """An address that keeps who is looking."""
        return rendering.link(path, self.viewer)

    def show(self, template: str, *, code: int = 200, **values: Any) -> web.Response:
        people = [one for one in self.sim.world.users.values() if not one.bot]
        shown = rendering.environment(_TEMPLATES).get_template(template)
        path = self.request.path
        text = shown.render(viewer=self.viewer, people=people, path=path, link=self.link, **values)
        return rendering.page_response(text, code)


async def page(sim: Sim, request: web.Request) -> Page:
    form: dict[str, str] = {}
    if request.method == "POST":
        form = {key: str(value) for key, value in (await request.post()).items()}
    login = form.get("as") or request.query.get("as") or ""
    return Page(sim, request, sim.world.user(login), form)
