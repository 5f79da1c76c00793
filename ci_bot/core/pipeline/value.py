"""A node with its path, and the shapes that readers ask of it: text, a list, a map with known keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol, TypeVar

from ci_bot.core.pipeline.cells import NO_MATRIX, Matrix
from ci_bot.core.pipeline.keys import Keys, belongs_to
from ci_bot.core.pipeline.limits import Limits
from ci_bot.core.pipeline.report import Hint, Report, child, item, quoted
from ci_bot.core.pipeline.tree import Broken, Items, Mark, Node, Pairs, Scalar, kind
from ci_bot.core.suggest import did_you_mean

T = TypeVar("T")

_KIND_HINTS: Final = {
    "a list": 'begin each item with "- "',
    "a map": 'write "key: value" lines under it',
}

LATER: Final = "not supported by this version yet"


@dataclass(frozen=True, slots=True)
class Scope:
    """What every reader of one file shares."""

    report: Report
    limits: Limits
    inputs: frozenset[str] | None = None  # those that `on` declares; None while that is not known
    matrix: Matrix | None = NO_MATRIX  # of the job; None where it has one that is wrong


@dataclass(frozen=True, slots=True)
class Value:
    """A node at its place. `key` is where its name stands; for list items, where they begin."""

    node: Node
    path: str
    key: Mark
    scope: Scope

    @property
    def is_null(self) -> bool:
        return isinstance(self.node, Scalar) and self.node.is_null

    def wrong(self, message: str, hint: Hint = "") -> None:
        """Reports a problem that points at the value."""
        self.scope.report.add(self.node.mark, self.path, message, hint)

    def wrong_key(self, message: str, hint: Hint = "") -> None:
        """Reports a problem that points at the key."""
        self.scope.report.add(self.key, self.path, message, hint)


def text(value: Value) -> str | None:
    """A scalar as written: `1.10`, `yes` and `true` are the text they look like."""
    if isinstance(value.node, Scalar) and not value.node.is_null:
        return value.node.text
    _report_kind(value, "text")
    return None


def flag(value: Value) -> bool | None:
    if isinstance(value.node, Scalar) and value.node.as_bool is not None:
        return value.node.as_bool
    if isinstance(value.node, Scalar) and not value.node.is_null:
        value.wrong(f"must be true or false, not {quoted(value.node.text)}", "write it without quotes")
    else:
        _report_kind(value, "true or false")
    return None


def items(value: Value) -> list[Value] | None:
    """The items of a list."""
    if not isinstance(value.node, Items):
        _report_kind(value, "a list")
        return None
    return [
        Value(node, item(value.path, index), node.mark, value.scope)
        for index, node in enumerate(value.node.nodes)
    ]


def one_or_more(value: Value) -> list[Value] | None:
    """The items of a list, or the one scalar that stands for a list of one."""
    if isinstance(value.node, Scalar) and not value.node.is_null:
        return [value]
    return items(value)


def pairs(value: Value) -> list[tuple[str, Value]] | None:
    """The keys of a map with their values."""
    if not isinstance(value.node, Pairs):
        _report_kind(value, "a map")
        return None
    return [
        (key.text, Value(node, child(value.path, key.text), key.mark, value.scope))
        for key, node in value.node.pairs
    ]


def _report_kind(value: Value, wanted: str) -> None:
    if isinstance(value.node, Broken):
        return
    if value.is_null:
        value.wrong_key(f"has no value; it must be {wanted}", "give it one, or remove it")
        return
    value.wrong(f"must be {wanted}, not {kind(value.node)}", _KIND_HINTS.get(wanted, ""))


class Readable(Protocol):
    """A key that knows how its value is read."""

    @property
    def name(self) -> str: ...

    @property
    def read(self) -> Callable[[Value], Any]: ...


@dataclass(frozen=True, slots=True)
class Fields:
    """A map whose keys are known: each is read once, by the reader of its value."""

    value: Value
    keys: Keys
    values: Mapping[str, Value] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def knowing(self, **more: Any) -> Fields:
        """The same, for readers that must know more of the file: fields of `Scope`."""
        known = {
            key: replace(each, scope=replace(each.scope, **more)) for key, each in self.values.items()
        }
        return replace(self, values=known)

    def read(self, key: str, reader: Callable[[Value], T | None]) -> T | None:
        """What the reader makes of the value; None where the key is missing or its value wrong."""
        return reader(self.values[key]) if key in self.values else None

    def said(self, keys: Iterable[Readable]) -> Mapping[str, Any]:
        """What the file says under these keys, without those that it does not say or says wrong."""
        read = {key.name: self.read(key.name, key.read) for key in keys if key.name in self}
        return {name: content for name, content in read.items() if content is not None}

    def require(self, key: str, hint: str) -> None:
        """Reports a missing key, unless an unknown one looks like it and was reported."""
        if key in self.values or any(self.keys.may_mean(name, key) for name in self.unknown):
            return
        self.value.wrong_key(f"{quoted(key)} is missing", hint)


def fields(value: Value, keys: Keys) -> Fields | None:
    """Opens a map; reports keys that are unknown or do not work yet."""
    found = pairs(value)
    if found is None:
        return None
    known: dict[str, Value] = {}
    unknown: list[str] = []
    for name, entry in found:
        if name in keys.works:
            known[name] = entry
        elif name in keys.later:
            known[name] = entry
            entry.wrong_key(f"{quoted(name)} is {LATER}")
        elif not keys.ignores(name):
            unknown.append(name)
            _report_unknown(entry, name, keys)
    return Fields(value, keys, known, tuple(unknown))


def _report_unknown(entry: Value, name: str, keys: Keys) -> None:
    entry.wrong_key(f"unknown key {quoted(name)}", lambda: _hint_for(name, keys))


def _hint_for(name: str, keys: Keys) -> str:
    if foreign := keys.foreign.get(name):
        return f'did you mean "{foreign}"?'
    if level := belongs_to(name):
        return f"it belongs {level}"
    if keys.is_prose(name):
        return 'if this is a command, quote the whole line: ": " makes it a map'
    return (
        did_you_mean(name, keys.works + keys.later)
        or f"known {keys.level}: {', '.join(keys.works or keys.later)}"
    )
