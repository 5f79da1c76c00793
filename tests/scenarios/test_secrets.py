"""Secrets reach the steps that name them, and nobody else ever sees them."""

from __future__ import annotations

import json
from base64 import b64encode
from contextlib import suppress
from pathlib import Path

import docker
from docker.errors import NotFound

from tests.canary import CANARY, PLANTED, holds_it, leaks
from tests.scenarios.operating import cli
from tests.scenarios.world import PASSING, World

USES = """\
jobs:
  test:
    steps:
      - echo before
      - run: |
          test "$TOKEN" = canary-0f7b1d-the-secret-of-the-suit"e"
          echo "as it is: $TOKEN"
          printf %s "$TOKEN" | base64
          MARK
        secrets: [TOKEN]
      - run: test -z "${TOKEN:-}"
"""


def inspected(world: World) -> bytes:
    """All that the engine tells of the containers, and all arguments of all processes."""
    client = docker.APIClient()
    try:
        told = []
        for each in world.containers():
            with suppress(NotFound):  # removed since it was listed
                told.append(client.inspect_container(each["Id"]))
    finally:
        client.close()
    arguments = b""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            arguments += path.read_bytes()
    return json.dumps(told).encode() + arguments


async def test_a_step_gets_what_it_names_and_nobody_sees_it(own_world: World) -> None:
    world = own_world
    await world.make_repo(USES.replace("MARK", "echo read; sleep 4"))
    await world.settled()
    first = await world.push("main", warm="1")  # the repository is known by then, and not the secret
    await world.check(first)
    assert "there is no secret TOKEN" in (await world.check(first, "ci-bot / test"))["output"]["text"]
    cli(world, "secret", "set", "TOKEN", "--repo", world.repo, value=CANARY)
    sha = await world.push("main", again="1")
    logs = world.bot.home / "data" / "logs"
    await world.until(lambda: any(b"read" in path.read_bytes() for path in logs.rglob("1.log")))
    assert not holds_it(inspected(world))
    assert leaks(world.bot.home) == []  # the control directory is empty of it while the step runs
    check = await world.check(sha, "ci-bot / test")
    assert check["conclusion"] == "success", check["output"]
    log = await world.log(check)
    assert "as it is: ***" in log
    assert not holds_it(log.encode())
    shown = await world.forge.checks(world.repo, sha, all_attempts=True)
    assert not holds_it(json.dumps(shown).encode())
    audit = cli(world, "audit", "--repo", world.repo)
    assert "secret TOKEN" in audit
    assert "by alice (admin)" in audit
    world.bot.process.stop()
    assert leaks(world.bot.home) == []


async def test_a_title_that_holds_a_secret_is_masked_wherever_we_show_it(own_world: World) -> None:
    """Whoever wrote it published it, but we do not spread it."""
    world, value = own_world, "another-secret-in-a-title"
    await world.make_repo(USES.replace("MARK", "true").replace(CANARY[:-1] + '"e"', value))
    await world.push("main", warm="1")
    await world.settled()
    cli(world, "secret", "set", "TOKEN", "--repo", world.repo, value=value)
    sha = await world.push("main", again="1", message=f"Use {value}")
    check = await world.check(sha, "ci-bot / test")
    assert value not in await world.log(check)
    assert value not in json.dumps(await world.forge.checks(world.repo, sha))


async def test_a_planted_leak_is_found(tmp_path: Path) -> None:
    folder = tmp_path / PLANTED
    folder.mkdir()
    (folder / "plain").write_bytes(b"x" + CANARY.encode() + b"y")
    (folder / "encoded").write_bytes(b64encode(b"x" + CANARY.encode()))
    (folder / "clean").write_bytes(CANARY[:-3].encode())
    assert {path.name for path in leaks(tmp_path, planted=True)} == {"plain", "encoded"}
    assert leaks(tmp_path) == []


async def test_an_outsiders_commit_sees_it_only_once_it_is_approved(own_world: World) -> None:
    world = own_world
    await world.make_repo(PASSING, private=False)
    await world.push("main", warm="1")
    await world.settled()
    cli(world, "secret", "set", "TOKEN", "--repo", world.repo, value=CANARY)
    await world.forge.fork(world.repo, "mallory")
    files: dict[str, str | None] = {".ci.yaml": USES.replace("MARK", "true")}
    sha = await world.forge.push("mallory/shop", "evil", files, by="mallory")
    number = await world.open_pull("mallory:evil", by="mallory")
    gate = await world.check(sha)
    assert gate["conclusion"] == "action_required"
    assert "`TOKEN`" in gate["output"]["summary"]
    assert "secret TOKEN" not in cli(world, "audit", "--repo", world.repo)
    await world.forge.comment(world.repo, number, f"/approve {sha}", by="alice")
    assert (await world.check(sha, conclusion="success"))["conclusion"] == "success"
    assert "approver, stored" in cli(world, "audit", "--repo", world.repo)


async def test_a_sealed_string_opens_where_it_was_made_for_alone(own_world: World) -> None:
    world = own_world
    await world.make_repo(PASSING)
    await world.push("main", warm="1")
    await world.settled()
    line = cli(
        world, "secret", "seal", "TOKEN", "--repo", world.repo, "--server", world.bot.url, value=CANARY
    )
    sealed = line.partition('"')[2].partition('"')[0]
    text = USES.replace("MARK", "true").replace(
        "secrets: [TOKEN]", f'env: {{TOKEN: {{sealed: "{sealed}"}}}}'
    )
    sha = await world.push("main", ci_yaml=text)
    assert (await world.check(sha))["conclusion"] == "success"
    other = f"{world.org}/other"
    await world.forge.repo(other, {"README.md": "x"}, private=True, collaborators={"alice": "write"})
    copied = await world.forge.push(other, "main", {".ci.yaml": text}, by="alice")
    gate = await world.forge.wait_check(other, copied, "ci-bot / test")
    assert gate["conclusion"] == "failure"
    assert "was made for repository" in gate["output"]["text"]
