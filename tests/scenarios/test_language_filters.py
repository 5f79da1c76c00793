"""Filters and included files, in a user's words: what starts, what does not and why, and where errors stand."""

from __future__ import annotations

from tests.scenarios.world import World

SELECTIVE = """\
on:
  push:
    branches: [main, "release/**"]
    paths: ["src/**"]
  pull_request:
    paths: ["src/**"]
    drafts: false
jobs:
  test:
    steps: [echo all is well]
"""

INCLUDING = """\
include: ci/tests.yaml
env: {GREETING: hello}
"""
TESTS = """\
jobs:
  greet:
    steps:
      - echo "$GREETING from an included file"
  fails:
    allow-failure: true
    steps:
      - exit 3
"""


async def test_filters_decide_what_starts_and_say_why_not(world: World) -> None:
    await world.make_repo(SELECTIVE)
    repo, forge = world.repo, world.forge

    elsewhere = await world.push("main", **{"docs/a.md": "1"})
    gate = await world.check(elsewhere)
    assert gate["conclusion"] == "success"
    assert "aths: the one changed file does not match src/" in gate["output"]["summary"]

    inside = await world.push("main", **{"src/a.c": "1"})
    assert (await world.check(inside))["conclusion"] == "success"
    assert "ci-bot / test" in await world.checks(inside)

    branch = await world.push("feature", **{"src/b.c": "1"})
    gate = await world.check(branch)
    assert 'ranches: branch "feature" matches none of main, release/' in gate["output"]["summary"]

    number = await world.open_pull("feature", draft=True)

    async def waits() -> bool:
        return (await world.checks(branch)).get("ci-bot") == "action_required"

    await world.until(waits)
    assert "ci-bot / test" not in await world.checks(branch)
    await forge.draft(repo, number, False, by="alice")

    async def ran() -> bool:
        checks = await world.checks(branch)
        return checks.get("ci-bot") == checks.get("ci-bot / test") == "success"

    await world.until(ran)

    documents = await world.push("words", **{"docs/b.md": "1"})
    await world.open_pull("words")
    gate = await world.check(documents)
    assert gate["conclusion"] == "success"
    await world.settled()
    assert await world.ended(documents) == {"ci-bot": "success"}


LABELLED = """\
on: pull_request
jobs:
  test:
    steps: [echo all is well]
  slow:
    if: '"slow" in labels'
    steps: [echo at length]
"""


async def test_a_label_that_a_condition_reads_plans_anew_and_others_start_nothing(world: World) -> None:
    await world.make_repo(LABELLED)
    repo, forge = world.repo, world.forge
    sha = await world.push("feature", readme="2")
    number = await world.open_pull("feature")
    assert (await world.check(sha))["conclusion"] == "success"
    await world.settled()
    assert await world.ended(sha) == {"ci-bot": "success", "ci-bot / test": "success"}
    checks = await forge.checks(repo, sha)

    await forge.label(repo, number, "unread", by="alice")
    await world.settled()
    assert await forge.checks(repo, sha) == checks

    await forge.label(repo, number, "slow", by="alice")

    async def ran() -> bool:
        return (await world.checks(sha)).get("ci-bot / slow") == "success"

    await world.until(ran)
    await world.settled()
    assert (await world.ended(sha))["ci-bot"] == "success"


async def test_included_files_run_and_their_errors_stand_in_them(world: World) -> None:
    await world.make_repo(INCLUDING, private=True, **{"ci/tests.yaml": TESTS})
    sha = await world.push("main", readme="2")
    assert (await world.check(sha))["conclusion"] == "success"
    log = await world.log(await world.check(sha, "ci-bot / greet"))
    assert "hello from an included file" in log
    failed = await world.check(sha, "ci-bot / fails")
    # The conclusion comes first, the remarks follow.
    remarks = await world.until(lambda: world.forge.annotations(world.repo, failed["id"]))
    assert [(one["path"], one["start_line"]) for one in remarks] == [("ci/tests.yaml", 8)]

    broken = await world.push("main", **{"ci/tests.yaml": TESTS.replace("steps:", "step:", 1)})
    gate = await world.check(broken)
    assert gate["conclusion"] == "failure"
    annotations = await world.until(lambda: world.forge.annotations(world.repo, gate["id"]))
    assert ("ci/tests.yaml", 3) in {(one["path"], one["start_line"]) for one in annotations}


async def test_an_included_file_of_a_fork_counts_as_its_approved_head_has_it(world: World) -> None:
    await world.make_repo(INCLUDING, private=False, **{"ci/tests.yaml": TESTS})
    await world.forge.fork(world.repo, "mallory")
    theirs = TESTS.replace("an included file", "the fork")
    sha = await world.forge.push("mallory/shop", "mine", {"ci/tests.yaml": theirs}, by="mallory")
    number = await world.open_pull("mallory:mine", by="mallory")
    assert (await world.check(sha))["conclusion"] == "action_required"
    assert world.containers() == []
    await world.forge.comment(world.repo, number, f"/approve {sha}", by="alice")
    log = await world.log(await world.check(sha, "ci-bot / greet"))
    assert "hello from the fork" in log


TAGGED = """\
on:
  push:
    branches: [main]
  tag:
    tags: ["v*", "!v*-rc*"]
jobs:
  release:
    if: changes("never/**")
    steps:
      - echo "releases '$CI_TAG'"
"""


async def test_tags_are_chosen_by_their_names(world: World) -> None:
    await world.make_repo(TAGGED)
    sha = await world.push("main", src="1")
    assert (await world.check(sha))["conclusion"] == "success"
    for tag in ("nightly", "v1.0-rc1", "v1.0"):
        await world.forge.push_refs(world.repo, f"HEAD:refs/tags/{tag}", by="alice")
    gate = await world.check(sha, "ci-bot (tag)")
    assert gate["conclusion"] == "success"
    assert "Every path counts as changed: a tag is compared with nothing." in gate["output"]["summary"]
    assert "releases 'v1.0'" in await world.log(await world.check(sha, "ci-bot (tag) / release"))
    await world.settled()
    tags = [name for name in await world.ended(sha) if name.startswith("ci-bot (tag)")]
    assert sorted(tags) == ["ci-bot (tag)", "ci-bot (tag) / release"]
