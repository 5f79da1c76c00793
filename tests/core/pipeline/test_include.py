"""`include`: several files that make one pipeline, and errors that name the file they stand in."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ci_bot.core.pipeline import Absent, Limits, Reading, offered, read

JOB = "jobs: {test: {steps: [make]}}\n"


def reading(main: str, limits: Limits | None = None, **files: str) -> Reading:
    """`ci_a` stands for ci/a.yaml."""
    brought = {name.replace("_", "/") + ".yaml": text.encode() for name, text in files.items()}
    return read(main.encode(), default_image="img", limits=limits or Limits(), included=brought)


def problems(main: str, limits: Limits | None = None, **files: str) -> list[str]:
    found = reading(main, limits, **files)
    assert found.wanted == ()
    return [str(problem) for problem in found.problems]


def test_what_is_missing_is_asked_for_until_nothing_is() -> None:
    main = "include: [ci/a.yaml, ./ci//b.yaml]\n"
    first = reading(main)
    assert (first.pipeline, first.problems, first.wanted) == (None, (), ("ci/a.yaml", "ci/b.yaml"))
    second = reading(main, ci_a="include: c.yaml", ci_b=JOB)
    assert second.wanted == ("c.yaml",)
    third = reading(main, ci_a="include: c.yaml", ci_b=JOB, c="env: {A: b}")
    assert third.pipeline is not None
    assert third.files == (".ci.yaml", "ci/a.yaml", "c.yaml", "ci/b.yaml")


def test_all_files_make_one_pipeline() -> None:
    found = reading(
        "include: [ci/a.yaml, ci/b.yaml]\non: push\nenv: {MINE: '1', BOTH: main}\n"
        "jobs: {last: {needs: [one, two], steps: [make]}}\n",
        ci_a="image: a\nenv: {BOTH: a, A: a}\nx-steps: &s [make]\njobs: {one: {steps: *s}}\n",
        ci_b="image: b\nenv: {A: b}\njobs:\n  two:\n    steps: [make]\n",
    )
    assert found.pipeline is not None, found.problems
    jobs = {job.id: job for job in found.pipeline.jobs}
    assert list(jobs) == ["one", "two", "last"]
    assert {step.image for job in jobs.values() for step in job.steps} == {"b"}
    assert jobs["one"].steps[0].env == {"BOTH": "main", "A": "b", "MINE": "1"}
    assert [job.file for job in jobs.values()] == ["ci/a.yaml", "ci/b.yaml", ""]
    assert jobs["two"].line == 4
    assert offered(found.pipeline).file == ".ci.yaml"


def test_a_file_that_two_include_is_read_once() -> None:
    found = reading("include: [a.yaml, b.yaml]\n", a="include: c.yaml", b="include: c.yaml", c=JOB)
    assert found.pipeline is not None, found.problems


def test_errors_name_the_file_and_the_line() -> None:
    told = problems(
        f"include: ci/a.yaml\nnam: x\n{JOB}",
        ci_a="jobs:\n  a:\n    step: [x]\n  b: {needs: tset, steps: [x]}\n",
    )
    assert [line.split(": ")[0] for line in told] == [".ci.yaml:2:1", "ci/a.yaml:3:5", "ci/a.yaml:4:14"]
    assert 'did you mean "test"?' in told[2]


def test_jobs_of_two_files_may_need_each_other_but_not_in_a_circle() -> None:
    told = problems(
        "include: a.yaml\njobs: {one: {needs: two, steps: [x]}}",
        a="jobs: {two: {needs: one, steps: [x]}}",
    )
    assert len(told) == 1
    assert "in a circle" in told[0]


def test_one_id_in_two_files_names_both_places() -> None:
    told = problems(f"include: ci/a.yaml\n{JOB}", ci_a=f"env: {{A: b}}\n{JOB}")
    assert told == [
        ".ci.yaml:2:8: jobs.test: this job is in ci/a.yaml on line 2 too; rename one of them"
    ]


def test_a_circle_of_files() -> None:
    told = problems("include: a.yaml\n", a="include: b.yaml", b="include: a.yaml")
    circle = "files include each other in a circle: a.yaml → b.yaml → a.yaml; remove one of these"
    assert told == [f"b.yaml:1:10: include: {circle}"]
    assert "in a circle: .ci.yaml → .ci.yaml" in problems(f"include: .ci.yaml\n{JOB}")[0]


def test_a_file_that_is_not_there() -> None:
    main = f"include: a.yaml\n{JOB}".encode()
    found = read(main, default_image="img", included={"a.yaml": Absent("is not there")})
    assert [str(problem) for problem in found.problems] == [
        '.ci.yaml:1:10: include: "a.yaml" is not there; name it from the top of the repository'
    ]


def test_what_counts_for_all_is_said_in_the_first_file() -> None:
    told = problems(f"include: a.yaml\n{JOB}", a="on: push\nname: x\n")
    assert told == [
        'a.yaml:1:1: on: "on" does not work in a file that is included; write it in .ci.yaml',
        'a.yaml:2:1: name: "name" does not work in a file that is included; write it in .ci.yaml',
    ]


def test_paths_stay_in_the_repository() -> None:
    for path in ("../a.yaml", "/etc/passwd", "a/../../b", "ci/", "a\\\\b"):
        found = read(f'include: "{path}"\n{JOB}'.encode(), default_image="img")
        assert len(found.problems) == 1, path
        assert (found.problems[0].line, found.problems[0].column) == (1, 10)


def test_no_more_than_twenty_and_five_deep() -> None:
    many = {f"f{n}": "env: {A: b}" for n in range(21)}
    told = problems(f"include: [{', '.join(f'f{n}.yaml' for n in range(21))}]\n{JOB}", None, **many)
    assert told == [".ci.yaml:1:201: include[20]: more than 20 files are included; put some together"]
    deep = {f"f{n}": f"include: f{n + 1}.yaml" for n in range(6)}
    assert "more than 5 deep" in problems(f"include: f0.yaml\n{JOB}", None, **deep)[0]


def test_limits_count_for_all_files_together() -> None:
    steps = "jobs: {%s: {steps: [%s]}}"
    files = {f"f{n}": steps % (f"j{n}", ", ".join(["x"] * 30)) for n in range(3)}
    told = problems("include: [f0.yaml, f1.yaml, f2.yaml]\n", Limits(nodes=100), **files)
    assert "more than 100 keys and values" in told[-1]
    assert told[-1].startswith("f2.yaml:1:")
    jobs = {f"f{n}": f"jobs: {{j{n}: {{steps: [x]}}}}" for n in range(3)}
    told = problems("include: [f0.yaml, f1.yaml, f2.yaml]\n", Limits(jobs=2), **jobs)
    assert "3 jobs in all files; there are at most 2" in told[0]


def test_files_without_any_job() -> None:
    assert "there are no jobs in any of the files" in problems("include: a.yaml\n", a="env: {A: b}")[0]


def test_inputs_of_the_first_file_are_known_in_all() -> None:
    main = "on: {push: , manual: {inputs: {WHAT: }}}\ninclude: a.yaml\n"
    job = "env: {A: '${{ inputs.%s }}'}\n" + JOB
    assert reading(main, a=job % "WHAT").pipeline is not None
    assert "there is no input" in problems(main, a=job % "WHO")[0]


pieces = st.sampled_from(
    [
        "include: ",
        "[a.yaml, b.yaml]",
        "a.yaml",
        "b.yaml",
        "\n",
        "jobs: ",
        "{t: {steps: [x]}}",
        "{",
        "on: push",
    ]
)
texts = st.lists(pieces | st.text(max_size=5), max_size=12).map("".join)


@settings(max_examples=150)
@given(texts, texts, texts)
def test_whatever_is_included_there_is_a_pipeline_or_there_are_problems(
    main: str, a: str, b: str
) -> None:
    files = {"a.yaml": a.encode(errors="replace"), "b.yaml": b.encode(errors="replace")}
    brought: dict[str, bytes | Absent] = {}
    for _ in range(8):
        found = read(main.encode(errors="replace"), default_image="img", included=brought)
        if not found.wanted:
            break
        brought |= {path: files.get(path, Absent("is not there")) for path in found.wanted}
    assert found.wanted == ()
    assert (found.pipeline is None) is bool(found.problems)
