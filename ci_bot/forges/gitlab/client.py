"""One request in, GitLab's decoded answer out; paced and paused, each in a thread of our own. I/O.

Everything that any answer can lead to is a `ForgeError`; nothing is sent again here but what was read in
vain. python-gitlab is called here alone: its own retries would block a thread for minutes, and would
write twice.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import local
from typing import Any, Final
from urllib.parse import quote

import gitlab
import requests
import stamina

from ci_bot.core.errors import FileTooLarge, ForgeBusy, ForgeDenied, ForgeError
from ci_bot.forges.gitlab.failures import REQUEST_FAILURES, forge_error, left_of
from ci_bot.forges.gitlab.transport import AT_ONCE, Session
from ci_bot.forges.pace import Pause, Window
from ci_bot.ports import Clock, ForgeCall, OnCall

#: Gone, or never ours to see: GitLab answers 404 for both.
GONE: Final = frozenset({404, 410})

PER_PAGE: Final = 100
#: The longest list that is read to its end: the 3,000 files of a merge request.
_MOST_PAGES: Final = 30
_TRIES: Final = 3

#: To connect, and to wait for each part of an answer; and for all of it.
_TIMEOUT: Final = 20.0
_MOST_SECONDS: Final = 60.0
_MOST_BYTES: Final = 32 * 1024 * 1024

#: gitlab.com takes 2,000 requests and 60 notes a minute; others are told by their answers.
#: https://docs.gitlab.com/user/gitlab_com/#rate-limits-on-gitlabcom
_REQUESTS: Final = (2000, 60)
_NOTES: Final = (60, 60)


@dataclass(frozen=True, slots=True)
class _Request:
    """`path` begins below /api/v4 and is filled in; `endpoint` is its template."""

    method: str
    endpoint: str
    path: str
    query: Mapping[str, Any]
    data: Mapping[str, Any] | None
    most: int | None = None  # bytes of a file; None for an answer that is JSON


class Client:
    """All requests with one access token. `url` is where they go, whatever any answer says.

    Endpoints are templates ("/projects/{project}/merge_requests"): braces are filled from the keyword
    arguments, each of which becomes one segment of the path.
    """

    def __init__(
        self,
        url: str,
        token: str,
        ca_file: Path | None,
        proxy: str | None,
        clock: Clock,
        on_call: OnCall,
    ) -> None:
        """Raises `SettingsError` for an unusable `ca_file`."""
        self._clock = clock
        self._on_call = on_call
        self._session = Session(ca_file, proxy)
        self._session.hooks["response"].append(self._heard)
        self._answer = local()
        self._gitlab = gitlab.Gitlab(
            url, oauth_token=token, session=self._session, user_agent="ci-bot", timeout=_TIMEOUT
        )
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="gitlab")
        self._pause = Pause()
        self._requests, self._notes = Window(*_REQUESTS), Window(*_NOTES)

    def now(self) -> float:
        """Seconds since the epoch, by our own clock."""
        return self._clock.now()

    async def get(self, endpoint: str, query: Mapping[str, Any] | None = None, **where: Any) -> Any:
        """Tries again, shortly, when GitLab stumbles: reading twice does no harm."""
        return await self._read(_Request("get", endpoint, _path(endpoint, where), query or {}, None))

    async def file(self, endpoint: str, query: Mapping[str, Any], most: int, **where: Any) -> bytes:
        """The bytes of a file, `most` at most. Raises `FileTooLarge`."""
        path = _path(endpoint, where)
        answer = await self._read(_Request("get", endpoint, path, query, None, most))
        assert isinstance(answer, bytes)  # noqa: S101 - as `most` says
        return answer

    async def items(
        self,
        endpoint: str,
        query: Mapping[str, Any] | None = None,
        *,
        pages: int = _MOST_PAGES,
        **where: Any,
    ) -> AsyncIterator[Any]:
        """Every item of a list, page by page, which are counted and not followed: a link in an answer
        could lead anywhere. A list of more `pages` ends there.
        """
        size = int((query or {}).get("per_page", PER_PAGE))
        for page in range(1, pages + 1):
            found = await self.get(endpoint, {"per_page": size, **(query or {}), "page": page}, **where)
            if not isinstance(found, list):
                raise ForgeError("GitLab's answer is not a list")
            for item in found:
                yield item
            if len(found) < size:
                return

    async def write(
        self,
        method: str,
        endpoint: str,
        data: Mapping[str, Any],
        *,
        is_note: bool = False,
        **where: Any,
    ) -> Any:
        """Sent once: after an unknown outcome only the caller knows how to find out.

        Raises `ForgeDenied` for what is gone, too.
        """
        request = _Request(method, endpoint, _path(endpoint, where), {}, data)
        try:
            return await self._send(request, is_note=is_note)
        except ForgeError as error:
            if error.status in GONE:
                raise ForgeDenied(str(error), error.status) from error
            raise

    async def close(self) -> None:
        """What is under way ends by itself; nothing new begins."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._session.close()

    async def _read(self, request: _Request) -> Any:
        async for attempt in stamina.retry_context(
            on=_may_pass, attempts=_TRIES, timeout=10.0, wait_initial=0.2, wait_max=2.0
        ):
            with attempt:
                return await self._send(request)
        raise AssertionError("the last attempt returns or raises")

    async def _send(self, request: _Request, *, is_note: bool = False) -> Any:
        self._keep_pace(is_note=is_note)
        began = self._clock.now()
        work = partial(self._exchange, request)
        answer, status, headers = await asyncio.get_running_loop().run_in_executor(self._threads, work)
        seconds = max(0.0, self._clock.now() - began)
        self._on_call(ForgeCall("gitlab", request.endpoint, status, seconds, left_of(headers)))
        if isinstance(answer, ForgeError):
            raise self._heeded(answer)
        self._pause.lift()
        return answer

    def _keep_pace(self, *, is_note: bool) -> None:
        now = self._clock.now()
        left = self._pause.left(now)
        if left > 0:
            raise ForgeBusy(f"GitLab asked to be left alone for {left:.0f} s more", left)
        windows = (self._requests, self._notes) if is_note else (self._requests,)
        wait = max(window.wait(now, 1) for window in windows)
        if wait > 0:
            raise ForgeBusy(f"our own pace for GitLab is reached for {wait:.0f} s", wait)
        for window in windows:
            window.take(now, 1)

    def _heeded(self, failure: ForgeError) -> ForgeError:
        if isinstance(failure, ForgeBusy):
            failure.seconds = self._pause.order(self._clock.now(), failure.seconds)
        return failure

    # ── in a thread ──────────────────────────────────────────────────────────────────────────

    def _exchange(self, request: _Request) -> tuple[Any, str, Mapping[str, str]]:
        """The answer, or why there is none; how it ended, and the headers that came."""
        self._answer.headers = {}
        try:
            return self._asked(request), "2xx", self._answer.headers
        except FileTooLarge as error:
            return error, "2xx", self._answer.headers
        except REQUEST_FAILURES as error:
            failure = forge_error(error, self._answer.headers, self._clock.now())
            failure.__cause__ = error
            return failure, str(failure.status or "none"), self._answer.headers

    def _asked(self, request: _Request) -> Any:
        response = self._gitlab.http_request(
            request.method,
            request.path,
            query_data=dict(request.query),
            post_data=None if request.data is None else dict(request.data),
            streamed=True,
            obey_rate_limit=False,
            retry_transient_errors=False,
            max_retries=0,
        )
        with response:
            if request.most is not None:
                _require_size(request, response)
                return self._bounded(response, request.most, request.path)
            body = self._bounded(response, _MOST_BYTES, request.path)
        return json.loads(body) if body else None

    def _bounded(self, response: requests.Response, most: int, path: str) -> bytes:
        chunks, size, began = [], 0, self._clock.now()
        for chunk in response.iter_content(65_536):
            size += len(chunk)
            if size > most:
                raise FileTooLarge(path, size)
            if self._clock.now() - began > _MOST_SECONDS:
                raise TimeoutError
            chunks.append(chunk)
        return b"".join(chunks)

    def _heard(self, response: requests.Response, *args: Any, **more: Any) -> None:
        """The library drops the headers of a refusal: they are kept for the thread that waits for it."""
        self._answer.headers = {name.lower(): value for name, value in response.headers.items()}


def _require_size(request: _Request, response: requests.Response) -> None:
    """Before a byte is read. https://docs.gitlab.com/api/repository_files/#get-file-from-repository"""
    told = response.headers.get("X-Gitlab-Size", "")
    if request.most is not None and told.isdecimal() and int(told) > request.most:
        raise FileTooLarge(request.path, int(told))


def _path(endpoint: str, where: Mapping[str, Any]) -> str:
    """Each value is one segment, whatever is in it.

    https://docs.gitlab.com/api/rest/#namespaced-paths
    """
    return endpoint.format_map({name: quote(str(value), safe="") for name, value in where.items()})


def _may_pass(error: Exception) -> bool:
    if not isinstance(error, ForgeError) or isinstance(error, ForgeBusy | FileTooLarge):
        return False
    return error.status == 0 or error.status >= 500
