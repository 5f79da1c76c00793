"""What PostgreSQL does otherwise than SQLite: other processes, servers that are not there, text that it refuses."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import insert, select, text, update

from ci_bot.core.errors import AnotherServer, StoreError
from ci_bot.core.states import Change
from ci_bot.store import Database, InboxStore, OneServer
from ci_bot.store.rows import _load_jobs
from ci_bot.store.schema import repositories
from tests.fakes import FakeClock
from tests.make import REPO, creating, job, new_run, plan
from tests.postgres import Cluster
from tests.store.test_inbox import delivery
from tests.stores import open_store


async def test_processes_that_read_before_they_write_take_turns(postgres: Cluster) -> None:
    url = await postgres.fresh()
    servers = [await Database.open(url) for _ in range(2)]
    async with servers[0].write() as connection:
        await connection.execute(
            insert(repositories).values(
                key=REPO.key, forge="github", forge_id=0, name="x", default_branch="main",
                private=True, tenant="1", first_seen=0, locked=False, gone=False,
            )
        )  # fmt: skip

    async def increment(server: Database) -> None:
        async with server.write() as connection:
            value = (await connection.execute(select(repositories.c.forge_id))).scalar_one()
            await connection.execute(update(repositories).values(forge_id=value + 1))

    await asyncio.gather(*(increment(server) for server in servers * 10))
    async with servers[1].read() as connection:
        assert (await connection.execute(select(repositories.c.forge_id))).scalar_one() == 20
    for server in servers:
        await server.close()


async def test_two_servers_migrate_an_empty_database_once(postgres: Cluster) -> None:
    url = await postgres.empty()
    for server in await asyncio.gather(Database.open(url), Database.open(url)):
        await server.ping()
        await server.close()


async def test_a_process_that_stands_still_while_it_writes_is_put_out(postgres: Cluster) -> None:
    database = await Database.open(await postgres.fresh())
    setting = text("SELECT current_setting('idle_in_transaction_session_timeout')")
    async with database.write() as connection:
        assert (await connection.execute(setting)).scalar_one() == "10s"
    async with database.read() as connection:  # in the same session: it was for one write
        assert (await connection.execute(setting)).scalar_one() == "0"
    await database.close()


async def test_a_reader_sees_one_moment(postgres: Cluster) -> None:
    database = await Database.open(await postgres.fresh())
    inbox = InboxStore(database, FakeClock())
    count = text("SELECT count(*) FROM deliveries")
    async with database.read() as connection:
        assert (await connection.execute(count)).scalar_one() == 0
        await inbox.put(delivery())
        assert (await connection.execute(count)).scalar_one() == 0
    await database.close()


async def test_all_text_has_the_order_of_bytes(postgres: Cluster) -> None:
    """By which pages of runs go on, and keys are looked up by their beginning; a new column needs it, too."""
    database = await Database.open(await postgres.fresh())
    query = text(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' AND "
        "table_name <> 'alembic_version' AND (data_type = 'character varying' OR "
        "data_type = 'text' AND collation_name IS DISTINCT FROM 'C')"
    )
    async with database.read() as connection:
        assert (await connection.execute(query)).all() == []
    await database.close()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql+asyncpg://ci:pass@127.0.0.1:1/x", r"ci:\*\*\*@127.0.0.1:1/x cannot be opened: .*failed"),
        ("postgresql+asyncpg://ci@/x?host=/nowhere", "cannot be opened"),
        ("postgresql+asyncpg://ci@/nosuch?host={socket}", 'database "nosuch" does not exist'),
        ("postgresql+asyncpg://eve@/postgres?host={socket}", 'role "eve" does not exist'),
        ("postgresql://ci@/x", r"pip install ci-bot\[postgresql\]` and a URL like postgresql\+asyncpg:"),
    ],
)  # fmt: skip
async def test_what_cannot_be_opened_is_told_in_words(postgres: Cluster, url: str, words: str) -> None:
    with pytest.raises(StoreError, match=words):
        await Database.open(url.format(socket=postgres.socket))


async def test_a_connection_that_was_cut_costs_one_write_at_most(postgres: Cluster) -> None:
    database = await Database.open(await postgres.fresh())
    with pytest.raises(StoreError, match="the database failed"):
        async with database.write() as connection:
            await postgres.cut_all()
            await connection.execute(text("SELECT 1"))
    await database.ping()
    await postgres.cut_all()
    await database.ping()
    await database.close()


async def test_one_server_works_on_a_database_and_the_next_is_told_which(postgres: Cluster) -> None:
    url = await postgres.fresh()
    first, second = await Database.open(url), await Database.open(url)
    one, other = OneServer(first, "one"), OneServer(second, "two")
    await one.take()
    with pytest.raises(AnotherServer, match=r"\(ci-bot one, from this machine\); stop it first"):
        await other.take()
    await one.close()
    await other.take()
    for part in (other, first, second):
        await part.close()


async def test_a_dead_process_of_the_same_instance_is_put_out(postgres: Cluster) -> None:
    url = await postgres.fresh()
    dead, alive = await Database.open(url), await Database.open(url)
    left = OneServer(dead, "one")
    await left.take()
    successor = OneServer(alive, "one")
    await successor.take()
    with pytest.raises(AnotherServer):
        await OneServer(alive, "two").take()
    for part in (left, successor, dead, alive):
        await part.close()


async def test_a_server_whose_session_was_cut_goes_on_or_ends_where_another_has_taken_over(
    postgres: Cluster,
) -> None:
    url = await postgres.fresh()
    first, second = await Database.open(url), await Database.open(url)
    one, other = OneServer(first, "one", 0.01), OneServer(second, "two", 0.01)
    await one.take()
    keeping = asyncio.create_task(one.keep())
    await postgres.cut_all()

    async def is_taken_again() -> bool:
        try:
            await other.take()
        except AnotherServer:
            return True
        except StoreError:  # a connection of its pool, which was cut as well
            return False
        await other.close()
        return False

    async with asyncio.timeout(20):
        while not await is_taken_again():
            await asyncio.sleep(0.01)
    keeping.cancel()
    await asyncio.wait({keeping})

    await postgres.cut_all()
    await second.ping()
    await other.take()
    with pytest.raises(AnotherServer, match="ci-bot two"):
        await asyncio.wait_for(one.keep(), 20)
    for part in (one, other, first, second):
        await part.close()


async def test_jobs_that_end_in_two_processes_at_once_release_what_waits_for_both(
    postgres: Cluster,
) -> None:
    """Either would see the other one unfinished, and the third would wait for ever."""
    url = await postgres.fresh()
    async with open_store(url) as here, open_store(url) as there:
        for number in range(8):
            wanted = plan(job("a"), job("b"), job("c", needs=("a", "b")))
            new = new_run(f"{number:040x}", plan=wanted)
            (run_id,) = await here.decisions.commit(creating(new), None)
            asked = [(here, "one/p"), (there, "two/p")] * 2
            claims = await asyncio.gather(*(each.runs.claim(who, 30) for each, who in asked))
            held = {claim.job.key: claim.lease for claim in claims if claim is not None}
            assert sorted(claim.job.key for claim in claims if claim is not None) == ["a", "b"]
            await asyncio.gather(
                here.runs.end_job(held["a"], Change.SUCCEED, ""),
                there.runs.end_job(held["b"], Change.SUCCEED, ""),
            )
            last = await here.runs.claim("one/p", 30)
            assert last is not None
            assert (last.run.id, last.job.key) == (run_id, "c")
            await here.runs.end_job(last.lease, Change.SUCCEED, "")


async def test_more_runs_than_one_query_takes_arguments_are_loaded(postgres: Cluster) -> None:
    """PostgreSQL counts them in 16 bits."""
    async with open_store(await postgres.fresh()) as store:
        (run_id,) = await store.decisions.commit(creating(new_run()), None)
        async with store.database.read() as connection:
            ids = [*(f"r{number}" for number in range(33_000)), run_id]
            assert list(await _load_jobs(connection, ids, latest_only=True)) == [run_id]
