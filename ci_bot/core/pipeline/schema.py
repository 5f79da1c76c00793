"""The key tables → the JSON Schema of `.ci.yaml`, by which editors complete, explain and check it.

It says what can be said of a file's shape. What needs the whole file to be known (who needs whom, which
inputs there are) the reader alone says.
"""

from __future__ import annotations

import re
from typing import Any, Final

from ci_bot.core.pipeline.basics import JOB, STEP
from ci_bot.core.pipeline.features import Key
from ci_bot.core.pipeline.features.isolation import NO_SECRET_OF_A_STEP
from ci_bot.core.pipeline.features.schemas import SCRIPT
from ci_bot.core.pipeline.keys import TOP
from ci_bot.core.pipeline.levels import LEVELS

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
ID: Final = "urn:ci-bot:schema:1"

_LINK: Final = re.compile(r"\[([^]]*)\]\([^)]*\)")


def json_schema() -> dict[str, Any]:
    """Of a whole file, as plain values for `json.dumps`."""
    top, job, step = (_object(level.keys) for level in LEVELS)
    return {
        "$schema": DIALECT,
        "$id": ID,
        "title": ".ci.yaml of ci-bot",
        "description": "What starts a pipeline, and the jobs that it runs.",
        **top,
        "anyOf": _one_of(("jobs", "include"), top),
        "patternProperties": {
            f"^{TOP.ignored_prefix}": {"description": "Ignored: a place for anchors."}
        },
        "$defs": {
            _name(JOB["$ref"]): {
                "title": "Job",
                **job,
                "required": ["steps"],
                **NO_SECRET_OF_A_STEP,
            },
            _name(STEP["$ref"]): {
                "title": "Step",
                "anyOf": [
                    dict(SCRIPT),
                    {
                        **step,
                        "anyOf": _one_of(("run", "args"), step),
                        "dependentSchemas": {"args": {"properties": {"run": False, "shell": False}}},
                    },
                ],
            },
        },
    }


def _object(keys: tuple[Key, ...]) -> dict[str, Any]:
    properties = {key.name: {"description": _prose(key.about), **key.schema} for key in keys}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _one_of(names: tuple[str, ...], level: dict[str, Any]) -> list[dict[str, Any]]:
    """One of these keys must be there; those that do not work yet do not count."""
    return [{"required": [name]} for name in names if name in level["properties"]]


def _prose(about: str) -> str:
    """Without links: they lead from one place of the documents to another."""
    return _LINK.sub(r"\1", about)


def _name(reference: str) -> str:
    return reference.rpartition("/")[2]
