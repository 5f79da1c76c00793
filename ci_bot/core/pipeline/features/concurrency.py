"""`concurrency`: of what names the same group, only so much runs at the same time."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ci_bot.core.concurrency import BRANCH
from ci_bot.core.inputs import OPENING, PLACEHOLDER
from ci_bot.core.pipeline.features.feature import JobFeature, Key, Said
from ci_bot.core.pipeline.features.schemas import NAME, number_schema
from ci_bot.core.pipeline.keys import CONCURRENCY as KEYS
from ci_bot.core.pipeline.report import quoted
from ci_bot.core.pipeline.scalars import visible_line, whole_number
from ci_bot.core.pipeline.value import Value, fields, text
from ci_bot.core.planned import Concurrency, Job
from ci_bot.core.suggest import did_you_mean

QUEUE: Final = "queue"
CANCEL_OLDER: Final = "cancel-older"
MAX_LIMIT: Final = 1000
_WHEN_FULL: Final = (QUEUE, CANCEL_OLDER)

_EXAMPLE: Final = """\
jobs:
  test:
    steps:
      - echo tested
  deploy:
    needs: test
    concurrency:
      group: "deploy ${{ branch }}"
      when-full: queue
    steps:
      - echo one deployment of a branch at a time
"""

SCHEMA: Final = {
    "type": "object",
    "required": ["group"],
    "additionalProperties": False,
    "properties": {
        "group": NAME,
        "limit": number_schema(1, MAX_LIMIT, default=1),
        "when-full": {"enum": list(_WHEN_FULL), "default": QUEUE},
    },
}


def concurrency(value: Value) -> Concurrency | None:
    """Of a job, or of the whole file."""
    found = fields(value, KEYS)
    if found is None:
        return None
    found.require("group", "name the group, like {group: deploy}")
    group = found.read("group", _group)
    limit = found.read("limit", _limit) or 1
    when_full = found.read("when-full", _when_full)
    return None if group is None else Concurrency(group, limit, when_full == CANCEL_OLDER)


def _group(value: Value) -> str | None:
    group = visible_line(value)
    if group is None or OPENING not in group:
        return group
    found = PLACEHOLDER.findall(group)
    if len(found) == group.count(OPENING) and all(inside.strip() == BRANCH for inside in found):
        return group
    value.wrong("only ${{ branch }} is replaced in a group", "write out the rest")
    return None


def _limit(value: Value) -> int | None:
    return whole_number(value, 1, MAX_LIMIT)


def _when_full(value: Value) -> str | None:
    word = text(value)
    if word is not None and word not in _WHEN_FULL:
        hint = did_you_mean(word, _WHEN_FULL) or f"it is {' or '.join(_WHEN_FULL)}"
        value.wrong(f"{quoted(word)} is not known here", hint)
        return None
    return word


def _lower(job: Job, said: Said) -> Job:
    return replace(job, concurrency=said.get("concurrency"))


CONCURRENCY: Final = JobFeature(
    keys=(
        Key(
            name="concurrency",
            read=concurrency,
            schema=SCHEMA,
            about=(
                "`{group, limit, when-full}`: of the jobs of this repository that name the same group, at most `limit` "
                "(default 1) run at the same time. `when-full: queue` (the default): the others wait, the oldest first; "
                "`cancel-older`: the newest run takes the place, and what older runs have in the group is cancelled. "
                "`${{ branch }}` in `group` stands for the branch. At the top of the file it is the whole run that "
                "holds the place, from its first job that starts until all of them have ended."
            ),
            example=_EXAMPLE,
        ),
    ),
    lower=_lower,
)
