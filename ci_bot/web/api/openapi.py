"""The endpoints in, their description as OpenAPI 3.1 out. Every schema comes from a model.

https://spec.openapis.org/oas/v3.1.1.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from ci_bot import __version__
from ci_bot.web.api.endpoint import JSON, Answer, Endpoint
from ci_bot.web.api.problems import MEDIA_TYPE, Problem

REF: Final = "#/components/schemas/{model}"
SECURITY: Final = "token"

#: What every operation may answer.
ALWAYS: Final = (400, 401, 429, 500, 503)
WORDS: Final = {
    400: "the request is not understood",
    401: "no token, or none that is valid; `detail` says which",
    403: "the token may not do that",
    404: "it is not there, or the token may not see it",
    408: "the body did not come in time",
    409: "there is nothing to do as the run stands, it has no such job, or the Idempotency-Key is taken",
    413: "the body is too long",
    415: "the body is not JSON",
    416: "the log has not that many bytes",
    429: "too much at once; come again after `Retry-After` seconds",
    500: "a bug of ci-bot; the operator's log has it",
    503: "the database does not answer; come again after `Retry-After` seconds",
}
_MODEL_ID = tuple[type[BaseModel], JsonSchemaMode]


def describe(endpoints: Sequence[Endpoint], base: str) -> dict[str, Any]:
    """`base` is the path that all of them stand under: "/api/v1"."""
    refs, definitions = models_json_schema(sorted(_models(endpoints), key=str), ref_template=REF)
    paths: dict[str, Any] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.route, {})[endpoint.method.lower()] = _operation(endpoint, refs)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ci-bot",
            "version": __version__,
            "description": "Runs of the repositories that a token names: to be looked at, retried and cancelled.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": base}],
        "security": [{SECURITY: []}],
        "paths": paths,
        "components": {
            "schemas": definitions.get("$defs", {}),
            "securitySchemes": {SECURITY: {"type": "http", "scheme": "bearer"}},
        },
    }


def _models(endpoints: Sequence[Endpoint]) -> set[_MODEL_ID]:
    found: set[_MODEL_ID] = {(Problem, "serialization")}
    for endpoint in endpoints:
        answers = [answer.model for answer in endpoint.answers.values() if answer.model]
        found |= {(model, "serialization") for model in answers}
        found |= {(endpoint.body, "validation")} if endpoint.body else set()
    return found


def _operation(endpoint: Endpoint, refs: dict[Any, Any]) -> dict[str, Any]:
    statuses = sorted({*ALWAYS, *endpoint.refuses})
    operation: dict[str, Any] = {
        "operationId": endpoint.operation,
        "summary": endpoint.words,
        "parameters": [
            *_parameters(endpoint.path, "path"),
            *_parameters(endpoint.query, "query"),
            *_parameters(endpoint.headers, "header"),
        ],
        "responses": {
            **{str(status): _answer(answer, refs) for status, answer in endpoint.answers.items()},
            **{str(status): _refusal(status, refs) for status in statuses},
        },
    }
    if endpoint.body:
        schema = refs[endpoint.body, "validation"]
        operation["requestBody"] = {"required": False, "content": {JSON: {"schema": schema}}}
    return operation


def _parameters(model: type[BaseModel] | None, where: str) -> Iterator[dict[str, Any]]:
    """Of one model, its references resolved: a parameter's schema stands alone."""
    if model is None:
        return
    schema = model.model_json_schema(mode="validation")
    for name, field in schema.get("properties", {}).items():
        plain = _alone(field, schema.get("$defs", {}))
        parameter = {"name": name, "in": where, "required": where == "path", "schema": plain}
        if words := plain.pop("description", ""):
            parameter["description"] = words
        yield parameter


def _alone(schema: Any, definitions: dict[str, Any]) -> Any:
    """Without references, titles, and the null that stands for a parameter that is not given."""
    if isinstance(schema, list):
        return [_alone(each, definitions) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _alone(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    plain = {name: _alone(value, definitions) for name, value in schema.items() if name != "title"}
    some = [each for each in plain.pop("anyOf", []) if each != {"type": "null"}]
    plain |= some[0] if some else {}
    return {name: value for name, value in plain.items() if (name, value) != ("default", None)}


def _answer(answer: Answer, refs: dict[Any, Any]) -> dict[str, Any]:
    schema = refs[answer.model, "serialization"] if answer.model else {"type": "string"}
    described: dict[str, Any] = {
        "description": answer.words,
        "content": {answer.media_type: {} if answer.is_binary else {"schema": schema}},
    }
    if answer.or_text:
        described["content"][answer.or_text] = {"schema": {"type": "string"}}
    if answer.headers:
        described["headers"] = {
            name: {"description": words, "schema": {"type": "string"}}
            for name, words in answer.headers.items()
        }
    if answer.links:
        described["links"] = {
            name: {"operationId": operation, "parameters": dict(parameters)}
            for name, (operation, parameters) in answer.links.items()
        }
    return described


def _refusal(status: int, refs: dict[Any, Any]) -> dict[str, Any]:
    words = WORDS.get(status, HTTPStatus(status).phrase)
    schema = refs[Problem, "serialization"]
    return {"description": words, "content": {MEDIA_TYPE: {"schema": schema}}}
