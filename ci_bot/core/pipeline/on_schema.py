"""The JSON Schema of `on`: the events that work, each with the filters that work under it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ci_bot.core.inputs import NAME
from ci_bot.core.pipeline.events import EVENTS, MOST_INPUTS
from ci_bot.core.pipeline.features.schemas import TEXT, Schema, alone_or_listed, described
from ci_bot.core.pipeline.keys import EVENT_KEYS

_BRANCHES: Final = described(
    alone_or_listed(TEXT),
    "Only on these branches (of a pull request: its base's). Globs over the whole name: "
    "`*` stops at `/`, `**` does not; a pattern that begins with `!` takes away.",
)
_BRANCHES_IGNORE: Final = described(alone_or_listed(TEXT), "Not on these branches.")
_PATHS: Final = described(
    alone_or_listed(TEXT), "Only where one of these files changed; patterns as in .gitignore."
)
_PATHS_IGNORE: Final = described(
    alone_or_listed(TEXT), "Not where only these files changed; patterns as in .gitignore."
)
_TAGS: Final = described(alone_or_listed(TEXT), "Only for tags of these names, as globs.")
_DRAFTS: Final = {
    "type": "boolean",
    "default": True,
    "description": "`false`: a draft waits until it is ready for review.",
}

_FILTERS: Final[Mapping[str, Mapping[str, Schema]]] = {
    "push": {
        "branches": _BRANCHES,
        "branches-ignore": _BRANCHES_IGNORE,
        "paths": _PATHS,
        "paths-ignore": _PATHS_IGNORE,
    },
    "pull_request": {
        "branches": _BRANCHES,
        "paths": _PATHS,
        "paths-ignore": _PATHS_IGNORE,
        "drafts": _DRAFTS,
    },
    "tag": {"tags": _TAGS},
}

_INPUT: Final[Schema] = {
    "type": ["object", "null"],
    "description": "Nothing under its name: it must be given, whatever it is.",
    "properties": {
        "default": described(TEXT, "What it is where nobody says. Without one it must be given."),
        "options": {
            "type": "array",
            "items": TEXT,
            "minItems": 1,
            "description": "The values that it may have.",
        },
    },
    "additionalProperties": False,
}
_MANUAL: Final[Schema] = {
    "inputs": {
        "type": ["object", "null"],
        "description": "What whoever starts it by hand may choose.",
        "propertyNames": {"pattern": f"^{NAME.pattern}$"},
        "additionalProperties": _INPUT,
        "maxProperties": MOST_INPUTS,
    }
}
_SCHEDULE: Final[Schema] = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "properties": {
            "cron": {"type": "string", "description": "Five fields, in UTC: `0 3 * * mon`."},
            "branch": described(TEXT, "Default: the default branch."),
        },
        "required": ["cron"],
        "additionalProperties": False,
    },
}


def on_schema() -> dict[str, Any]:
    """A name, a list of names, or a map of names."""
    names: Schema = {"enum": list(EVENTS)}
    by_event = {event: _options(event) for event in EVENTS}
    as_map = {
        "type": "object",
        "properties": by_event,
        "additionalProperties": False,
        "minProperties": 1,
    }
    return {"anyOf": [names, {"type": "array", "items": names, "minItems": 1}, as_map]}


def _options(event: str) -> Schema:
    if event == "schedule":
        return _SCHEDULE
    properties = _MANUAL if event == "manual" else _working(event)
    return {"type": ["object", "null"], "properties": properties, "additionalProperties": False}


def _working(event: str) -> Mapping[str, Schema]:
    return {name: of for name, of in _FILTERS.get(event, {}).items() if name in EVENT_KEYS[event].works}
