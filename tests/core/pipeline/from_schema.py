"""A JSON Schema → values that it accepts, and the same with mistakes in them: for any key, known here or not."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from random import Random
from typing import Any

#: What means something somewhere in the language, or nearly does.
WORDS = (
    *("make", "build", "deploy", "test", "BUILD", "main", "a b", " padded ", "x" * 201, "two\nlines"),
    *("alpine:3.22", "Alpine", "ghcr.io/o/n@sha256:12", "$IMAGE", "golang:", "https://alpine"),
    *("30m", "90s", "2h", "9h", "0s", "5", "1.10", "1", "0", "-1", "2", "true", "null", "yes", ""),
    *("TOKEN", "token", "A", "B1", "CI", "CI_X", "CIX", "PATH", "LD_X", "1A", "a-b", "é", "\u202e"),
    *(
        ".",
        "src",
        "src/../..",
        "/etc",
        "a/./b",
        " ",
        "\t",
        "\0",
        "*.py",
        "!x",
        "**/lock",
        "a*b*c*d*e*f",
    ),
    *("${{ inputs.target }}", "${{ inputs.none }}", "${{", "${{ x }}", "${{ matrix.x }}"),
    *("ci-bot.1.x.y", "push", "pull_request", "tag", "manual", "schedule", "0 3 * * mon", "target"),
    *('event == "push"', "success()", "always()", "!draft", "4GiB", "500MB", "junk ("),
)
NUMBERS = (0, 1, 2, 1.5, -1, 3600, 10**12)
ANYTHING: Sequence[Any] = (
    *WORDS,
    *NUMBERS,
    True,
    False,
    None,
    [],
    {},
    ["make"],
    [[]],
    {"secret": "A"},
    {"job": "build"},
)


class FromSchema:
    """Of one document, whose `$defs` it follows. The same seed makes the same value."""

    def __init__(self, document: Mapping[str, Any], seed: int) -> None:
        self._defs = document.get("$defs", {})
        self._random = Random(seed)

    def make(self, schema: Mapping[str, Any]) -> Any:
        if "$ref" in schema:
            return self.make(self._defs[schema["$ref"].rpartition("/")[2]])
        if "enum" in schema:
            return self._random.choice(schema["enum"])
        if "const" in schema:
            return schema["const"]
        choices = schema.get("anyOf") or schema.get("oneOf")
        if choices:
            chosen = self._random.choice(choices)
            around = {k: v for k, v in schema.items() if k not in ("anyOf", "oneOf")}
            return self.make({**around, **_all(schema, chosen)})
        types = schema.get("type", ["string"])
        kind = self._random.choice([types] if isinstance(types, str) else types)
        return getattr(self, f"_{kind}")(schema)

    def _object(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        known: Mapping[str, Any] = schema.get("properties", {})
        required: Sequence[str] = schema.get("required", ())
        some = min(0.25, 2 / max(len(known), 1))  # with every key in it hardly a file would be valid
        made = {
            name: self.make(of)
            for name, of in known.items()
            if name in required or self._random.random() < some
        }
        of_others = schema.get("additionalProperties", False)
        if isinstance(of_others, Mapping):
            names = _matching(schema.get("propertyNames", {}).get("pattern", ""))
            for name in self._random.choices(names, k=self._random.randint(1, 3)):
                made[name] = self.make(of_others)
        return made

    def _array(self, schema: Mapping[str, Any]) -> list[Any]:
        count = self._random.randint(schema.get("minItems", 0), 2)
        return [self.make(schema.get("items", {})) for _ in range(count)]

    def _string(self, schema: Mapping[str, Any]) -> str:
        return self._random.choice(_matching(schema.get("pattern", "")))

    def _number(self, schema: Mapping[str, Any]) -> float:
        return self._random.choice([n for n in NUMBERS if n >= schema.get("minimum", -9)])

    def _integer(self, schema: Mapping[str, Any]) -> int:
        return int(self._number(schema))

    def _boolean(self, schema: Mapping[str, Any]) -> bool:
        return self._random.random() < 0.5

    def _null(self, schema: Mapping[str, Any]) -> None:
        return None


def _all(schema: Mapping[str, Any], chosen: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a choice adds to the schema around it."""
    required = [*schema.get("required", ()), *chosen.get("required", ())]
    return {**chosen, "required": required} if required else chosen


@cache
def _matching(pattern: str) -> Sequence[str]:
    """All words where none matches: a mistake is a case as well."""
    return [word for word in WORDS if re.search(pattern, word)] or WORDS


def mistaken(random: Random, value: Any) -> Any:
    """The same with one thing changed somewhere inside."""
    if isinstance(value, dict) and value and random.random() < 0.75:
        name = random.choice(list(value))
        return {**value, name: mistaken(random, value[name])}
    if isinstance(value, list) and value and random.random() < 0.75:
        index = random.randrange(len(value))
        return [*value[:index], mistaken(random, value[index]), *value[index + 1 :]]
    if isinstance(value, dict) and random.random() < 0.5:
        return _other_keys(random, value)
    if isinstance(value, list) and value and random.random() < 0.5:
        return [*value, random.choice(value)]
    return random.choice(ANYTHING)


def _other_keys(random: Random, value: dict[str, Any]) -> dict[str, Any]:
    gone = random.choice([*value, ""])
    more = random.choice(("", "step", "matrix", "x-a", *WORDS[:8]))
    kept = {name: each for name, each in value.items() if name != gone}
    return {**kept, more: random.choice(ANYTHING)} if more else kept
