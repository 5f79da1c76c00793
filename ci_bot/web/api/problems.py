"""Whatever goes wrong → `application/problem+json` in words, with what to do about it (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import BaseModel, Field

from ci_bot.core.errors import StoreError

_log = structlog.get_logger()

MEDIA_TYPE: Final = "application/problem+json"
BUSY_SECONDS: Final = 5
OURS: Final = "ci-bot failed here; the operator's log says how"
NO_PATH: Final = "there is no such address in this API"
SEE_DESCRIPTION: Final = "see /api/v1/openapi.json"


class Wrong(BaseModel):
    """One thing that is wrong in a request."""

    where: str = Field(description='"query.limit", "body.jobs.0"; "body" for all of it')
    message: str


class Problem(BaseModel):
    """Why a request was refused. RFC 9457."""

    type: str = Field(default="about:blank", description="always this: `status` says the kind")
    title: str = Field(description="the status in words")
    status: int
    detail: str = Field(description="what is wrong, in one sentence")
    remedy: str = Field(default="", description='what to do about it; "" where nothing helps')
    problems: list[Wrong] = Field(default=[], description="each single thing that is wrong")


class Refused(Exception):
    """A request that is answered with a `Problem`."""

    def __init__(
        self,
        status: int,
        detail: str,
        remedy: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        problems: Sequence[Wrong] = (),
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.remedy = remedy
        self.headers = dict(headers or {})
        self.problems = list(problems)


def missing(what: str) -> Refused:
    """The same for what is not there and for what this token may not see."""
    return Refused(404, f"there is no {what} that this token may see")


@web.middleware
async def in_words(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The edge of the API: a bug of ours is logged in full here and told in one sentence there."""
    try:
        return await handler(request)
    except Refused as error:
        response = _answer(error)
    except web.HTTPException as error:  # the router's: no such path, no such method
        response = _answer(_of_router(error))
    except StoreError as error:
        _log.error("the API cannot be answered", path=request.path, error=str(error))
        retry = {"Retry-After": str(BUSY_SECONDS)}
        response = _answer(
            Refused(503, "the database does not answer", "try again later", headers=retry)
        )
    except Exception:  # noqa: BLE001 - the edge of every request
        _log.exception("request failed", method=request.method, path=request.path)
        response = _answer(Refused(500, OURS))
    if not request.body_exists or request.content.is_eof():
        return response
    response.force_close()  # what was not read is not to be taken for the next request
    return response


def _of_router(error: web.HTTPException) -> Refused:
    headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
    words = f"this address takes {headers['Allow']} only" if headers else NO_PATH
    return Refused(error.status, words, SEE_DESCRIPTION, headers=headers)


def _answer(refused: Refused) -> web.Response:
    problem = Problem(
        title=HTTPStatus(refused.status).phrase,
        status=refused.status,
        detail=refused.detail,
        remedy=refused.remedy,
        problems=refused.problems,
    )
    return web.Response(
        status=refused.status,
        body=problem.model_dump_json().encode(),
        content_type=MEDIA_TYPE,
        headers=refused.headers,
    )


def wrong(where: str, errors: Sequence[Any]) -> list[Wrong]:
    """From pydantic's errors (`ErrorDetails`) about the query or the body. Quotes nothing of it."""
    return [
        Wrong(
            where=".".join([where, *(str(part) for part in error["loc"])]),
            message=str(error["msg"]).removeprefix("Value error, "),
        )
        for error in errors
    ]
