"""Every request and response against the forge's own published description (OpenAPI 3.0).

In: what was asked and answered. Out: a list of complaints in words, empty where all is well.
The path is matched by our router; each operation is then checked in a description that holds just
its path, which keeps openapi-core's path search out of the cost.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

from openapi_core import Config as OpenApiConfig
from openapi_core import OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.exceptions import OpenAPIError
from openapi_core.templating.paths.datatypes import PathOperationServer
from openapi_core.templating.paths.finders import APICallPathFinder
from openapi_core.templating.responses.exceptions import ResponseNotFound
from openapi_core.validation.request.exceptions import MissingRequestBody
from openapi_core.validation.request.validators import (
    V30RequestBodyValidator,
    V30RequestParametersValidator,
)
from openapi_core.validation.response.validators import V30ResponseValidator
from openapi_core.validation.schemas import (
    oas30_read_schema_validators_factory,
    oas30_write_schema_validators_factory,
)
from openapi_core.validation.schemas.factories import SchemaValidatorsFactory
from openapi_schema_validator import OAS30Validator, oas30_format_checker
from referencing import Registry
from referencing.jsonschema import DRAFT4
from werkzeug.datastructures import Headers, ImmutableMultiDict

from .rules import UNDESCRIBED_PATHS
from .state import Json

_APPS_EVENTS = {"branch_protection_rule", "check_run", "issue_comment", "pull_request"}
_USER_AND_ENTERPRISE = ["Simple User", "Enterprise"]
_ROOT = "urn:forge-description"


class _OnePath(APICallPathFinder):
    """A description that holds one path is searched once for each method."""

    def __init__(self, spec: Any, base_url: str | None = None) -> None:
        super().__init__(spec, base_url)
        self._found: dict[str, PathOperationServer] = {}

    def find(self, method: str, name: str) -> PathOperationServer:
        if method not in self._found:
            self._found[method] = super().find(method, name)
        return self._found[method]


class _SameFormats(SchemaValidatorsFactory):
    """No format of our own is ever added, so none of the library's has to be copied for each schema."""

    def get_format_checker(self, *added: Any, **more: Any) -> Any:
        return self.format_checker


_READ = _SameFormats(oas30_read_schema_validators_factory.schema_validator_cls)
_WRITE = _SameFormats(oas30_write_schema_validators_factory.schema_validator_cls)


class _Parameters(V30RequestParametersValidator):
    schema_validators_factory = _WRITE


class _Body(V30RequestBodyValidator):
    schema_validators_factory = _WRITE


class _Answer(V30ResponseValidator):
    schema_validators_factory = _READ


@dataclass
class _Request:
    host_url: str
    path: str
    method: str
    parameters: RequestParameters
    content_type: str
    body: bytes | None


@dataclass
class _Response:
    status_code: int
    headers: Headers
    content_type: str
    data: bytes | None


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as the router saw it: the template, not the path."""

    method: str
    template: str
    args: Mapping[str, str]
    query: tuple[tuple[str, str], ...]
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class _Spec:
    """One path, once for each half of a request: its parameters repeat, its bodies do not."""

    parameters: OpenAPI
    body: OpenAPI


class Validator:
    """Without a description nothing is ever wrong."""

    def __init__(self, description: Path | None) -> None:
        self._document: Json | None = None
        if description is not None:
            self._document = json.loads(description.read_bytes())
            _correct(self._document)
            self._registry: Registry[Any] = Registry().with_resource(
                _ROOT, DRAFT4.create_resource(self._document)
            )
        self._specs: dict[str, _Spec] = {}
        self._judged: dict[object, str] = {}
        self._answers: dict[object, list[str]] = {}
        self._events: dict[str, Any] = {}

    @property
    def on(self) -> bool:
        return self._document is not None

    def knows(self, template: str) -> bool:
        return self._document is None or template in self._document["paths"]

    def request(self, asked: Asked) -> list[str]:
        spec = self._spec(asked.template)
        if spec is None:
            return []
        wrong = self._wrong_parameters(spec, asked) or _wrong_request(spec.body, asked)
        return self._unknown_names(asked) + ([wrong] if wrong else [])

    def _wrong_parameters(self, spec: _Spec, asked: Asked) -> str:
        """Judged once: looking parameters up in the description is most of what a request costs.

        A part of the path that may be any text, as names are, is not looked at.
        """
        described = self._parameters(asked.template, asked.method.lower())
        args = {name: "" if _is_any_text(described.get(name)) else v for name, v in asked.args.items()}
        key = (asked.method, asked.template, tuple(args.items()), asked.query)
        if key not in self._judged:
            self._judged[key] = _wrong_request(spec.parameters, asked)
        return self._judged[key]

    def response(self, asked: Asked, status: int, media: str, body: bytes) -> list[str]:
        """The same answer is judged once: who waits for a forge asks it the same again and again."""
        key = (asked.method, asked.template, status, media, sha256(body).digest())
        if key not in self._answers:
            self._answers[key] = self._wrong_response(asked, status, media, body)
        return self._answers[key]

    def _wrong_response(self, asked: Asked, status: int, media: str, body: bytes) -> list[str]:
        spec = self._spec(asked.template)
        if spec is None or (body and media != "application/json"):
            return []
        answer = _Response(status, Headers(), media, body or None)
        try:
            spec.body.validate_response(_request(asked), answer)
        except ResponseNotFound:
            return [] if _is_plain_error(status, body) else [f"status {status} is not described"]
        except OpenAPIError as error:
            return [_words(error)]
        return []

    def event(self, event: str, action: str | None, payload: Json) -> list[str]:
        """A webhook payload against the schema of that event and action."""
        if self._document is None:
            return []
        name = f"{event}-{action}" if action else event
        validator = self._event_validator(name.replace("_", "-"))
        if validator is None:
            return [f"the description has no webhook {name}"]
        return [
            f"{'/'.join(map(str, e.absolute_path))}: {e.message[:300]}"
            for e in validator.iter_errors(payload)
        ][:5]

    def _spec(self, template: str) -> _Spec | None:
        if self._document is None or template in UNDESCRIBED_PATHS:
            return None
        item = self._document["paths"].get(template)
        if item is None:
            return None
        if template not in self._specs:
            small = {**self._document, "paths": {template: item}, "x-webhooks": {}}
            self._specs[template] = _Spec(
                *(
                    OpenAPI.from_dict(
                        small,
                        config=OpenApiConfig(
                            spec_validator_cls=None,  # type: ignore[arg-type]  # its types forget None
                            request_validator_cls=half,
                            response_validator_cls=_Answer,
                            path_finder_cls=_OnePath,
                        ),
                    )
                    for half in (_Parameters, _Body)
                )
            )
        return self._specs[template]

    def _unknown_names(self, asked: Asked) -> list[str]:
        """Query parameters and body fields the description has not heard of: mostly typing errors."""
        operation = self._operation(asked.template, asked.method.lower())
        described = self._parameters(asked.template, asked.method.lower())
        wrong = [f"unknown query parameter {k}" for k, _ in asked.query if k not in described]
        content = operation.get("requestBody", {}).get("content", {})
        schema = self._resolve(content.get("application/json", {}).get("schema", {}))
        known = self._fields(schema)
        if known is not None and asked.body:
            sent = _json_or_none(asked.body)
            names = sent if isinstance(sent, dict) else {}
            wrong += [f"unknown field {key}" for key in names if key not in known]
        return wrong

    def _fields(self, schema: Json) -> set[str] | None:
        """All properties an object schema names, or None where it takes any."""
        if any(key in schema for key in ("anyOf", "allOf", "additionalProperties")):
            return None
        known = set(schema.get("properties", {}))
        for part in schema.get("oneOf", []):
            known |= set(self._resolve(part).get("properties", {}))
        return known or None

    def _parameters(self, template: str, method: str) -> dict[str, Json]:
        """By name; a name stands for one thing on each path."""
        listed = self._operation(template, method).get("parameters", [])
        return {one["name"]: one for one in map(self._resolve, listed)}

    def _operation(self, template: str, method: str) -> Json:
        assert self._document is not None
        operation: Json = self._document["paths"][template].get(method, {})
        return operation

    def _resolve(self, item: Json) -> Json:
        while "$ref" in item:
            assert self._document is not None
            found: Any = self._document
            for part in item["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            item = found
        return item

    def _event_validator(self, name: str) -> Any:
        assert self._document is not None
        if name not in self._events:
            hook = self._document["x-webhooks"].get(name)
            if hook is None:
                return None
            content = hook["post"]["requestBody"]["content"]["application/json"]
            reference = {"$ref": f"{_ROOT}{content['schema']['$ref']}"}
            self._events[name] = OAS30Validator(
                reference, registry=self._registry, format_checker=oas30_format_checker
            )
        return self._events[name]


def _correct(node: Any) -> None:
    """Four quirks of the description, put right in place.

    A nullable enum does not list null, which OpenAPI 3.0.3 says it must; a ``discriminator``
    stands on a choice that includes an array, which has no property to discriminate by; and the
    account in the list of installations is *both* a user and an enterprise (elsewhere: either); the
    events of an App, where a webhook lists them, do not know ``merge_group``, which an App may choose.
    """
    if isinstance(node, dict):
        if node.get("nullable") and "enum" in node and None not in node["enum"]:
            node["enum"].append(None)
        if set(node.get("enum", ())) >= _APPS_EVENTS:
            node["enum"].append("merge_group")
        node.pop("discriminator", None)
        if [part.get("title") for part in node.get("allOf", ())] == _USER_AND_ENTERPRISE:
            node["anyOf"] = node.pop("allOf")
    for value in node.values() if isinstance(node, dict) else node:
        if isinstance(value, (dict, list)):
            _correct(value)


def _is_any_text(parameter: Json | None) -> bool:
    return (
        parameter is not None
        and parameter["in"] == "path"
        and parameter["schema"] == {"type": "string"}
    )


def _wrong_request(half: OpenAPI, asked: Asked) -> str:
    """What is wrong with this half of it; "" if nothing is."""
    try:
        half.validate_request(_request(asked))
    except MissingRequestBody:
        return ""  # of one that may be missing
    except OpenAPIError as error:
        return _words(error)
    return ""


def _request(asked: Asked) -> _Request:
    path = asked.template
    for name, value in asked.args.items():
        path = path.replace(f"{{{name}}}", quote(value, safe=""))
    return _Request(
        host_url="https://api.github.com",
        path=path,
        method=asked.method.lower(),
        parameters=RequestParameters(query=ImmutableMultiDict(asked.query), path=dict(asked.args)),
        content_type=asked.content_type.split(";")[0].strip().lower() or "application/json",
        body=asked.body or None,
    )


def _words(error: BaseException) -> str:
    """The innermost reasons, which openapi-core keeps in causes and in ``schema_errors``."""
    inner: BaseException | None = error
    while inner is not None:
        found = getattr(inner, "schema_errors", None)
        if found:
            return "; ".join(
                f"{'/'.join(map(str, e.absolute_path))}: {e.message[:300]}" for e in list(found)[:5]
            )
        error, inner = inner, inner.__cause__ or inner.__context__
    return f"{type(error).__name__}: {error}"[:600]


def _is_plain_error(status: int, body: bytes) -> bool:
    """What is undescribed on many paths (301, 401, 403, 404, 429, 5xx) still has ``basic-error``."""
    if status == 304:
        return not body
    known = _json_or_none(body)
    return status >= 300 and isinstance(known, dict) and isinstance(known.get("message"), str)


def _json_or_none(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


@cache
def validator_for(description: Path | None) -> Validator:
    """One per description and process: it is read-only, and 13 MB of JSON take a moment."""
    return Validator(description)
