"""What is wrong with a condition, where, and how to mend it."""

from __future__ import annotations

import pytest

from ci_bot.core.conditions import Complaint, Known, check

KNOWN = Known(
    needs=frozenset({"build", "go-1"}),
    axes=frozenset({"go"}),
    inputs=frozenset({"level"}),
    events=frozenset({"push", "pull_request", "tag"}),
)


def complaint(text: str) -> Complaint:
    (found,) = check(text, KNOWN)
    return found


@pytest.mark.parametrize(
    "text",
    [
        "true",
        'event == "push" && branch == "main"',
        '!draft && !fork && "ready" in labels',
        'needs["build"].result == "success" || needs.build.result == "skipped"',
        'matrix.go == "1.22" && matrix["go"] != "1.21"',
        'inputs.level == "high"',
        'changes("src/**") || changes("!docs/**")',
        "success() || failure() || cancelled() || always()",
        'labels.exists(l, l.startsWith("ci:"))',
        r'tag.matches("^v[0-9]+\\.[0-9]{1,3}$")',
        "size(labels) > 0",
    ],
)
def test_what_the_language_has_is_accepted(text: str) -> None:
    assert check(text, KNOWN) == ()


@pytest.mark.parametrize(
    ("text", "line", "column", "message", "hint"),
    [
        ('evnt == "push"', 1, 1, 'unknown name "evnt"', 'did you mean "event"?'),
        ('true\n&& brnch == ""', 2, 4, 'unknown name "brnch"', 'did you mean "branch"?'),
        ("event == 1", 1, 7, "text is compared with a number", "put the number in quotes"),
        ('draft == "true"', 1, 7, "true or false is compared with text", "leave the quotes out"),
        (
            "branch",
            1,
            1,
            "a condition must be true or false; this is text",
            'compare it: branch == "main"',
        ),
        ("!branch", 1, 1, '"!" needs true or false, not text', 'compare it: branch == "main"'),
        ('branch = "x"', 1, 8, '"= " means nothing here', "equal is written =="),
        ('branch == "main" and draft', 1, 18, '"and" is not expected here', "write &&"),
        ("branch ==", 1, 10, "something is missing at the end", ""),
        ('branch == "', 1, 11, "a quote is not closed", ""),
        ("", 1, 1, "something is missing at the end", ""),
        ("${{ draft }}", 1, 1, "a condition is written without ${{ }}", "leave them out"),
        ('github.event_name == "push"', 1, 1, 'unknown name "github.event_name"', "write event"),
        ("successful()", 1, 1, 'unknown function "successful"', None),
        ("success(1)", 1, 8, "success() takes nothing", ""),
        (
            'needs["x"].result == "success"',
            1,
            11,
            'this job does not need "x"',
            'write "needs: x" into the job first',
        ),
        (
            'needs["buidl"].result == "success"',
            1,
            15,
            'this job does not need "buidl"',
            'did you mean "build"?',
        ),
        (
            'needs["build"].state == "success"',
            1,
            15,
            'a need has no "state"',
            'write needs["build"].result',
        ),
        ('needs["build"].result == "ok"', 1, 26, '"ok" is not a result', None),
        (
            'needs.go-1.result == "success"',
            1,
            11,
            "expression of type 'int' cannot be the operand of a select operation",
            'a name with "-" goes into brackets: needs["job-id"].result',
        ),
        ('event == "pr"', 1, 10, 'there is no event "pr"', None),
        ('matrix.py == "3"', 1, 7, 'there is no axis "py"', "there are go"),
        ('inputs.lvl == "3"', 1, 7, 'there is no input "lvl"', "there are level"),
        (
            '"go" in matrix',
            1,
            9,
            '"matrix" cannot be used as a whole, nor with a name that is computed',
            "write matrix.NAME",
        ),
        (
            "changes(branch)",
            1,
            8,
            "the pattern of changes() must be written out",
            'like changes("src/**")',
        ),
        ('changes(" ")', 1, 9, "the pattern of changes() is empty", 'like changes("src/**")'),
        ("(" * 400 + "true" + ")" * 400, 1, 1, "is nested too deeply", "write it flatter"),
        ('branch == "\ud800"', 1, 1, "contains something that is no character", "remove it"),
    ],
)
def test_each_mistake_is_told_with_its_place_and_its_remedy(
    text: str, line: int, column: int, message: str, hint: str | None
) -> None:
    found = complaint(text)
    assert found[:3] == (line, column, message)
    assert hint is None or found.hint == hint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x" * 1001, "at most 1,000 characters"),
        ("labels.all(a, labels.all(b, a == b))", "cannot stand inside each other"),
        ('labels.map(x, x + x).map(x, x + x).exists(x, x == "")', "cannot stand inside each other"),
        ("labels.all(x, x in labels)", "for each item of another"),
        (" || ".join(['labels.exists(l, l == "a")'] * 4), "stand here 4 times"),
        ('labels.all(l, l.matches("a"))', "cannot stand inside a macro"),
        ("branch.matches(tag)", "must be written out"),
        (r'branch.matches("\\pL{9}")', "not supported"),
        ('branch.matches("(.{0,9}){99}")', "too much"),
        ('timestamp("2026-01-01T00:00:00Z") < timestamp(actor)', 'no function "timestamp"'),
        ('duration("1h") == duration("60m")', 'no function "duration"'),
        ("type(branch) == string", 'no function "type"'),
        ("google.protobuf.Int64Value{value: 1} == 1", "no type"),
    ],
)
def test_what_could_take_long_is_refused(text: str, message: str) -> None:
    found = check(text, KNOWN)
    assert any(message in each.message for each in found), found


def test_seven_nested_macros_over_ten_items_are_refused() -> None:
    text = "true"
    for depth in range(7):
        text = f"[1,2,3,4,5,6,7,8,9,10].all(x{depth}, {text})"
    assert check(text, KNOWN)


def test_where_nobody_knows_the_inputs_none_is_called_unknown() -> None:
    assert check('inputs.any == "x"', Known(inputs=None)) == ()
