"""Any text is a problem, or an answer, or an error in words; soon, and without an exception or a crash."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ci_bot.core.conditions import (
    Before,
    Known,
    Values,
    answered_by,
    check,
    evaluate,
    operands,
    why_never,
    why_not,
)
from ci_bot.core.conditions.language import MAX_LENGTH
from ci_bot.core.occasion import Changed, Facts
from ci_bot.core.patterns import changes_of, file_matches, wrong_path
from ci_bot.evaluation import Apart
from ci_bot.evaluation.__main__ import DEADLINE, TOO_LONG

KNOWN = Known(frozenset({"a"}), frozenset({"go"}), frozenset({"level"}))
VALUES = Values(
    Facts(event="push", branch="x" * 255, labels=tuple(f"label-{n}" for n in range(100))),
    {"go": "1"},
    Before({"a": "success"}),
)

WORDS = st.sampled_from(
    [
        *("event", "branch", "draft", "labels", "matrix.go", "inputs.level", 'needs["a"].result'),
        *("success()", "failure()", "always()", 'changes("src/**")', "true", "false", "null"),
        *("==", "!=", "&&", "||", "!", "in", "?", ":", "+", "-", "/", "<", "(", ")", "[", "]", "."),
        *('"x"', "'y'", '"', "1", "0", "2.5", "b'z'", "r'\\'", "size(labels)", "int(branch)"),
        *("labels.all(l, ", "labels.map(x, x)", '.matches("(a|b)*")', "{", "}", ",", "\n", "// c"),
        *("\x00", "é", "😀", "\ud800", "_", "dyn(", "x.y", "timestamp(branch)", "@in", "`a`"),
    ]
)


def whatever(text: str) -> None:
    if check(text, KNOWN):
        return
    answer = evaluate(text, VALUES)
    assert isinstance(answer.holds, bool)
    assert isinstance(why_never(text, VALUES), str)
    assert operands(text)
    if not answer.holds and not answer.error:
        assert why_not(text, VALUES).startswith("if: ")


@settings(max_examples=1500, deadline=None)
@given(st.lists(WORDS, max_size=12).map(" ".join))
@example('1 == 1 && ("&&" == "&&" && branch == "&&")')
def test_words_of_the_language_in_any_order(text: str) -> None:
    whatever(text)


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=60))
def test_any_text(text: str) -> None:
    whatever(text)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 50_000 + ")" * 50_000,
        "(" * 1000,
        "(" * 498 + "true" + ")" * 498,
        "[" * 499 + "]" * 499,
        "!" * 996 + "true",
        "-" * 990 + "1 == 1",
        "a" + ".b" * 499,
        "true" + " && true" * 124,
        "true" + " ? true : false" * 60,
        " + ".join(["branch"] * 110) + ' == ""',
        "{1:" * 300 + "1" + "}" * 300,
        '"' + "\\u00e9" * 160 + '" == branch',
    ],
)
def test_deep_and_long_ones(text: str) -> None:
    whatever(text)


@pytest.mark.parametrize(
    "text",
    [
        "[" + ",".join(["1"] * 480) + "].all(x, x > 0)",
        "labels.all(x, " + " || ".join(['x in ["q", "r"]'] * 45) + ")",
        " && ".join(["labels.all(x, size(x + x + x + x + x + x + x + x) > 0)"] * 3),
        " || ".join(["branch.matches('(.{0,6}){6}x')"] * 2),
        "branch.matches('(a|b|c|d|e)*(f|g)*z')",
        "size(" + " + ".join(["labels"] * 30) + ") > 2",
        " || ".join([f'changes("{n}/**")' for n in range(50)]),
    ],
)
def test_the_costliest_that_are_accepted_have_an_answer(text: str) -> None:
    assert check(text, KNOWN) == ()
    assert evaluate(text, VALUES).error == ""


#: Parts that cost the most for their length, among what is accepted.
COSTLY = st.sampled_from(
    [
        "labels.all(x, size(x + x + x + x + x + x) > 0)",
        "labels.exists(x, " + " && ".join(['x.contains("label-1")'] * 12) + " && false)",
        "!labels.map(x, x + x + x).exists_one(y, y == 'a')",
        "size(labels.filter(x, x in ['a', 'b', 'c', 'd', 'e', 'f'])) < 1",
        "[" + ",".join(["1"] * 100) + "].all(x, x + x + x > 0)",
        "branch.matches('(.{0,6}){6}x')",
        "branch.matches('(x|x?x|x*)*(x|y)*z')",
        "(" + " + ".join(["branch"] * 30) + ").contains('" + "x" * 200 + "y')",
        "size(" + " + ".join(["labels"] * 20) + ") > 2",
        'changes("*a*a*a*a*/**")',
        "actor + branch + base == tag",
    ]
)


def test_none_of_the_costliest_that_are_accepted_comes_to_its_deadline() -> None:
    """Which is one of processor time, so that a busy machine does not matter."""
    apart = Apart()
    facts = Facts(*("push", "x" * 1000, "y" * 1000, "", "o/r", "x" * 1000), labels=("l" * 1000,) * 1000)
    values = Values(facts, {"go": "1"}, Before({"a": "success"}))
    accepted: list[str] = []

    @settings(max_examples=400, deadline=None, database=None)
    @given(st.lists(st.tuples(st.sampled_from([" && ", " || "]), COSTLY), min_size=1, max_size=8))
    def each(parts: list[tuple[str, str]]) -> None:
        text = "".join(f"{operator}{part}" for operator, part in parts)[4:]
        if not check(text, KNOWN):
            accepted.append(text)
            assert TOO_LONG not in evaluate(text, values).error

    with answered_by(apart):
        each()
    apart.close()
    assert len(accepted) > 100
    assert max(map(len, accepted)) > MAX_LENGTH // 2


def test_three_thousand_files_against_the_costliest_patterns_hold_nobody_for_long() -> None:
    """The interpreter is held by one pattern against one path at a time: seconds of processor time."""
    patterns = (
        "*" + ("a" * 60 + "*") * 3 + "b",
        "**/" + "/".join(["*a*a*a*b"] * 20),
        "/".join(["**", "*a*a*"] * 15) + "/b",
        "[a-z]*" * 4 + "b",
    )
    files = tuple("/".join(["a" * 250] * 15) + str(number) for number in range(3000))
    longest = 0.0
    for pattern in patterns:
        assert not wrong_path(pattern)
        for file in files[:20]:
            began = time.thread_time()
            assert not file_matches((pattern,), file)
            longest = max(longest, time.thread_time() - began)
    assert longest < DEADLINE
    assert changes_of(patterns, Changed(files)) == dict.fromkeys(patterns, True)  # too much to ask
    assert not any(changes_of(patterns, Changed(tuple(file[-200:] for file in files))).values())
