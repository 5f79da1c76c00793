"""`retry`: new attempts of a job that failed by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from ci_bot.core.pipeline.features.feature import JobFeature, Key, Said
from ci_bot.core.pipeline.features.schemas import number_schema
from ci_bot.core.pipeline.keys import RETRY
from ci_bot.core.pipeline.report import quoted
from ci_bot.core.pipeline.tree import Pairs
from ci_bot.core.pipeline.value import Value, fields, one_or_more, text
from ci_bot.core.planned import Job, Retry

MOST: Final = 10
_COUNT: Final = re.compile(r"[0-9]{1,9}")
_CODE_HINT: Final = "write the exit code of a failed step, from 1 to 255"

_EXAMPLE: Final = """\
jobs:
  flaky:
    retry: {limit: 2, on: [75]}  # exit code 75: try again later
    steps:
      - run: '[ "$CI_ATTEMPT" -gt 1 ] || exit 75'
"""


def _retry(value: Value) -> Retry | None:
    if not isinstance(value.node, Pairs):
        limit = _limit(value)
        return None if limit is None else Retry(limit)
    found = fields(value, RETRY)
    if found is None:
        return None
    found.require("limit", 'write how often to try again, like "limit: 2"')
    limit, on = found.read("limit", _limit), found.read("on", _codes)
    return None if limit is None else Retry(limit, on or ())


def _limit(value: Value) -> int | None:
    written = text(value)
    if written is None:
        return None
    if not _COUNT.fullmatch(written):
        value.wrong(f"{quoted(written)} is not a number of attempts", f"write one from 0 to {MOST}")
        return None
    if int(written) > MOST:
        hint = "a job that fails so often needs to be mended"
        value.wrong(f"{written} is too often; a job is tried again at most {MOST} times", hint)
        return None
    return int(written)


def _codes(value: Value) -> tuple[int, ...] | None:
    entries = one_or_more(value)
    if entries is None:
        return None
    if not entries:
        value.wrong("names no exit code", "name one, or remove it: then any failure counts")
        return None
    return tuple(dict.fromkeys(_read_codes(entries)))


def _read_codes(entries: list[Value]) -> Iterator[int]:
    for entry in entries:
        written = text(entry)
        if written is None:
            continue
        if _COUNT.fullmatch(written) and 1 <= int(written) <= 255:
            yield int(written)
        else:
            entry.wrong(f"{quoted(written)} is not the exit code of a failure", _CODE_HINT)


def _lower(job: Job, said: Said) -> Job:
    return replace(job, retry=said.get("retry"))


_LIMIT_SCHEMA: Final = number_schema(0, MOST)
_CODE_SCHEMA: Final = number_schema(1, 255)
RETRY_FEATURE: Final = JobFeature(
    keys=(
        Key(
            name="retry",
            read=_retry,
            schema={
                "anyOf": [
                    _LIMIT_SCHEMA,
                    {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["limit"],
                        "properties": {
                            "limit": _LIMIT_SCHEMA,
                            "on": {
                                "anyOf": [
                                    _CODE_SCHEMA,
                                    {"type": "array", "minItems": 1, "items": _CODE_SCHEMA},
                                ]
                            },
                        },
                    },
                ]
            },
            about=(
                f"How often a job that failed is tried again, up to {MOST} times, or `{{limit, on}}`: only "
                "where the step that failed it ended with one of these exit codes. Without `on`, a job "
                "that ran out of time is tried again as well. Every attempt stays visible, jobs that need "
                "this one wait for the last, and `/retry` begins the count anew. Never tried again is what "
                "was cancelled or cannot run as it is written; failures of the infrastructure are tried "
                "again on their own account, without this key."
            ),
            example=_EXAMPLE,
        ),
    ),
    lower=_lower,
)
