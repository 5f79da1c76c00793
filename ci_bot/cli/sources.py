"""Where `ci-bot logs` reads: a server's API; this machine's own data is `archived`. The same words either way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ci_bot.cli.remote import Server, ask, patiently
from ci_bot.web.api.models import Job, RunDetail


class Source(Protocol):
    """Both raise `ClickException`."""

    @property
    def removed(self) -> str:
        """What is said of a log that was removed for its age."""
        ...

    async def run(self, run_id: str) -> RunDetail:
        """With every attempt of each job, oldest first."""
        ...

    def log(self, run_id: str, job: Job, step: int, *, follow: bool) -> AsyncIterator[bytes]:
        """The bytes of a step's log, numbered from 1; with `follow` until the step ends."""
        ...


@dataclass(frozen=True, slots=True)
class Remote:
    server: Server
    removed: str = "(the log was removed: the server keeps logs for a while only)"

    async def run(self, run_id: str) -> RunDetail:
        return await patiently(lambda: self.server.run(run_id, attempts=True))

    def log(self, run_id: str, job: Job, step: int, *, follow: bool) -> AsyncIterator[bytes]:
        return self.server.log(run_id, job.id, job.attempt, step, follow=follow)


def with_server(url: str, token_file: Path | None, work: Callable[[Source], Awaitable[None]]) -> None:
    ask(url, token_file, lambda server: work(Remote(server)))
