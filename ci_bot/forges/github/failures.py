"""What went wrong with a request in (the library's exception), our own exception out. Pure.

https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import aiohttp
import gidgethub

from ci_bot.core.errors import ForgeBusy, ForgeDenied, ForgeError
from ci_bot.forges.retry_after import is_number, seconds_of

#: "If neither is there, wait for at least one minute."
#: https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api#handle-rate-limit-errors-appropriately
UNTOLD_PAUSE: Final = 60.0

#: Everything that the library or the network raises for an answer that is none, or makes no sense.
#: An answer that is garbage shows as any of the last four, from inside the library's decoding.
REQUEST_FAILURES: Final = (
    gidgethub.GitHubException,
    aiohttp.ClientError,
    OSError,  # TimeoutError is one
    ValueError,
    LookupError,
    TypeError,
    RecursionError,
)

_MOST_TEXT: Final = 300


def forge_error(error: Exception, now: float) -> ForgeError:
    """`now` is the forge's time, in seconds since the epoch."""
    if isinstance(error, gidgethub.HTTPException):
        return _refusal(error, now)
    if isinstance(error, TimeoutError):
        return ForgeError("GitHub did not answer in time")
    if isinstance(error, aiohttp.ClientResponseError):  # its text would show a proxy's whole URL
        return ForgeError(f"the proxy to GitHub answered {error.status}")
    if isinstance(error, aiohttp.ClientError | OSError):
        return ForgeError(_line(f"GitHub cannot be reached: {error or type(error).__name__}"))
    return ForgeError("GitHub's answer makes no sense")


def _refusal(error: gidgethub.HTTPException, now: float) -> ForgeError:
    status = int(error.status_code)
    text = _line(f"GitHub answered {status}: {error}")
    if _wants_a_pause(error, status):
        return ForgeBusy(text, pause_of(error.headers, now), status)
    if status == 403:
        return ForgeDenied(text, status)
    return ForgeError(text, status)


def _wants_a_pause(error: gidgethub.HTTPException, status: int) -> bool:
    """429 always; 403 and 5xx where they say so: the secondary limit is told apart by its words."""
    if status == 429 or isinstance(error, gidgethub.RateLimitExceeded):
        return True
    if "retry-after" in error.headers:
        return status == 403 or status >= 500
    return status == 403 and "rate limit" in str(error).lower()


def pause_of(headers: Mapping[str, str], now: float) -> float:
    """Seconds to stay away: as told, else until the limit's reset, else a minute."""
    told = seconds_of(headers.get("retry-after", ""), now)
    if told is not None:
        return max(1.0, told)
    reset = headers.get("x-ratelimit-reset", "")
    if headers.get("x-ratelimit-remaining") == "0" and is_number(reset):
        return max(1.0, int(reset) + 1 - now)
    return UNTOLD_PAUSE


def _line(text: str) -> str:
    return " ".join(text.split())[:_MOST_TEXT]
