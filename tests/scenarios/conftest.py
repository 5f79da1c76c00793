"""A forge and a ci-bot for all scenarios of a worker, and a fresh organisation for each of them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from dev.images import ensure_images
from dev.recipes import BUSYBOX, GIT, GIT_1000, GIT_RANDOM, NO_SHELL, RECORDER
from tests.conftest import engine_problem
from tests.forge_sim.client import ForgeClient
from tests.preloaded import shared
from tests.rig import DESCRIPTION, Bot, make_bot, running_forge
from tests.scenarios.world import World, leave_nothing
from tests.stores import put_empty_database


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/scenarios/" in item.nodeid:
            item.add_marker(pytest.mark.docker)


@pytest.fixture(scope="session")
def images() -> None:
    if not engine_problem():
        ensure_images([BUSYBOX, GIT, GIT_1000, GIT_RANDOM, NO_SHELL, RECORDER])


@pytest.fixture(scope="session")
def forge_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The forge validates every request and every answer against GitHub's own description."""
    if not DESCRIPTION.exists():
        pytest.fail(
            "GitHub's API description is missing; dev/forge_description.sh brings it", pytrace=False
        )
    with running_forge(tmp_path_factory.mktemp("forge"), waiting=shared("forges")) as url:
        yield url


@pytest.fixture(scope="session")
def shared_bot(forge_url: str, images: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bot]:
    async def make() -> Bot:
        async with ForgeClient(forge_url) as client:
            return await _make_bot(client, tmp_path_factory.mktemp("bot"), "ci-bot")

    bot = asyncio.run(make())
    bot.start()
    yield bot
    assert bot.process.stop() == 0, bot.process.tail()
    leave_nothing(bot)


@pytest.fixture
async def world(
    forge_url: str, shared_bot: Bot, request: pytest.FixtureRequest
) -> AsyncIterator[World]:
    """An organisation of its own with ci-bot installed; whatever broke GitHub's rules fails the test."""
    async with ForgeClient(forge_url) as client:
        seen = len(await client.violations())
        world = World(client, shared_bot, org_for(request.node.name))
        await world.found()
        yield world
        await client.clear_faults()
        assert (await client.violations())[seen:] == []


@pytest.fixture
async def own_world(
    forge_url: str, images: None, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[World]:
    """The same with a ci-bot of its own, which the scenario may kill."""
    async with ForgeClient(forge_url) as client:
        seen = len(await client.violations())
        org = org_for(request.node.name)
        bot = await _make_bot(client, tmp_path, f"bot-{org}")
        bot.start()
        try:
            world = World(client, bot, org)
            await world.found()
            yield world
            await client.clear_faults()
            assert (await client.violations())[seen:] == []
        finally:
            bot.process.stop()
            leave_nothing(bot)


async def _make_bot(client: ForgeClient, home: Path, slug: str) -> Bot:
    """On an empty database: the migrations are not what a scenario is about, but for those of Monday morning."""
    bot = await make_bot(client, home, slug=slug, waiting=shared())
    data = Path(bot.env["CI_BOT_DATA_DIR"])
    data.mkdir(mode=0o700)
    await put_empty_database(data / "ci-bot.db")
    return bot


def org_for(name: str) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", name.lower().removeprefix("test_")).strip("-")
    return words[:30].strip("-") + f"-{abs(hash(name)) % 9999}"
