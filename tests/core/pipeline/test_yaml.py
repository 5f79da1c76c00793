"""YAML as people mean it: words that are no booleans, anchors and merges, odd but valid encodings."""

from __future__ import annotations

import pytest

from ci_bot.core.pipeline import Limits, read
from ci_bot.core.planned import Step
from tests.core.pipeline.examples import JOBS, complaints, read_text, top


def steps_of(text: str) -> tuple[Step, ...]:
    reading = read_text(text)
    assert reading.problems == ()
    assert reading.pipeline
    return reading.pipeline.jobs[0].steps


def test_on_is_a_key_and_yes_is_text() -> None:
    reading = read_text("on: push\nname: yes\n" + JOBS)
    assert reading.pipeline
    assert reading.pipeline.on == {"push"}
    assert reading.pipeline.name == "yes"


@pytest.mark.parametrize("written", ["~", "null", "Null", "NULL", ""])
def test_nulls(written: str) -> None:
    told = "1:1: name: has no value; it must be text; give it one, or remove it"
    assert complaints(top(f"name: {written}")) == [told]


def test_a_quoted_null_is_text() -> None:
    reading = read_text(top("name: 'null'"))
    assert reading.pipeline
    assert reading.pipeline.name == "null"


def test_json_is_yaml() -> None:
    assert steps_of('{"jobs": {"a": {"steps": [{"run": "x", "env": {"A": "b"}}]}}}')[0].env == {
        "A": "b"
    }


def test_anchors_and_aliases() -> None:
    text = "x-run: &run make\njobs:\n  a:\n    steps: &steps [*run, {run: *run, name: b}]\n  b:\n    steps: *steps\n"
    reading = read_text(text)
    assert reading.pipeline
    assert [[s.run for s in job.steps] for job in reading.pipeline.jobs] == [["make", "make"]] * 2


def test_a_later_anchor_of_the_same_name_counts_from_there() -> None:
    assert [s.run for s in steps_of("jobs: {a: {steps: [&x one, *x, &x two, *x]}}")] == [
        "one",
        "one",
        "two",
        "two",
    ]


def test_merge_gives_way_to_what_the_map_says_itself() -> None:
    text = (
        "x-one: &one {A: one, B: one}\nx-two: &two {B: two, C: two, D: two}\n"
        "jobs:\n  a:\n    steps:\n      - run: x\n        env:\n          D: own\n          <<: [*one, *two]\n"
    )
    assert steps_of(text)[0].env == {"A": "one", "B": "one", "C": "two", "D": "own"}


def test_merge_of_a_merge() -> None:
    text = (
        "x-a: &a {image: golang}\nx-b: &b {<<: *a, steps: [x]}\n"
        "jobs:\n  one: {<<: *b}\n  two: {<<: *b, image: rust}\n"
    )
    reading = read_text(text)
    assert reading.pipeline
    assert [job.steps[0].image for job in reading.pipeline.jobs] == ["golang", "rust"]


def test_a_quoted_merge_sign_is_a_key() -> None:
    assert complaints(top('env: {"<<": x}'))[0].startswith('1:7: env."<<": "<<" is not the name')


def test_a_mistake_inside_an_alias_is_told_where_it_was_written() -> None:
    text = "x-s: &s\n  runn: x\njobs:\n  a: {steps: [*s]}\n"
    assert complaints(text) == ['2:3: jobs.a.steps[0].runn: unknown key "runn"; did you mean "run"?']


def test_an_alias_to_the_wrong_thing_is_told_where_it_is_used() -> None:
    text = "x-s: &s {run: x}\njobs:\n  a: {steps: [{run: *s}]}\n"
    assert complaints(text) == ["3:21: jobs.a.steps[0].run: must be text, not a map"]


@pytest.mark.parametrize(
    "raw",
    [
        b"\xef\xbb\xbf" + JOBS.encode(),
        b"%YAML 1.2\n---\n" + JOBS.encode(),
        b"---\n" + JOBS.encode() + b"...\n",
        b"jobs:\r\n  build:\r\n    steps:\r\n      - make\r\n",
        b"jobs:\r  build:\r    steps:\r      - make\r",
        b"# only a comment before\n\n" + JOBS.encode() + b"# and after, without a line break",
        b"? jobs\n: ? build\n  : steps: [make]\n",
    ],
)
def test_odd_but_valid_files(raw: bytes) -> None:
    reading = read(raw, default_image="alpine")
    assert reading.pipeline
    assert [s.run for s in reading.pipeline.jobs[0].steps] == ["make"]


def test_crlf_is_one_line_break_in_scripts() -> None:
    text = "jobs:\r\n  a:\r\n    steps:\r\n      - run: |\r\n          a\r\n          b\r\n"
    assert steps_of(text)[0].run == "a\nb\n"


def test_a_byte_order_mark_takes_no_column() -> None:
    assert str(read(b"\xef\xbb\xbfnmae: x", default_image="a").problems[0]).startswith(
        ".ci.yaml:1:1: nmae"
    )


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"name: a\nimage: \xff\n", "2:8: byte 0xff is not UTF-8; save it as UTF-8"),
        ("name: é".encode("latin-1"), "1:7: byte 0xe9 is not UTF-8; save it as UTF-8"),
        (
            "näme: \ud800".encode("utf-8", "surrogatepass"),
            "1:7: byte 0xed is not UTF-8; save it as UTF-8",
        ),
        (JOBS.encode("utf-16"), "1:1: the file is UTF-16; save it as UTF-8"),
        (JOBS.encode("utf-16-le"), "1:1: the file is UTF-16 or binary; save it as UTF-8"),
    ],
)
def test_what_is_no_text(raw: bytes, told: str) -> None:
    reading = read(raw, default_image="alpine")
    assert [str(problem) for problem in reading.problems] == [f".ci.yaml:{told}"]


def test_a_file_over_the_limit_is_not_read_at_all() -> None:
    [problem] = read(b"a" * 300_000, default_image="alpine").problems
    assert problem.message == "the file has 293 KiB; at most 256 KiB are read"


def test_text_and_scripts_may_use_all_of_their_limit() -> None:
    script = "x" * 65_536
    assert steps_of(f"jobs: {{a: {{steps: [{script}]}}}}")[0].run == script
    padded = JOBS + "#" * (262_144 - len(JOBS))
    assert read_text(padded).pipeline
    assert not read_text(padded + "#").pipeline


def test_depth_counts_what_an_alias_brings() -> None:
    text = "x-a: &a [[]]\nx-b: [[*a]]\n" + JOBS
    assert read_text(text, Limits(depth=5)).pipeline
    assert complaints(text, Limits(depth=4)) == ["2:8: nested deeper than 4 levels; flatten it"]


def test_nodes_count_what_an_alias_brings() -> None:
    text = "x-a: &a [b, c]\nx-b: *a\n" + JOBS  # 1 for the whole, 1 + 3 for each x-, 7 for the jobs
    assert read_text(text, Limits(nodes=16)).pipeline
    assert not read_text(text, Limits(nodes=15)).pipeline


def test_the_environment_of_all_steps_is_bounded() -> None:
    text = "env: {A: " + "x" * 1000 + "}\njobs: {a: {steps: [x, y, z]}}\n"
    assert read_text(text, Limits(expanded=3100)).pipeline
    [told] = complaints(text, Limits(expanded=3000))
    assert told.startswith("2:26: jobs.a.steps[2]: with this step, all scripts and environments take")
