"""`if`: jobs and steps that run on a condition, after failures, timeouts and cancels; the rest says why not."""

from __future__ import annotations

import re
from typing import Any

from tests.scenarios.speaking import replies, says
from tests.scenarios.world import World

MIXED = """\
jobs:
  build:
    steps:
      - echo building; exit 4
      - echo "not reached"
      - name: tell
        if: failure()
        run: echo "tells of the failure"
      - name: publish
        if: branch == "main"
        run: echo "published"
      - name: tidy
        if: always()
        run: echo "tidies up"
  slow:
    timeout: 1s
    steps:
      - sleep 60
      - name: after the time
        if: failure()
        run: echo "told after the time"
  fine:
    steps:
      - name: on failure
        if: failure()
        run: echo "never"
      - echo "fine"
  deploy:
    needs: build
    steps: [echo deployed]
  notify:
    needs: [deploy, fine]
    if: failure() && needs["fine"].result == "success"
    steps: [echo "notified"]
  celebrate:
    needs: fine
    if: branch == "main" && always()
    steps: [echo hooray]
  odd:
    needs: fine
    if: int(branch) == 1
    steps: [echo odd]
"""
NOTHING = """\
jobs:
  test:
    if: branch == "main"
    steps: [echo tested]
  after:
    needs: test
    steps: [echo after]
"""
ENDLESS = """\
jobs:
  test:
    steps:
      - echo begun; sleep 600
      - echo "not reached"
      - name: tell
        if: failure()
        run: echo "no failure"
      - name: tidy
        if: cancelled() && event == "pull_request"
        run: echo "tidied up"
"""
KILLED = """\
jobs:
  test:
    steps:
      - exit 3
      - echo "not reached"
      - name: tidy
        if: always()
        run: echo tidying; sleep 4; echo tidied
      - name: last
        if: failure()
        run: echo "the last word"
"""


def rows(check: dict[str, Any]) -> dict[str, str]:
    """The table of a check: the name of its job or step → how it went, and the details."""
    lines = re.findall(
        r"^\| (?:\d+ \| )?\[?`([^`]+)`[^|]*\| (.*) \|$", check["output"]["summary"], re.MULTILINE
    )
    return {name: told(rest) for name, rest in lines}


def told(row: str) -> str:
    """Without the time, and without what the step used."""
    cells = [cell.strip() for cell in row.split(" | ")]
    return " | ".join(cell for cell in (cells[0], cells[-1]) if cell)


async def test_conditions_over_needs_failures_timeouts_and_cancels(world: World) -> None:
    await world.make_repo()
    sha = await world.push("feature", ci_yaml=MIXED)
    number = await world.open_pull("feature")
    gate = await world.check(sha)
    assert gate["conclusion"] == "failure"
    jobs = rows(gate)
    assert jobs["deploy"] == '⏭️ skipped | needs "build", which failed'
    assert jobs["celebrate"] == '⏭️ skipped | if: branch is "feature", not "main"'
    assert jobs["odd"].startswith("❌ failed | if: int(branch) == 1 has no answer: cannot convert")
    assert jobs["notify"] == "✅ passed"

    build = await world.check(sha, "ci-bot / build")
    assert build["output"]["title"].startswith("Failed in step 1 of 5")
    assert rows(build) == {
        "echo building; exit 4": "❌ failed | exit code 4",
        'echo "not reached"': "⏭️ not run",
        "tell": "✅ passed",
        "publish": "⏭️ not run",
        "tidy": "✅ passed",
    }
    log = await world.log(build)
    assert "\ntells of the failure\n" in log
    assert "\ntidies up\n" in log
    assert "\nnot reached\n" not in log
    slow = await world.check(sha, "ci-bot / slow")
    assert slow["conclusion"] == "timed_out"
    assert "\ntold after the time\n" in await world.log(slow)
    fine = await world.check(sha, "ci-bot / fine")
    assert rows(fine)["on failure"] == "⏭️ not run | if: nothing before it failed"

    nothing = await world.push("feature", ci_yaml=NOTHING)
    gate = await world.check(nothing)
    assert (gate["conclusion"], gate["output"]["title"]) == (
        "success",
        "Nothing to run: 2 jobs skipped",
    )
    assert rows(gate) == {
        "test": '⏭️ skipped | if: branch is "feature", not "main"',
        "after": '⏭️ skipped | needs "test", which was skipped',
    }
    assert set(await world.checks(nothing)) == {"ci-bot"}
    await says(world, number, "/why")
    (told,) = await replies(world, number)
    assert '`test`: ⏭️ not run: if: branch is "feature", not "main"' in told

    cancelled = await world.push("feature", ci_yaml=ENDLESS)
    await world.until(lambda: any(one["State"] == "running" for one in world.containers()))
    await says(world, number, "/cancel")
    test = await world.check(cancelled, "ci-bot / test")
    assert test["conclusion"] == "cancelled"
    assert rows(test)["tidy"] == "✅ passed"
    assert rows(test)["tell"] == "⏭️ not run | if: nothing before it failed"
    assert "\ntidied up\n" in await world.log(test)
    await world.until(lambda: not world.containers())


async def test_killed_while_it_tidies_up_the_next_server_goes_on_there(own_world: World) -> None:
    world = own_world
    await world.make_repo()
    sha = await world.push("main", ci_yaml=KILLED)

    def is_tidying() -> bool:
        steps = [
            one["Labels"].get("ci-bot.step") for one in world.containers() if one["State"] == "running"
        ]
        return "2" in steps

    await world.until(is_tidying)
    world.bot.process.kill()
    world.bot.start()
    test = await world.check(sha, "ci-bot / test")
    assert test["output"]["title"].startswith("Failed in step 1 of 4")
    assert [rest.split(" ")[0] for rest in rows(test).values()] == ["❌", "⏭️", "✅", "✅"]
    log = await world.log(test)
    assert log.count("\ntidied\n") == 1
    assert "\nthe last word\n" in log
    await world.until(lambda: not world.containers())
