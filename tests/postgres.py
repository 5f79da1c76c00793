"""A PostgreSQL cluster of the tests' own: made in a second, reached by a socket, gone at the end."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from ci_bot.store import Database
from ci_bot.store.schema import metadata

REQUIRED = "CI_BOT_REQUIRE_POSTGRESQL"
USER = "ci"
READY_SECONDS = 30
#: A crash of a test's cluster loses nothing that anybody wants.
FAST = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "autovacuum=off")
#: The order of an ordinary installation, which is not that of bytes, as in SQLite.
LOCALE = ("--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US")


@cache
def binaries() -> Path | None:
    """Where `initdb` and `postgres` are; Debian puts them on nobody's PATH."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda place: int(place.parent.name))
    found = shutil.which("initdb")
    places += [Path(found).resolve().parent] if found else []
    return next((place for place in places[::-1] if (place / "initdb").exists()), None)


def require_postgresql() -> None:
    """Skips the test where there is no PostgreSQL, or fails it where there must be one."""
    if binaries() is not None:
        return
    reason = "no PostgreSQL here (apt-get install postgresql)"
    if os.environ.get(REQUIRED):
        pytest.fail(f"{REQUIRED} is set, but there is {reason}", pytrace=False)
    pytest.skip(reason)


def name_of(url: str) -> str:
    """The database's, for its own tools."""
    return str(make_url(url).database)


@dataclass
class Cluster:
    """Databases on one server process, each a copy of one that was migrated once."""

    socket: Path  # the directory of it
    process: subprocess.Popen[bytes]
    _numbers: Iterator[int] = field(default_factory=count)
    _has_template: bool = False
    _emptied: str = ""

    def url(self, name: str) -> str:
        return f"postgresql+asyncpg://{USER}@/{name}?host={self.socket}"

    async def empty(self) -> str:
        """The URL of a database without tables."""
        name = f"empty{next(self._numbers)}"
        await self.run(f"CREATE DATABASE {name}")
        return self.url(name)

    async def fresh(self) -> str:
        """The URL of a database with today's schema."""
        if not self._has_template:
            await self.run("CREATE DATABASE migrated")
            await (await Database.open(self.url("migrated"))).close()
            self._has_template = True
        name = f"fresh{next(self._numbers)}"
        await self.run(f"CREATE DATABASE {name} TEMPLATE migrated")
        return self.url(name)

    async def emptied(self) -> str:
        """The same, and the cheapest: always the same one. What the last test left in it is gone."""
        if not self._emptied:
            self._emptied = await self.fresh()
            return self._emptied
        rows = "; ".join(f"DELETE FROM {table.name}" for table in metadata.sorted_tables[::-1])
        await self.run(f"SET session_replication_role = replica; {rows}", self._emptied)
        return self._emptied

    async def run(self, statements: str, url: str = "") -> None:
        name = name_of(url) if url else "postgres"
        connection = await asyncpg.connect(host=str(self.socket), user=USER, database=name)
        try:
            await connection.execute(statements)
        finally:
            await connection.close()

    async def cut_all(self) -> None:
        """Ends every session, as a server does that is restarted."""
        await self.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        )

    def tool(self, name: str, *words: str) -> None:
        """`pg_dump` and the like, as an operator calls them; what it says is shown if it fails."""
        where = ["--host", str(self.socket), "--username", USER]
        subprocess.run([_bin(name), *where, *words], check=True, capture_output=True, text=True)


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    home = Path(tempfile.mkdtemp(prefix="ci-bot-pg-"))  # short: a socket's path has 107 bytes
    as_user = _as_ordinary_user(home)
    try:
        init = [
            _bin("initdb"),
            "-D",
            str(home / "data"),
            "-U",
            USER,
            "-A",
            "trust",
            "--no-sync",
            *LOCALE,
        ]
        done = subprocess.run([*as_user, *init], capture_output=True, text=True, cwd=home, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        options = [*FAST, "listen_addresses=", f"unix_socket_directories={home}", "shared_buffers=16MB"]
        with (home / "log").open("wb") as log:
            process = subprocess.Popen(
                [*as_user, _bin("postgres"), "-D", str(home / "data")]
                + [word for option in options for word in ("-c", option)],
                stdout=log, stderr=log, cwd=home,
            )  # fmt: skip
        try:
            cluster = Cluster(home, process)
            _wait_until_it_answers(cluster)
            yield cluster
        finally:
            process.send_signal(signal.SIGQUIT)  # at once: nothing of it is wanted any more
            process.wait(READY_SECONDS)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _bin(name: str) -> str:
    found = binaries()
    assert found is not None, "require_postgresql() first"
    return str(found / name)


def _as_ordinary_user(home: Path) -> list[str]:
    """PostgreSQL refuses to be root. With its parent it ends, however that ended."""
    words = ["setpriv", "--pdeathsig=QUIT"]
    if os.geteuid() != 0:
        return words
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    who = names.get("postgres") or names["nobody"]
    os.chown(home, who.pw_uid, who.pw_gid)
    return [*words, f"--reuid={who.pw_uid}", f"--regid={who.pw_gid}", "--clear-groups"]


def _wait_until_it_answers(cluster: Cluster) -> None:
    for _ in range(READY_SECONDS * 50):
        assert cluster.process.poll() is None, (cluster.socket / "log").read_text()
        ready = [_bin("pg_isready"), "--quiet", "--host", str(cluster.socket)]
        if subprocess.run(ready, check=False).returncode == 0:
            return
        time.sleep(0.02)
    raise AssertionError((cluster.socket / "log").read_text())
