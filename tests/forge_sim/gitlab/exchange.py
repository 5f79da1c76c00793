"""One API request from its bytes to its answer: faults, limits, parameters, access, handler.

A handler gets a Call and gives a Reply; everything that all endpoints share happens here.
"""

from __future__ import annotations

import contextlib
import json
import math
import time
import traceback
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from ..answering import Reply, serve
from ..faults import Faults
from ..ledger import Ledger
from ..state import Json
from .access import ANONYMOUS, Caller, demand, demand_scope, identify
from .errors import ApiError, bad_parameter, not_found, unauthorized
from .limits import Bucket
from .sim import Sim
from .state import GUEST, Group, MergeRequest, Project, User

__all__ = ["ROOT", "Call", "Paged", "Params", "Reply", "Route", "handler_of", "shown"]

_T = TypeVar("_T")
ROOT = "/api/v4"
#: Understood everywhere: https://docs.gitlab.com/api/rest/authentication/, /rest/#pagination.
_ALWAYS = {"private_token", "sudo", "statistics"}


class Params(BaseModel):
    """What an endpoint takes in its query or body; a name it does not list fails the suite."""

    model_config = ConfigDict(extra="ignore")


class Paged(Params):
    """https://docs.gitlab.com/api/rest/#offset-based-pagination."""

    page: int = 1
    per_page: int = 20


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint, and who may use it.

    ``level``: what the caller needs in the project or group that the path names. ``scopes``: of which
    a token needs one, besides ``api`` (and ``read_api`` to read). ``login``: whether a stranger is
    answered 401 whatever they may see.
    """

    method: str
    path: str
    handler: Callable[[Call], Awaitable[Reply]]
    params: type[Params] = Params
    level: int = GUEST
    scopes: tuple[str, ...] = ()
    login: bool = False


@dataclass(slots=True)
class Call:
    sim: Sim
    route: Route
    request: web.Request
    caller: Caller
    args: dict[str, str]
    given: Params
    sent: frozenset[str]
    _place: Project | Group | None = None

    @property
    def project(self) -> Project:
        assert isinstance(self._place, Project)
        return self._place

    @property
    def group(self) -> Group:
        assert isinstance(self._place, Group)
        return self._place

    @property
    def place(self) -> Project | Group:
        assert self._place is not None
        return self._place

    @property
    def user(self) -> User:
        if self.caller.user is None:
            raise unauthorized()
        return self.caller.user

    @property
    def mr(self) -> MergeRequest:
        found = self.project.merge_requests.get(self.number("iid"))
        if found is None:
            raise not_found("Merge Request")
        return found

    def number(self, name: str) -> int:
        """A path parameter that is a number; anything else names nothing."""
        text = self.args[name]
        if not text.isdecimal() or len(text) > 18:
            raise bad_parameter(f"{name} is invalid")
        return int(text)

    def params(self, kind: type[_T]) -> _T:
        assert isinstance(self.given, kind)
        return self.given

    def page(self, items: Sequence[_T]) -> tuple[Sequence[_T], dict[str, str]]:
        """The asked-for page and its headers (20 a page, at most 100)."""
        asked = self.params(Paged)
        size, number = min(max(asked.per_page, 1), 100), max(asked.page, 1)
        last = max(math.ceil(len(items) / size), 1)
        headers = {
            "X-Total": str(len(items)),
            "X-Total-Pages": str(last),
            "X-Per-Page": str(size),
            "X-Page": str(number),
            "X-Next-Page": str(number + 1) if number < last else "",
            "X-Prev-Page": str(number - 1) if number > 1 else "",
        }
        links = {"first": 1, "last": last} | ({"next": number + 1} if number < last else {})
        links |= {"prev": number - 1} if number > 1 else {}
        text = ", ".join(f'<{self._page_url(n, size)}>; rel="{rel}"' for rel, n in links.items())
        return items[(number - 1) * size : number * size], {**headers, "Link": text}

    def _page_url(self, number: int, size: int) -> str:
        query = dict(self.request.query) | {"page": str(number), "per_page": str(size)}
        query.pop("private_token", None)
        return f"{self.sim.urls.web}{self.request.rel_url.raw_path}?{urlencode(query)}"


def shown(body: Any) -> Any:
    """Shapes as JSON; what was never set is left out."""
    if isinstance(body, BaseModel):
        return body.model_dump(mode="json", exclude_unset=True)
    if isinstance(body, list | tuple):
        return [shown(one) for one in body]
    return body


def handler_of(sim: Sim, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await _serve(sim, route, request)

    return handle


@dataclass(slots=True)
class _Exchange:
    """What is known of a request while it is answered: an ``answering.Exchange``."""

    sim: Sim
    route: Route
    request: web.Request
    raw: bytes
    subject: str
    started: float
    caller: Caller | None = None
    bucket: Bucket | None = None
    body: Any = None

    @property
    def faults(self) -> Faults:
        return self.sim.faults

    @property
    def ledger(self) -> Ledger:
        return self.sim.ledger

    @property
    def who(self) -> str:
        return self.caller.who if self.caller is not None else "bad credentials"

    async def answer(self) -> Reply:
        return await _answer(self)

    def respond(self, reply: Reply) -> web.Response:
        return _response(self, reply)

    def identify(self) -> None:
        if self.caller is None:
            with contextlib.suppress(ApiError):
                self.caller = identify(self.sim.world, self.request.headers, self.request.query)

    def told(self, seconds: int) -> None:
        if self.caller is not None:
            at = time.time()
            self.sim.limits.told(self.sim.limits.bucket(self.who), at, at + seconds)

    def fault_body(self, status: int) -> Json:
        return {"message": f"{status} A fault on demand"}


async def _serve(sim: Sim, route: Route, request: web.Request) -> web.StreamResponse:
    subject = f"{request.method} {request.path.removeprefix(ROOT)}"
    return await serve(_Exchange(sim, route, request, await request.read(), subject, time.time()))


async def _answer(now: _Exchange) -> Reply:
    """Every way a request can end is a Reply; a bug of ours is a violation as well."""
    try:
        return await _perform(now)
    except ApiError as error:
        if "text" in error.said:  # of the throttle in front of the application
            return Reply(
                error.status, None, error.headers, None, error.said["text"].encode(), "text/plain"
            )
        return Reply(error.status, error.body(), error.headers)
    except Exception:  # noqa: BLE001  # the last edge: the suite must fail, the server must not
        now.sim.ledger.violation("simulator", now.subject, traceback.format_exc()[-2000:])
        return Reply(500, {"message": "500 Internal Server Error"})


async def _perform(now: _Exchange) -> Reply:
    now.caller = identify(now.sim.world, now.request.headers, now.request.query)
    bucket = now.sim.limits.bucket(now.caller.who)
    if now.sim.limits.impolite(bucket, now.started):
        early = bucket.not_before - now.started
        message = f"asked {early:.1f} s before it was told to"
        now.sim.ledger.violation("polite", now.subject, message, now.who)
    now.bucket = now.sim.limits.enter(now.caller.who)
    _demand_login(now)
    call = Call(
        sim=now.sim,
        route=now.route,
        request=now.request,
        caller=now.caller,
        args=dict(now.request.match_info),
        given=Params(),
        sent=frozenset(),
    )
    call._place = _find_place(call)
    call.given, call.sent = await _parameters(now)
    return await now.route.handler(call)


def _demand_login(now: _Exchange) -> None:
    assert now.caller is not None
    reading = now.route.method in ("GET", "HEAD")
    demand_scope(now.caller, ("api", *(("read_api",) if reading else ()), *now.route.scopes))
    if now.caller is ANONYMOUS and (now.route.login or not reading):
        raise unauthorized()


def _find_place(call: Call) -> Project | Group | None:
    """The project or group of the path, by its id or its URL-encoded path, if the caller may."""
    world, text = call.sim.world, call.args.get("id")
    if text is None:
        return None
    found: Project | Group | None
    if call.route.path.startswith("/projects/"):
        found = world.projects.get(int(text)) if text.isdecimal() else world.project(text)
        what = "Project"
    elif call.route.path.startswith("/groups/"):
        found = world.group_by_id(int(text)) if text.isdecimal() else world.group(text)
        what = "Group"
    else:
        return None
    if found is None:
        raise not_found(what)
    demand(call.caller, found, call.route.level, what)
    return found


async def _parameters(now: _Exchange) -> tuple[Params, frozenset[str]]:
    """Query and body together, as Grape takes them; 400 in its words for what is not right."""
    now.body = await _body(now)
    sent = {**now.request.query, **(now.body if isinstance(now.body, dict) else {})}
    known = {f.alias or name for name, f in now.route.params.model_fields.items()}
    for name in sorted(set(sent) - known - _ALWAYS):
        now.sim.ledger.violation("request", now.subject, f"unknown parameter {name}", now.who)
    try:
        given = now.route.params.model_validate(sent)
    except ValidationError as error:
        words = "; ".join(f"{_where(one)}: {one['msg']}" for one in error.errors())
        now.sim.ledger.violation("request", now.subject, words, now.who)
        raise bad_parameter(", ".join(_grape(one) for one in error.errors())) from error
    return given, frozenset(sent)


async def _body(now: _Exchange) -> Any:
    if not now.raw.strip():
        return None
    if now.request.content_type in ("application/x-www-form-urlencoded", "multipart/form-data"):
        return {key: str(value) for key, value in (await now.request.post()).items()}
    try:
        return json.loads(now.raw)
    except ValueError as error:
        raise bad_parameter("The request body is not valid JSON") from error


def _where(error: Any) -> str:
    return ".".join(str(part) for part in error["loc"])


def _grape(error: Any) -> str:
    kinds = {"missing": "is missing", "literal_error": "does not have a valid value"}
    return f"{_where(error)} {kinds.get(error['type'], 'is invalid')}"


def _response(now: _Exchange, reply: Reply) -> web.Response:
    raw = reply.raw
    if raw is None:
        body = shown(reply.body)
        raw = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
    headers = dict(reply.headers)
    if now.bucket is not None:
        headers = {**now.sim.limits.headers(now.bucket), **headers}
    if raw:
        headers["Content-Type"] = reply.media
    return web.Response(status=reply.status, body=raw or None, headers=headers)
