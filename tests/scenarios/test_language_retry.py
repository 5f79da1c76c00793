"""`retry`, failures of the infrastructure and `checkout`, on one server with real containers."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.forge_sim.client import ForgeClient
from tests.preloaded import shared
from tests.rig import make_bot
from tests.scenarios.world import World, leave_nothing

CI = """\
jobs:
  flaky:
    retry: {{limit: 2, on: [75]}}
    steps:
      - run: '[ "$CI_ATTEMPT" -eq 3 ] || exit 75'
  after:
    needs: flaky
    steps: [echo at last]
  hopeless:
    retry: {{limit: 2, on: [75]}}
    steps: [exit 1]
  pulls:
    retry: 5
    steps:
      - run: echo never
        image: {registry}/team/tool:1
      - echo nor this
      - run: echo tidied up
        if: always()
  company:
    services: {{db: "{registry}/team/db:1"}}
    steps: [echo never]
  short:
    image: ci-bot/git:1
    checkout: {{depth: 1}}
    steps:
      - test "$(git log --oneline | wc -l)" -eq 1
      - git status --porcelain
"""


class Limited(BaseHTTPRequestHandler):
    """A registry that has had enough: https://docs.docker.com/docker-hub/usage/"""

    def do_GET(self) -> None:
        body = b'{"errors":[{"code":"TOOMANYREQUESTS","message":"pull rate limit"}]}'
        self.send_response(429)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library names it
        pass


@pytest.fixture
def registry() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Limited)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
async def world(forge_url: str, images: None, tmp_path: Path) -> AsyncIterator[World]:
    """Once is enough here: the second pause is four times as long as the first."""
    async with ForgeClient(forge_url) as client:
        bot = await make_bot(
            client,
            tmp_path,
            slug="retrying",
            waiting=shared(),
            CI_BOT_LIMITS__INFRASTRUCTURE_RETRIES="1",
        )
        bot.start()
        world = World(client, bot, "retrying")
        await world.found()
        await world.make_repo()
        yield world
        assert bot.process.stop() == 0, bot.process.tail()
        leave_nothing(bot)


async def test_attempts_follow_by_themselves_and_are_told(world: World, registry: str) -> None:
    sha = await world.push("main", ci_yaml=CI.format(registry=registry))

    flaky = await world.check(sha, "ci-bot / flaky", timeout=60)
    assert flaky["conclusion"] == "success"
    assert flaky["output"]["title"].endswith("attempt 3 of 3")
    assert flaky["output"]["summary"].count("exit code 75") == 2
    assert (await world.check(sha, "ci-bot / after"))["conclusion"] == "success"

    hopeless = await world.check(sha, "ci-bot / hopeless")
    assert hopeless["conclusion"] == "failure"
    assert "attempt" not in hopeless["output"]["title"]
    short = await world.check(sha, "ci-bot / short")
    assert short["conclusion"] == "success", await world.log(short)

    pulls = await world.check(sha, "ci-bot / pulls", timeout=60)
    assert pulls["conclusion"] == "failure"
    assert pulls["output"]["title"].startswith("Infrastructure failure, not yours, tried again once:")
    assert "could not be pulled" in pulls["output"]["summary"]

    # The engine still answers, so what always runs did, in the last attempt too.
    assert "tidied up" in await world.log(pulls)

    company = await world.check(sha, "ci-bot / company", timeout=60)
    assert company["output"]["title"].startswith("Infrastructure failure, not yours, tried again once:")
    assert 'service "db": ' in company["output"]["title"]

    gate = await world.check(sha)
    assert gate["conclusion"] == "failure"
    assert "attempt 3 of 3" in gate["output"]["summary"]
