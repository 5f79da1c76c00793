"""A server's API as the verbs use it: a path and its parameters in, the answer or one line in words out."""

from __future__ import annotations

import asyncio
import ipaddress
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlsplit

import aiohttp
import click
from pydantic import BaseModel, ValidationError

from ci_bot import __version__
from ci_bot.core.plain import plain
from ci_bot.core.tokens import is_token
from ci_bot.web.api import BASE
from ci_bot.web.api.models import RunDetail
from ci_bot.web.api.problems import Problem

T = TypeVar("T")
ModelT = TypeVar("ModelT", bound=BaseModel)

VARIABLE: Final = "CI_BOT_TOKEN"
SECONDS: Final = 30.0  # for an answer
PATIENCE: Final = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)  # between tries while something is watched
PASSING: Final = (429, 502, 503, 504)

NO_SERVER: Final = "which server? give --server URL, or set CI_BOT_SERVER"
NO_TOKEN: Final = (
    f"a token is needed: set {VARIABLE}, or give --token-file; the operator makes one with "
    "ci-bot token create"
)

server_option = click.option(
    "--server",
    metavar="URL",
    envvar="CI_BOT_SERVER",
    show_envvar=True,
    help="The ci-bot server, like https://ci.example.com.",
)
token_option = click.option(
    "--token-file",
    type=click.Path(path_type=Path),
    envvar="CI_BOT_TOKEN_FILE",
    show_envvar=True,
    help=f"File with the token.  [default: the token in {VARIABLE}]",
)


class Unanswered(click.ClickException):
    """The server did not do what was asked; `is_passing` where it may a little later."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(plain(message.encode("utf-8", "replace")))
        self.is_passing = status == 0 or status in PASSING


@dataclass(frozen=True, slots=True)
class Server:
    """Opened by `ask`."""

    url: str
    session: aiohttp.ClientSession

    async def get(self, path: str, **query: Any) -> bytes:
        """Raises `Unanswered`."""
        async with self._asked("GET", path, query) as answer:
            return await answer.read()

    async def post(self, path: str, body: Mapping[str, Any]) -> bytes:
        """Raises `Unanswered`."""
        async with self._asked("POST", path, {}, json=body) as answer:
            return await answer.read()

    async def run(self, run_id: str, *, attempts: bool = False) -> RunDetail:
        """With the latest attempt of each job, or all. Raises `Unanswered`."""
        path = f"/runs/{quote(run_id, safe='')}"
        return read(RunDetail, await self.get(path, attempts="true" if attempts else None))

    async def log(
        self, run_id: str, job: str, attempt: int, step: int, *, follow: bool
    ) -> AsyncIterator[bytes]:
        """Every byte once, in order, over as many connections as that takes. Raises `Unanswered`."""
        path = f"/runs/{quote(run_id, safe='')}/jobs/{quote(job, safe='')}/steps/{step}/log"
        offset, tries = 0, 0
        while True:
            query = {"attempt": attempt, "offset": offset, "follow": str(follow).lower()}
            try:
                async with aclosing(self.pieces(path, query)) as pieces:
                    async for piece in pieces:
                        offset, tries = offset + len(piece), 0
                        yield piece
                return
            except Unanswered as error:
                if not error.is_passing or tries == len(PATIENCE):
                    raise
                await asyncio.sleep(PATIENCE[tries])
                tries += 1

    async def pieces(self, path: str, query: Mapping[str, Any]) -> Any:
        """The bytes of an answer of any length, as they come. Raises `Unanswered`."""
        endless = aiohttp.ClientTimeout(total=None, sock_connect=SECONDS)
        async with self._asked("GET", path, query, timeout=endless) as answer:
            async for piece, _ in answer.content.iter_chunks():
                yield piece

    @asynccontextmanager
    async def _asked(
        self, method: str, path: str, query: Mapping[str, Any], **how: Any
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        given = {name: value for name, value in query.items() if value not in (None, "", ())}
        try:
            async with self.session.request(
                method, self.url + BASE + path, params=given, allow_redirects=False, **how
            ) as answer:
                if answer.status >= 300:
                    raise Unanswered(await _words(self.url, answer), answer.status)
                yield answer
        except (aiohttp.ClientError, TimeoutError) as error:
            why = str(error) or f"no answer within {SECONDS:.0f} s"
            raise Unanswered(f"{self.url} does not answer: {why}") from error


async def patiently(look: Callable[[], Awaitable[T]]) -> T:
    """While something is watched, a server that restarts is waited for. Raises `Unanswered`."""
    for pause in PATIENCE:
        try:
            return await look()
        except Unanswered as error:
            if not error.is_passing:
                raise
            await asyncio.sleep(pause)
    return await look()


def ask(url: str | None, token_file: Path | None, work: Callable[[Server], Awaitable[T]]) -> T:
    """Opens the server for one piece of work. Raises `ClickException`."""
    if not url:
        raise click.UsageError(NO_SERVER)
    if not url.startswith(("https://", "http://")):
        raise click.UsageError("--server is the address of a ci-bot, like https://ci.example.com")
    token = _token(token_file)
    if url.startswith("http://") and not _is_here(url):
        click.secho(
            f"warning: the token goes to {url} where others can read it; use https://",
            fg="yellow",
            err=True,
        )

    async def opened() -> T:
        headers = {"Authorization": f"Bearer {token}", "User-Agent": f"ci-bot/{__version__}"}
        timeout = aiohttp.ClientTimeout(total=SECONDS)
        async with aiohttp.ClientSession(headers=headers, timeout=timeout, trust_env=True) as session:
            return await work(Server(url.rstrip("/"), session))

    return asyncio.run(opened())


def read(model: type[ModelT], text: bytes) -> ModelT:
    """What the server said. Raises `ClickException` where it is no ci-bot that we understand."""
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise click.ClickException(
            "the server's answer is not understood; is it a ci-bot, and not newer than this one?"
        ) from error


async def _words(url: str, answer: aiohttp.ClientResponse) -> str:
    if answer.status in (301, 302, 303, 307, 308):
        return f"{url} leads elsewhere; give --server the address that it leads to"
    try:
        problem = Problem.model_validate_json(await answer.read())
    except ValidationError:
        return f"{url} answers {answer.status}, and not as a ci-bot; is the address right?"
    return f"{problem.detail}; {problem.remedy}" if problem.remedy else problem.detail


def _token(file: Path | None) -> str:
    if file is None:
        text = os.environ.get(VARIABLE, "").strip()
    else:
        try:
            text = file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "not UTF-8"
            raise click.ClickException(f"{file} cannot be read: {why}") from error
    if not text:
        raise click.UsageError(NO_TOKEN)
    if not is_token(text):
        where = str(file) if file else VARIABLE
        raise click.UsageError(
            f"{where} holds no token of ci-bot; one begins with cibot_ and has 58 characters"
        )
    return text


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
