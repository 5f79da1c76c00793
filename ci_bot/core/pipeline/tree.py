"""The nodes of a YAML document, each with its place in the file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

#: Plain scalars that mean "nothing" and the two booleans, as YAML 1.2's core schema has them.
#: https://yaml.org/spec/1.2.2/#1032-tag-resolution
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


class Mark(NamedTuple):
    """A place in the file, both from 1; columns count characters."""

    line: int
    column: int


#: Where a complaint about the file as a whole points.
START = Mark(1, 1)


@dataclass(frozen=True, slots=True)
class Scalar:
    """Text as written; `plain` means without quotes and not a block (`|`, `>`)."""

    text: str
    mark: Mark
    plain: bool

    @property
    def is_null(self) -> bool:
        return self.plain and self.text in _NULLS

    @property
    def as_bool(self) -> bool | None:
        """None where it is not one of YAML 1.2's booleans: `yes` and `on` are text."""
        return _BOOLEANS.get(self.text) if self.plain else None


@dataclass(frozen=True, slots=True)
class Items:
    """A YAML sequence."""

    nodes: tuple[Node, ...]
    mark: Mark


@dataclass(frozen=True, slots=True)
class Pairs:
    """A YAML mapping with unique keys, `<<` merged in."""

    pairs: tuple[tuple[Scalar, Node], ...]
    mark: Mark


@dataclass(frozen=True, slots=True)
class Broken:
    """Something whose problem is reported already: readers pass over it in silence."""

    mark: Mark


Node: TypeAlias = Scalar | Items | Pairs | Broken


def kind(node: Node) -> str:
    """What a node is, in the words of error messages."""
    if isinstance(node, Scalar):
        return "nothing" if node.is_null else "text"
    return "a list" if isinstance(node, Items) else "a map"
