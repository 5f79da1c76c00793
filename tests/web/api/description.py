"""Every answer of the API against its own description: a response in, complaints in words out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from openapi_schema_validator import OAS31Validator, oas31_format_checker
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from ci_bot.web.api import BASE
from ci_bot.web.api.app import ENDPOINTS
from ci_bot.web.api.openapi import describe

DESCRIPTION = describe(ENDPOINTS, BASE)
_ROOT = "urn:ci-bot"
_REGISTRY: Registry[Any] = Registry().with_resource(_ROOT, DRAFT202012.create_resource(DESCRIPTION))


def complaints(
    method: str, path: str, status: int, headers: Mapping[str, str], body: bytes
) -> list[str]:
    """`path` is without the query; what no operation has is a problem document all the same."""
    operation = _operation(method, path)
    if operation is None:
        return [] if status in (404, 405) else [f"{method} {path} is described nowhere"]
    answer = operation["responses"].get(str(status))
    if answer is None:
        return [f"{status} is not described for {method} {path}"]
    media_type = headers.get("Content-Type", "").partition(";")[0]
    if media_type not in answer["content"]:
        return [f"{media_type} is not described for {status} of {method} {path}"]
    missing = [
        f"the header {name} is missing" for name in answer.get("headers", {}) if name not in headers
    ]
    schema = answer["content"][media_type].get("schema")
    if media_type == "text/plain" or schema is None:
        return missing
    return missing + _mistakes(schema, json.loads(body))


def _operation(method: str, path: str) -> dict[str, Any] | None:
    for template, operations in DESCRIPTION["paths"].items():
        pattern = re.sub(r"\{\w+\}", "[^/]+", template)
        if re.fullmatch(BASE + pattern, path) and method.lower() in operations:
            found: dict[str, Any] = operations[method.lower()]
            return found
    return None


def _mistakes(schema: dict[str, Any], value: object) -> list[str]:
    pointed = json.loads(json.dumps(schema).replace('"#/', f'"{_ROOT}#/'))
    validator = OAS31Validator(pointed, registry=_REGISTRY, format_checker=oas31_format_checker)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]
