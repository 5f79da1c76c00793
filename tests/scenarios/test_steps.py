"""How a job can end, each told in words that its author can act on."""

from __future__ import annotations

import pytest

from tests.scenarios.world import World


def one_step(script: str, extra: str = "", job: str = "") -> str:
    return f"""\
jobs:
  test:
{job}    steps:
      - name: it
        run: {script}
{extra}      - name: after
        run: echo "after was reached"
"""


@pytest.mark.parametrize(
    ("pipeline", "conclusion", "title"),
    [
        (one_step("exit 3"), "failure", "exit code 3"),
        (one_step("sleep 60", "        timeout: 1s\n"), "timed_out", "its limit is 1s"),
        (one_step("sleep 60", job="    timeout: 1s\n"), "timed_out", "the job's limit is 1s"),
        (one_step("echo x", "        image: ci-bot/noshell:1\n"), "failure", "/bin/sh"),
        (one_step("no-such-command"), "failure", "a command was not found"),
    ],
)
async def test_the_check_says_what_went_wrong(
    world: World, pipeline: str, conclusion: str, title: str
) -> None:
    await world.make_repo()
    sha = await world.push("main", ci_yaml=pipeline)
    job = await world.check(sha, "ci-bot / test")
    assert job["conclusion"] == conclusion
    assert title in job["output"]["title"]
    assert (await world.check(sha))["conclusion"] == conclusion
    assert "\nafter was reached\n" not in await world.log(job)


async def test_a_step_that_may_fail_does_not_fail_the_job(world: World) -> None:
    await world.make_repo()
    sha = await world.push("main", ci_yaml=one_step("exit 3", "        continue-on-error: true\n"))
    job = await world.check(sha, "ci-bot / test")
    assert job["conclusion"] == "success"
    assert "\nafter was reached\n" in await world.log(job)


async def test_only_what_failed_is_run_again_and_every_attempt_stays(world: World) -> None:
    pipeline = "jobs:\n  good:\n    steps: [echo good]\n  bad:\n    steps: [exit 1]\n"
    await world.make_repo()
    sha = await world.push("main", ci_yaml=pipeline)
    gate = await world.check(sha)
    bad = await world.check(sha, "ci-bot / bad")
    good = await world.check(sha, "ci-bot / good")
    await world.forge.rerequest(world.repo, bad["id"], by="alice")
    again = await world.check(sha, "ci-bot / bad", after=bad["id"])
    assert again["conclusion"] == "failure"
    assert "attempt 2" in (again["output"]["title"] + again["output"]["summary"]).lower()
    assert (await world.check(sha, after=gate["id"]))["conclusion"] == "failure"
    assert (await world.check(sha, "ci-bot / good"))["id"] == good["id"]
    assert "exit code 1" in await world.log(bad)  # the earlier attempt's link still works


async def test_the_whole_suite_is_run_again(world: World) -> None:
    await world.make_repo("jobs:\n  bad:\n    steps: [exit 1]\n")
    sha = await world.push("main", again="1")
    gate = await world.check(sha)
    await world.forge.rerequest_suite(world.repo, gate["check_suite"]["id"], by="alice")
    again = await world.check(sha, after=gate["id"])
    assert again["conclusion"] == "failure"


async def test_what_a_step_finds_in_its_environment_and_workspace(world: World) -> None:
    await world.make_repo()
    pipeline = """\
image: ci-bot/git:1
env: {GREETING: hello}
jobs:
  test:
    env: {GREETING: good morning, PORT: 8080}
    steps:
      - name: look
        run: |
          echo "$GREETING $PORT $CI $CI_EVENT $CI_BRANCH $CI_JOB $CI_STEP $CI_ATTEMPT"
          pwd
          test "$(git rev-parse HEAD)" = "$CI_SHA" && echo same
          git status --short
          git log --oneline | wc -l
          touch new && git add new && git -c user.name=x -c user.email=x@x commit -qm x && echo committed
      - run: pwd
        workdir: sub
"""
    sha = await world.push("main", ci_yaml=pipeline, **{"sub/file": "x"})
    job = await world.check(sha, "ci-bot / test")
    log = await world.log(job)
    assert job["conclusion"] == "success", log
    for line in (
        "good morning 8080 true push main test look 1",
        "/workspace",
        "same",
        "2",
        "committed",
    ):
        assert f"\n{line}\n" in log
    assert "\n/workspace/sub\n" in log


async def test_no_token_of_ours_is_within_reach_of_a_step(world: World) -> None:
    await world.make_repo()
    pipeline = """\
image: ci-bot/git:1
jobs:
  test:
    steps:
      - |
        { env; cat .git/config; find / -xdev -name '*.token' 2>/dev/null; cat /proc/1/environ; } > all
        if grep -a -i -e ghs_ -e authorization -e x-access-token -r all .git/config .git/*HEAD*; then exit 1; fi
        echo nothing found
"""
    sha = await world.push("main", ci_yaml=pipeline)
    job = await world.check(sha, "ci-bot / test")
    assert "\nnothing found\n" in await world.log(job)


@pytest.mark.parametrize("image", ["ci-bot/git:1", "ci-bot/git-1000:1", "ci-bot/git-random:1"])
async def test_whatever_user_an_image_has_git_works_in_the_workspace(world: World, image: str) -> None:
    await world.make_repo()
    pipeline = f"""\
image: {image}
jobs:
  test:
    steps:
      - |
        git log --oneline | wc -l
        echo new > file
        git add file
        git -c user.name=x -c user.email=x@example.com commit -qm "by $(id -u)"
        git diff --stat HEAD~1
        git status --short
"""
    sha = await world.push("main", ci_yaml=pipeline)
    job = await world.check(sha, "ci-bot / test")
    log = await world.log(job)
    assert job["conclusion"] == "success", log
    assert "\n2\n" in log
    assert "1 file changed, 1 insertion(+)" in log
