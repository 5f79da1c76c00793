"""The Authorization header in; the token that it holds out, or a refusal that cost little."""

from __future__ import annotations

from typing import Final

import structlog
from aiohttp import web

from ci_bot.core.errors import StoreError
from ci_bot.core.tokens import ApiToken, digest, has_to_be_noted, is_it, is_token, refusal_of_token
from ci_bot.web.api.parts import Parts
from ci_bot.web.api.problems import Refused

_log = structlog.get_logger()

#: https://www.rfc-editor.org/rfc/rfc6750#section-3
CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="ci-bot"'}
UNSIGNED: Final = "this needs a token: Authorization: Bearer cibot_…"
UNKNOWN: Final = "this is no token of this server"
HOW_TO_GET_ONE: Final = "the operator makes one on the server: ci-bot token create"


async def token_of(request: web.Request, parts: Parts) -> ApiToken:
    """Raises `Refused`: 401, or 429 while too many unknown tokens are tried.

    What has not the form of a token costs no look into the database.
    """
    header = request.headers.get("Authorization", "")
    if not header:
        raise Refused(401, UNSIGNED, HOW_TO_GET_ONE, headers=CHALLENGE)
    scheme, _, text = header.partition(" ")
    if scheme.lower() != "bearer" or not is_token(text.strip()):
        raise _unknown()
    token = await _find(parts, digest(text.strip()))
    if why := refusal_of_token(token, parts.clock.now()):
        raise Refused(401, why, HOW_TO_GET_ONE, headers=CHALLENGE)
    parts.on_token(text.strip().encode())
    await _note(token, parts)
    return token


async def _find(parts: Parts, sha256: str) -> ApiToken:
    parts.guesses.check(sha256)
    token = await parts.tokens.by_hash(sha256)
    if token is None or not is_it(token, sha256):
        parts.guesses.missed(sha256)
        raise _unknown()
    parts.guesses.good(sha256)
    return token


async def _note(token: ApiToken, parts: Parts) -> None:
    """Reading goes on where writing does not."""
    if has_to_be_noted(token, parts.clock.now()):
        try:
            await parts.tokens.used(token)
        except StoreError as error:
            _log.warning("use of a token not noted", token=token.name, error=str(error))


def _unknown() -> Refused:
    return Refused(401, UNKNOWN, HOW_TO_GET_ONE, headers=CHALLENGE)
