"""Whoever got a link and should not have it: the operator takes it back, and the forge shows the new one."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import aiohttp

from tests.scenarios.operating import cli
from tests.scenarios.world import World

TWO = """\
jobs:
  test:
    steps:
      - {name: quick, run: head -c 30000000 /dev/zero | tail -c 1}
      - {name: bad, run: exit 3}
"""


async def status(url: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status


def key(url: str) -> str:
    return parse_qs(urlsplit(url).query)["key"][0]


async def test_after_a_link_is_revoked_the_checks_are_published_anew_with_the_new_one(
    world: World,
) -> None:
    await world.make_repo()
    sha = await world.push("main", ci_yaml=TWO)
    before = {name: await world.check(sha, name) for name in ("ci-bot", "ci-bot / test")}
    used = before["ci-bot / test"]["output"]["summary"]
    assert "| CPU |" in used  # the peak of memory too, where the kernel counts it
    run = urlsplit(before["ci-bot"]["details_url"]).path.split("/")[2]
    assert await status(before["ci-bot"]["details_url"]) == 200

    printed = cli(world, "link", "revoke", run).strip()
    assert await status(before["ci-bot"]["details_url"]) == 404
    for name, old in before.items():
        new = await world.check(sha, name, after=old["id"])
        assert new["conclusion"] == old["conclusion"] == "failure"
        assert key(new["details_url"]) == key(printed)
        assert await status(new["details_url"]) == 200
        assert key(old["details_url"]) not in str(new["output"])
    assert await world.forge.violations() == []
