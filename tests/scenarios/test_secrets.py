"""Secrets reach the steps that name them, and nobody else ever sees them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from ci_bot.core.mask import forms
from tests.rig import ROOT
from tests.scenarios.world import PASSING, World

CANARY = "canary-0f7b1d-the-secret-of-the-suite"
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


def cli(world: World, *words: str, value: str = "") -> str:
    """`ci-bot …` as the operator runs it on the server's machine."""
    done = subprocess.run(
        [sys.executable, "-m", "ci_bot", *words],
        cwd=ROOT,
        env=os.environ | world.bot.env,
        input=value.encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def found_in(folder: Path, *, but: tuple[str, ...] = ()) -> list[str]:
    """Files beneath it that hold the canary in any form that is masked."""
    wanted = [form for form in forms(CANARY.encode()) if len(form) > 12]
    return [
        str(path)
        for path in folder.rglob("*")
        if path.is_file() and path.name not in but and any(form in path.read_bytes() for form in wanted)
    ]


async def test_a_step_gets_what_it_names_and_nobody_sees_it(own_world: World) -> None:
    world = own_world
    await world.make_repo(USES.replace("MARK", "sleep 3"))
    await world.settled()
    first = await world.push("main", warm="1")
    await world.check(first)  # the repository is known by then, and the secret is not there
    assert "there is no secret TOKEN" in (await world.check(first, "ci-bot / test"))["output"]["text"]
    cli(world, "secret", "set", "TOKEN", "--repo", world.repo, value=CANARY)
    sha = await world.push("main", again="1", message=f"Use {CANARY}")
    await world.until(lambda: any(each["State"] == "running" for each in world.containers()))
    check = await world.check(sha, "ci-bot / test")
    assert check["conclusion"] == "success", check["output"]
    log = await world.log(check)
    assert "as it is: ***" in log
    assert CANARY not in log
    assert CANARY not in json.dumps(await world.forge.checks(world.repo, sha, all_attempts=True))
    audit = cli(world, "audit", "--repo", world.repo)
    assert "secret TOKEN" in audit
    assert "by alice (admin)" in audit
    world.bot.process.stop()
    # The commit's message is the author's own publication, so git and the delivery hold it.
    mirrors = world.bot.home / "data" / "mirrors"
    leaks = [path for path in found_in(world.bot.home) if not path.startswith(str(mirrors))]
    assert [path for path in leaks if "ci-bot.db" not in path] == []


async def test_a_planted_leak_is_found(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"x" + CANARY.encode())
    assert found_in(tmp_path) == [str(tmp_path / "log")]


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
