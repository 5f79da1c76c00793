"""`on` with filters: how they are read, and what they make of an event, in words."""

from __future__ import annotations

from typing import Any

import pytest

from ci_bot.core.occasion import NOT_ASKED, Changed
from ci_bot.core.pipeline import needs_changes, plan, read
from ci_bot.core.pipeline.filters import FILTERS
from ci_bot.core.pipeline.keys import EVENT_KEYS
from ci_bot.core.planned import Filter, Pipeline, Plan
from tests.core.occasions import occasion

JOBS = "\njobs: {test: {steps: [make]}}\n"
KEYS = [(event, key) for event, keys in FILTERS.items() for key in keys]


def pipeline(on: str) -> Pipeline:
    reading = read(f"on: {on}{JOBS}".encode(), default_image="img")
    assert reading.pipeline is not None, reading.problems
    return reading.pipeline


def planned(on: str, event: str, changed: Changed = NOT_ASKED, **facts: Any) -> Plan:
    return plan(pipeline(on), occasion(event, changed, **facts))


def files(*names: str) -> Changed:
    return Changed(names)


def test_every_filter_is_read() -> None:
    found = pipeline(
        "{push: {branches: main, branches-ignore: [a], paths: [b], paths-ignore: [c]},"
        " pull_request: {branches: [main], paths: d, paths-ignore: e, drafts: false},"
        ' tag: {tags: "v*"}, merge_group: {}, manual: }'
    )
    assert found.filters == {
        "push": Filter(branches=("main",), branches_ignore=("a",), paths=("b",), paths_ignore=("c",)),
        "pull_request": Filter(branches=("main",), paths=("d",), paths_ignore=("e",), drafts=False),
        "tag": Filter(tags=("v*",)),
        "merge_group": Filter(),
    }
    assert found.on == {"push", "pull_request", "tag", "merge_group", "manual"}


@pytest.mark.parametrize("on", ["push", "[push, tag]", "{push: , tag: }"])
def test_names_alone_filter_nothing(on: str) -> None:
    assert pipeline(on).filters == {}


@pytest.mark.parametrize(("event", "key"), KEYS, ids=[f"{event}.{key.name}" for event, key in KEYS])
def test_every_key_is_known_at_its_place_and_its_example_is_valid(event: str, key: Any) -> None:
    assert key.name in EVENT_KEYS[event].works
    reading = read(key.example.encode(), default_image="img")
    assert reading.pipeline is not None, reading.problems
    assert reading.pipeline.filters[event] != Filter()


def test_the_tables_hold_every_key() -> None:
    for event, keys in FILTERS.items():
        assert tuple(key.name for key in keys) == EVENT_KEYS[event].works


@pytest.mark.parametrize(
    ("on", "event", "facts", "reason"),
    [
        ("{push: {branches: [main, 'release/**']}}", "push", {"branch": "x"},
         'branches: branch "x" matches none of main, release/**'),
        ("{push: {branches: [main, 'release/**']}}", "push", {"branch": "release/1/2"}, ""),
        ("{push: {branches-ignore: 'wip/*'}}", "push", {"branch": "wip/a"},
         'branches-ignore: branch "wip/a" matches wip/*'),
        ("{push: {branches: '**', branches-ignore: main}}", "push", {"branch": "main"},
         'branches-ignore: branch "main" matches main'),
        ("{pull_request: {branches: main}}", "pull_request", {"branch": "main", "base": "old"},
         'branches: the base "old" matches none of main'),
        ("{pull_request: {branches: main}}", "pull_request", {"branch": "x", "base": "main"}, ""),
        ("{tag: {tags: 'v*'}}", "tag", {"tag": "nightly"}, 'tags: tag "nightly" matches none of v*'),
        ("{tag: {tags: 'v*'}}", "tag", {"tag": "v1"}, ""),
        ("{push: {branches: [a, b, c, d, e, f, g]}}", "push", {"branch": "x"},
         'branches: branch "x" matches none of a, b, c, d, e and 2 more'),
    ],
)  # fmt: skip
def test_names_select(on: str, event: str, facts: dict[str, str], reason: str) -> None:
    found = plan(pipeline(on), occasion(event, NOT_ASKED, **facts))
    assert found.reason == reason
    assert bool(found.jobs) is (not reason)


@pytest.mark.parametrize(
    ("filters", "changed", "reason"),
    [
        ("paths: 'src/**'", files("src/a"), ""),
        ("paths: 'src/**'", files("a", "b", "c"), "paths: none of 3 changed files match src/**"),
        ("paths: 'src/**'", files("a"), "paths: the one changed file does not match src/**"),
        ("paths: ['src/**', '!*.md']", files("src/a.md"),
         "paths: the one changed file does not match src/**, !*.md"),
        ("paths-ignore: '*.md'", files("a.md", "b.md"),
         "paths-ignore: all 2 changed files match *.md"),
        ("paths-ignore: '*.md'", files("a.md", "b"), ""),
        ("paths: '**', paths-ignore: '*.md'", files("a.md"),
         "paths-ignore: the one changed file matches *.md"),
        ("paths: 'src/**'", files(), "paths: no file changed"),
        ("paths: 'src/**'", Changed(None, "nobody can tell"), ""),
    ],
)  # fmt: skip
def test_paths_select(filters: str, changed: Changed, reason: str) -> None:
    assert planned(f"{{push: {{{filters}}}}}", "push", changed, branch="x").reason == reason


def test_where_every_path_counts_as_changed_the_plan_says_why() -> None:
    unknown = Changed(None, "nobody can tell")
    assert planned("{push: {paths: a}}", "push", unknown).all_changed == "nobody can tell"
    assert planned("{push: {paths: a}}", "push", files("a")).all_changed == ""
    assert planned("push", "push", unknown).all_changed == ""
    many = files(*(f"{number}/" + "a" * 250 for number in range(3000)))
    stars = ", ".join(f"'*{'b' * 100}*{'c' * 100}*{number}'" for number in range(5))
    told = "3,000 files changed, too many to compare with these patterns"
    assert planned(f"{{push: {{paths: [{stars}]}}}}", "push", many).all_changed == told


def test_a_draft_waits_where_it_would_run_otherwise() -> None:
    on = "{pull_request: {drafts: false, paths: 'src/**'}}"
    waiting = planned(on, "pull_request", files("src/a"), draft=True)
    assert (waiting.awaits, waiting.jobs) == (True, ())
    assert "ready for review" in waiting.reason
    assert planned(on, "pull_request", files("src/a")).jobs
    elsewhere = planned(on, "pull_request", files("docs/a"), draft=True)
    assert (elsewhere.awaits, elsewhere.reason[:6]) == (False, "paths:")


@pytest.mark.parametrize(
    ("on", "event", "expected"),
    [
        ("{push: {paths: a}, pull_request: }", "push", True),
        ("{push: {paths-ignore: a}, pull_request: }", "push", True),
        ("{push: {paths: a}, pull_request: }", "pull_request", False),
        ("{push: {paths: a}}", "tag", False),
        ("push", "push", False),
    ],
)
def test_the_forge_is_asked_only_where_it_matters(on: str, event: str, expected: bool) -> None:
    assert needs_changes(pipeline(on), event) is expected


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("  push:\n    branches: ['a b']",
         '3:16: on.push.branches[0]: the pattern "a b" has " " in it, which no branch or tag can have'),
        ("  push:\n    paths: './src'",
         '3:12: on.push.paths: the pattern "./src" has "." or ".." in it; paths begin at the top of'),
        ("  push:\n    paths: '*a*a*a*a*'", "more than 4 stars"),
        ("  push:\n    branches: []",
         '3:15: on.push.branches: there are no patterns, so nothing would match; list some'),
        ("  push:\n    branch: main",
         '3:5: on.push.branch: unknown key "branch"; did you mean "branches"?'),
        ("  push:\n    tags: v1", '3:5: on.push.tags: unknown key "tags"; it belongs under tag'),
        ("  push:\n    drafts: true", 'unknown key "drafts"; it belongs under pull_request'),
        ("  pull_request:\n    drafts: 'no'", "must be true or false"),
        ("  merge_group:\n    branches: main", 'unknown key "branches"; it belongs under push'),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_place(lines: str, told: str) -> None:
    reading = read(f"on:\n{lines}{JOBS}".encode(), default_image="img")
    assert len(reading.problems) == 1
    assert told in str(reading.problems[0])
