"""Tokens in the database: found by their hash, for what is served, until they are revoked."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import text

from ci_bot.core.decisions import AuditLine, Decision, ForgetRepo, SeeRepo
from ci_bot.core.events import Actor, Permission
from ci_bot.core.tokens import TokenScope, digest
from ci_bot.ports import AuditFilter
from tests.make import REPO, token
from tests.store.conftest import Store

OTHER = replace(REPO, id=8, name="acme/other")
LINE = AuditLine("token", Actor(0, "root"), Permission.ADMIN, REPO.key, name="alice", detail="made")


@pytest.fixture
async def made(store: Store) -> Store:
    """With a token for both repositories."""
    await store.decisions.commit(Decision("seen", repos=(SeeRepo(REPO), SeeRepo(OTHER))), None)
    assert await store.tokens.create(token("secret", repos=(REPO.key, OTHER.key)), [LINE]) == ""
    return store


async def repos(store: Store) -> tuple[str, ...]:
    found = await store.tokens.by_hash(digest("secret"))
    assert found is not None
    return tuple(sorted(found.repos))


async def test_a_token_is_found_by_its_hash_and_by_nothing_else(made: Store) -> None:
    found = await made.tokens.by_hash(digest("secret"))
    assert found == token("secret", repos=(REPO.key, OTHER.key))
    assert await made.tokens.by_id("t1") == found
    assert await made.tokens.by_hash("secret") is None
    assert await made.tokens.by_hash(digest("other")) is None
    async with made.database.read() as connection:
        (row,) = (await connection.execute(text("SELECT * FROM tokens"))).all()
    assert "secret" not in str(row)


async def test_what_is_made_and_revoked_is_in_the_audit(made: Store) -> None:
    await made.tokens.revoke("t1", [replace(LINE, detail="revoked")])
    await made.tokens.revoke("t1", [replace(LINE, detail="twice")])
    lines = [line for _, line in await made.audit.newest(10, AuditFilter(repo=REPO.key))]
    assert [line.detail for line in lines] == ["revoked", "made"]


async def test_a_revoked_token_says_so_and_frees_its_name(made: Store) -> None:
    again = token("new", id="t2", scope=TokenScope.READ)
    assert "already" in await made.tokens.create(again, [])
    assert await made.tokens.by_hash(digest("new")) is None
    made.clock.time += 5
    await made.tokens.revoke("t1", [])
    found = await made.tokens.by_hash(digest("secret"))
    assert found is not None
    assert found.revoked_at == made.clock.now()
    assert await made.tokens.create(again, []) == ""
    assert [each.id for each in await made.tokens.listed()] == ["t2"]


async def test_a_repository_that_is_given_up_or_has_a_new_owner_is_not_seen(made: Store) -> None:
    assert await repos(made) == (REPO.key, OTHER.key)
    gone = ForgetRepo(REPO.forge, REPO.id, None)
    await made.decisions.commit(Decision("gone", repos=(gone,)), None)
    assert await repos(made) == (OTHER.key,)
    await made.decisions.commit(Decision("moved", repos=(SeeRepo(OTHER, locked=True),)), None)
    assert await repos(made) == ()
    await made.secrets.unlock(OTHER.key)
    assert await repos(made) == (OTHER.key,)
    (listed,) = await made.tokens.listed()
    assert listed.repos == (REPO.key, OTHER.key)
    assert await made.tokens.repo_names(listed.repos) == {
        REPO.key: "acme/shop",
        OTHER.key: "acme/other",
    }


async def test_its_use_is_noted(made: Store) -> None:
    made.clock.time += 5
    await made.tokens.used(token())
    found = await made.tokens.by_id("t1")
    assert found is not None
    assert found.used_at == made.clock.now()
