"""Secrets while the server is killed, while they are replaced, and after a repository changed hands."""

from __future__ import annotations

import json

from tests.canary import CANARY, files, holds_it, leaks
from tests.scenarios.operating import cli
from tests.scenarios.world import PASSING, World

NEW = "replaced-by-this-other-value-5c1e"

#: Prints what it was given before the kill and after it, and a second step prints what it gets then.
PRINTS = """\
jobs:
  test:
    steps:
      - run: |
          echo "before $TOKEN"
          sleep 6
          echo "after $TOKEN"
        secrets: [TOKEN]
      - run: |
          echo "later $TOKEN"
        secrets: [TOKEN]
"""


async def test_killed_while_a_step_has_a_secret_that_is_replaced_meanwhile(own_world: World) -> None:
    world = own_world
    await world.make_repo(PASSING)
    await world.check(await world.push("main", warm="1"))
    cli(world, "secret", "set", "TOKEN", "--repo", world.repo, value=CANARY)
    sha = await world.push("main", ci_yaml=PRINTS)
    logs = world.bot.home / "data" / "logs"
    await world.until(lambda: any(b"before" in path.read_bytes() for path in logs.rglob("0.log")))
    world.bot.process.kill()
    cli(world, "secret", "set", "TOKEN", "--repo", world.repo, value=NEW)
    assert leaks(world.bot.home) == []
    world.bot.start()
    check = await world.check(sha, "ci-bot / test")
    assert check["conclusion"] == "success", check["output"]
    log = await world.log(check)
    assert [line for line in log.splitlines() if "***" in line] == [
        "before ***",
        "after ***",
        "later ***",
    ]
    shown = await world.forge.checks(world.repo, sha, all_attempts=True)
    assert not holds_it(json.dumps(shown).encode())
    world.bot.process.stop()
    assert leaks(world.bot.home) == []
    assert not [path for path, data in files(world.bot.home) if NEW.encode() in data]


async def test_a_transferred_repository_gets_no_secret_until_its_new_owner_is_confirmed(
    own_world: World,
) -> None:
    world = own_world
    text = PRINTS.replace("          sleep 6\n", "")
    await world.make_repo(text)
    await world.settled()
    first = await world.push("main", warm="1")
    await world.check(first)
    cli(world, "secret", "set", "TOKEN", "--repo", world.repo, value=CANARY)
    new_owner = f"{world.org}-new"
    await world.forge.organization(new_owner, {"alice": "admin"})
    await world.forge.install(world.app_id, new_owner)
    await world.forge.api("POST", f"/repos/{world.repo}/transfer", {"new_owner": new_owner}, by="alice")
    await world.settled()
    moved = f"{new_owner}/shop"
    locked = await world.forge.push(moved, "main", {"again": "1"}, by="alice")
    check = await world.forge.wait_check(moved, locked, "ci-bot / test")
    assert check["conclusion"] == "failure"
    assert "this repository was transferred, so its secrets are locked" in check["output"]["text"]
    assert f"ci-bot secret unlock --repo {moved}" in check["output"]["text"]
    assert "secret TOKEN" not in cli(world, "audit", "--repo", moved)
    assert "are unlocked" in cli(world, "secret", "unlock", "--repo", moved)
    gate = await world.forge.wait_check(moved, locked, "ci-bot")
    await world.forge.rerequest(moved, gate["id"], by="alice")
    again = await world.forge.wait_check(moved, locked, "ci-bot", after=gate["id"])
    assert again["conclusion"] == "success"
    assert "secret TOKEN" in cli(world, "audit", "--repo", moved)
