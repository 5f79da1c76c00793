"""Valid files: what each key makes of the pipeline, and what an event makes of that."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci_bot.core.model import RunKind
from ci_bot.core.pipeline import CONFIG_FILES, Limits, plan, read
from ci_bot.core.planned import Job, Pipeline, Plan, Step
from tests.core.occasions import occasion
from tests.core.pipeline.examples import JOBS, complaints, job, read_text, step, top

SEED = Path(__file__).parents[3] / "examples" / "seed" / ".ci.yaml"


def pipeline_of(text: str, limits: Limits | None = None) -> Pipeline:
    reading = read_text(text, limits)
    assert reading.problems == ()
    assert reading.pipeline
    return reading.pipeline


def only_job(text: str, limits: Limits | None = None) -> Job:
    [found] = pipeline_of(text, limits).jobs
    return found


def only_step(text: str) -> Step:
    [found] = only_job(text).steps
    return found


def test_the_seed_example_plans_unchanged() -> None:
    reading = read(SEED.read_bytes(), default_image="alpine:3.22")
    assert reading.pipeline
    build, deploy = plan(reading.pipeline, occasion("push")).jobs
    assert (build.id, build.needs, build.line) == ("build", (), 2)
    assert [(s.run, s.image, s.line) for s in build.steps] == [
        ("go mod tidy", "golang:1.24", 5),
        ("go test ./...", "golang:1.24", 6),
    ]
    assert (deploy.id, deploy.needs, deploy.line) == ("deploy", ("build",), 8)
    assert [(s.run, s.image, s.line) for s in deploy.steps] == [
        ("docker build -t app .", "docker:28-cli", 12),
        ("docker push app", "docker:28-cli", 13),
    ]


def test_the_least_file_gets_every_default() -> None:
    made = Step("make", "make", "alpine:3.22", {}, None, ".", continue_on_error=False, line=1)
    built = Job("build", "build", (made,), (), 3600, line=1)
    assert pipeline_of(JOBS) == Pipeline("", frozenset({"push", "pull_request"}), (built,))


def test_names() -> None:
    text = "name: The project\njobs:\n  a:\n    name: First\n    steps: [{name: One, run: x}]\n"
    found = pipeline_of(text)
    assert (found.name, found.jobs[0].name, found.jobs[0].steps[0].name) == (
        "The project",
        "First",
        "One",
    )


@pytest.mark.parametrize(
    ("run", "name"),
    [
        ("make", "make"),
        ("|\n          make all\n          make test", "make all"),
        ("|\n\n          make all\n", "make all"),
        ('"a\\tb\\e\\u2028c"', "a b  c"),
        ("x" * 201, "x" * 199 + "…"),
    ],
)
def test_the_default_name_of_a_step_is_its_first_line(run: str, name: str) -> None:
    assert only_step(f"jobs:\n  a:\n    steps:\n      - run: {run}\n").name == name


def test_a_script_of_many_lines_is_one_script() -> None:
    text = (
        "jobs:\n  a:\n    steps:\n      - run: |\n          if x; then\n            y\n          fi\n"
    )
    assert only_step(text).run == "if x; then\n  y\nfi\n"


def test_numbers_and_booleans_are_taken_as_written() -> None:
    values = (
        "{A: 1.10, B: yes, C: true, D: 0x1F, E: 1e3, F: 2024-01-01, G: '', H: off, I: 017, J: 1_000}"
    )
    assert only_step(top(f"env: {values}")).env == {
        "A": "1.10",
        "B": "yes",
        "C": "true",
        "D": "0x1F",
        "E": "1e3",
        "F": "2024-01-01",
        "G": "",
        "H": "off",
        "I": "017",
        "J": "1_000",
    }
    assert only_step("jobs: {a: {steps: [true]}}").run == "true"


def test_the_environment_of_a_step_wins_over_its_jobs_and_that_over_the_files() -> None:
    text = (
        "env: {A: file, B: file, C: file}\njobs:\n  a:\n    env: {B: job, C: job}\n"
        "    steps: [{run: x, env: {C: step}}, y]\n  b: {steps: [z]}\n"
    )
    first, second = pipeline_of(text).jobs
    assert first.steps[0].env == {"A": "file", "B": "job", "C": "step"}
    assert first.steps[1].env == {"A": "file", "B": "job", "C": "job"}
    assert second.steps[0].env == {"A": "file", "B": "file", "C": "file"}


def test_the_nearest_image_counts() -> None:
    text = "jobs:\n  a: {image: job, steps: [{run: x, image: step}, y]}\n  b: {steps: [z]}\n"
    first, second = pipeline_of("image: file\n" + text).jobs
    assert [s.image for s in first.steps + second.steps] == ["step", "job", "file"]
    assert pipeline_of(text).jobs[1].steps[0].image == "alpine:3.22"


@pytest.mark.parametrize(
    ("written", "seconds"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("'6h'", 21600)]
)
def test_timeouts(written: str, seconds: int) -> None:
    assert only_job(job(f"timeout: {written}")).timeout == seconds
    assert only_step(step(f"timeout: {written}")).timeout == seconds


def test_the_default_timeout_stays_under_the_servers_maximum() -> None:
    assert only_job(JOBS, Limits(max_timeout=600)).timeout == 600


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("src", "src"),
        (".", "."),
        ("./a//b/", "a/b"),
        ("a/../b", "b"),
        ("a/..", "."),
        ("a b/é", "a b/é"),
    ],
)
def test_workdirs(written: str, read_as: str) -> None:
    assert only_step(step(f"workdir: {written}")).workdir == read_as


def test_continue_on_error() -> None:
    assert only_step(step("continue-on-error: true")).continue_on_error
    assert not only_step(step("continue-on-error: false")).continue_on_error


@pytest.mark.parametrize("written", ["1", "'1'"])
def test_version_one(written: str) -> None:
    assert only_job(top(f"version: {written}"))


@pytest.mark.parametrize(
    ("written", "events"),
    [
        ("push", {"push"}),
        ("[push, tag]", {"push", "tag"}),
        ("\n  - manual\n  - merge_group", {"manual", "merge_group"}),
        ("[manual, pull_request]", {"manual", "pull_request"}),
    ],
)
def test_on(written: str, events: set[str]) -> None:
    assert pipeline_of(top(f"on: {written}")).on == events


def test_needs_come_first_and_otherwise_the_order_of_the_file_holds() -> None:
    text = "jobs:\n" + "".join(
        f"  {name}: {{steps: [x], needs: {needs}}}\n"
        for name, needs in [("d", "[c, b]"), ("b", "a"), ("z", "[]"), ("a", "[]"), ("c", "[b]")]
    )
    jobs = pipeline_of(text).jobs
    assert [found.id for found in jobs] == ["z", "a", "b", "c", "d"]
    assert jobs[-1].needs == ("c", "b")


def test_lines_are_those_of_the_job_and_the_step() -> None:
    text = "x-s: &s {run: s}\njobs:\n\n  a:\n    steps:\n      - x\n\n      - name: n\n        run: y\n      - *s\n"
    found = only_job(text)
    assert (found.line, [s.line for s in found.steps]) == (4, [6, 8, 10])


@pytest.mark.parametrize("key", ["a", "0", "A.b_c-d", "x" * 63])
def test_ids_of_jobs(key: str) -> None:
    assert only_job(f"jobs: {{{key}: {{steps: [x]}}}}").id == key


def test_top_level_keys_that_begin_with_x_are_ignored() -> None:
    assert pipeline_of(top("x-anything: {if: [1, {2: 3}], run: }"))
    assert complaints(job("x-foo: 1")) != []


def test_all_jobs_run_on_an_event_that_is_named() -> None:
    found = pipeline_of(top("name: P\non: [push, manual]"))
    assert plan(found, occasion("manual")).jobs == found.jobs


@pytest.mark.parametrize(
    ("written", "event", "reason"),
    [
        ("push", RunKind.PULL_REQUEST, '"on" names push, not pull_request'),
        ("[tag, push]", RunKind.MANUAL, '"on" names push and tag, not manual'),
        (
            "[tag, push, manual]",
            RunKind.MERGE_GROUP,
            '"on" names push, tag and manual, not merge_group',
        ),
    ],
)
def test_no_job_runs_on_another_event_and_the_reason_says_so(
    written: str, event: RunKind, reason: str
) -> None:
    assert plan(pipeline_of(top(f"on: {written}")), occasion(event)) == Plan("", (), reason)


def test_the_files_that_are_looked_for() -> None:
    assert CONFIG_FILES == (".ci.yaml", ".ci.yml")
