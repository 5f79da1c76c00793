"""A condition that the CEL library has checked → its syntax tree, with places in the text.

The library compiles and evaluates; it does not show what an expression reads. Its serialized form does:
`CheckedExpr` in https://github.com/google/cel-spec/blob/master/proto/cel/expr/checked.proto, whose
expressions stand in `syntax.proto` beside it. The field numbers below are those of these two files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from ci_bot.core.conditions.wire import fields, messages

#: Operators as the tree names them.
AND: Final = "_&&_"
NOT: Final = "!_"
EQUAL: Final = "_==_"
UNEQUAL: Final = "_!=_"
INDEX: Final = "_[_]"
IN: Final = "@in"

Literal: TypeAlias = str | bool | int | None


@dataclass(frozen=True, slots=True)
class Const:
    """`value` is None for null, and for what conditions do not look into: fractions and bytes."""

    at: int
    value: Literal


@dataclass(frozen=True, slots=True)
class Name:
    at: int
    name: str


@dataclass(frozen=True, slots=True)
class Member:
    """`of.name`, or `has(of.name)`."""

    at: int
    of: Node
    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function, a method (its first argument is what it is called on), or an operator."""

    at: int
    function: str
    args: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """A list or a map that is written out; `of` names the type of a message, "" for plain ones."""

    at: int
    parts: tuple[Node, ...]
    of: str = ""


@dataclass(frozen=True, slots=True)
class Fold:
    """What a macro like `all` stands for: it walks over `over`."""

    at: int
    over: Node
    parts: tuple[Node, ...]
    variables: frozenset[str] = field(default_factory=frozenset)  # that the macro brings along


#: `at` is where it stands in the text: for an operator the operator itself, in characters from 0.
Node: TypeAlias = Const | Name | Member | Call | Group | Fold


def tree(serialized: bytes) -> Node:
    """From what `Expression.serialize` gives. Raises `ValueError`, and `RecursionError` if it is too deep."""
    checked = _only(serialized, 2)  # google.protobuf.Any: its value
    places = _places(_only(checked, 5))
    return _node(_only(checked, 4), places)


def parts(node: Node) -> tuple[Node, ...]:
    """What it is made of, in order."""
    match node:
        case Member():
            return (node.of,)
        case Call():
            return node.args
        case Group():
            return node.parts
        case Fold():
            return (node.over, *node.parts)
        case _:
            return ()


def every(node: Node) -> Iterator[Node]:
    """The node and all that it is made of."""
    left = [node]
    while left:
        one = left.pop()
        yield one
        left.extend(reversed(parts(one)))


def _only(message: bytes, number: int) -> bytes:
    found = next((content for each, content in messages(message) if each == number), None)
    if found is None:
        raise ValueError(f"field {number} is missing")
    return found


def _places(source_info: bytes) -> dict[int, int]:
    """`SourceInfo.positions`: id of an expression → where it stands."""
    entries = (dict(fields(entry)) for number, entry in messages(source_info) if number == 4)
    return {_number(entry.get(1, 0)): _number(entry.get(2, 0)) for entry in entries}


def _node(expr: bytes, places: dict[int, int]) -> Node:
    at = 0
    for number, content in fields(expr):
        if isinstance(content, int):
            at = places.get(content, 0) if number == 2 else at
        else:
            return _of_kind(number, content, at, places)
    return Const(at, None)


def _of_kind(kind: int, content: bytes, at: int, places: dict[int, int]) -> Node:
    match kind:
        case 3:
            return Const(at, _literal(content))
        case 4:
            return Name(at, _text(content, 1))
        case 5:
            return Member(at, _node(_only(content, 1), places), _text(content, 2))
        case 6:
            return Call(at, _text(content, 2), _all(content, (1, 3), places))
        case 7:
            return Group(at, _all(content, (1,), places))
        case 8:
            entries = [entry for number, entry in messages(content) if number == 2]
            inside = tuple(node for entry in entries for node in _all(entry, (3, 4), places))
            return Group(at, inside, _text(content, 1))
        case 9:
            return _fold(content, at, places)
        case _:
            raise ValueError(f"an expression of the unknown kind {kind}")


def _fold(content: bytes, at: int, places: dict[int, int]) -> Fold:
    over = _node(_only(content, 2), places)
    names = frozenset(_text(content, number) for number in (1, 3, 8))
    return Fold(at, over, _all(content, (4, 5, 6, 7), places), names - {""})


def _all(message: bytes, numbers: tuple[int, ...], places: dict[int, int]) -> tuple[Node, ...]:
    return tuple(_node(content, places) for each, content in messages(message) if each in numbers)


def _literal(content: bytes) -> Literal:
    for number, value in fields(content):
        match number:
            case 2:
                return bool(value)
            case 3 if isinstance(value, int):
                return value - (1 << 64) if value >> 63 else value
            case 4 if isinstance(value, int):
                return value
            case 6 if isinstance(value, bytes):
                return value.decode()
    return None


def _text(message: bytes, number: int) -> str:
    return next((content.decode() for each, content in messages(message) if each == number), "")


def _number(content: int | bytes) -> int:
    return content if isinstance(content, int) else 0
