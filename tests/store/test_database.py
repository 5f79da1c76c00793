"""The database itself: migrations, transactions, and damage told in words."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, insert, select, text, update

from ci_bot.core.decisions import Decision, SeeRepo
from ci_bot.core.errors import StoreError
from ci_bot.ports import Delivery
from ci_bot.store import Database
from ci_bot.store.schema import NEWEST, metadata, repositories
from ci_bot.store.upgrading import known_schemas
from tests.make import REPO, creating, new_run
from tests.store.conftest import Store


async def test_the_migrations_make_exactly_the_schema(tmp_path: Path) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    database = await Database.open(f"sqlite+aiosqlite:///{tmp_path / 'ci-bot.db'}")
    async with database.read() as connection:
        assert await connection.run_sync(differences) == []
    await database.close()
    assert known_schemas()[0] == NEWEST


async def test_a_database_of_a_newer_version_is_refused_in_words(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'ci-bot.db'}"
    database = await Database.open(url)
    async with database.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await database.close()
    with pytest.raises(StoreError, match=r"a newer ci-bot .*9999.*upgrade ci-bot"):
        await Database.open(url)


async def test_concurrent_changes_that_read_before_they_write_are_not_lost(store: Store) -> None:
    async with store.database.write() as connection:
        await connection.execute(
            insert(repositories).values(
                key=REPO.key, forge="github", forge_id=0, name="x", default_branch="main",
                private=True, tenant="1", first_seen=0, locked=False, gone=False,
            )
        )  # fmt: skip

    async def increment() -> None:
        async with store.database.write() as connection:
            value = (await connection.execute(select(repositories.c.forge_id))).scalar_one()
            await asyncio.sleep(0)
            await connection.execute(update(repositories).values(forge_id=value + 1))

    await asyncio.gather(*(increment() for _ in range(20)))
    async with store.database.read() as connection:
        assert (await connection.execute(select(repositories.c.forge_id))).scalar_one() == 20


async def test_a_failed_transaction_leaves_nothing(store: Store) -> None:
    with pytest.raises(RuntimeError):
        async with store.database.write() as connection:
            await connection.execute(
                insert(repositories).values(
                    key="k", forge="github", forge_id=1, name="x", default_branch="main",
                    private=True, tenant="1", first_seen=0, locked=False, gone=False,
                )
            )  # fmt: skip
            raise RuntimeError
    async with store.database.read() as connection:
        assert (await connection.execute(select(repositories))).all() == []


async def test_a_file_that_is_no_database_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "ci-bot.db"
    path.write_bytes(b"this is not a database, and never was one\n" * 100)
    with pytest.raises(StoreError, match=r"damaged or not a database .*restore it from a backup"):
        await Database.open(f"sqlite+aiosqlite:///{path}")


async def test_a_damaged_database_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "ci-bot.db"
    database = await Database.open(f"sqlite+aiosqlite:///{path}")
    await database.close()
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(StoreError, match="damaged"):
        await Database.open(f"sqlite+aiosqlite:///{path}")


async def test_a_directory_that_is_not_there_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened: unable to open"):
        await Database.open(f"sqlite+aiosqlite:///{tmp_path / 'missing' / 'ci-bot.db'}")


async def test_what_no_database_can_hold_as_text_leaves_a_mark_and_nothing_is_lost(
    store: Store,
) -> None:
    """PostgreSQL refuses NUL, every encoder halves of surrogate pairs; and both would be tried for ever."""
    await store.inbox.put(
        Delivery("github", "d" * 300, {"x-github-event": "push"}, b"\0\xff{}", "t" * 300)
    )
    (found,) = await store.inbox.pending(1)
    assert found.delivery.body == b"\0\xff{}"
    await store.inbox.fail(found.id, "it said: \0 and \ud800", None)
    assert await store.reasons() == [("set_aside", "it said: \ufffd and \ufffd")]


async def test_numbers_of_a_forge_have_64_bits(store: Store) -> None:
    repo = replace(REPO, id=2**62)
    wanted = Decision("seen", create=(new_run(repo=repo, pull=2**40),), repos=(SeeRepo(repo),))
    (run_id,) = await store.decisions.commit(wanted, None)
    run = await store.runs.run(run_id)
    assert run is not None
    assert (run.repo.id, run.pull) == (2**62, 2**40)
    assert [subject.pull for subject in await store.publications.due(9)] == [None, 2**40]


async def test_an_owner_is_found_whatever_the_case(store: Store) -> None:
    await store.decisions.commit(creating(new_run()), None)
    assert await store.secrets.repos_named("Acme/") == [REPO]
    assert await store.secrets.repos_named("Acme/Shop") == [REPO]
    assert await store.secrets.repos_named("acme_/") == []


async def test_whoever_wants_to_know_is_told_of_each_write_and_of_nothing_else() -> None:
    told: list[str] = []
    database = await Database.open("sqlite+aiosqlite://", written=lambda: told.append("written"))
    told.clear()
    async with database.write() as connection:
        await connection.execute(text("SELECT 1"))
        assert told == []
    assert told == ["written"]
    with pytest.raises(RuntimeError):
        async with database.write():
            raise RuntimeError
    await database.ping()
    assert told == ["written"]
    await database.close()
