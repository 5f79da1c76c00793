"""`shell` and `args`."""

from __future__ import annotations

import pytest

from ci_bot.core.planned import Step
from tests.core.pipeline.examples import complaints, read_text, step


def only_step(text: str) -> Step:
    found = read_text(text).pipeline
    assert found
    return found.jobs[0].steps[0]


def of_args(line: str) -> str:
    return f"jobs:\n  build:\n    steps:\n      - {line}\n"


def test_arguments_as_they_are_written() -> None:
    found = only_step(of_args('args: [build, 1.10, "two words", yes]'))
    assert found.args == ("build", "1.10", "two words", "yes")
    assert (found.run, found.name) == ("", "build 1.10 two words yes")
    assert only_step(of_args("args: version")).args == ("version",)
    assert only_step(of_args("args: []")).args == ()


def test_a_shell_with_its_options() -> None:
    assert only_step(step("shell: python3 -u")).shell == "python3 -u"
    assert only_step(step("timeout: 1m")).shell == ""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            step("args: [x]"),
            "5:9: jobs.build.steps[0].args: a step has run or args, not both; make two steps of it",
        ),
        (
            of_args("{args: [x], shell: bash}"),
            "4:9: jobs.build.steps[0]: a step with args has no script that a shell could read; remove shell",
        ),
        (
            step('shell: "bash; rm"'),
            '5:16: jobs.build.steps[0].shell: "bash; rm" is not a program that could read a script; write a program and its options, like "bash" or "python3 -u"',
        ),
        (
            of_args('args: ["a\\0"]'),
            '4:16: jobs.build.steps[0].args[0]: the argument contains a NUL character; remove the "\\0"',
        ),
        (
            of_args(f"args: [{', '.join('x' * 101)}]"),
            "4:15: jobs.build.steps[0].args: 101 arguments; there are at most 100",
        ),
    ],
)
def test_what_is_wrong_is_told(text: str, told: str) -> None:
    assert complaints(text) == [told]
