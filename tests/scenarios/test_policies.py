"""What the operator's `[[trust]]` tables let outsiders and Apps start, from ci-bot.toml to the check."""

from __future__ import annotations

import time
from typing import Any

import aiohttp
import jwt

from tests.canary import CANARY
from tests.forge_sim.client import Person
from tests.scenarios.operating import cli, set_policy
from tests.scenarios.speaking import replies, says
from tests.scenarios.world import PASSING, World

#: Asks for a secret, says whether it came, and asks for none beside it.
USES = """\
jobs:
  plain:
    steps: [echo plain]
  uses:
    steps:
      - run: test -n "$TOKEN"
        secrets: [TOKEN]
"""


async def _forked(world: World, ci_yaml: str = PASSING) -> None:
    await world.make_repo(ci_yaml, private=False)
    await world.check(await world.push("main", warm="1"))
    await world.forge.fork(world.repo, "mallory")


async def _brought(world: World, branch: str, ci_yaml: str = PASSING) -> tuple[int, str]:
    """A pull request of mallory's from a branch of her fork."""
    files: dict[str, str | None] = {".ci.yaml": ci_yaml, branch: "1"}
    sha = await world.forge.push("mallory/shop", branch, files, by="mallory")
    return await world.open_pull(f"mallory:{branch}", by="mallory"), sha


async def _gets_no_secret(world: World, sha: str) -> None:
    """The jobs run; the step that names a secret is refused it, and nobody is told a value."""
    assert (await world.check(sha, "ci-bot / plain"))["conclusion"] == "success"
    uses = await world.check(sha, "ci-bot / uses")
    assert uses["conclusion"] == "failure"
    assert "this run gets no secrets" in uses["output"]["text"]
    assert "secret TOKEN" not in cli(world, "audit", "--repo", world.repo)


async def test_first_time_asks_once_for_each_author(own_world: World) -> None:
    world = own_world
    set_policy(world, outsiders="first-time")
    await _forked(world)
    cli(world, "secret", "set", "TOKEN", "--repo", world.repo, value=CANARY)
    number, first = await _brought(world, "one")
    assert (await world.check(first))["conclusion"] == "action_required"
    await says(world, number, f"/approve {first}")
    assert (await world.check(first, conclusion="success"))["conclusion"] == "success"
    _, second = await _brought(world, "two", USES)
    await _gets_no_secret(world, second)


async def test_without_secrets_runs_outsiders_at_once_and_gives_them_nothing(own_world: World) -> None:
    world = own_world
    set_policy(world, outsiders="without-secrets")
    await _forked(world)
    cli(world, "secret", "set", "TOKEN", "--repo", world.repo, value=CANARY)
    number, sha = await _brought(world, "one", USES)
    await _gets_no_secret(world, sha)
    await says(world, number, f"/approve {sha}")
    assert (await world.check(sha, conclusion="success"))["conclusion"] == "success"
    assert "secret TOKEN" in cli(world, "audit", "--repo", world.repo)


async def test_never_runs_nothing_whoever_approves(own_world: World) -> None:
    world = own_world
    set_policy(world, outsiders="never")
    await _forked(world)
    number, sha = await _brought(world, "one")
    gate = await world.check(sha)
    assert gate["conclusion"] == "action_required"
    assert "runs nothing for people without write access" in gate["output"]["title"]
    assert "/approve" not in gate["output"]["summary"]
    await says(world, number, f"/approve {sha}")
    (reply,) = await replies(world, number)
    assert "no approval changes that" in reply
    await world.settled()
    assert await world.ended(sha) == {"ci-bot": "action_required"}
    assert world.containers() == []


async def _renovate(world: World) -> tuple[int, str]:
    """A pull request of an App that pushes to the repository itself; its head."""
    bot = f"renovate-{world.org}"
    app = await world.forge.app(bot, permissions={"contents": "write", "pull_requests": "write"})
    await world.make_repo(PASSING)
    await world.check(await world.push("main", warm="1"))
    cli(world, "secret", "set", "TOKEN", "--repo", world.repo, value=CANARY)
    token = await _token(world, app)
    world.forge.people[bot] = Person("x-access-token", app["bot_id"], token)
    sha = await world.push("renovate/all", by=bot, ci_yaml=USES)
    return await world.open_pull("renovate/all", by=bot), sha


async def _token(world: World, app: dict[str, Any]) -> str:
    """An installation token, as any App gets one."""
    installation = await world.forge.install(app["id"], world.org)
    now = int(time.time())
    claims = {"iat": now - 60, "exp": now + 300, "iss": str(app["id"])}
    headers = {"Authorization": "Bearer " + jwt.encode(claims, app["private_key"], "RS256")}
    url = f"{world.forge.url}/api/v3/app/installations/{installation}/access_tokens"
    async with aiohttp.ClientSession() as session, session.post(url, headers=headers) as answer:
        assert answer.status == 201, await answer.text()
        return str((await answer.json())["token"])


async def test_by_default_apps_run_without_secrets(own_world: World) -> None:
    _, sha = await _renovate(own_world)
    await _gets_no_secret(own_world, sha)


async def test_apps_that_the_operator_trusts_get_secrets(own_world: World) -> None:
    set_policy(own_world, bots="run")
    _, sha = await _renovate(own_world)
    assert (await own_world.check(sha))["conclusion"] == "success"
    assert "secret TOKEN" in cli(own_world, "audit", "--repo", own_world.repo)


async def test_apps_that_wait_for_a_person(own_world: World) -> None:
    world = own_world
    set_policy(world, bots="approve")
    number, sha = await _renovate(world)
    gate = await world.check(sha)
    assert gate["conclusion"] == "action_required"
    assert "is a bot, and its commits wait for a person here" in gate["output"]["title"]
    assert world.containers() == []
    await says(world, number, f"/approve {sha}")
    assert (await world.check(sha, conclusion="success"))["conclusion"] == "success"
