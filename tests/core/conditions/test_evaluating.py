"""A condition and what is known → an answer, an error, and in words why it does not hold."""

from __future__ import annotations

import pytest

from ci_bot.core.conditions import Answer, Before, Values, evaluate, reads, why_never, why_not
from ci_bot.core.occasion import Facts

FACTS = Facts(
    event="push",
    branch="dev",
    labels=("ui", "big"),
    inputs={"level": "low"},
    changes={"src/**": False, "docs/**": True},
)
VALUES = Values(FACTS, {"go": "1.22"}, Before({"build": "failure"}, succeeded=False, failed=True), 3)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ('event == "push" && branch != "main"', True),
        ("draft || fork", False),
        ('"ui" in labels', True),
        ('matrix.go == "1.22" && inputs.level == "low"', True),
        ('needs["build"].result == "failure" && failure()', True),
        ("success() || cancelled()", False),
        ("always()", True),
        ('changes("docs/**") && !changes("src/**")', True),
        ('changes("unknown/**")', True),  # nobody can tell, so it counts as changed
        ('labels.exists(l, l == "big") && labels.all(l, size(l) > 1)', True),
        ('branch.matches("^d[aeiou]v$")', True),
    ],
)
def test_answers(text: str, holds: bool) -> None:
    assert evaluate(text, VALUES) == Answer(holds)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("1 / 0 == 1", "divide by zero"),
        ("int(branch) == 1", "cannot convert string to int"),
        ('branch.matches("(")', "invalid regular expression: missing ): ("),
        ("9223372036854775807 + 1 > 0", "integer overflow"),
        ('labels[7] == ""', "Index error: index=7 size=2"),
    ],
)
def test_what_has_no_answer_says_why_and_does_not_hold(text: str, error: str) -> None:
    answer = evaluate(text, VALUES)
    assert not answer.holds
    assert error in answer.error


def test_what_one_cell_of_a_matrix_does_not_have_is_empty() -> None:
    assert evaluate('matrix.os == ""', Values(FACTS)).holds


def test_half_characters_and_endless_names_do_no_harm() -> None:
    facts = Facts(event="push", branch="\ud800" + "x" * 10_000_000, labels=("\ud800",) * 10_000)
    text = 'branch.startsWith("?") && size(branch) == 1000 && size(labels) == 100'
    assert evaluate(text, Values(facts)) == Answer(True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('event == "push" && branch == "main"', 'if: branch is "dev", not "main"'),
        ('"main" == branch', 'if: branch is "dev", not "main"'),
        ('branch != "dev"', 'if: branch is "dev"'),
        ("draft", "if: draft is false"),
        ('!changes("docs/**")', 'if: !changes("docs/**") is false'),
        ('changes("src/**")', "if: none of 3 changed files match src/**"),
        ('"gpu" in labels', 'if: "gpu" in labels is false (labels is ["ui", "big"])'),
        (
            '(event == "tag" || fork) && branch == "main"',
            'if: (event == "tag" || fork) is false (event is "push", fork is false)',
        ),
        ('matrix.go == "1.21"', 'if: matrix.go is "1.22", not "1.21"'),
        ('inputs.level == "high"', 'if: inputs.level is "low", not "high"'),
        ('needs["build"].result == "success"', 'if: needs["build"].result is "failure", not "success"'),
        ("cancelled()", "if: nothing before it was cancelled"),
        ("success()", "if: something before it did not succeed"),
        ("false", "if: it is false"),
    ],
)
def test_the_first_part_that_is_false_is_named_with_what_it_read(text: str, words: str) -> None:
    assert why_not(text, VALUES) == words


def test_parts_inside_parentheses_are_told_as_a_whole() -> None:
    text = '(event == "push" && draft) && branch == "dev"'
    assert why_not(text, VALUES).startswith('if: (event == "push" && draft) is false')


def test_what_cannot_hold_any_more_is_known_early() -> None:
    assert why_never('branch == "main" && failure()', VALUES) == 'if: branch is "dev", not "main"'
    assert why_never('branch == "dev" && failure()', VALUES) == ""
    assert why_never('1 / 0 == 1 && branch == "main"', VALUES) == ""


def test_what_it_reads() -> None:
    found = reads('always() && needs["a-b"].result != "failure" && changes("x/**") && matrix.go == "1"')
    assert found.needs == {"a-b"}
    assert found.status == {"always"}
    assert found.patterns == ("x/**",)
    assert found.axes == {"go"}
    assert not found.is_known_early
    assert reads('event == "push"').is_known_early


def test_which_labels_it_asks_for() -> None:
    assert reads('"ui" in labels && !("big" in labels)').labels == frozenset({"ui", "big"})
    assert reads('event == "push"').labels == frozenset()
    assert reads('"ui" in labels || size(labels) > 3').labels is None
    assert reads('labels.exists(l, l == "ui")').labels is None
