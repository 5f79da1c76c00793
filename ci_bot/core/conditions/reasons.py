"""A condition that does not hold → the first part of it that is false, in words."""

from __future__ import annotations

from typing import Final

from ci_bot.core.conditions.evaluating import Values, evaluate, fact
from ci_bot.core.conditions.language import CHANGES, compiled
from ci_bot.core.conditions.reading import Reads, need_of, of_map, operands, reads
from ci_bot.core.conditions.tree import EQUAL, NOT, UNEQUAL, Call, Const, Name, Node, tree

#: A reason is one line among others.
MAX_SHOWN: Final = 120
MOST_VALUES: Final = 3


def why_not(text: str, values: Values) -> str:
    """ "if: branch is "x", not "main"", for a condition that was evaluated to false with these values."""
    false = next((part for part in operands(text) if not evaluate(part, values).holds), text)
    return f"if: {_in_words(false, values)}"


def why_never(text: str, values: Values) -> str:
    """Why it will not hold, whatever other jobs and steps do; "" where that is not known yet."""
    for part in early_parts(text):
        answer = evaluate(part, values)
        if answer.error:  # which one comes first decides, so nothing after it does
            return ""
        if not answer.holds:
            return why_not(part, values)
    return ""


def early_parts(text: str) -> list[str]:
    """Those of its parts that nothing which is still to happen decides."""
    return [part for part in operands(text) if reads(part).is_known_early]


def why_failed(error: str, text: str) -> str:
    """For one that could not be evaluated."""
    return f"if: {_shown(text)} has no answer: {error}"


def _in_words(part: str, values: Values) -> str:
    if part == "false":
        return "it is false"
    node = tree(compiled(part).serialize())
    return _known_form(node, values) or _as_written(part, values)


def _known_form(node: Node, values: Values) -> str:
    match node:
        case Name(_, name) if (value := _value(node, values)) is not None:
            return f"{name} is {value}"
        case Call(_, function, (Name() as of,)) if function == NOT:
            value = _value(of, values)
            return f"{of.name} is {value}" if value else ""
        case Call(_, function, (one, other)) if function in (EQUAL, UNEQUAL):
            return _compared(one, other, values, function)
        case Call(_, function, (Const(_, str(pattern)),)) if function == CHANGES:
            return _unchanged(pattern, values)
        case Call(_, function, ()):
            return _STATUS.get(function, "")
    return ""


_STATUS: Final = {
    "success": "something before it did not succeed",
    "failure": "nothing before it failed",
    "cancelled": "nothing before it was cancelled",
}


def _compared(one: Node, other: Node, values: Values, operator: str) -> str:
    if isinstance(one, Const):
        one, other = other, one
    value = _value(one, values)
    if value is None or not isinstance(other, Const):
        return ""
    wanted = _literal(other.value)
    return f"{_name(one)} is {value}" + (f", not {wanted}" if operator == EQUAL else "")


def _unchanged(pattern: str, values: Values) -> str:
    if values.changed is None:
        return f"no changed file matches {_shown(pattern)}"
    if values.changed == 1:
        return f"the one changed file does not match {_shown(pattern)}"
    return f"none of {values.changed} changed files match {_shown(pattern)}"


def _as_written(part: str, values: Values) -> str:
    read = _read(reads(part), values)[:MOST_VALUES]
    return f"{_shown(part)} is false" + (f" ({', '.join(read)})" if read else "")


def _read(asked: Reads, values: Values) -> list[str]:
    """What it read, each with its value."""
    names: list[Node] = [Name(0, name) for name in asked.facts]
    found = [f"{_name(node)} is {_value(node, values)}" for node in names]
    found += [
        f"matrix.{axis} is {_literal(values.matrix.get(axis, ''))}" for axis in sorted(asked.axes)
    ]
    found += [
        f"inputs.{name} is {_literal(values.facts.inputs.get(name, ''))}"
        for name in sorted(asked.inputs)
    ]
    results = values.before.results
    found += [
        f'needs["{name}"].result is {_literal(results.get(name, ""))}' for name in sorted(asked.needs)
    ]
    return found


def _name(node: Node) -> str:
    need = need_of(node)
    if need is not None:
        return f'needs["{need[0]}"].result'
    for of in ("matrix", "inputs"):
        member = of_map(node, of)
        if member is not None:
            return f"{of}.{member}"
    return node.name if isinstance(node, Name) else ""


def _value(node: Node, values: Values) -> str | None:
    """None where it is no variable."""
    need = need_of(node)
    if need is not None:
        return _literal(values.before.results.get(need[0], ""))
    axis, name = of_map(node, "matrix"), of_map(node, "inputs")
    if axis is not None:
        return _literal(values.matrix.get(axis, ""))
    if name is not None:
        return _literal(values.facts.inputs.get(name, ""))
    if isinstance(node, Name) and hasattr(values.facts, node.name):
        return _literal(fact(node.name, values.facts))
    return None


def _literal(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{_shown(', '.join(map(_literal, value)))}]"
    return f'"{_shown(value)}"' if isinstance(value, str) else str(value)


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MAX_SHOWN else line[: MAX_SHOWN - 1] + "…"
