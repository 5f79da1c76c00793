"""What a team does, and what it sees of ci-bot, on GitHub and on GitLab: the same stories, one server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.forge_sim.client import ForgeClient
from tests.forge_sim.gitlab import GitLabClient
from tests.forge_sim.gitpush import ForgeCallFailed
from tests.preloaded import shared
from tests.rig import Bot, make_bot, on_gitlab, running_gitlab
from tests.scenarios.conftest import org_for
from tests.scenarios.places import FORGES, NOTES, RESULTS, Place
from tests.scenarios.speaking import reacted, replies, says
from tests.scenarios.world import PASSING
from tests.stores import put_empty_database

FAILING = """\
jobs:
  build:
    steps:
      - echo built
  test:
    needs: build
    steps:
      - run: echo looking closely
      - name: Unit tests
        run: |
          echo "expected 5, got 4"
          exit 3
      - echo never reached
"""
SLOW = PASSING.replace("echo all is well", "sleep 300")
COVERED = PASSING + '    artifacts: {reports: {coverage: "*.xml"}}\n'
BROKEN = """\
jobs:
  build:
    step:
      - make
"""
DEPLOY = """\
on: push
jobs:
  deploy:
    environment: production
    steps: [echo shipped]
"""
Account = tuple[Bot, str, dict[str, dict[str, Any]]]


@pytest.fixture(scope="module")
def both(forge_url: str, images: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """One ci-bot for a GitHub and a GitLab; the address of the latter, and who ci-bot is on each."""
    home = tmp_path_factory.mktemp("both")
    with running_gitlab(home / "gitlab", waiting=shared("forges")) as url:
        bot, accounts = asyncio.run(_served(forge_url, url, home))
        bot.start()
        yield bot, url, accounts
        assert bot.process.stop() == 0, bot.process.tail()


async def _served(github: str, gitlab: str, home: Path) -> tuple[Bot, dict[str, dict[str, Any]]]:
    async with ForgeClient(github) as one, GitLabClient(gitlab) as other:
        bot = await make_bot(one, home / "bot", slug="ci-bot-of-both", waiting=shared())
        account = await on_gitlab(bot, other)
    data = Path(bot.env["CI_BOT_DATA_DIR"])
    data.mkdir(mode=0o700)
    await put_empty_database(data / "ci-bot.db")
    app = {"id": int(bot.env["CI_BOT_GITHUB__APP_ID"]), "slug": ""}
    return bot, {"github": app, "gitlab": account}


@asynccontextmanager
async def _placed(both: Account, github_url: str, kind: str, test: str) -> AsyncIterator[Place]:
    """An organisation or group of its own; whatever broke a forge's rules fails the test."""
    bot, gitlab_url, accounts = both
    client = ForgeClient(github_url) if kind == "github" else GitLabClient(gitlab_url)
    async with client:
        seen, account = len(await client.violations()), accounts[kind]
        made = Place(client, bot, org_for(test), kind, account["id"], account["slug"])
        await made.found()
        yield made
        await client.clear_faults()
        broken = [f"{each['where']}: {each['message']}" for each in (await client.violations())[seen:]]
        assert "\n".join(broken) == ""


@pytest.fixture(params=FORGES)
async def place(both: Account, forge_url: str, request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    async with _placed(both, forge_url, str(request.param), request.node.name) as made:
        yield made


@pytest.fixture
async def lab(both: Account, forge_url: str, request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    async with _placed(both, forge_url, "gitlab", request.node.name) as made:
        yield made


async def test_a_push_is_tested(place: Place) -> None:
    """And what its tests cover stands where the forge has a place for it."""
    await place.make_repo()
    report = '<coverage lines-covered="1001" lines-valid="1200"/>'
    sha = await place.push("main", ci_yaml=COVERED, **{"coverage.xml": report})
    assert (await place.check(sha))["conclusion"] == "success"
    assert await place.ended(sha) == {"ci-bot": "success", "ci-bot / test": "success"}
    job = await place.check(sha, "ci-bot / test")
    assert "all is well\n" in await place.log(job)
    assert place.containers() == []
    if isinstance(place.forge, GitLabClient):
        statuses = await place.forge.statuses(place.repo, sha)
        covered = {one["name"]: one["coverage"] for one in statuses}
        assert covered == {"ci-bot": None, "ci-bot/test": 83.42}
    else:
        assert "Coverage: 83.42 % of 1,200 lines" in job["output"]["summary"]


async def test_a_pull_request_fails_and_is_fixed(place: Place) -> None:
    await place.make_repo()
    sha = await place.push(ci_yaml=FAILING)
    number = await place.open_pull(title="Make it better")
    gate = await place.check(sha)
    assert (gate["conclusion"], gate["output"]["title"]) == ("failure", "1 of 2 jobs failed: test")
    assert await place.ended(sha) == {
        "ci-bot": "failure",
        "ci-bot / build": "success",
        "ci-bot / test": "failure",
    }
    job = await place.check(sha, "ci-bot / test")
    assert job["output"]["title"] == "Failed in step 2 of 3: Unit tests (exit code 3)"
    log = await place.log(job)
    assert "expected 5, got 4\n" in log
    assert "\nnever reached\n" not in log
    if place.manners.has_checks:
        assert "expected 5, got 4" in job["output"]["text"]
    note = await place.sticky(number, "Unit tests", "expected 5, got 4", sha[:7])
    assert job["details_url"] in note
    assert ("Re-run" in note) is place.manners.has_checks
    assert (place.command("retry") in note) is not place.manners.has_checks

    fixed = await place.push(ci_yaml=PASSING)
    assert (await place.check(fixed))["conclusion"] == "success"
    assert await place.ended(fixed) == {"ci-bot": "success", "ci-bot / test": "success"}
    assert (await place.checks(sha))["ci-bot"] == "failure"
    await place.sticky(number, "All green again", fixed[:7])


async def test_nothing_is_merged_before_it_is_green(place: Place) -> None:
    await place.make_repo()
    await place.forge.protect(place.repo, "ci-bot", by="alice")
    sha = await place.push(ci_yaml=FAILING)
    number = await place.open_pull()
    await place.check(sha)
    await place.ended(sha)
    with pytest.raises(ForgeCallFailed, match="405"):
        await place.forge.merge(place.repo, number, by="alice")
    fixed = await place.push(ci_yaml=PASSING)
    await place.check(fixed)
    await place.ended(fixed)
    assert (await place.forge.merge(place.repo, number, by="alice"))["merged"]


async def test_a_strangers_head_waits_until_somebody_lets_exactly_it_run(place: Place) -> None:
    number, sha = await place.stranger(PASSING)
    assert await place.ended(sha) == {"ci-bot": "action_required"}
    assert place.containers() == []
    line = place.command(f"approve {sha}")
    await place.sticky(number, "mallory", line, "changes")
    refused = await says(place, number, place.command(f"approve {sha}"), by="mallory")
    assert "-1" in await reacted(place, refused, "-1")
    assert "has no write access here" in (await replies(place, number))[0]
    comment = await says(place, number, f"Looks fine to me.\n\n{line}")
    assert (await place.check(sha, conclusion="success"))["conclusion"] == "success"
    assert {"eyes", "rocket"} <= set(await reacted(place, comment, "rocket"))
    later = await place.forge.push("mallory/shop", "evil", {"more": "1"}, by="mallory")
    assert (await place.check(later))["conclusion"] == "action_required"
    assert await place.ended(later) == {"ci-bot": "action_required"}


async def test_a_writers_fork_runs(place: Place) -> None:
    await place.make_repo(private=False)
    fork = await place.fork("alice")
    sha = await place.forge.push(fork, "mine", {"new": "1"}, by="alice")
    await place.open_pull("alice:mine", by="alice")
    assert (await place.check(sha))["conclusion"] == "success"
    assert await place.ended(sha) == {"ci-bot": "success", "ci-bot / test": "success"}


async def test_retry_runs_again_what_failed(place: Place) -> None:
    await place.make_repo(FAILING)
    sha = await place.push(new="1")
    number = await place.open_pull()
    first = await place.check(sha, conclusion="failure")
    await place.ended(sha)
    comment = await says(place, number, place.command("retry"))
    again = await place.check(sha, after=first["id"], conclusion="failure")
    assert {"eyes", "-1"} <= set(await reacted(place, comment, "-1"))
    if place.manners.has_checks:
        assert "attempt 2" in again["output"]["summary"]
    job = await place.check(sha, "ci-bot / test")
    assert "attempt 2" in job["output"]["title"]
    assert again["details_url"] == first["details_url"]
    await says(place, number, place.command("retry tset"))
    (reply,) = await replies(place, number)
    assert "no job `tset`" in reply
    assert 'did you mean "test"?' in reply


async def test_cancel_ends_what_runs(place: Place) -> None:
    await place.make_repo(SLOW)
    sha = await place.push(new="1")
    number = await place.open_pull()
    await place.check(sha, "ci-bot / test", until="in_progress")
    await place.until(lambda: any(each["State"] == "running" for each in place.containers()))
    comment = await says(place, number, place.command("cancel"))
    assert (await place.check(sha))["conclusion"] == "cancelled"
    assert {"eyes", "rocket"} <= set(await reacted(place, comment, "rocket"))
    assert await place.ended(sha) == {"ci-bot": "cancelled", "ci-bot / test": "cancelled"}
    await place.until(lambda: not place.containers())


async def test_why_and_help_answer_in_a_comment(place: Place) -> None:
    await place.make_repo(FAILING)
    sha = await place.push(new="1")
    number = await place.open_pull()
    await place.check(sha)
    await place.ended(sha)
    await says(place, number, f"{place.command('why test')}\n\n{place.command('help')}")
    why, listed = sorted(await replies(place, number, 2), key=len)
    assert "step 2 of 3, `Unit tests`: exit code 3" in why
    assert f"`{place.command('retry')}" in listed
    assert f"`{place.command('approve [sha]')}" in listed


async def test_a_reader_is_told_that_commands_are_not_theirs(place: Place) -> None:
    await place.make_repo(FAILING)
    sha = await place.push(new="1")
    number = await place.open_pull()
    gate = await place.check(sha)
    await place.ended(sha)
    comment = await says(place, number, place.command("retry"), by="rita")
    assert "-1" in await reacted(place, comment, "-1")
    await place.settled()
    assert (await place.check(sha))["id"] == gate["id"]


async def test_a_broken_configuration_is_told_line_by_line(place: Place) -> None:
    await place.make_repo()
    sha = await place.push(ci_yaml=BROKEN)
    number = await place.open_pull()
    gate = await place.check(sha)
    assert (gate["conclusion"], gate["output"]["title"]) == ("failure", ".ci.yaml has 1 error")
    await place.sticky(number, "line 3", 'did you mean "steps"?', "correct this and push")
    assert place.containers() == []


@pytest.mark.parametrize("why", ["skip", "draft"])
async def test_what_was_not_tested_does_not_pass(place: Place, why: str) -> None:
    await place.make_repo(f"on:\n  pull_request:\n    drafts: false\n{PASSING}")
    message = "Typo [skip ci]" if why == "skip" else "Typo"
    sha = await place.push(new="1", message=message)
    number = await place.open_pull(draft=why == "draft")
    gate = await place.check(sha, conclusion="action_required")
    assert gate["output"]["title"].startswith("Not run: ")
    if why == "draft":
        await place.forge.draft(place.repo, number, False, by="alice")
        assert (await place.check(sha, conclusion="success"))["conclusion"] == "success"


async def test_a_new_head_ends_what_the_old_one_runs(place: Place) -> None:
    await place.make_repo()
    await place.push(ci_yaml=SLOW)
    await place.open_pull()
    first = await place.push(first="1")
    await place.check(first, "ci-bot / test", until="in_progress")
    await place.until(place.containers)
    second = await place.push(ci_yaml=PASSING)
    assert (await place.check(first))["conclusion"] == "cancelled"
    assert (await place.check(second))["conclusion"] == "success"
    await place.until(lambda: not place.containers())


async def test_a_tag_reports_beside_the_gate(place: Place) -> None:
    await place.make_repo(f"on: tag\n{PASSING}")
    await place.forge.push_refs(place.repo, "HEAD:refs/tags/v1", by="alice")
    sha = await place.forge.push(place.repo, "other", {"x": "1"}, by="alice")
    await place.forge.push_refs(place.repo, f"{sha}:refs/tags/v2", by="alice")
    assert (await place.check(sha, "ci-bot (tag)"))["conclusion"] == "success"


async def test_a_deployment_is_shown(place: Place) -> None:
    await place.make_repo()
    sha = await place.push("main", ci_yaml=DEPLOY)
    await place.check(sha, conclusion="success")

    async def shown() -> bool:
        found = dict(await place.forge.deployments(place.repo, sha))
        return [one["state"] for one in found.get("production", [])][-1:] == ["success"]

    await place.until(shown)


async def test_an_outage_while_reporting_delays_the_result_and_loses_nothing(place: Place) -> None:
    await place.make_repo()
    await place.forge.fault("status", RESULTS[place.kind], status=502)
    sha = await place.push("main", again="1")
    await asyncio.sleep(2)
    assert await place.checks(sha) == {}
    await place.forge.clear_faults()
    assert (await place.check(sha))["conclusion"] == "success"


async def test_a_forge_that_asks_for_patience_gets_it(place: Place) -> None:
    await place.make_repo()
    wait = {"retry-after": "2"}
    await place.forge.fault("status", RESULTS[place.kind], times=1, status=429, headers=wait)
    sha = await place.push("main", again="1")
    assert (await place.check(sha))["conclusion"] == "success"


async def test_answers_that_never_arrive_make_nothing_twice(place: Place) -> None:
    await place.make_repo()
    await place.forge.fault("cut_after", RESULTS[place.kind], times=3)
    await place.forge.fault("cut_after", NOTES[place.kind], times=1)
    await place.forge.fault("hook_double", "", times=2)
    sha = await place.push(ci_yaml=FAILING)
    number = await place.open_pull()
    await place.check(sha, "ci-bot / test", conclusion="failure")
    assert (await place.check(sha))["conclusion"] == "failure"
    await place.sticky(number, "Unit tests")
    await place.settled()
    every = {"ci-bot", "ci-bot / build", "ci-bot / test"}
    assert set(await place.ended(sha)) == every
    if isinstance(place.forge, ForgeClient):
        made = await place.forge.checks(place.repo, sha, all_attempts=True)
        assert sorted(each["name"] for each in made) == sorted(every)
    assert len(await place.forge.comments(place.repo, number)) == 1


# ── what is so on GitLab alone ───────────────────────────────────────────────────────────────


async def test_a_fork_that_takes_no_results_of_ours_has_them_in_the_note(lab: Place) -> None:
    await lab.make_repo(private=False)
    await lab.forge.fork(lab.repo, "alice")
    await lab.forge.push("alice/shop", "mine", {".ci.yaml": FAILING}, by="alice")
    number = await lab.open_pull("alice:mine", by="alice")
    note = await lab.sticky(number, "1 of 2 jobs failed", "expected 5, got 4")
    assert "keeps nobody from merging" in note
    fixed = await lab.forge.push("alice/shop", "fixed", {"new": "1"}, by="alice")
    other = await lab.open_pull("alice:fixed", by="alice")
    assert "**✅ 1 job passed" in await lab.sticky(other, "keeps nobody from merging", fixed[:7])


async def test_a_developers_own_code_runs_and_a_maintainer_lets_others_run(lab: Place) -> None:
    number, sha = await lab.stranger(PASSING)
    await lab.forge.collaborator(lab.repo, "dora", "write")
    await says(lab, number, f"/ci approve {sha}", by="dora")
    assert "takes a higher role here: ask a maintainer" in (await replies(lab, number))[0]
    assert (await lab.check(sha))["conclusion"] == "action_required"
    own = await lab.push("dora", by="dora", new="1")
    assert (await lab.check(own))["conclusion"] == "success"
    with pytest.raises(ForgeCallFailed, match="its own quick action"):  # which nobody hears of
        await says(lab, number, f"/approve {sha}")
    await lab.settled()
    assert (await lab.check(sha))["conclusion"] == "action_required"
    await says(lab, number, f"/ci approve {sha}")
    await lab.check(sha, conclusion="success")
    again = await says(lab, number, "/retry test", by="dora")  # what GitLab lets pass is heard
    assert "eyes" in await reacted(lab, again, "eyes")


async def test_a_project_in_a_group_within_a_group(lab: Place) -> None:
    repo = f"{lab.org}/tools/ci/app"
    await lab.forge.repo(repo, {".ci.yaml": PASSING}, collaborators={"alice": "write"})
    sha = await lab.forge.push(repo, "main", {"new": "1"}, by="alice")
    job = await lab.forge.wait_check(repo, sha, "ci-bot / test")
    assert job["conclusion"] == "success"
    assert "all is well\n" in await lab.log(job)
    async with lab.forge.session.get(f"{lab.bot.url}/badges/gitlab/{repo}.svg") as badge:
        assert badge.status == 200


async def test_it_is_measured_when_the_token_ends(lab: Place) -> None:
    async def told() -> bool:
        async with lab.forge.session.get(f"{lab.bot.url}/metrics") as metrics:
            text = await metrics.text()
        return 'ci_bot_forge_token_expires_timestamp_seconds{forge="gitlab"} +Inf' in text

    assert await lab.until(told)
