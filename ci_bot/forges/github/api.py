"""One request in, the forge's decoded answer out; paced and paused per installation. I/O.

Everything that any answer can lead to is a `ForgeError`; nothing is sent again here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import aiohttp
from gidgethub import sansio
from gidgethub.aiohttp import GitHubAPI
from yarl import URL

from ci_bot.core.errors import ForgeBusy, ForgeError
from ci_bot.forges.github.failures import REQUEST_FAILURES, forge_error
from ci_bot.forges.github.pace import READ_POINTS, WRITE_POINTS, Pace
from ci_bot.forges.pace import Pause
from ci_bot.forges.retry_after import moment_of
from ci_bot.ports import Clock, ForgeCall, OnCall

#: Requests that a JWT of the App signs belong to no installation.
THE_APP: Final = ""

_REQUESTER: Final = "ci-bot"
_HEADERS: Final = {"X-GitHub-Api-Version": "2022-11-28"}
_TIMEOUT: Final = aiohttp.ClientTimeout(total=30)
_MOST_HOPS: Final = 3
_MOST_BYTES: Final = 32 * 1024 * 1024
_REDIRECTS: Final = frozenset({301, 302, 307, 308})
#: Clocks this close are alike: a Date header has whole seconds and was on its way.
_SAME_TIME: Final = 5.0


class ForgeTime:
    """The forge's own clock, as far as its answers tell: ours may be minutes off, and it judges."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead = 0.0

    def now(self) -> float:
        return self._clock.now() + self._ahead

    def hear(self, date: str) -> None:
        """The Date header of an answer that has just come."""
        moment = moment_of(date)
        if moment is None:
            return
        ahead = moment - self._clock.now()
        self._ahead = ahead if abs(ahead) > _SAME_TIME else 0.0


class Api:
    """All installations' requests. `api_url` is where they go, whatever any answer says."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        api_url: str,
        clock: Clock,
        on_call: OnCall = lambda _: None,
    ) -> None:
        self._on_call = on_call
        self.time = ForgeTime(clock)
        self._clock = clock
        self._session = session
        self._api_url = api_url
        self._lines: dict[str, _Line] = {}

    def check(self, tenant: str) -> None:
        """Raises `ForgeBusy` while the forge wants this installation to stay away."""
        left = self._line(tenant).pause.left(self._clock.now())
        if left > 0:
            raise ForgeBusy(f"GitHub asked to be left alone for {left:.0f} s more", left)

    async def send(
        self,
        tenant: str,
        method: str,
        url: str,
        variables: Mapping[str, Any],
        *,
        token: str | None = None,
        jwt: str | None = None,
        data: Any = b"",
        is_content: bool = False,
    ) -> Any:
        """Sends one request; `url` is a template for `variables`. `data` b"" is no body.

        `is_content`: it writes something that people are told of. Raises `ForgeBusy` without
        sending where the pace or an ordered pause forbids it.
        """
        answer, _ = await self._exchange(tenant, method, url, variables, token, jwt, data, is_content)
        return answer

    async def page(self, url: str, variables: Mapping[str, Any], *, jwt: str) -> tuple[Any, str]:
        """A part of one of the App's own lists, and the cursor of the next part, "" for the last.

        https://docs.github.com/rest/using-the-rest-api/using-pagination-in-the-rest-api
        """
        answer, link = await self._exchange(THE_APP, "GET", url, variables, None, jwt, b"", False)
        return answer, URL(link).query.get("cursor", "") if link else ""

    async def _exchange(
        self,
        tenant: str,
        method: str,
        url: str,
        variables: Mapping[str, Any],
        token: str | None,
        jwt: str | None,
        data: Any,
        is_content: bool,
    ) -> tuple[Any, str | None]:
        self.check(tenant)
        line = self._line(tenant)
        self._keep_pace(line, method, is_content)
        began, status = self._clock.now(), "none"
        try:
            answer, link, _ = await line.host.ask(method, url, variables, data, token, jwt)
            status = "2xx"
        except REQUEST_FAILURES as error:
            failure = self._failed(line, error)
            status = str(failure.status or "none")
            raise failure from error
        finally:
            self._tell(tenant, line, url, status, began)
        line.pause.lift()
        self._heed_limit(line)
        return answer, link

    def _tell(self, tenant: str, line: _Line, url: str, status: str, began: float) -> None:
        limit = line.host.rate_limit
        seconds = max(0.0, self._clock.now() - began)
        left = -1 if limit is None else limit.remaining
        self._on_call(ForgeCall(tenant, _endpoint(url), status, seconds, left))

    def _line(self, tenant: str) -> _Line:
        if tenant not in self._lines:
            host = _OneHost(self._session, self._api_url, self.time.hear)
            self._lines[tenant] = _Line(host)
        return self._lines[tenant]

    def _keep_pace(self, line: _Line, method: str, is_content: bool) -> None:
        points = READ_POINTS if method == "GET" else WRITE_POINTS
        wait = line.pace.take(self._clock.now(), points, is_content=is_content)
        if wait > 0:
            raise ForgeBusy(f"our own pace for GitHub is reached for {wait:.0f} s", wait)

    def _failed(self, line: _Line, error: Exception) -> ForgeError:
        failure = forge_error(error, self.time.now())
        if isinstance(failure, ForgeBusy):
            failure.seconds = line.pause.order(self._clock.now(), failure.seconds)
        return failure

    def _heed_limit(self, line: _Line) -> None:
        """The last request of the hour went through: the next one would be refused."""
        limit = line.host.rate_limit
        if limit is not None and limit.remaining <= 0:
            left = limit.reset_datetime.timestamp() + 1 - self.time.now()
            line.pause.order(self._clock.now(), max(1.0, left))
            line.pause.lift()


def _endpoint(url: str) -> str:
    """The template without what every one of them begins with, and without its query."""
    return url.removeprefix("/repos/{owner}/{name}").partition("{?")[0] or "/"


class _OneHost(GitHubAPI):
    """gidgethub's client, which goes where any answer points, held to one host.

    A renamed repository answers with a redirect: it is followed with the same method (aiohttp would
    turn a POST into a GET) and only on the configured host, so no other ever sees a credential.
    """

    def __init__(
        self, session: aiohttp.ClientSession, api_url: str, hear: Callable[[str], None]
    ) -> None:
        super().__init__(session, _REQUESTER, base_url=api_url)
        self._origin = URL(api_url).origin()
        self._hear = hear

    async def ask(
        self,
        method: str,
        url: str,
        variables: Mapping[str, Any],
        data: Any,
        token: str | None,
        jwt: str | None,
    ) -> tuple[Any, str | None, int]:
        return await self._make_request(
            method,
            url,
            variables,
            data,
            sansio.accept_format(),
            jwt=jwt,
            oauth_token=token,
            extra_headers=dict(_HEADERS),
        )

    async def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> tuple[int, Mapping[str, str], bytes]:
        target = URL(url)
        for _ in range(_MOST_HOPS + 1):
            if target.origin() != self._origin:
                break
            async with self._session.request(
                method, target, headers=headers, data=body, timeout=_TIMEOUT, allow_redirects=False
            ) as response:
                self._hear(response.headers.get("Date", ""))
                if response.status not in _REDIRECTS:
                    return response.status, response.headers, await _bounded(response)
                target = target.join(URL(response.headers.get("Location", "")))
        raise ValueError("redirected in circles or to another host")


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    chunks, size = [], 0
    async for chunk in response.content.iter_chunked(65_536):
        size += len(chunk)
        if size > _MOST_BYTES:
            raise ValueError("the answer is too large")
        chunks.append(chunk)
    return b"".join(chunks)


class _Line:
    """What belongs to one installation."""

    def __init__(self, host: _OneHost) -> None:
        self.host = host
        self.pace = Pace()
        self.pause = Pause()
