"""One API request around its handler, on any simulated forge: faults strike it, the ledger tells of it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiohttp import web

from .faults import Faults, Rule
from .ledger import Ledger, bounded
from .state import Json

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Reply:
    """``raw`` stands for a body that is not JSON; ``made`` is the id of what a request created."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    made: int | str | None = None
    raw: bytes | None = None
    media: str = JSON


class Exchange(Protocol):
    """A request while it is answered; ``subject`` is what faults match: ``METHOD /path``.

    ``answer`` turns every way a request can end into a Reply, ``respond`` a Reply into bytes.
    ``identify`` finds out who asks, if that is not known yet; ``who`` names them. ``told`` hears that an
    answer asked the caller to stay away for so many seconds. ``fault_body`` is what a planted error says.
    """

    request: web.Request
    raw: bytes
    subject: str
    started: float
    body: Any

    @property
    def faults(self) -> Faults: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def who(self) -> str: ...
    async def answer(self) -> Reply: ...
    def respond(self, reply: Reply) -> web.Response: ...
    def identify(self) -> None: ...
    def told(self, seconds: int) -> None: ...
    def fault_body(self, status: int) -> Json: ...


async def serve(now: Exchange) -> web.StreamResponse:
    slow = now.faults.hit(now.subject, "delay")
    if slow is not None:
        await asyncio.sleep(slow.seconds)
    fault = now.faults.hit(now.subject, "status", "cut_before")
    if fault is not None:
        return _faulty(now, fault, None)
    reply = await now.answer()
    response = now.respond(reply)
    fault = now.faults.hit(now.subject, "cut_after", "status_after")
    if fault is not None:
        return _faulty(now, fault, reply)
    _record(now, reply.status, made=reply.made)
    return response


def _faulty(now: Exchange, fault: Rule, reply: Reply | None) -> web.StreamResponse:
    """Answer as the fault says; ``reply`` is what would have been said, after its effect."""
    made = reply.made if reply is not None else None
    cut = fault.kind.startswith("cut")
    _record(now, 0 if cut else fault.status, made=made, fault=fault.kind)
    if cut:
        if now.request.transport is not None:
            now.request.transport.abort()
        return web.Response(status=500)
    # A planted 403 or 429 with ``retry-after`` has to be obeyed like a real one.
    wait = next((v for k, v in fault.headers.items() if k.lower() == "retry-after"), None)
    if wait is not None and wait.isdecimal():
        now.told(int(wait))
    body = json.dumps(now.fault_body(fault.status))
    return web.Response(status=fault.status, text=body, headers=fault.headers, content_type=JSON)


def _record(now: Exchange, status: int, **more: Any) -> None:
    now.identify()
    query = {k: v for k, v in now.request.query.items() if k != "private_token"}
    now.ledger.add(
        "api",
        method=now.request.method,
        path=now.subject.partition(" ")[2],
        query=query,
        who=now.who,
        status=status,
        request=bounded(now.body, len(now.raw)),
        ms=round((time.time() - now.started) * 1000, 2),
        **{key: value for key, value in more.items() if value is not None},
    )
