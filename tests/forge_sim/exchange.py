"""One API request from its bytes to its answer: faults, limits, description, access, handler.

A handler gets a Call and gives a Reply; everything that all endpoints share happens here.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import web

from .access import Caller, demand, identify
from .answering import Reply, serve
from .errors import ApiError, not_found
from .faults import Faults
from .ledger import Ledger
from .limits import Bucket
from .rules import BrokenRule
from .sim import Sim
from .state import Json, Repo
from .validation import Asked

__all__ = ["Call", "Reply", "Route", "handler_of"]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint by its path in GitHub's description, and who may use it.

    ``needs``: App permissions, any one of which is enough. ``role``: what a person needs on the
    repository; None keeps people out. ``by``: ``repo`` for paths below a repository, ``app`` for
    those of an App's JWT, ``installation`` for installation tokens, ``any`` otherwise.
    """

    method: str
    template: str
    handler: Callable[[Call], Awaitable[Reply]]
    needs: tuple[tuple[str, str], ...] = (("metadata", "read"),)
    role: str | None = "read"
    by: str = "repo"
    content: bool = False


@dataclass(slots=True)
class Call:
    sim: Sim
    route: Route
    request: web.Request
    caller: Caller
    args: dict[str, str]
    query: Mapping[str, str]
    body: Json
    _repo: Repo | None = None

    @property
    def repo(self) -> Repo:
        assert self._repo is not None
        return self._repo

    def number(self, name: str) -> int:
        """A path parameter that is a number; anything else names nothing."""
        text = self.args[name]
        if not text.isdecimal() or len(text) > 18:
            raise not_found()
        return int(text)

    def page(self, items: Sequence[_T]) -> tuple[Sequence[_T], dict[str, str]]:
        """The asked-for page and its ``Link`` header (per_page 30, at most 100)."""
        size = min(max(_int(self.query.get("per_page"), 30), 1), 100)
        number = max(_int(self.query.get("page"), 1), 1)
        last = max(math.ceil(len(items) / size), 1)
        links = {"first": 1, "prev": number - 1} if number > 1 else {}
        links |= {"next": number + 1, "last": last} if number < last else {}
        text = ", ".join(f'<{self._page_url(n)}>; rel="{rel}"' for rel, n in links.items())
        return items[(number - 1) * size : number * size], {"Link": text} if text else {}

    def _page_url(self, number: int) -> str:
        url = self.request.rel_url.update_query(page=str(number))
        return f"{self.sim.urls.web}{url}"


def _int(text: str | None, default: int) -> int:
    return int(text) if text is not None and text.isdecimal() else default


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
    asked: Asked
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
                self.caller = identify(self.sim.world, self.request.headers.get("Authorization"))

    def told(self, seconds: int) -> None:
        if self.caller is not None:
            at = time.time()
            self.sim.limits.told(self.sim.limits.bucket(self.who), at, at + seconds)

    def fault_body(self, status: int) -> Json:
        return {"message": "A fault on demand", "documentation_url": ""}


async def _serve(sim: Sim, route: Route, request: web.Request) -> web.StreamResponse:
    return await serve(_begin(sim, route, request, await request.read()))


def _begin(sim: Sim, route: Route, request: web.Request, raw: bytes) -> _Exchange:
    path = request.path.removeprefix("/api/v3")
    asked = Asked(
        method=route.method,
        template=route.template,
        args=_named(sim, request),
        query=tuple(request.query.items()),
        content_type=request.headers.get("Content-Type", ""),
        body=raw,
    )
    return _Exchange(sim, route, request, raw, f"{request.method} {path}", time.time(), asked)


def _named(sim: Sim, request: web.Request) -> dict[str, str]:
    """The path's parameters, with a repository that was named by its id under its name."""
    args = dict(request.match_info)
    number = args.pop("repo_id", "")
    repo = sim.world.repos.get(int(number)) if number.isdecimal() else None
    if repo is not None:
        args |= {"owner": repo.owner.login, "repo": repo.name}
    return args


async def _answer(now: _Exchange) -> Reply:
    """Every way a request can end is a Reply; a bug of ours is a violation as well."""
    try:
        return await _perform(now)
    except ApiError as error:
        return Reply(error.status, error.body(), error.headers)
    except BrokenRule as rule:
        now.sim.ledger.violation(rule.kind, now.subject, rule.message, now.who)
        detail = {"resource": "", "field": rule.field, "code": "custom", "message": rule.message}
        return Reply(422, ApiError(422, f"Validation Failed: {rule.message}", [detail]).body())
    except Exception:  # noqa: BLE001  # the last edge: the suite must fail, the server must not
        now.sim.ledger.violation("simulator", now.subject, traceback.format_exc()[-2000:])
        return Reply(500, ApiError(500, "Server Error").body())


async def _perform(now: _Exchange) -> Reply:
    now.caller = identify(now.sim.world, now.request.headers.get("Authorization"))
    _mind_manners(now)
    method, content = now.route.method, _is_content(now)
    now.bucket = now.sim.limits.enter(now.caller.who, method, content)
    unchanged = False
    try:
        call = _call(now)
        complaints = _complaints(now)
        _admit(call)
        if complaints:
            raise ApiError(422, "Validation Failed: " + "; ".join(complaints), [])
        reply = await now.route.handler(call)
        reply = _conditional(now, reply)
        unchanged = reply.status == 304
        return reply
    finally:
        now.sim.limits.leave(now.bucket, unchanged)


def _mind_manners(now: _Exchange) -> None:
    """SAFETY I13: no request before the time that an earlier answer named."""
    assert now.caller is not None
    bucket = now.sim.limits.bucket(now.caller.who)
    if now.sim.limits.impolite(bucket, now.started):
        early = bucket.not_before - now.started
        message = f"asked {early:.1f} s before it was told to"
        now.sim.ledger.violation("polite", now.subject, message, now.who)


def _is_content(now: _Exchange) -> bool:
    checks = now.sim.limits.limits.checks_are_content and now.route.method == "POST"
    return now.route.content or (checks and now.route.template.endswith("/check-runs"))


def _call(now: _Exchange) -> Call:
    now.body = _parse(now.raw)
    assert now.caller is not None
    return Call(
        sim=now.sim,
        route=now.route,
        request=now.request,
        caller=now.caller,
        args=dict(now.request.match_info),
        query=now.request.query,
        body=now.body if isinstance(now.body, dict) else {},
    )


def _parse(raw: bytes) -> Any:
    if not raw.strip():
        return None
    try:
        return json.loads(raw)
    except ValueError as error:
        raise ApiError(400, "Problems parsing JSON") from error


def _complaints(now: _Exchange) -> list[str]:
    if not now.sim.validator.on:
        return []
    found = now.sim.validator.request(now.asked)
    for complaint in found:
        now.sim.ledger.violation("request", now.subject, complaint, now.who)
    return found


def _admit(call: Call) -> None:
    by = call.route.by
    if by == "repo":
        call._repo = _find_repo(call)
        demand(call.sim.world, call.caller, call.repo, call.route.needs, call.route.role)
    elif by == "app" and call.caller.kind != "app":
        raise ApiError(401, "A JSON web token could not be decoded")
    elif by == "installation" and call.caller.kind != "installation":
        raise ApiError(403, "You must authenticate with an installation access token.")


def _find_repo(call: Call) -> Repo:
    world, args = call.sim.world, call.args
    if "repo_id" in args:
        number = args["repo_id"]
        found = world.repos.get(int(number)) if number.isdecimal() else None
    else:
        found = world.repo(args["owner"], args["repo"])
        if found is None:
            _redirect_if_moved(call)
    if found is None:
        raise not_found()
    return found


def _redirect_if_moved(call: Call) -> None:
    """A renamed or transferred repository answers with where it is by its numeric id.

    https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects
    """
    old = f"{call.args['owner']}/{call.args['repo']}"
    moved = call.sim.world.moved.get(old.lower())
    if moved is None:
        return
    path = call.request.raw_path.removeprefix("/api/v3/repos/")
    rest = path.split("/", 2)[2:]
    tail = f"/{rest[0]}" if rest else path[path.find("?") :] if "?" in path else ""
    url = f"{call.sim.urls.api}/repositories/{moved.id}{tail}"
    status = 301 if call.route.method == "GET" else 307
    raise ApiError(status, "Moved Permanently", headers={"Location": url})


def _conditional(now: _Exchange, reply: Reply) -> Reply:
    """ETags on successful GETs: https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#use-conditional-requests."""
    if now.route.method != "GET" or reply.status != 200:
        return reply
    raw = reply.raw if reply.raw is not None else _dump(reply.body)
    tag = f'W/"{hashlib.sha256(raw).hexdigest()}"'
    headers = {**reply.headers, "ETag": tag}
    if tag in now.request.headers.get("If-None-Match", ""):
        return Reply(304, None, headers)
    return Reply(200, reply.body, headers, reply.made, raw, reply.media)


def _dump(body: Any) -> bytes:
    return b"" if body is None else json.dumps(body, separators=(",", ":")).encode()


def _response(now: _Exchange, reply: Reply) -> web.Response:
    raw = reply.raw if reply.raw is not None else _dump(reply.body)
    if now.sim.validator.on:
        for complaint in now.sim.validator.response(now.asked, reply.status, reply.media, raw):
            where = f"{now.subject} → {reply.status}"
            now.sim.ledger.violation("response", where, complaint, now.who)
    headers = dict(reply.headers)
    if now.bucket is not None:
        headers = {**now.sim.limits.headers(now.bucket), **headers}
    if raw:
        headers["Content-Type"] = f"{reply.media}; charset=utf-8"
    headers["X-GitHub-Media-Type"] = "github.v3; format=json"
    return web.Response(status=reply.status, body=raw or None, headers=headers)
