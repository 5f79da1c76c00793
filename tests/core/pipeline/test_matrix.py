"""`matrix`, `fail-fast`, `max-parallel`: which cells there are, what they are called, what is replaced in them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_bot.core.occasion import Facts, Occasion
from ci_bot.core.pipeline import Limits, plan
from ci_bot.core.pipeline.cells import cell_id, replaced
from ci_bot.core.planned import Artifacts, Job, Service, Step
from tests.core.pipeline.examples import complaints, job, read_text


def cells(matrix: str, more: str = "") -> list[Job]:
    reading = read_text(job(f"matrix: {matrix}") + (f"    {more}\n" if more else ""))
    assert reading.pipeline is not None, reading.problems
    return list(reading.pipeline.jobs)


def ids(matrix: str) -> list[str]:
    return [each.id for each in cells(matrix)]


def test_a_job_becomes_one_for_each_combination_with_a_stable_id_and_name() -> None:
    first, *_, last = cells("{python: [3.12, '3.13'], os: [linux]}")
    assert (first.id, first.name, first.group) == ("build(3.12,linux)", "build (3.12, linux)", "build")
    assert last.matrix == {"python": "3.13", "os": "linux"}
    assert last.family == "build"


def test_exclude_takes_away_what_agrees_and_include_extends_or_adds() -> None:
    found = cells(
        "{os: [a, b], n: [1, 2], exclude: [{os: b, n: 2}], "
        "include: [{os: a, extra: x}, {os: c, n: 1}, {all: y}]}"
    )
    assert [each.matrix for each in found] == [
        {"os": "a", "n": "1", "extra": "x", "all": "y"},
        {"os": "a", "n": "2", "extra": "x", "all": "y"},
        {"os": "b", "n": "1", "all": "y"},
        {"os": "c", "n": "1"},
    ]


def test_without_axes_each_included_entry_is_a_cell() -> None:
    assert ids("{include: [{site: eu}, {site: us}]}") == ["build(eu)", "build(us)"]


def test_what_is_long_or_could_not_be_typed_is_cut_and_stays_unique() -> None:
    long = ids(f"{{v: ['{'x' * 200}', '{'x' * 199}y', 'a b', 'a-b', 'ä', 'node:22']}}")
    assert long[3] == "build(a-b)"
    assert long[5] == "build(node:22)"
    assert len(set(long)) == 6
    assert all(len(each) < 60 for each in long)


@given(st.lists(st.text(max_size=255), min_size=1, max_size=12, unique=True))
@settings(max_examples=100, deadline=None)
def test_any_id_fits_and_two_values_never_share_one(values: list[str]) -> None:
    made = [cell_id("j" * 63, {"v": value}) for value in values]
    assert len(set(made)) == len(values)
    whole = cell_id("j" * 63, {str(index): value for index, value in enumerate(values)})
    assert max(map(len, [whole, *made])) <= 255
    assert not set("".join(made)) & set(" ~$\\`*<>&|/\n")


def test_values_are_replaced_wherever_they_may_stand() -> None:
    ref = "${{ matrix.v }}"
    plain = Job(
        "test",
        f"Test {ref}",
        (Step(f"step {ref}", f"make {ref}", f"img:{ref}", {"A": f"<{ref}>"}, args=(ref, "x")),),
        services=(Service("db", f"pg:{ref}", {"B": ref}),),
        artifacts=Artifacts((f"out/{ref}/*",), junit=(f"{ref}.xml",), coverage=(f"c{ref}.xml",)),
    )
    made = replaced(plain, {"v": "1"})
    (step,), (service,) = made.steps, made.services
    assert (made.name, step.name, step.run, step.image) == ("Test 1", "step 1", "make 1", "img:1")
    assert (step.env, step.args) == ({"A": "<1>"}, ("1", "x"))
    assert (service.image, service.env) == ("pg:1", {"B": "1"})
    assert made.artifacts == Artifacts(("out/1/*",), junit=("1.xml",), coverage=("c1.xml",))


def test_a_cell_without_the_value_has_nothing_there_and_other_braces_stay() -> None:
    found = cells("{v: [1, 2], include: [{v: 2, w: x}]}", "env: {A: '[${{ matrix.w }}]'}")
    assert [each.steps[0].env["A"] for each in found] == ["[]", "[x]"]
    (one,) = cells("{v: [1]}", "name: n ${{ matrix.v }}")
    assert one.name == "n 1"


def test_a_value_that_looks_like_an_input_with_its_text_is_no_input() -> None:
    found = cells("{v: ['{{ inputs.x }}']}", "env: {A: '$${{ matrix.v }}'}")
    reading = read_text(job("matrix: {v: ['{{ inputs.x }}']}\n    env: {A: '$${{ matrix.v }}'}"))
    assert reading.pipeline is not None
    planned = plan(reading.pipeline, Occasion(Facts(event="push")))
    assert planned.jobs[0].steps[0].env == found[0].steps[0].env == {"A": "${{ inputs.x }}"}


def test_a_job_that_needs_a_matrix_names_it_once() -> None:
    text = "jobs:\n  t: {matrix: {v: [1, 2]}, steps: [a]}\n  d: {needs: t, steps: [b]}\n"
    reading = read_text(text)
    assert reading.pipeline is not None
    assert [(each.id, each.needs) for each in reading.pipeline.jobs] == [
        ("t(1)", ()),
        ("t(2)", ()),
        ("d", ("t",)),
    ]


def test_fail_fast_and_max_parallel_are_in_every_cell() -> None:
    for cell in cells("{v: [1, 2]}", "fail-fast: true\n    max-parallel: 1"):
        assert (cell.fail_fast, cell.max_parallel) == (True, 1)


M = "jobs.build.matrix"


@pytest.mark.parametrize(
    ("matrix", "told"),
    [
        (
            "{v: []}",
            [
                (
                    f'4:17: {M}.v: the axis "v" is empty, so there would be no cell; write an axis and '
                    "its values, like python: ['3.12', '3.13']"
                )
            ],
        ),
        ("{v: 1}", [f'4:17: {M}.v: must be a list, not text; begin each item with "- "']),
        (
            "{}",
            [
                (
                    f"4:5: {M}: no cell is left, so this job would never run; write an axis and its values, "
                    "like python: ['3.12', '3.13']"
                )
            ],
        ),
        (
            "{v: [1], exclude: [{v: 1}]}",
            [
                (
                    f"4:5: {M}: no cell is left, so this job would never run; write "
                    "an axis and its values, like python: ['3.12', '3.13']"
                )
            ],
        ),
        (
            "{v: [1], exclude: [{v: 2}]}",
            [
                (
                    f"4:32: {M}.exclude[0]: takes nothing away: no cell has these "
                    "values; correct or remove it"
                )
            ],
        ),
        (
            "{os: [1], exclude: [{so: 1}]}",
            [f'4:34: {M}.exclude[0].so: there is no axis "so"; the axes: os'],
        ),
        (
            "{python: [1], exclude: [{pyton: 1}]}",
            [(f'4:38: {M}.exclude[0].pyton: there is no axis "pyton"; did you mean "python"?')],
        ),
        ("{v: [1, 1]}", [f'4:21: {M}.v[1]: "1" stands twice in this axis; name it once']),
        (
            "{v: [1], include: [{v: 1}]}",
            [(f"4:32: {M}.include[0]: is a cell already, and adds no value to it; remove it")],
        ),
        (
            "{v: [1], include: [{v: 2, include: 3}]}",
            [(f'4:39: {M}.include[0].include: "include" is reserved; give the value another name')],
        ),
        (
            "{v: [1], w: [1], include: [{v: 2}]}",
            [
                (
                    f"4:40: {M}.include[0]: agrees with no cell, and as a cell "
                    'of its own it lacks "w"; name a value for every axis'
                )
            ],
        ),
        (
            "{include: [{a: 1}, {b: 1}]}",
            [(f'4:5: {M}: two cells have the values "1"; let them differ in a value')],
        ),
        (
            "{v w: [1]}",
            [
                (
                    f'4:14: {M}."v w": "v w" cannot be the name of a value; up to 63 letters, digits, _ '
                    "and -; a letter or _ first"
                )
            ],
        ),
        (
            "{v: ['${{ inputs.x }}']}",
            [(f"4:18: {M}.v[0]: nothing is replaced in a value of a matrix; write the value itself")],
        ),
        (
            f"{{a: {list(range(40))}, b: {list(range(40))}}}",
            [
                (
                    f"4:5: {M}: 40 x 40 are too many combinations; a "
                    "matrix has at most 256 cells; take values or an "
                    "axis away"
                )
            ],
        ),
        (
            f"{{a: {list(range(257))}}}",
            [(f"4:5: {M}: 257 cells; a matrix has at most 256; take values or an axis away")],
        ),
    ],
)
def test_what_is_wrong_with_a_matrix_is_told(matrix: str, told: list[str]) -> None:
    assert complaints(job(f"matrix: {matrix}")) == told


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "env: {A: '${{ matrix.pyton }}'}",
            'there is no "pyton" in the matrix; did you mean "python"?',
        ),
        ("name: '${{ inputs.x }}'", "${{ matrix.NAME }} stands for a value of the job's matrix"),
        ("image: 'a:${{ matrix.python }}/b'", 'in the cell (3.12) "a:3.12/b" is not an image'),
        (
            "timeout: '${{ matrix.python }}'",
            "nothing is replaced here; values of a matrix may stand in",
        ),
    ],
)
def test_a_placeholder_is_checked_where_it_stands(line: str, told: str) -> None:
    (complaint,) = complaints(job(f"matrix: {{python: [3.12]}}\n    {line}"))
    assert told in complaint
    assert complaint.startswith("5:")


def test_scripts_know_the_matrix_too() -> None:
    text = "jobs: {t: {matrix: {v: [1]}, steps: ['echo ${{ matrix.w }}']}}"
    assert complaints(text) == [
        '1:38: jobs.t.steps[0]: there is no "w" in the matrix; the matrix has v'
    ]
    text = "jobs: {t: {steps: ['echo ${{ matrix.w }}']}}"
    (complaint,) = complaints(text)
    assert "means nothing without a matrix" in complaint


def test_fail_fast_asks_for_a_matrix() -> None:
    assert complaints(job("fail-fast: true")) == [
        "4:5: jobs.build.fail-fast: there is no matrix in this job; add one, or remove it"
    ]
    assert complaints(job("matrix: {v: [1]}\n    max-parallel: 0")) == [
        '5:19: jobs.build.max-parallel: "0" is not a whole number from 1 to 256'
    ]


def test_all_cells_of_a_file_count_as_jobs_and_as_text() -> None:
    jobs = "".join(f"  j{n}: {{matrix: {{v: {list(range(100))}}}, steps: [x]}}\n" for n in range(3))
    assert complaints("jobs:\n" + jobs) == [
        (
            "1:1: jobs: 300 jobs, every cell of a matrix counted; a file has at most 256; "
            "take values away from a matrix"
        )
    ]
    small = Limits(expanded=1000)
    assert complaints(job("matrix: {v: [1, 2]}\n    env: {A: " + "x" * 200 + "}"), small) == []
    told = complaints(job(f"matrix: {{v: {list(range(9))}}}\n    env: {{A: {'x' * 200}}}"), small)
    assert "all scripts and environments take more than" in told[0]


def test_concurrency_of_a_job_and_of_the_whole_file() -> None:
    text = (
        "concurrency: {group: 'all ${{ branch }}', limit: 2}\n"
        "jobs:\n  d:\n    concurrency: {group: d, when-full: cancel-older}\n    steps: [x]\n"
    )
    reading = read_text(text)
    assert reading.pipeline is not None
    planned = plan(reading.pipeline, Occasion(Facts(event="push", branch="main")))
    assert planned.concurrency is not None
    assert (planned.concurrency.group, planned.concurrency.limit) == ("all main", 2)
    group = planned.jobs[0].concurrency
    assert group is not None
    assert (group.group, group.limit, group.cancel_older) == ("d", 1, True)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "concurrency: {limit: 1}",
            ('4:5: jobs.build.concurrency: "group" is missing; name the group, like {group: deploy}'),
        ),
        (
            "concurrency: {group: d, limit: 0}",
            ('4:36: jobs.build.concurrency.limit: "0" is not a whole number from 1 to 1000'),
        ),
        (
            "concurrency: {group: d, when-full: cancel-oldr}",
            (
                "4:40: jobs.build.concurrency.when-full: "
                '"cancel-oldr" is not known here; did you mean '
                '"cancel-older"?'
            ),
        ),
        (
            "concurrency: {group: '${{ actor }}'}",
            (
                "4:26: jobs.build.concurrency.group: only ${{ branch }} is "
                "replaced in a group; write out the rest"
            ),
        ),
    ],
)
def test_what_is_wrong_with_a_group_is_told(line: str, told: str) -> None:
    assert complaints(job(line)) == [told]
