"""`${{ … }}` in a value: what may stand there, where it may, and what people from elsewhere meant by it."""

from __future__ import annotations

from typing import Final

from ci_bot.core.inputs import OPENING, PLACEHOLDER, input_named
from ci_bot.core.pipeline.report import quoted
from ci_bot.core.pipeline.value import Value
from ci_bot.core.suggest import did_you_mean

_WHAT: Final = "in env, ${{ inputs.NAME }} stands for an input; what happened is in CI_… variables"
_IN_SCRIPT: Final = (
    "set a variable by env to it, and use that: a script is never changed by what people enter"
)


def refers(entry: Value, content: str) -> bool:
    """Reports what would be replaced by nothing. Any other text is as it is written."""
    if OPENING not in content:
        return True
    found = PLACEHOLDER.findall(content)
    if len(found) < content.count(OPENING):
        entry.wrong(f"{quoted(OPENING)} is not closed, or holds braces", _WHAT)
        return False
    return all(_is_known(entry, inside) for inside in found)


def refuse_in_script(entry: Value, content: str) -> None:
    """An input of this file in a script would be an error of the shell, or an injection elsewhere."""
    if OPENING not in content:
        return
    for inside in PLACEHOLDER.findall(content):
        if input_named(inside) in (entry.scope.inputs or ()):
            entry.wrong(f"{_written(inside)} does not work in a script", _IN_SCRIPT)
            return


def _is_known(entry: Value, inside: str) -> bool:
    name = input_named(inside)
    if name is None:
        entry.wrong(f"{_written(inside)} means nothing here", _WHAT)
        return False
    if entry.scope.inputs is None or name in entry.scope.inputs:
        return True
    declare = f"declare it: on: {{manual: {{inputs: {{{name}: }}}}}}"
    entry.wrong(
        f"there is no input {quoted(name)}", did_you_mean(name, sorted(entry.scope.inputs)) or declare
    )
    return False


def _written(inside: str) -> str:
    return quoted(OPENING + inside + "}}")
