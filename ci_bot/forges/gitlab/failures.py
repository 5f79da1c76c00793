"""What went wrong with a request in (the library's exception), our own exception out. Pure.

https://docs.gitlab.com/api/rest/troubleshooting/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import requests
from gitlab.exceptions import GitlabError

from ci_bot.core.errors import ForgeBusy, ForgeDenied, ForgeError
from ci_bot.forges.retry_after import is_number, seconds_of

#: How long to stay away where GitLab does not say: its windows are minutes.
#: https://docs.gitlab.com/administration/settings/user_and_ip_rate_limits/
UNTOLD_PAUSE: Final = 60.0

STALE: Final = (
    "{why}; the access token is no good any more: make a new one, and put it in gitlab.token_file"
)

#: Everything that the libraries or the network raise for an answer that is none, or makes no sense.
REQUEST_FAILURES: Final = (GitlabError, OSError, ValueError, LookupError, TypeError, RecursionError)

_MOST_TEXT: Final = 300
_ERRNO: Final = re.compile(r"\[Errno -?\d+\] ")


def forge_error(error: Exception, headers: Mapping[str, str], now: float) -> ForgeError:
    """`headers` are those of the answer, if any came; `now` is the time in seconds since the epoch."""
    if isinstance(error, GitlabError) and error.response_code is not None:
        return _refusal(error, int(error.response_code), headers, now)
    if isinstance(error, requests.TooManyRedirects):
        return ForgeError(
            "GitLab sends us to another address; gitlab.url must be the one it has itself"
        )
    if isinstance(error, requests.Timeout | TimeoutError):
        return ForgeError("GitLab did not answer in time")
    if isinstance(error, requests.exceptions.ProxyError):  # its text would show the proxy's whole URL
        return ForgeError("GitLab cannot be reached: the proxy does not let us through")
    if isinstance(error, OSError):
        return ForgeError(_line(f"GitLab cannot be reached: {_cause(error)}"))
    return ForgeError("GitLab's answer makes no sense")


def _cause(error: BaseException) -> str:
    """The innermost words: those around it repeat the address, with its query."""
    reason: Any = error
    for _ in range(5):
        inner = getattr(reason, "reason", None) or next(iter(getattr(reason, "args", ())), None)
        if not isinstance(inner, BaseException):
            break
        reason = inner
    words = _ERRNO.sub("", str(reason)).rpartition(": ")[2]
    return words or type(error).__name__


def _refusal(error: GitlabError, status: int, headers: Mapping[str, str], now: float) -> ForgeError:
    text = _line(f"GitLab answered {status}: {error.error_message}")
    if status == 429 or (status >= 500 and "retry-after" in headers):
        return ForgeBusy(text, pause_of(headers, now), status)
    if status == 401:  # until somebody renews it nothing is lost, and GitLab bans who keeps knocking
        return ForgeBusy(STALE.format(why=text), UNTOLD_PAUSE, status)
    if status == 403:
        return ForgeDenied(text, status)
    return ForgeError(text, status)


def pause_of(headers: Mapping[str, str], now: float) -> float:
    """Seconds to stay away: as told, else until the limit's reset, else a minute.

    https://docs.gitlab.com/administration/settings/user_and_ip_rate_limits/#response-headers
    """
    told = seconds_of(headers.get("retry-after", ""), now)
    if told is not None:
        return max(1.0, told)
    reset = headers.get("ratelimit-reset", "")
    if headers.get("ratelimit-remaining") == "0" and is_number(reset):
        return max(1.0, int(reset) + 1 - now)
    return UNTOLD_PAUSE


def left_of(headers: Mapping[str, str]) -> int:
    """What may still be asked in this window, -1 where GitLab does not say."""
    left = headers.get("ratelimit-remaining", "")
    return int(left) if is_number(left) else -1


def _line(text: str) -> str:
    return " ".join(text.split())[:_MOST_TEXT]
