"""`ci-bot backup` and `ci-bot restore` as an operator types them."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from ci_bot.core.convergence import Published, is_unknown
from ci_bot.settings import Settings
from ci_bot.store import Database
from ci_bot.wiring.files import instance_of
from ci_bot.wiring.kept import rest_keys, sealing_keys
from tests.cli.conftest import Ask
from tests.make import creating, new_run
from tests.postgres import Cluster, name_of
from tests.stores import open_store


@pytest.fixture
async def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory as a server leaves it."""
    data = tmp_path / "data"
    data.mkdir()
    monkeypatch.setenv("CI_BOT_DATA_DIR", str(data))
    settings = Settings(data_dir=data)
    await (await Database.open(settings.database)).close()
    sealing_keys(settings)
    rest_keys(settings)
    instance_of(data)
    (data / "links.key").write_bytes(b"k" * 32)
    for step in (0, 1):
        log = data / "logs" / "job1" / f"{step}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_bytes(b"hello\n" * 10)
    (data / "logs" / "job1" / "0.end").touch()
    (data / "mirrors").mkdir()
    return data


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_backup_names_what_it_leaves_out_and_restores_the_rest(
    ask: Ask, data: Path, tmp_path: Path
) -> None:
    target = tmp_path / "b.tar.zst"
    saved = ask("backup", str(target))
    assert saved.code == 0, saved.err
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert f"- key: {data / 'secrets.key'}" in saved.out
    assert "the App's private key" in saved.out
    assert "database: 100 %" in saved.err
    restored = ask("restore", str(target), "--into", str(tmp_path / "new"))
    assert restored.code == 0, restored.err
    assert files(tmp_path / "new") == {
        "ci-bot.db", "instance", "logs/job1/0.log", "logs/job1/0.end", "logs/job1/1.log"
    }  # fmt: skip
    assert "every hash as it was" in restored.out
    assert "rotate-key --lost" in restored.out
    assert (tmp_path / "new" / "instance").read_text() == (data / "instance").read_text()


def test_keys_and_settings_come_only_when_asked_for(
    ask: Ask, data: Path, here: Path, tmp_path: Path
) -> None:
    (here / "ci-bot.toml").write_text("port = 9000\n")
    target = tmp_path / "b.tar.zst"
    assert "settings:" in ask("backup", "--without-logs", str(target)).out
    assert ask("backup", "--without-logs", "--with-keys", f"{target}.2").code == 0
    restored = ask("restore", f"{target}.2", "--into", str(tmp_path / "new"))
    assert files(tmp_path / "new") == {
        "ci-bot.db", "instance", "sealing.key", "secrets.key", "links.key", "ci-bot.toml"
    }  # fmt: skip
    assert "settings as they were" in restored.out
    assert (tmp_path / "new" / "secrets.key").read_bytes() == (data / "secrets.key").read_bytes()


def test_nothing_is_overwritten(ask: Ask, data: Path, tmp_path: Path) -> None:
    target = tmp_path / "b.tar.zst"
    ask("backup", str(target))
    again = ask("backup", str(target))
    assert (again.code, again.words) == (
        2,
        f"ci-bot: {target} is there already; give another name, or remove it",
    )
    full = ask("restore", str(target), "--into", str(data))
    assert full.code == 2
    assert "is not empty; restore into a new directory" in full.words


def test_what_is_damaged_or_newer_is_refused_and_leaves_nothing(
    ask: Ask, data: Path, tmp_path: Path
) -> None:
    target = tmp_path / "b.tar.zst"
    ask("backup", str(target))
    content = bytearray(target.read_bytes())
    content[len(content) // 2] ^= 1
    target.write_bytes(content)
    broken = ask("restore", str(target), "--into", str(tmp_path / "new"))
    assert broken.code == 2
    assert not (tmp_path / "new").exists()

    with closing(sqlite3.connect(data / "ci-bot.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    target.unlink()
    ask("backup", str(target))
    newer = ask("restore", str(target), "--into", str(tmp_path / "new"))
    assert newer.code == 2
    assert "schema 9999" in newer.err
    assert "upgrade ci-bot first" in newer.err
    assert not (tmp_path / "new").exists()


def test_an_empty_directory_that_is_there_is_filled_and_kept(
    ask: Ask, data: Path, tmp_path: Path
) -> None:
    ask("backup", str(tmp_path / "b.tar.zst"))
    (tmp_path / "new").mkdir()
    assert ask("restore", str(tmp_path / "nosuch"), "--into", str(tmp_path / "new")).code == 2
    assert ask("restore", str(tmp_path / "b.tar.zst"), "--into", str(tmp_path / "new")).code == 0


def test_with_postgresql_the_database_is_its_own_tools_business(
    ask: Ask, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI_BOT_DATABASE_URL", "postgresql+asyncpg://ci@db/ci")
    saved = ask("backup", str(tmp_path / "b.tar.zst"))
    assert "pg_dump" in saved.out
    restored = ask("restore", str(tmp_path / "b.tar.zst"), "--into", str(tmp_path / "new"))
    assert "pg_restore" in restored.out
    assert "ci-bot restore --database-restored" in restored.out
    assert "ci-bot.db" not in files(tmp_path / "new")


def test_of_a_database_that_its_own_tools_brought_back_what_was_shown_is_doubted(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres: Cluster
) -> None:
    async def show_two() -> None:
        async with open_store(filled) as store:
            await store.decisions.commit(creating(new_run()), None)
            (subject,) = await store.publications.due(1)
            for number, is_final in enumerate((True, False)):
                shown = Published(
                    f"c{number}", 1, "check:5", sent=True, accepted="x", is_final=is_final
                )
                await store.publications.save(subject.id, shown)

    async def doubted() -> list[str]:
        async with open_store(back) as store:
            (subject,) = await store.publications.due(1)
            known = await store.publications.known(subject.id)
        return [name for name, shown in known.items() if is_unknown(shown)]

    filled, back = asyncio.run(postgres.fresh()), asyncio.run(postgres.empty())
    asyncio.run(show_two())
    monkeypatch.setenv("CI_BOT_DATABASE_URL", back)
    early = ask("restore", "--database-restored")
    assert (early.code, "is empty; bring it back with pg_restore first" in early.words) == (2, True)
    dump = str(tmp_path / "ci-bot.dump")
    postgres.tool("pg_dump", "--format=custom", "--dbname", name_of(filled), "--file", dump)
    postgres.tool("pg_restore", "--dbname", name_of(back), dump)
    done = ask("restore", "--database-restored")
    assert (done.code, done.out) == (
        0,
        "1 check will be looked up on the forge before an update; start the server\n",
    )
    assert asyncio.run(doubted()) == ["c1"]
    assert ask("restore", "--database-restored", dump).code == 2
    monkeypatch.delenv("CI_BOT_DATABASE_URL")
    assert "is for PostgreSQL" in ask("restore", "--database-restored").words


def test_where_no_server_was_it_says_so(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI_BOT_DATA_DIR", str(tmp_path / "nothing"))
    answer = ask("backup", str(tmp_path / "b.tar.zst"))
    assert answer.code == 2
    assert "run this where the server runs" in answer.words
    assert not (tmp_path / "b.tar.zst").exists()
