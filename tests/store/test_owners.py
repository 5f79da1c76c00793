"""Whose a repository is: where a forge tells the owner with everything, another owner locks its secrets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ci_bot.core.decisions import Decision, SeeRepo
from ci_bot.core.events import Repo
from tests.make import REPO
from tests.stores import Store

GITLAB = replace(REPO, forge="gitlab", name="acme/shop", tenant="acme")


async def seen(store: Store, repo: Repo, *, locked: bool = False) -> bool:
    """Whether the repository's secrets are locked now."""
    await store.decisions.commit(Decision("seen", repos=(SeeRepo(repo, locked=locked),)), None)
    return await store.secrets.is_locked(repo.key)


@pytest.mark.parametrize(
    ("repo", "moved", "locks"),
    [
        (GITLAB, replace(GITLAB, name="acme/tools/shop"), False),
        (GITLAB, replace(GITLAB, name="umbrella/shop", tenant="umbrella"), True),
        (REPO, replace(REPO, tenant="43"), False),  # the App was removed there, and installed again
    ],
)
async def test_a_change_of_owner_locks_until_it_is_unlocked(
    store: Store, repo: Repo, moved: Repo, locks: bool
) -> None:
    assert not await seen(store, repo)
    assert await seen(store, moved) is locks
    assert await seen(store, moved) is locks
    await store.secrets.unlock(repo.key)
    assert not await seen(store, moved)
    assert await seen(store, moved, locked=True)
