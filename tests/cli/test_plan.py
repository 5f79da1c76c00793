"""`ci-bot plan`: what an event would run, and why not the rest, without an engine."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Ask

FILE = """\
on: {push: , pull_request: , manual: {inputs: {where: {options: [here, there]}}}}
jobs:
  test:
    image: img
    steps: [make, {run: tell, if: failure()}]
  docs:
    if: changes("docs/**")
    steps: [make]
  deploy:
    needs: test
    if: event == "push" && branch == "main"
    steps: [make]
"""


def test_each_job_is_shown_with_its_steps_or_with_why_it_does_not_run(ask: Ask, here: Path) -> None:
    (here / ".ci.yaml").write_text(FILE)
    answer = ask("plan", "--branch", "dev", "--changed", "README.md")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.splitlines() == [
        "✓ test",
        "    ✓ 1. make  [img]",
        "    ? 2. tell  [img]  if: failure()",
        "- docs  if: the one changed file does not match docs/**",
        '- deploy, after test  if: branch is "dev", not "main"',
        "",
        "push: 1 of 3 jobs",
    ]


def test_where_nobody_said_what_changed_everything_did_and_that_is_said(ask: Ask, here: Path) -> None:
    (here / ".ci.yaml").write_text(FILE)
    why = "--changed was not given"
    told = ask("plan", "--branch", "dev").out.splitlines()[-1]
    assert told == f"push: 2 of 3 jobs; every path counts as changed: {why}"
    document = json.loads(ask("plan", "--format", "json").out)
    assert document["every_path_changed"] == why
    (here / ".ci.yaml").write_text(FILE.replace('changes("docs/**")', "draft"))
    assert "every path" not in ask("plan", "--branch", "dev").out


def test_the_same_for_machines(ask: Ask, here: Path) -> None:
    (here / "other.yaml").write_text(FILE)
    answer = ask("plan", "other.yaml", "--event", "pull_request", "--branch", "x", "--format", "json")
    document = json.loads(answer.out)
    assert (document["event"], document["file"]) == ("pull_request", "other.yaml")
    assert [(job["id"], job["would"]) for job in document["jobs"]] == [
        ("test", "run"),
        ("docs", "run"),
        ("deploy", "not run"),
    ]
    assert document["jobs"][2]["reason"] == 'if: event is "pull_request", not "push"'
    assert document["jobs"][0]["steps"][1] == {
        "name": "tell",
        "image": "img",
        "would": "depend",
        "reason": "if: failure()",
    }


def test_an_event_that_the_file_does_not_name(ask: Ask, here: Path) -> None:
    (here / ".ci.yaml").write_text(FILE)
    answer = ask("plan", "--event", "tag", "--tag", "v1")
    assert answer.code == 0
    assert answer.out.startswith('tag: nothing to run: "on" names push, pull_request and manual')


def test_errors_of_the_file_and_of_the_options_are_told(ask: Ask, here: Path) -> None:
    assert "no .ci.yaml here" in ask("plan").err
    (here / ".ci.yaml").write_text("jobs: {a: {if: evnt, steps: [x]}}\n")
    answer = ask("plan")
    assert answer.code == 2
    assert '.ci.yaml:1:16: jobs.a.if: unknown name "evnt"' in answer.err
    (here / ".ci.yaml").write_text(FILE)
    for given, told in (
        ("where", "write NAME=VALUE"),
        ("when=now", 'there is no input "when"; the inputs: where'),
        ("where=nowhere", "must be one of here, there"),
    ):
        answer = ask("plan", "--event", "manual", "--input", given)
        assert answer.code == 2
        assert told in answer.err
