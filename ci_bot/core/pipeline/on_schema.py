"""The JSON Schema of `on`: the events that work, each with the filters that work under it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ci_bot.core.inputs import NAME
from ci_bot.core.pipeline.events import EVENTS, MOST_INPUTS
from ci_bot.core.pipeline.features.schemas import TEXT, Schema, described
from ci_bot.core.pipeline.filters import FILTERS
from ci_bot.core.pipeline.schedules import KEY as SCHEDULES

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


def on_schema() -> dict[str, Any]:
    """A name, a list of names, or a map of names."""
    names: Schema = {"enum": [event for event in EVENTS if event != "schedule"]}
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
        return described(SCHEDULES.schema, SCHEDULES.about)
    properties = _MANUAL if event == "manual" else _filters(event)
    return {"type": ["object", "null"], "properties": properties, "additionalProperties": False}


def _filters(event: str) -> Mapping[str, Schema]:
    return {key.name: described(key.schema, key.about) for key in FILTERS[event]}
