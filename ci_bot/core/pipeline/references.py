"""`${{ … }}` in a value: what may stand there, where it may, and what people from elsewhere meant by it."""

from __future__ import annotations

from typing import Final

from ci_bot.core.inputs import OPENING, PLACEHOLDER, input_named
from ci_bot.core.pipeline.cells import matrix_value
from ci_bot.core.pipeline.report import quoted
from ci_bot.core.pipeline.value import Value
from ci_bot.core.suggest import did_you_mean

_WHAT: Final = (
    "in env, ${{ inputs.NAME }} stands for an input and ${{ matrix.NAME }} for a value of the job's matrix; "
    "what happened is in CI_… variables"
)
_MATRIX_ALONE: Final = (
    "${{ matrix.NAME }} stands for a value of the job's matrix; nothing else is replaced"
)
_ELSEWHERE: Final = (
    "values of a matrix may stand in name, image, env, run, args, services and artifacts of a job"
)
_IN_SCRIPT: Final = (
    "set a variable by env to it, and use that: a script is never changed by what people enter"
)


def refers(entry: Value, content: str) -> bool:
    """In `env`. Reports what would be replaced by nothing; any other text is as it is written."""
    return _is_closed(entry, content, _WHAT) and all(
        _is_known(entry, inside) for inside in PLACEHOLDER.findall(content)
    )


def refers_to_matrix(entry: Value, content: str) -> bool:
    """In a name, an image, arguments, globs: values of the matrix, and no inputs."""
    return _is_closed(entry, content, _MATRIX_ALONE) and all(
        _is_of_matrix(entry, inside, _MATRIX_ALONE) for inside in PLACEHOLDER.findall(content)
    )


def refuse(entry: Value, content: str) -> bool:
    """Where nothing is replaced: reports what looks as if it would be."""
    if OPENING not in content:
        return True
    entry.wrong("nothing is replaced here", _ELSEWHERE)
    return False


def check_script(entry: Value, content: str) -> None:
    """Values of the matrix are known; an input in a script would be an error of the shell, or an injection
    elsewhere. What else begins so is the script's own."""
    if OPENING not in content:
        return
    for inside in PLACEHOLDER.findall(content):
        if input_named(inside) in (entry.scope.inputs or ()):
            entry.wrong(f"{_written(inside)} does not work in a script", _IN_SCRIPT)
            return
        if matrix_value(inside) is not None and not _is_of_matrix(entry, inside, ""):
            return


def _is_closed(entry: Value, content: str, hint: str) -> bool:
    if OPENING not in content or len(PLACEHOLDER.findall(content)) == content.count(OPENING):
        return True
    entry.wrong(f"{quoted(OPENING)} is not closed, or holds braces", hint)
    return False


def _is_known(entry: Value, inside: str) -> bool:
    name = input_named(inside)
    if name is None:
        return _is_of_matrix(entry, inside, _WHAT)
    if entry.scope.inputs is None or name in entry.scope.inputs:
        return True
    declare = f"declare it: on: {{manual: {{inputs: {{{name}: }}}}}}"
    entry.wrong(
        f"there is no input {quoted(name)}", did_you_mean(name, sorted(entry.scope.inputs)) or declare
    )
    return False


def _is_of_matrix(entry: Value, inside: str, hint: str) -> bool:
    """`hint` is for what is no value of a matrix at all."""
    name, matrix = matrix_value(inside), entry.scope.matrix
    if name is None:
        entry.wrong(f"{_written(inside)} means nothing here", hint)
        return False
    if matrix is None or name in matrix.longest:  # None: its own errors come first
        return True
    if not matrix.cells:
        entry.wrong(
            f"{_written(inside)} means nothing without a matrix", "it is for jobs that have one"
        )
        return False
    names = tuple(matrix.longest)
    known = f"the matrix has {', '.join(names[:10])}"
    entry.wrong(f"there is no {quoted(name)} in the matrix", did_you_mean(name, names) or known)
    return False


def _written(inside: str) -> str:
    return quoted(OPENING + inside + "}}")
