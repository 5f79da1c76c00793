"""The half of the control API that every simulated forge has: faults, ledger, violations, quiet.

Bodies and answers are JSON; a wrong request is answered 4xx with ``{"message": …}``.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

from aiohttp import web

from .errors import Refused
from .faults import Faults
from .ledger import Ledger
from .state import Json


class Deliveries(Protocol):
    async def quiet(self, seconds: float) -> bool: ...


class Controlled(Protocol):
    """What of a simulated forge these levers move."""

    @property
    def faults(self) -> Faults: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def hooks(self) -> Deliveries: ...


_S = TypeVar("_S")
Handler = Callable[[_S, web.Request, Json], Awaitable[Any]]


def wrap(sim: _S, handler: Handler[_S]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        try:
            text = await request.text()
            body = json.loads(text) if text else {}
            return web.json_response(await handler(sim, request, body))
        except Refused as error:
            return web.json_response(error.body(), status=error.status)
        except (KeyError, ValueError, TypeError) as error:
            message = f"{type(error).__name__}: {error}"
            return web.json_response({"message": message}, status=400)

    return handle


async def _quiet(sim: Controlled, request: web.Request, body: Json) -> Json:
    return {"quiet": await sim.hooks.quiet(float(request.query.get("timeout", "10")))}


async def _add_fault(sim: Controlled, request: web.Request, body: Json) -> Json:
    sim.faults.add(body)
    return {"rules": len(sim.faults.rules)}


async def _get_faults(sim: Controlled, request: web.Request, body: Json) -> list[Json]:
    return [{"match": r.match.pattern, "kind": r.kind, "hits": r.hits} for r in sim.faults.rules]


async def _clear_faults(sim: Controlled, request: web.Request, body: Json) -> Json:
    sim.faults.clear()
    return {"rules": 0}


async def _ledger(sim: Controlled, request: web.Request, body: Json) -> list[Json]:
    return sim.ledger.since(int(request.query.get("since", "0")))


async def _violations(sim: Controlled, request: web.Request, body: Json) -> list[Json]:
    return sim.ledger.violations


ROUTES: tuple[tuple[str, str, Handler[Controlled]], ...] = (
    ("POST", "/quiet", _quiet),
    ("GET", "/faults", _get_faults),
    ("POST", "/faults", _add_fault),
    ("DELETE", "/faults", _clear_faults),
    ("GET", "/ledger", _ledger),
    ("GET", "/violations", _violations),
)
