"""A condition's tree → what it reads: the needs, patterns and values that it names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ci_bot.core.conditions.language import CHANGES, FACTS, LABELS, SEARCHES, STATUS, compiled
from ci_bot.core.conditions.tree import (
    AND,
    IN,
    INDEX,
    Call,
    Const,
    Fold,
    Member,
    Name,
    Node,
    every,
    tree,
)

#: More parts joined by && are not told apart when a reason is given.
MOST_PARTS: Final = 20


@dataclass(frozen=True, slots=True)
class Reads:
    """What one condition asks for."""

    needs: frozenset[str] = frozenset()
    axes: frozenset[str] = frozenset()
    inputs: frozenset[str] = frozenset()
    facts: tuple[str, ...] = ()  # in the order of the text
    patterns: tuple[str, ...] = ()  # of changes()
    status: frozenset[str] = frozenset()  # status functions that it calls
    #: Whether it goes through lists, or searches in texts: all else costs what it has of characters.
    may_take_long: bool = False
    #: The labels that it asks for by name (`"ui" in labels`); None where any label may change its answer.
    labels: frozenset[str] | None = frozenset()

    @property
    def is_known_early(self) -> bool:
        """Whether nothing that it reads is still to happen when an event is planned for."""
        return not self.needs and not self.status


@lru_cache(maxsize=4096)
def reads(text: str) -> Reads:
    """Of a condition that was checked."""
    nodes = list(every(tree(compiled(text).serialize())))
    names = [node.name for node in nodes if isinstance(node, Name)]
    calls = [node for node in nodes if isinstance(node, Call)]
    found = (need_of(node) for node in nodes)
    return Reads(
        needs=frozenset(need[0] for need in found if need),
        axes=frozenset(_members(nodes, "matrix")),
        inputs=frozenset(_members(nodes, "inputs")),
        facts=tuple(dict.fromkeys(name for name in names if name in FACTS)),
        patterns=tuple(dict.fromkeys(_patterns(calls))),
        status=frozenset(call.function for call in calls if call.function in STATUS),
        may_take_long=any(isinstance(node, Fold) for node in nodes)
        or any(call.function in SEARCHES for call in calls),
        labels=_labels(names, calls),
    )


def _labels(names: list[str], calls: list[Call]) -> frozenset[str] | None:
    asked = []
    for call in calls:
        match call:
            case Call(_, function, (Const(_, str(label)), Name(_, name))) if (
                function == IN and name == LABELS
            ):
                asked.append(label)
    return frozenset(asked) if len(asked) == names.count(LABELS) else None


def asks_status(text: str) -> bool:
    """Whether it says itself how what came before must have gone; "" does not. Else `success()` is implied."""
    return bool(text) and bool(reads(text).status)


def need_of(node: Node) -> tuple[str, str] | None:
    """("build", "result") for needs["build"].result and needs.build.result; None for anything else."""
    if isinstance(node, Member):
        name = of_map(node.of, "needs")
        return None if name is None else (name, node.name)
    return None


def of_map(node: Node, name: str) -> str | None:
    """ "go" for matrix.go and matrix["go"], where `name` is "matrix"; None for anything else."""
    match node:
        case Member(_, Name(_, of), member) if of == name:
            return member
        case Call(_, function, (Name(_, of), Const(_, str(member)))) if (
            function == INDEX and of == name
        ):
            return member
    return None


@lru_cache(maxsize=4096)
def operands(text: str) -> tuple[str, ...]:
    """What the outermost && join, each as it is written; the text alone where there are none."""
    node = tree(compiled(text).serialize())
    cuts = sorted(_cuts(node))
    if not 0 < len(cuts) < MOST_PARTS:
        return (text,)
    pieces = [text[a:b] for a, b in zip([0, *(at + 2 for at in cuts)], [*cuts, len(text)], strict=True)]
    return tuple(piece.strip() for piece in _whole(pieces)) or (text,)


def _cuts(node: Node) -> Iterator[int]:
    if isinstance(node, Call) and node.function == AND:
        yield node.at
        for each in node.args:
            yield from _cuts(each)


def _whole(pieces: list[str]) -> Iterator[str]:
    """Joined again where a cut was made inside parentheses."""
    held = ""
    for piece in pieces:
        held = f"{held}&&{piece}" if held else piece
        if _is_whole(held):
            yield held
            held = ""


def _is_whole(piece: str) -> bool:
    try:
        compiled(piece)
    except (RuntimeError, TypeError, ValueError):
        return False
    return True


def _members(nodes: list[Node], of: str) -> Iterator[str]:
    return (name for node in nodes if (name := of_map(node, of)) is not None)


def _patterns(calls: list[Call]) -> Iterator[str]:
    for call in calls:
        if call.function == CHANGES and isinstance(call.args[0], Const):
            yield str(call.args[0].value)
