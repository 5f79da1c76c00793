"""The repositories on disk, asked without the server."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.forge_sim.git import GitStore
from tests.forge_sim.gitwrite import commit_files
from tests.forge_sim.state import Account


async def test_more_repositories_than_open_readers(tmp_path: Path) -> None:
    store = GitStore(tmp_path)
    store.prepare()
    author = Account(1, "alice", "User")
    numbers = range(60)
    for number in numbers:
        store.create(number, "main")
        await commit_files(store, number, "main", {"n": str(number)}, "one", author)
    found = await asyncio.gather(*(store.read(n, "main:n") for n in [*numbers, *numbers]))
    await store.close()
    assert [int(one[2]) for one in found if one] == [*numbers, *numbers]


async def test_hostile_revisions_name_nothing(tmp_path: Path) -> None:
    store = GitStore(tmp_path)
    store.prepare()
    store.create(1, "main")
    for spec in ("", "main\ncontents HEAD", "--help", "main:../../x", "no such thing"):
        assert await store.read(1, spec) is None
    await store.close()
