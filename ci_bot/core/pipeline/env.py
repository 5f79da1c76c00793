"""`env` maps: names and values of environment variables, as written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, TypeAlias

from ci_bot.core.pipeline.report import quoted
from ci_bot.core.pipeline.scalars import fits
from ci_bot.core.pipeline.tree import Pairs
from ci_bot.core.pipeline.value import LATER, Value, pairs, text

Env: TypeAlias = Mapping[str, str]

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRETS: Final = ("secret", "sealed")


def env(value: Value) -> Env | None:
    """Name → value. Numbers and booleans are the text they look like; nothing is an error."""
    found = pairs(value)
    if found is None:
        return None
    read = {name: _variable(name, entry) for name, entry in found}
    return {name: content for name, content in read.items() if content is not None}


def _variable(name: str, entry: Value) -> str | None:
    if not _NAME.fullmatch(name):
        hint = "letters, digits and _ make a name, and no digit begins it"
        entry.wrong_key(f"{quoted(name)} is not the name of a variable", hint)
    elif name == "CI" or name.startswith("CI_"):
        entry.wrong_key(
            f"{quoted(name)} is set by ci-bot", "choose a name that does not begin with CI_"
        )
    return _content(entry)


def _content(entry: Value) -> str | None:
    node = entry.node
    if entry.is_null:
        entry.wrong_key("has no value", 'write "" for an empty one')
        return None
    if isinstance(node, Pairs) and any(key.text in _SECRETS for key, _ in node.pairs):
        entry.wrong(f"a secret in env is {LATER}")
        return None
    content = text(entry)
    return content if content is not None and fits(entry, content, "the value") else None
