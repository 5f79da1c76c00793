"""A condition and what it may name → everything that is wrong with it, at its place in the text.

What passes is evaluated in a few milliseconds, whatever it says: CEL by itself is only linear in what it
is given, and a chain of `map` gives itself more and more (22 s, for 400 characters).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from cel_expr_python import cel

from ci_bot.core.conditions.language import (
    CHANGES,
    MACROS,
    MAPS,
    MATCHES,
    MAX_LENGTH,
    RESULTS,
    STANDARD,
    STATUS,
    compiled,
)
from ci_bot.core.conditions.reading import need_of, of_map
from ci_bot.core.conditions.translating import compiler_says
from ci_bot.core.conditions.tree import (
    EQUAL,
    UNEQUAL,
    Call,
    Const,
    Fold,
    Group,
    Name,
    Node,
    every,
    parts,
    tree,
)
from ci_bot.core.suggest import did_you_mean

MOST_MACROS: Final = 3
#: Characters of a regular expression times what its counted repetitions multiply to, all of them together.
MOST_REGEX: Final = 1000

_REPETITION: Final = re.compile(r"\{(\d+)(?:,(\d*))?\}")
_IS_WORD: Final = re.compile(r"[A-Za-z]\w*")


class Complaint(NamedTuple):
    """`line` and `column` count from 1, columns in characters."""

    line: int
    column: int
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What the condition of one place may name."""

    needs: frozenset[str] = frozenset()
    axes: frozenset[str] = frozenset()  # of the job's matrix
    inputs: frozenset[str] | None = frozenset()  # None: nobody knows
    events: frozenset[str] = field(default_factory=frozenset)  # () means any


def check(text: str, known: Known) -> tuple[Complaint, ...]:
    """() where there is nothing wrong. Total: never raises, whatever the text is."""
    if len(text) > MAX_LENGTH:
        message = f"a condition has at most {MAX_LENGTH:,} characters; this one has {len(text):,}"
        return (Complaint(1, 1, message, "split it over jobs, or move it into a step's script"),)
    try:
        expression = compiled(text)
    except (RuntimeError, TypeError, ValueError) as error:
        return tuple(Complaint(*said) for said in compiler_says(str(error), text))
    try:
        root = tree(expression.serialize())
        found = [(at, message, hint) for at, message, hint in _wrong(root, known, in_macro=False)]
        found += _too_costly(root)
    except (RuntimeError, ValueError):  # a RecursionError is a RuntimeError
        return (Complaint(1, 1, "is nested too deeply", "write it flatter"),)
    if not found and expression.return_type() != cel.Type.BOOL:
        return (
            Complaint(1, 1, _no_bool(expression.return_type().name()), 'compare it: branch == "main"'),
        )
    return tuple(Complaint(*_place(text, at), message, hint) for at, message, hint in found)


class _Wrong(NamedTuple):
    at: int
    message: str
    hint: str = ""


def _wrong(node: Node, known: Known, *, in_macro: bool) -> Iterator[_Wrong]:
    """What is wrong with the node and all that it is made of."""
    members = _member_of(node, known)
    if members is not None:
        yield from members
    elif isinstance(node, Fold):
        yield from _wrong_fold(node, known, in_macro=in_macro)
    else:
        yield from _wrong_here(node, known, in_macro=in_macro)
        for each in parts(node):
            yield from _wrong(each, known, in_macro=in_macro)


def _member_of(node: Node, known: Known) -> Iterator[_Wrong] | None:
    """For a member of a map, written as it must be; None for any other node."""
    need = need_of(node)
    if need is not None:
        return _wrong_need(node.at, need, known)
    for name, members in (("matrix", known.axes), ("inputs", known.inputs)):
        member = of_map(node, name)
        if member is not None:
            return _wrong_member(node.at, name, member, members)
    return None


def _wrong_here(node: Node, known: Known, *, in_macro: bool) -> Iterator[_Wrong]:
    match node:
        case Name(at, name) if name in MAPS:
            yield _wrong_map(at, name)
        case Name(at, "labels") if in_macro:
            yield _Wrong(at, "a list cannot be gone through for each item of another", _FLAT)
        case Call():
            yield from _wrong_call(node, known, in_macro=in_macro)
        case Group(at, _, of) if of:
            yield _Wrong(at, f'there is no type "{of}" in conditions')


def _wrong_fold(fold: Fold, known: Known, *, in_macro: bool) -> Iterator[_Wrong]:
    if in_macro or any(isinstance(each, Fold) for each in every(fold.over)):
        yield _Wrong(fold.at, f"{_listed(MACROS[:5])} cannot stand inside each other", _FLAT)
        return
    yield from _wrong(fold.over, known, in_macro=False)
    for each in fold.parts:
        yield from _wrong(each, known, in_macro=True)


_FLAT: Final = "write them side by side, joined by && or ||"


def _wrong_need(at: int, need: tuple[str, str], known: Known) -> Iterator[_Wrong]:
    name, what = need
    if name not in known.needs:
        hint = did_you_mean(name, known.needs) or f'write "needs: {name}" into the job first'
        yield _Wrong(at, f'this job does not need "{name}"', hint)
    if what != "result":
        yield _Wrong(at, f'a need has no "{what}"', f'write needs["{name}"].result')


def _wrong_member(at: int, of: str, member: str, members: Collection[str] | None) -> Iterator[_Wrong]:
    if members is None or member in members:
        return
    what = "axis" if of == "matrix" else "input"
    whose = "of this job's matrix" if of == "matrix" else 'under "on: manual: inputs"'
    hint = did_you_mean(member, sorted(members)) or (
        f"there are {_listed(sorted(members)[:10])}" if members else f"there is no {what} {whose}"
    )
    yield _Wrong(at, f'there is no {what} "{member}"', hint)


def _wrong_map(at: int, name: str) -> _Wrong:
    form = 'needs["job-id"].result' if name == "needs" else f"{name}.NAME"
    return _Wrong(
        at, f'"{name}" cannot be used as a whole, nor with a name that is computed', f"write {form}"
    )


def _wrong_call(call: Call, known: Known, *, in_macro: bool) -> Iterator[_Wrong]:
    name, args = call.function, call.args
    if _IS_WORD.fullmatch(name) and name not in (*STANDARD, *STATUS, CHANGES):
        known_ones = (*STATUS, CHANGES, *sorted(STANDARD))
        yield _Wrong(
            call.at, f'there is no function "{name}" in conditions', f"there are {_listed(known_ones)}"
        )
    elif name == CHANGES and not _is_text(args[0]):
        yield _Wrong(call.at, "the pattern of changes() must be written out", 'like changes("src/**")')
    elif name == CHANGES:
        yield from _wrong_pattern(args[0])
    elif name == MATCHES:
        yield from _wrong_regex(call, in_macro=in_macro)
    elif name in (EQUAL, UNEQUAL):
        yield from _never(call, known)


def _wrong_pattern(pattern: Node) -> Iterator[_Wrong]:
    if isinstance(pattern, Const) and isinstance(pattern.value, str) and not pattern.value.strip():
        yield _Wrong(pattern.at, "the pattern of changes() is empty", 'like changes("src/**")')


def _wrong_regex(call: Call, *, in_macro: bool) -> Iterator[_Wrong]:
    regex = call.args[-1]
    if in_macro:
        yield _Wrong(call.at, "matches() cannot stand inside a macro", "use contains() or startsWith()")
    elif not (isinstance(regex, Const) and isinstance(regex.value, str)):
        yield _Wrong(call.at, "the expression of matches() must be written out")
    elif re.search(r"\\[pP]", regex.value):
        yield _Wrong(regex.at, r"\p{…} is not supported in matches()", "list the characters: [a-zà-ž]")


def _never(call: Call, known: Known) -> Iterator[_Wrong]:
    """A comparison with a value that what it is compared with never has."""
    for one, other in (call.args, call.args[::-1]):
        if not (isinstance(other, Const) and isinstance(other.value, str)):
            continue
        value = other.value
        if need_of(one) is not None and value not in RESULTS:
            yield _Wrong(other.at, f'"{value}" is not a result', f"there are {_listed(RESULTS)}")
        is_event = isinstance(one, Name) and one.name == "event"
        if is_event and known.events and value not in known.events:
            every_event = f"there are {_listed(sorted(known.events))}"
            hint = did_you_mean(value, known.events) or every_event
            yield _Wrong(other.at, f'there is no event "{value}"', hint)


def _too_costly(root: Node) -> list[_Wrong]:
    found = []
    macros = [node for node in every(root) if isinstance(node, Fold)]
    if len(macros) > MOST_MACROS:
        message = f"{_listed(MACROS[:5])} stand here {len(macros)} times; at most {MOST_MACROS} do"
        found.append(_Wrong(macros[MOST_MACROS].at, message, "split the condition over jobs"))
    regexes = [node for node in every(root) if isinstance(node, Call) and node.function == MATCHES]
    if sum(_cost(call.args[-1]) for call in regexes) > MOST_REGEX:
        message = "this is too much for matches()"
        found.append(_Wrong(regexes[-1].at, message, "use shorter expressions and smaller repetitions"))
    return found


def _cost(regex: Node) -> int:
    if not (isinstance(regex, Const) and isinstance(regex.value, str)):
        return 0
    times = 1
    for least, most in _REPETITION.findall(regex.value):
        times = min(times * max(1, int(most or least)), MOST_REGEX + 1)
    return len(regex.value) * times


def _is_text(node: Node) -> bool:
    return isinstance(node, Const) and isinstance(node.value, str)


def _no_bool(type_name: str) -> str:
    kind = {"STRING": "text", "INT": "a number", "DOUBLE": "a number", "LIST": "a list", "MAP": "a map"}
    return f"a condition must be true or false; this is {kind.get(type_name, 'neither for sure')}"


def _place(text: str, at: int) -> tuple[int, int]:
    before = text[:at]
    return before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1


def _listed(names: Collection[str]) -> str:
    return ", ".join(names)
