"""GitHub's own examples of its webhooks, each with the event it becomes, or none."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from ci_bot.core.events import (
    NO_SHA,
    Actor,
    Event,
    MergeGroupAsked,
    Pull,
    PullRequestChanged,
    PullRequestClosed,
    Pushed,
    RefDeleted,
    Repo,
    RepoRenamed,
    RepoTransferred,
    RerunAsked,
    TagPushed,
    TenantChanged,
)
from ci_bot.forges.github import GitHubWebhook
from tests.forges.github.payloads import headers, raw

FILE = Path(__file__).parents[3] / ".cache/forge-description/webhooks-examples.json"

#: Where an example has no installation (it was recorded from a repository's own webhook), the one
#: that an App's delivery always has.
INSTALLED = {"id": 777}

#: The App that the examples of checks belong to, which stands for ours.
OUR_APP = {"check_run": 2, "check_suite": 29310}

CODERTOCAT = Actor(21031067, "Codertocat")
OCTOCAT = Actor(1, "octocat")
HEAD = "ec26c3e57ca3a959ca5aad62de7213c562f8c821"
ROOT = "6113728f27ae82c7b1a177c8d03f9e96e0adf246"


def hello(tenant: str = "777", **fields: Any) -> Repo:
    known: dict[str, Any] = {
        "forge": "github",
        "id": 186853002,
        "name": "Codertocat/Hello-World",
        "default_branch": "master",
        "private": False,
        "tenant": tenant,
    }
    return Repo(**known | fields)


def pull(*, is_open: bool = True) -> Pull:
    return Pull(
        number=2,
        title="Update the README with new information.",
        author=CODERTOCAT,
        head_sha=HEAD,
        head_ref="changes",
        head_repo=186853002,
        base_ref="master",
        base_sha="f95f852bd8fca8fcc58a9a2d6c842781e32a215e",
        is_open=is_open,
        is_draft=False,
    )


def changed(tenant: str, *, brought: bool, before: str = "") -> Event:
    return PullRequestChanged(hello(tenant), pull(), CODERTOCAT, brought, before)


def relabelled(tenant: str) -> Event:
    return PullRequestChanged(hello(tenant), pull(), CODERTOCAT, brought_head=False, relabelled=True)


def closed(tenant: str) -> Event:
    return PullRequestClosed(hello(tenant), pull(is_open=False), CODERTOCAT)


def untagged(tenant: str) -> Event:
    return RefDeleted(hello(tenant), "refs/tags/simple-tag", CODERTOCAT)


def installed(repo: Repo | None = None) -> Event:
    added = repo or hello("957387", default_branch="")
    return TenantChanged("github", "957387", (added,), (), is_gone=False, actor=CODERTOCAT)


TAGGED = TagPushed(hello(), "simple-tag", ROOT, "Adding a .gitignore file", CODERTOCAT)
PUSHED = Pushed(hello("1"), "master", ROOT, NO_SHA, "Initial commit", CODERTOCAT)
RERUN = RerunAsked(
    hello("1", id=526, name="github/hello-world"),
    "d6fde92930d4715a2b49857d24b940956b26d2d3",
    "randscape",
    Actor(5346, "octocat"),
)
RERUN_SUITE = RerunAsked(
    hello("957387"), HEAD, None, Actor(49795351, "octocoders-linter[bot]", is_bot=True)
)
QUEUED = MergeGroupAsked(
    repo=hello("1", id=17273051, name="octo-org/octo-repo", default_branch="main", private=True),
    sha="2ffea6db159f6b6c47a24e778fb9ef40cf6b1c7d",
    ref="gh-readonly-queue/main/pr-104-929f8209d40f77f4abc622a499c93a83babdbe64",
    base_ref="main",
    base_sha="380387fbc80638b734a49e1be1c4dfec1c01b33c",
    actor=CODERTOCAT,
)
UNINSTALLED = TenantChanged("github", "2", (), (1296269,), is_gone=True, actor=OCTOCAT)
SUSPENDED = TenantChanged("github", "16598467", (), (), is_gone=True, actor=CODERTOCAT)
RESUMED = TenantChanged("github", "16598467", (), (), is_gone=False, actor=CODERTOCAT)
SPACE = hello("957387", id=186853007, name="Codertocat/Space", default_branch="")
TAKEN = TenantChanged("github", "2", (), (1296269,), is_gone=False, actor=OCTOCAT)
OCTOCODERS: dict[str, Any] = {"id": 186853261, "name": "Octocoders/Hello-World"}
PUBLIC = RepoRenamed(hello(), CODERTOCAT)
PRIVATE = RepoRenamed(hello(private=True), CODERTOCAT)

#: (action in the example, what becomes of it), in the file's order.
TABLE: dict[str, list[tuple[str | None, Event | None]]] = {
    "push": [
        (None, TAGGED),
        (None, untagged("777")),
        (None, untagged("777")),
        (None, untagged("1")),
        (None, PUSHED),
        (None, PUSHED),
        (None, untagged("777")),
    ],
    "pull_request": [
        ("opened", changed("777", brought=True)),
        ("assigned", None),
        ("assigned", None),
        ("closed", closed("1")),
        ("closed", closed("1")),
        ("converted_to_draft", None),
        ("converted_to_draft", None),
        ("converted_to_draft", None),
        ("labeled", relabelled("1")),
        ("labeled", relabelled("1")),
        ("locked", None),
        ("locked", None),
        ("opened", changed("1", brought=True)),
        ("opened", changed("1", brought=True)),
        ("opened", changed("1", brought=True)),
        ("ready_for_review", changed("777", brought=False)),
        ("ready_for_review", changed("1", brought=False)),
        ("ready_for_review", changed("777", brought=False)),
        ("reopened", changed("1", brought=False)),
        ("reopened", changed("1", brought=False)),
        ("review_request_removed", None),
        ("review_requested", None),
        ("synchronize", changed("1", brought=True, before="f95f852bd8fca8fcc58a9a2d6c842781e32a215e")),
        ("unassigned", None),
        ("unassigned", None),
        ("unlabeled", relabelled("1")),
        ("unlabeled", relabelled("1")),
        ("unlocked", None),
        ("unlocked", None),
    ],
    "check_run": [
        ("created", None),
        ("completed", None),
        ("completed", None),
        ("completed", None),
        ("created", None),
        ("created", None),
        ("requested_action", None),
        ("rerequested", RERUN),
        ("rerequested", RERUN),
    ],
    "check_suite": [
        ("completed", None),
        ("completed", None),
        ("completed", None),
        ("completed", None),
        ("requested", None),
        ("requested", None),
        ("requested", None),
        ("rerequested", RERUN_SUITE),
        ("rerequested", RERUN_SUITE),
    ],
    "issue_comment": [
        *[("created", None)] * 5,
        *[("deleted", None)] * 2,
        *[("edited", None)] * 2,
    ],
    "merge_group": [("checks_requested", QUEUED), ("checks_requested", QUEUED)],
    "installation": [
        ("deleted", UNINSTALLED),
        ("created", installed()),
        ("created", installed()),
        ("deleted", UNINSTALLED),
        ("new_permissions_accepted", installed()),
        ("suspend", SUSPENDED),
        ("unsuspend", RESUMED),
    ],
    "installation_repositories": [
        ("added", installed(SPACE)),
        ("added", installed(SPACE)),
        ("removed", TAKEN),
    ],
    "create": [(None, None)] * 5,
    "delete": [
        (None, untagged("777")),
        (None, untagged("777")),
        (None, untagged("1")),
        (None, untagged("777")),
    ],
    "repository": [
        ("publicized", PUBLIC),
        ("created", None),
        ("created", None),
        ("edited", None),
        ("edited", RepoRenamed(hello(**OCTOCODERS), CODERTOCAT)),
        ("privatized", PRIVATE),
        ("privatized", PRIVATE),
        ("publicized", PUBLIC),
        ("publicized", PUBLIC),
        ("renamed", RepoRenamed(hello("1", **OCTOCODERS), CODERTOCAT)),
        ("transferred", RepoTransferred(hello(**OCTOCODERS), CODERTOCAT)),
        ("transferred", RepoTransferred(hello("1", **OCTOCODERS), CODERTOCAT)),
        ("transferred", RepoTransferred(hello(**OCTOCODERS), CODERTOCAT)),
    ],
    "ping": [(None, None)] * 4,
}


@pytest.fixture(scope="module")
def examples() -> dict[str, list[dict[str, Any]]]:
    if not FILE.exists():
        missing = f"{FILE} is missing: run dev/forge_description.sh"
        if os.environ.get("CI") or os.environ.get("CI_BOT_REQUIRE_DOCKER") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    return {one["name"]: one["examples"] for one in json.loads(FILE.read_bytes())}


@pytest.mark.parametrize("event", TABLE)
def test_the_table_stands_beside_the_examples_row_by_row(
    event: str, examples: dict[str, list[dict[str, Any]]]
) -> None:
    assert [body.get("action") for body in examples[event]] == [action for action, _ in TABLE[event]]


@pytest.mark.parametrize(
    ("event", "index"), [(event, index) for event in TABLE for index in range(len(TABLE[event]))]
)
def test_an_example_becomes_what_the_table_says(
    event: str, index: int, examples: dict[str, list[dict[str, Any]]]
) -> None:
    body = {"installation": INSTALLED, **examples[event][index]}
    webhook = GitHubWebhook(["s"], OUR_APP.get(event, 1))
    found = webhook.parse(headers(event), raw(body))
    if isinstance(found, PullRequestChanged):
        updated = datetime.fromisoformat(body["pull_request"]["updated_at"])
        assert found.at == updated.timestamp()
        found = replace(found, at=0.0)
    if isinstance(found, PullRequestChanged | PullRequestClosed):
        assert found.pull.labels == tuple(label["name"] for label in body["pull_request"]["labels"])
        found = replace(found, pull=replace(found.pull, labels=()))
    assert found == TABLE[event][index][1]


def test_no_example_of_any_other_event_asks_for_anything(
    examples: dict[str, list[dict[str, Any]]],
) -> None:
    webhook = GitHubWebhook(["s"], 1)
    others = [(name, body) for name in examples.keys() - TABLE.keys() for body in examples[name]]
    assert len(others) > 100
    assert {webhook.parse(headers(name), raw(body)) for name, body in others} == {None}
