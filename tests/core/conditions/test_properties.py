"""Any text is a problem, or an answer, or an error in words; soon, and without an exception or a crash."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ci_bot.core.conditions import Before, Known, Values, check, evaluate, operands, why_never, why_not
from ci_bot.core.occasion import Facts

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
