"""The pairs of a YAML mapping as written → unique keys, with `<<` merged in.

https://yaml.org/type/merge.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

from ci_bot.core.pipeline.report import Report, child, quoted
from ci_bot.core.pipeline.tree import Broken, Items, Mark, Node, Pairs, Scalar, kind

MERGE_KEY: Final = "<<"

Pair: TypeAlias = tuple[Scalar, Node]


def merged(pairs: Sequence[Pair], path: str, report: Report) -> tuple[Pair, ...]:
    """Own pairs first and strongest, then what `<<` brings, the earlier source before the later.

    Reports duplicate keys (the first one counts) and a `<<` that is no map.
    """
    own = _unique(pairs, path, report)
    result = {name: pair for name, pair in own.items() if not _is_merge(pair[0])}
    for key, value in own.values():
        if _is_merge(key):
            for source in _sources(value, child(path, key.text), report):
                for pair in source.pairs:
                    result.setdefault(pair[0].text, pair)
    return tuple(result.values())


def _is_merge(key: Scalar) -> bool:
    return key.plain and key.text == MERGE_KEY


def _unique(pairs: Sequence[Pair], path: str, report: Report) -> dict[str, Pair]:
    unique: dict[str, Pair] = {}
    for key, value in pairs:
        if key.text in unique:
            _report_duplicate(key, unique[key.text][0].mark, path, report)
        else:
            unique[key.text] = (key, value)
    return unique


def _report_duplicate(key: Scalar, first: Mark, path: str, report: Report) -> None:
    message = (
        f"duplicate key {quoted(key.text)}; the first is on line {first.line}, column {first.column}"
    )
    hint = "write one <<: [*a, *b]" if _is_merge(key) else "keep one of them"
    report.add(key.mark, child(path, key.text), message, hint)


def _sources(value: Node, path: str, report: Report) -> list[Pairs]:
    if isinstance(value, Pairs):
        return [value]
    nodes = value.nodes if isinstance(value, Items) else (value,)
    for node in nodes:
        if not isinstance(node, Pairs | Broken):
            report.add(node.mark, path, f'"<<" takes a map or a list of maps, not {kind(node)}')
    return [node for node in nodes if isinstance(node, Pairs)]
