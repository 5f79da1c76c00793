"""`isolation: job` on a server: it is killed and started again, and the steps do not notice."""

from __future__ import annotations

import asyncio

from tests.scenarios.world import World

LINES = 200

CI = f"""\
jobs:
  shared:
    isolation: job
    steps:
      - echo "$HOSTNAME" > /tmp/first; (while sleep 0.1; do date +%s%N > /tmp/alive; done) &
      - name: long
        run: |
          echo started >> marks
          i=0
          while [ $i -lt {LINES} ]; do
            echo "line $i"
            i=$((i+1))
            if [ $((i % 20)) = 0 ]; then sleep 0.2; fi
          done
          wc -l < marks
          exit 7
        continue-on-error: true
      - name: after
        run: |
          test "$(cat /tmp/first)" = "$HOSTNAME" && echo same
          rm /tmp/alive; sleep 0.5; test -e /tmp/alive && echo alive
          echo "marks $(wc -l < marks)"
  stopped:
    isolation: job
    steps:
      - touch /tmp/first; (while sleep 0.1; do echo > here; done) &
      - run: sleep 600
        timeout: 1s
      - if: failure()
        run: |
          rm -f here; sleep 0.5
          test ! -e /tmp/first && test ! -e here && echo "a new container"
"""


async def test_a_shared_container_outlives_the_server_and_ends_with_a_step_that_is_stopped(
    own_world: World,
) -> None:
    world = own_world
    await world.make_repo()
    sha = await world.push("main", ci_yaml=CI)
    await world.until(lambda: _shows(world, sha, "line 20"))
    world.bot.process.kill()
    await asyncio.sleep(0.3)
    world.bot.start()

    shared = await world.check(sha, "ci-bot / shared")
    log = await world.log(shared)
    assert shared["conclusion"] == "success", log
    assert [line for line in log.splitlines() if line.startswith("line ")] == [
        f"line {number}" for number in range(LINES)
    ]
    assert "\n1\n" in log  # the step ran once
    assert "same\nalive\nmarks 1\n" in log
    assert "exit code 7" in shared["output"]["summary"]

    stopped = await world.check(sha, "ci-bot / stopped")
    assert stopped["conclusion"] == "timed_out"
    assert "a new container\n" in await world.log(stopped)
    await world.until(lambda: not world.containers())


async def _shows(world: World, sha: str, text: str) -> bool:
    """Whether the job's log has that yet."""
    every = await world.forge.checks(world.repo, sha)
    found = [check for check in every if check["name"] == "ci-bot / shared"]
    return bool(found) and f"{text}\n" in await world.log(found[0])
