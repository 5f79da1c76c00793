"""One operation of the API: how it is described, and how a request becomes what its handler takes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, TypeVar, get_origin

from aiohttp import web
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ci_bot.core.tokens import ApiToken
from ci_bot.web.api.auth import token_of
from ci_bot.web.api.parts import PARTS, Parts
from ci_bot.web.api.problems import SEE_DESCRIPTION, Refused, missing, wrong

MAX_BODY: Final = 64 * 1024
BODY_SECONDS: Final = 10.0
MAX_QUERY: Final = 100  # parameters
JSON: Final = "application/json"

ModelT = TypeVar("ModelT", bound=BaseModel)


def _number(value: object) -> object:
    """Plain digits: what Python takes for a number besides (1_000, +5) is none in a URL."""
    if isinstance(value, str):
        if not re.fullmatch(r"[0-9]{1,18}", value, re.ASCII):
            raise ValueError("write a whole number in digits")
        return int(value)
    return value


def _truth(value: object) -> object:
    if isinstance(value, str):
        if value not in ("true", "false"):
            raise ValueError("write true or false")
        return value == "true"
    return value


#: Of paths and queries, where everything is text. It stands behind the bounds of a number.
DIGITS: Final = BeforeValidator(_number)
Truth = Annotated[bool, BeforeValidator(_truth)]
Id = Annotated[str, Field(pattern="^[0-9a-z]{1,32}$")]


class Asked(BaseModel):
    """Root of what is asked: what is not known is refused, and a text is no number."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RunPath(Asked):
    run: Id


@dataclass(frozen=True, slots=True)
class Call:
    """A request that was let in. `path`, `query`, `body` and `headers` are what the endpoint says, or None."""

    request: web.Request
    parts: Parts
    token: ApiToken
    path: Any
    query: Any
    body: Any
    headers: Any


@dataclass(frozen=True, slots=True)
class Answer:
    """What a status means. `links` are of OpenAPI: name → operation and its parameters."""

    words: str
    model: type[BaseModel] | None = None
    media_type: str = JSON
    is_binary: bool = False  # which has no schema: https://spec.openapis.org/oas/v3.1.0#considerations-for-file-uploads
    or_text: str = ""  # another type of text that may be asked for
    headers: Mapping[str, str] = field(default_factory=dict)  # name → what it says
    links: Mapping[str, tuple[str, Mapping[str, str]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`refuses` are statuses that it has besides those that all have."""

    method: str
    route: str
    operation: str
    words: str
    handler: Callable[[Call], Awaitable[web.StreamResponse]]
    answers: Mapping[int, Answer]
    path: type[Asked] | None = None
    query: type[Asked] | None = None
    body: type[Asked] | None = None
    headers: type[Asked] | None = None
    refuses: tuple[int, ...] = ()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Who asks comes first, then what; the body is read last, and only so much of it."""
        parts = request.app[PARTS]
        token = await token_of(request, parts)
        path = _path(request, self.path)
        query = _query(request, self.query or Asked)
        headers = _headers(request, self.headers) if self.headers else None
        body = await _body(request, self.body) if self.body else None
        return await self.handler(Call(request, parts, token, path, query, body, headers))


def say(model: BaseModel, status: int = 200, **headers: str) -> web.Response:
    text = model.model_dump_json().encode()
    return web.Response(status=status, body=text, content_type=JSON, headers=headers)


def _path(request: web.Request, model: type[Asked] | None) -> Asked | None:
    if model is None:
        return None
    try:
        return model.model_validate(dict(request.match_info))
    except ValidationError:
        raise missing("such thing") from None


def _query(request: web.Request, model: type[ModelT]) -> ModelT:
    """Every parameter once, but for lists. Raises `Refused` (400) with all that is wrong."""
    if len(request.query) > MAX_QUERY:
        raise Refused(400, f"a request has at most {MAX_QUERY} parameters")
    values: dict[str, Any] = {}
    for name in request.query:
        given = request.query.getall(name)
        values[name] = given if _is_list(model, name) or len(given) > 1 else given[0]
    return _valid(model, values, "query")


def _headers(request: web.Request, model: type[ModelT]) -> ModelT:
    """Those that the model names, each at most once. Raises `Refused` (400)."""
    names = [field.alias or name for name, field in model.model_fields.items()]
    given = {name: request.headers.getall(name, []) for name in names}
    values = {name: every if len(every) > 1 else every[0] for name, every in given.items() if every}
    return _valid(model, values, "header")


def _is_list(model: type[BaseModel], name: str) -> bool:
    known = model.model_fields.get(name)
    return known is not None and get_origin(known.annotation) is list


def _valid(model: type[ModelT], values: object, where: str) -> ModelT:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise _refused(where, error) from None


def _refused(where: str, error: ValidationError) -> Refused:
    problems = wrong(where, error.errors(include_url=False, include_context=False, include_input=False))
    named = "; ".join(f"{each.where}: {each.message}" for each in problems[:3])
    return Refused(400, f"the request is not understood: {named}", SEE_DESCRIPTION, problems=problems)


async def _body(request: web.Request, model: type[ModelT]) -> ModelT:
    """JSON, at most `MAX_BODY`; none at all is an empty object. Raises `Refused` (400, 413, 415)."""
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise Refused(415, "compressed bodies are not taken", "send it as it is")
    text = await _read(request)
    if not text:
        return _valid(model, {}, "body")
    if request.content_type != JSON:
        raise Refused(415, f"the body is to be {JSON}", f"send Content-Type: {JSON}")
    try:
        return model.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise _refused("body", error) from None


async def _read(request: web.Request) -> bytes:
    body = bytearray()
    too_long = Refused(413, f"a body has at most {MAX_BODY} bytes")
    if (request.content_length or 0) > MAX_BODY:
        raise too_long
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.content.iter_chunked(16 * 1024):
                body += chunk
                if len(body) > MAX_BODY:
                    raise too_long
    except TimeoutError:
        raise Refused(408, f"the body did not come within {BODY_SECONDS:.0f} s") from None
    return bytes(body)
