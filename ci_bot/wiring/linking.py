"""What the operator does with links: a run or a repository by name in, its links, old ones dead, out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ci_bot.core.decisions import AuditLine
from ci_bot.core.errors import StoreError
from ci_bot.core.events import Actor, Permission, Repo
from ci_bot.core.repo_names import UNSEEN, with_forge
from ci_bot.links import KEY_FILE, Links, make_key, revoke
from ci_bot.settings import Settings
from ci_bot.store import AuditStore, Database, RunListStore, RunStore
from ci_bot.system import SystemClock, SystemIds
from ci_bot.wiring.kept import DATABASE, is_missing

REVOKED = "link revoked"
ROTATED = "links rotated"


class Linking:
    """Opened by `open_linking`; the server may run meanwhile, and what is done here counts there at once."""

    def __init__(self, settings: Settings, database: Database) -> None:
        clock = SystemClock()
        self._data_dir = settings.data_dir
        self._links = Links.of(settings.public_url, settings.data_dir)
        self._runs = RunStore(database, clock, SystemIds())
        self._list = RunListStore(database)
        self._audit = AuditStore(database, clock)

    async def show(self, name: str) -> dict[str, str]:
        """What for → link; `name` is a run's id or "owner/name". Raises `StoreError`."""
        if "/" in name:
            repo = await self._repo(name)
            return {"list": self._links.list_url(repo), "badge": self._links.badge_url(repo)}
        await self._repo_of(name)
        return {"run": self._links.url(name, None)}

    async def revoke(self, name: str, by: str) -> dict[str, str]:
        """Makes what was given out so far worthless; the new links. Raises `StoreError`."""
        is_repo = "/" in name
        repo = await self._repo(name) if is_repo else await self._repo_of(name)
        run_id = "" if is_repo else name
        revoke(self._data_dir, f"repo:{repo.key}" if is_repo else f"run:{run_id}")
        await self._audit.write([_line(REVOKED, by, repo.key, run_id)])
        if run_id:
            await self._runs.publish_again(run_id)
        return await self.show(name)

    async def rotate(self, by: str) -> None:
        make_key(self._data_dir / KEY_FILE)
        await self._audit.write([_line(ROTATED, by)])

    async def _repo(self, name: str) -> Repo:
        forge, path = with_forge(name)
        repo = await self._list.repo(path, forge)
        if repo is None:
            raise StoreError(f"ci-bot has not seen a repository {name} yet; {UNSEEN}")
        return repo

    async def _repo_of(self, run_id: str) -> Repo:
        run = await self._runs.run(run_id)
        if run is None:
            raise StoreError(
                f"there is no run {run_id} here; its id stands in its page's address, after /runs/"
            )
        return run.repo


def _line(action: str, by: str, repo_key: str = "", run: str = "") -> AuditLine:
    """Who may read the server's keys is its operator; a forge's account is not known here."""
    return AuditLine(action, Actor(0, by), Permission.ADMIN, repo_key, run=run)


@asynccontextmanager
async def open_linking(settings: Settings) -> AsyncIterator[Linking]:
    """Raises `StoreError`."""
    if is_missing(settings):
        raise StoreError(f"there is no {DATABASE} in {settings.data_dir}; set data_dir in ci-bot.toml")
    database = await Database.open(settings.database, migrate=False)
    try:
        yield Linking(settings, database)
    finally:
        await database.close()
