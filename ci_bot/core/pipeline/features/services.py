"""`services`: containers beside the steps of a job, a database for example, reached by their names."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from ci_bot.core.pipeline.env import env
from ci_bot.core.pipeline.features.feature import JobFeature, Key, Said
from ci_bot.core.pipeline.features.schemas import DURATION, IMAGE, NAME, PLAIN_ENV
from ci_bot.core.pipeline.image import image
from ci_bot.core.pipeline.keys import SERVICE
from ci_bot.core.pipeline.report import quoted
from ci_bot.core.pipeline.scalars import duration, one_line
from ci_bot.core.pipeline.tree import Scalar
from ci_bot.core.pipeline.value import Value, fields, pairs
from ci_bot.core.planned import Job, SecretRef, Service

MOST: Final = 10
DEFAULT_TIMEOUT: Final = 60
#: A label of a host name: https://www.rfc-editor.org/rfc/rfc1123#section-2
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")

_EXAMPLE: Final = """\
jobs:
  asks:
    image: alpine:3.22
    services:
      registry:
        image: registry:2
        ready: wget -q -O /dev/null http://127.0.0.1:5000/v2/
        timeout: 90s
      another: registry:2
    steps:
      - wget -q -O - http://registry:5000/v2/
"""


def _services(value: Value) -> tuple[Service, ...] | None:
    found = pairs(value)
    if found is None:
        return None
    if len(found) > MOST:
        value.wrong_key(f"{len(found)} services; a job has at most {MOST}", "split the job")
        return None
    read = (_service(name, entry) for name, entry in found)
    return tuple(each for each in read if each)


def _service(name: str, entry: Value) -> Service | None:
    if not _NAME.fullmatch(name):
        hint = 'up to 40 small letters, digits and "-", which neither begins nor ends it'
        entry.wrong_key(f"{quoted(name)} cannot be the name of a host", hint)
        return None
    line = entry.key.line
    if isinstance(entry.node, Scalar):
        plain = image(entry)
        return Service(name, plain, line=line) if plain else None
    found = fields(entry, SERVICE)
    if found is None:
        return None
    found.require("image", 'write its image, like "postgres:16"')
    reference = found.read("image", image)
    service = Service(
        name=name,
        image=reference or "",
        env=found.read("env", _plain_env) or {},
        ready=found.read("ready", one_line) or "",
        timeout=found.read("timeout", duration) or DEFAULT_TIMEOUT,
        line=line,
    )
    return service if reference else None


def _plain_env(value: Value) -> dict[str, str] | None:
    """The engine shows a container's environment to everybody who may use it, so no secret is in it."""
    read = env(value)
    if read is None:
        return None
    secret = next((name for name, each in read.items() if isinstance(each, SecretRef)), None)
    if secret is not None:
        hint = "a service lives and dies with its job: any password will do"
        value.wrong(f"{quoted(secret)} is a secret, and services are given none", hint)
        return None
    return {name: each for name, each in read.items() if isinstance(each, str)}


def _lower(job: Job, said: Said) -> Job:
    return replace(job, services=said.get("services", ()))


SERVICES: Final = JobFeature(
    keys=(
        Key(
            name="services",
            read=_services,
            schema={
                "type": "object",
                "maxProperties": MOST,
                "propertyNames": {"pattern": f"^{_NAME.pattern}$"},
                "additionalProperties": {
                    "anyOf": [
                        IMAGE,
                        {
                            "type": "object",
                            "additionalProperties": False,
                            "required": ["image"],
                            "properties": {
                                "image": IMAGE,
                                "env": PLAIN_ENV,
                                "ready": NAME,
                                "timeout": DURATION,
                            },
                        },
                    ]
                },
            },
            about=(
                "Containers beside the steps, by the name under which steps reach them: an image, or "
                "`{image, env, ready, timeout}`. `ready` is a command that exits with 0 in the service "
                "when it is up; the first step waits for it, `timeout` (default 60s) long. They are "
                "removed with the job; what they wrote stands on its log page. A service that dies is "
                "named in the check. Secrets do not reach services."
            ),
            example=_EXAMPLE,
        ),
    ),
    lower=_lower,
)
