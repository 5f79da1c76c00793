"""JSON Schemas of the values that several keys share. https://json-schema.org/draft/2020-12

Where YAML reads a number or a boolean, this language reads the text as written, so `TEXT` takes both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

Schema: TypeAlias = Mapping[str, Any]

#: What no name may hold, as in `scalars.py`.
_INVISIBLE: Final = r"\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069"

TEXT: Final[Schema] = {"type": ["string", "number", "boolean"]}
SOME_TEXT: Final[Schema] = {**TEXT, "minLength": 1}
FLAG: Final[Schema] = {"type": "boolean", "default": False}
SCRIPT: Final[Schema] = {**TEXT, "pattern": r"\S"}
NAME: Final[Schema] = {
    **TEXT,
    "pattern": rf"^ *[^ {_INVISIBLE}](?:[^{_INVISIBLE}]{{0,198}}[^ {_INVISIBLE}])? *$",
}
GLOB: Final[Schema] = {**TEXT, "pattern": rf"^[^{_INVISIBLE}]+$"}
DURATION: Final[Schema] = {"type": "string", "pattern": "^(?=.*[1-9])[0-9]{1,9}[smh]$"}
IMAGE: Final[Schema] = {**TEXT, "pattern": r"^([^\s$]|\$\{\{[^{}]*\}\})+$", "maxLength": 600}
JOB_ID: Final[Schema] = {"pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"}

_SECRET: Final[Schema] = {"type": ["string", "boolean"], "pattern": "^[A-Za-z_][A-Za-z0-9_]{0,127}$"}
PLAIN_ENV: Final[Schema] = {
    "type": "object",
    "propertyNames": {"pattern": "^(?!CI$|CI_)[A-Za-z_][A-Za-z0-9_]*$"},
    "additionalProperties": TEXT,
}
ENV: Final[Schema] = {
    **PLAIN_ENV,
    "additionalProperties": {
        "anyOf": [
            TEXT,
            {
                "type": "object",
                "description": "the value of a stored secret",
                "properties": {"secret": _SECRET},
                "required": ["secret"],
                "additionalProperties": False,
            },
            {
                "type": "object",
                "description": "a value that `ci-bot secret seal` encrypted",
                "properties": {"sealed": {"type": "string", "pattern": r"^ci-bot\."}},
                "required": ["sealed"],
                "additionalProperties": False,
            },
        ]
    },
}


def described(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description}


def alone_or_listed(one: Schema, **more: Any) -> Schema:
    """One value, or a list of them; `more` is said of the list."""
    return {"anyOf": [one, {"type": "array", "items": one, **more}]}


def number_schema(least: int, most: int, **more: Any) -> Schema:
    """In quotes it is the number as written, too; then `least` and `most` are the reader's business."""
    return {
        "type": ["integer", "string"],
        "pattern": "^[0-9]+$",
        "minimum": least,
        "maximum": most,
        **more,
    }


SECRETS: Final = alone_or_listed(_SECRET, uniqueItems=True)
