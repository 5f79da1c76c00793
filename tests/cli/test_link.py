"""`ci-bot link`: links shown, taken back one by one, and all at once."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from ci_bot.links import Links
from tests.cli.conftest import Ask
from tests.make import REPO, creating, new_run
from tests.stores import open_store


def stored() -> tuple[Path, str]:
    data = Path(os.environ["CI_BOT_DATA_DIR"])
    data.mkdir(parents=True, exist_ok=True)

    async def make() -> str:
        async with open_store(f"sqlite+aiosqlite:///{data / 'ci-bot.db'}") as store:
            (run_id,) = await store.decisions.commit(creating(new_run()), None)
            return run_id

    return data, asyncio.run(make())


def test_a_revoked_link_is_dead_at_once_and_the_new_one_is_printed(ask: Ask) -> None:
    data, run_id = stored()
    links = Links.of("http://127.0.0.1:8080", data)  # as the server has them open
    first = ask("link", "show", run_id)
    assert first.out.strip() == links.url(run_id, None)
    key = first.out.strip().partition("key=")[2]
    second = ask("link", "revoke", run_id)
    assert second.out != first.out
    assert not links.is_signed(run_id, key)
    assert second.out.strip() == links.url(run_id, None)
    assert "link revoked" in ask("audit").out


def test_a_repositorys_links_are_revoked_together_and_no_runs(ask: Ask) -> None:
    data, run_id = stored()
    links = Links.of("http://127.0.0.1:8080", data)
    run, shown = links.url(run_id, None), ask("link", "show", REPO.name).out
    assert links.list_url(REPO) in shown
    assert links.badge_url(REPO) in shown
    ask("link", "revoke", REPO.name)
    assert links.list_url(REPO) not in shown
    assert links.badge_url(REPO) not in shown
    assert links.url(run_id, None) == run


def test_after_a_rotation_every_link_is_dead(ask: Ask) -> None:
    data, run_id = stored()
    links = Links.of("http://127.0.0.1:8080", data)
    old = links.sign(run_id)
    assert ask("link", "rotate", "--yes").code == 0
    assert not links.is_signed(run_id, old)


def test_what_is_not_there_is_told_in_one_line(ask: Ask) -> None:
    stored()
    assert ask("link", "show", "nosuch").code == 2
    assert "there is no run nosuch here" in ask("link", "revoke", "nosuch").words
    assert "has not seen a repository acme/nosuch" in ask("link", "show", "acme/nosuch").words
