"""Calls about one repository: a token of the least permissions, patience for reads. I/O."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import stamina

from ci_bot.core.errors import ForgeBusy, ForgeDenied, ForgeError
from ci_bot.core.events import Repo
from ci_bot.forges.github.api import Api
from ci_bot.forges.github.auth import Tokens
from ci_bot.forges.github.permissions import Grant

#: Gone, or never ours to see: 410 for what was deleted, 451 for what a court took down.
GONE: Final = frozenset({404, 410, 451})

_TRIES: Final = 3
#: The longest list that is read to its end: the 3,000 files of a pull request.
_MOST_PAGES: Final = 30


class Calls:
    """`url` begins below the repository; braces are filled from the keyword arguments.

    https://docs.github.com/rest/using-the-rest-api/getting-started-with-the-rest-api
    """

    def __init__(self, api: Api, tokens: Tokens) -> None:
        self._api = api
        self._tokens = tokens

    async def get(self, repo: Repo, grant: Grant, url: str, **variables: Any) -> Any:
        """Tries again, shortly, when the forge stumbles: reading twice does no harm."""

        async def ask() -> Any:
            return await self._send(repo, grant, "GET", url, variables)

        return await _patiently(ask)

    async def items(
        self,
        repo: Repo,
        grant: Grant,
        url: str,
        key: str | None = None,
        *,
        is_whole: bool = False,
        **variables: Any,
    ) -> AsyncIterator[Any]:
        """Every item of a list, page by page; `url` ends in `{?…,per_page,page}`.

        `key` names the list inside an answer that is an object. Pages are counted, not followed: a
        link in an answer could lead anywhere. A list that is longer than all of them ends there, or
        raises `ForgeError` where half of it would be worse than nothing (`is_whole`).
        """
        size = int(variables["per_page"])
        for page in range(1, _MOST_PAGES + 1):
            answer = await self.get(repo, grant, url, page=page, **variables)
            found = answer.get(key) if key is not None and isinstance(answer, dict) else answer
            if not isinstance(found, list):
                raise ForgeError("GitHub's answer is not a list")
            for item in found:
                yield item
            if len(found) < size:
                return
        if is_whole:
            raise ForgeError(f"GitHub's list has more than {_MOST_PAGES * size} items")

    async def write(
        self,
        method: str,
        repo: Repo,
        grant: Grant,
        url: str,
        data: Any,
        *,
        is_content: bool = False,
        **variables: Any,
    ) -> Any:
        """Sent once: after an unknown outcome only the caller knows how to find out."""
        try:
            return await self._send(
                repo, grant, method, url, variables, data=data, is_content=is_content
            )
        except ForgeError as error:
            if error.status in GONE:
                raise ForgeDenied(f"{repo.name}: {error}", error.status) from error
            raise

    async def _send(
        self, repo: Repo, grant: Grant, method: str, url: str, variables: Any, **more: Any
    ) -> Any:
        owner, _, name = repo.name.partition("/")
        where = {**variables, "owner": owner, "name": name}
        for _ in range(2):
            self._api.check(repo.tenant)  # before a token is minted in vain
            token = await self._tokens.get(repo, grant)
            try:
                return await self._api.send(
                    repo.tenant, method, "/repos/{owner}/{name}" + url, where, token=token, **more
                )
            except ForgeError as error:
                if error.status != 401:
                    raise
                self._tokens.drop(repo, grant, token)
        raise ForgeDenied(f"{repo.name}: GitHub takes no token of this installation", 401)


async def _patiently(ask: Callable[[], Awaitable[Any]]) -> Any:
    async for attempt in stamina.retry_context(
        on=_may_pass, attempts=_TRIES, timeout=10.0, wait_initial=0.2, wait_max=2.0
    ):
        with attempt:
            return await ask()
    raise AssertionError("the last attempt returns or raises")


def _may_pass(error: Exception) -> bool:
    if not isinstance(error, ForgeError) or isinstance(error, ForgeBusy):
        return False
    return error.status == 0 or error.status >= 500
