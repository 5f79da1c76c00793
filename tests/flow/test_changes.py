"""Which files an event changes decides what runs: pushes, forced ones, new branches, and too many files."""

from __future__ import annotations

from dataclasses import replace

from ci_bot.core.changes import ChangedFiles
from ci_bot.core.errors import FileTooLarge
from ci_bot.core.events import NO_SHA, MergeGroupAsked, TagPushed
from ci_bot.core.model import Run, Verdict
from ci_bot.core.states import Status
from tests.flow.road import Deciding
from tests.make import ALICE, REPO, SHA_A, SHA_B, SHA_C, opened, pull, pushed

JOBS = "jobs: {test: {steps: [make]}}\n"
SRC = "paths: 'src/**'"
NONE_OF_ONE = "nothing_to_run: paths: the one changed file does not match src/**"


def whole(*paths: str, leads_on: bool = True) -> ChangedFiles:
    return ChangedFiles(paths, is_whole=True, leads_on=leads_on, start=SHA_C)


def config(deciding: Deciding, on: str, sha: str = SHA_A) -> None:
    deciding.forge.files[sha, ".ci.yaml"] = f"on: {on}\n{JOBS}".encode()


async def only(deciding: Deciding) -> Run:
    return await deciding.store.the_run()


async def test_a_push_is_compared_with_what_was_there_before(deciding: Deciding) -> None:
    config(deciding, f"{{push: {{{SRC}}}}}")
    deciding.forge.compared[SHA_B, SHA_A] = whole("docs/a")
    assert await deciding.decide(pushed(before=SHA_B)) == [("done", NONE_OF_ONE)]
    assert (await only(deciding)).verdict is Verdict.NOTHING_TO_RUN


async def test_where_no_filter_reads_them_nobody_asks(deciding: Deciding) -> None:
    config(deciding, f"{{push: , pull_request: {{{SRC}}}}}")
    await deciding.decide(pushed(before=SHA_B))
    assert not any(call.startswith("compare") for call in deciding.forge.calls)


async def test_a_forced_push_counts_what_is_gone_as_well(deciding: Deciding) -> None:
    config(deciding, f"{{push: {{{SRC}}}}}")
    deciding.forge.compared[SHA_B, SHA_A] = whole("docs/a", leads_on=False)
    deciding.forge.compared[SHA_A, SHA_B] = whole("src/gone", leads_on=False)
    assert await deciding.decide(pushed(before=SHA_B)) == [("done", "tests aaaaaaa")]


async def test_a_new_branch_is_compared_with_the_default_branch(deciding: Deciding) -> None:
    config(deciding, f"{{push: {{{SRC}}}}}")
    deciding.forge.compared["main", SHA_A] = whole("src/a", leads_on=False)  # main has moved on
    assert await deciding.decide(pushed(branch="new", before=NO_SHA)) == [("done", "tests aaaaaaa")]
    assert f"compare {SHA_A[:7]} main" not in deciding.forge.calls


async def test_a_new_branch_without_new_commits_changes_nothing(deciding: Deciding) -> None:
    config(deciding, f"{{push: {{{SRC}}}}}")
    deciding.forge.compared["main", SHA_A] = whole()
    found = await deciding.decide(pushed(branch="new", before=NO_SHA))
    assert found == [("done", "nothing_to_run: paths: no file changed")]


async def test_a_first_push_of_all_counts_as_everything(deciding: Deciding) -> None:
    config(deciding, f"{{push: {{{SRC}}}}}")
    assert await deciding.decide(pushed(branch="main", before=NO_SHA)) == [("done", "tests aaaaaaa")]


async def test_a_commit_that_the_forge_forgot_counts_as_everything(deciding: Deciding) -> None:
    config(deciding, f"{{push: {{{SRC}}}}}")
    assert await deciding.decide(pushed(before=SHA_B)) == [("done", "tests aaaaaaa")]


async def test_more_files_than_the_forge_lists_come_from_git(deciding: Deciding) -> None:
    config(deciding, f"{{push: {{{SRC}}}}}")
    deciding.forge.compared[SHA_B, SHA_A] = replace(whole("docs/1"), is_whole=False)
    deciding.differences.paths[SHA_C, SHA_A, False] = ["docs/1", "docs/2"]
    found = await deciding.decide(pushed(before=SHA_B))
    assert found == [("done", "nothing_to_run: paths: none of 2 changed files match src/**")]


async def test_where_git_cannot_tell_either_everything_counts(deciding: Deciding) -> None:
    config(deciding, f"{{push: {{{SRC}}}}}")
    deciding.forge.compared[SHA_B, SHA_A] = replace(whole("docs/1"), is_whole=False)
    assert await deciding.decide(pushed(before=SHA_B)) == [("done", "tests aaaaaaa")]


async def test_a_tag_has_no_paths_and_a_queue_has_its_base(deciding: Deciding) -> None:
    config(deciding, "{tag: {tags: 'v*'}, merge_group: }")
    found = await deciding.decide(
        TagPushed(REPO, "v1", SHA_A, "x", ALICE),
        TagPushed(REPO, "nightly", SHA_A, "x", ALICE),
        MergeGroupAsked(REPO, SHA_A, "queue", "main", SHA_C, ALICE),
    )
    assert [reason for _, reason in found] == [
        "tests aaaaaaa",
        'tags: tag "nightly" matches none of v*',
        "tests aaaaaaa",
    ]


async def test_a_push_is_tested_beside_a_pull_request_that_is_filtered_out(deciding: Deciding) -> None:
    config(deciding, f"{{push: , pull_request: {{{SRC}}}}}")
    deciding.forge.pulls[3] = pull()
    deciding.forge.changed[3] = ["docs/a"]
    found = await deciding.decide(pushed(branch="feature", before=SHA_B), opened(pull()))
    assert found == [("done", "tests aaaaaaa"), ("done", NONE_OF_ONE)]
    assert {run.superseded for run in await deciding.store.runs.recent(5)} == {False}


async def test_a_push_is_not_tested_beside_a_draft_that_waits(deciding: Deciding) -> None:
    config(deciding, "{push: , pull_request: {drafts: false}}")
    deciding.forge.pulls[3] = pull(is_draft=True)
    found = await deciding.decide(pushed(branch="feature", before=SHA_B))
    assert found == [("done", "#3 tests this commit")]


async def test_a_draft_waits_and_runs_when_it_is_ready(deciding: Deciding) -> None:
    config(deciding, "{pull_request: {drafts: false}}")
    deciding.forge.pulls[3] = pull(is_draft=True)
    await deciding.decide(opened(pull(is_draft=True)))
    assert (await only(deciding)).verdict is Verdict.DRAFT
    # The forge's API still calls it a draft when the event comes.
    await deciding.decide(opened(pull()))
    run = await only(deciding)
    assert (run.verdict, [job.status for job in run.jobs]) == (Verdict.PLANNED, [Status.READY])


async def test_a_draft_that_is_ready_and_filtered_out_does_not_hang(deciding: Deciding) -> None:
    config(deciding, f"{{pull_request: {{drafts: false, {SRC}}}}}")
    deciding.forge.pulls[3] = pull(is_draft=True)
    deciding.forge.changed[3] = ["src/a"]
    await deciding.decide(opened(pull(is_draft=True)))
    deciding.forge.changed[3] = ["docs/a"]  # the base has the rest by now
    deciding.forge.pulls[3] = pull()
    await deciding.decide(opened(pull()))
    assert (await only(deciding)).verdict is Verdict.NOTHING_TO_RUN


async def test_included_files_come_from_the_same_commit(deciding: Deciding) -> None:
    files = deciding.forge.files
    files[SHA_A, ".ci.yaml"] = b"include: [ci/a.yaml, ci/b.yaml]\n"
    files[SHA_A, "ci/a.yaml"] = JOBS.encode()
    files[SHA_A, "ci/b.yaml"] = b"include: ci/c.yaml\n"
    files[SHA_B, "ci/c.yaml"] = b"env: {A: b}\n"
    await deciding.decide(pushed())
    run = await only(deciding)
    assert run.verdict is Verdict.CONFIG_BROKEN
    assert [str(problem) for problem in run.problems] == [
        'ci/b.yaml:1:10: include: "ci/c.yaml" is not there; name it from the top of the repository'
    ]
    files[SHA_B, ".ci.yaml"] = b"include: ci/a.yaml\n"
    deciding.forge.no_answers[f"read ci/a.yaml {SHA_B[:7]}"] = [FileTooLarge("ci/a.yaml", 2_000_000)]
    await deciding.decide(pushed(sha=SHA_B))
    newest = next(run for run in await deciding.store.runs.recent(5) if run.sha == SHA_B)
    assert "is too large (2000000 bytes)" in str(newest.problems[0])
