"""`checkout`: how much of the repository a job's workspace holds."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from ci_bot.core.pipeline.features.feature import JobFeature, Key, Said
from ci_bot.core.pipeline.features.schemas import number_schema
from ci_bot.core.pipeline.keys import CHECKOUT
from ci_bot.core.pipeline.report import quoted
from ci_bot.core.pipeline.value import Value, fields, flag, text
from ci_bot.core.planned import Checkout, Job

_DEPTH: Final = re.compile(r"[0-9]{1,9}")
MOST: Final = 1000  # commits in a row; to go through them takes time

_EXAMPLE: Final = """\
jobs:
  history:
    checkout: {depth: 1}  # steps see this commit alone
    steps:
      - ls .git
"""


def _checkout(value: Value) -> Checkout | None:
    found = fields(value, CHECKOUT)
    if found is None:
        return None
    return Checkout(
        submodules=found.read("submodules", flag) or False,
        lfs=found.read("lfs", flag) or False,
        depth=found.read("depth", _depth) or 0,
    )


def _depth(value: Value) -> int | None:
    written = text(value)
    if written is None:
        return None
    if not _DEPTH.fullmatch(written):
        value.wrong(f"{quoted(written)} is not a number of commits", "write 0 for the whole history")
        return None
    if int(written) > MOST:
        value.wrong(
            f"{written} is more than {MOST} commits", "0, the whole history, costs nothing here"
        )
        return None
    return int(written)


def _lower(job: Job, said: Said) -> Job:
    return replace(job, checkout=said.get("checkout", job.checkout))


CHECKOUT_FEATURE: Final = JobFeature(
    keys=(
        Key(
            name="checkout",
            read=_checkout,
            schema={
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "submodules": {"type": "boolean", "default": False},
                    "lfs": {"type": "boolean", "default": False},
                    "depth": number_schema(0, MOST, default=0),
                },
            },
            about=(
                "What the workspace holds. `submodules: true` brings them too, and theirs, "
                "from public repositories on the same forge (a job's token reads its own "
                "repository alone); their addresses are relative or on the forge's host. `lfs: true` brings "
                "the content of files in Git LFS, in submodules too; the server needs git-lfs. `depth` is how "
                f"many commits in a row `git log` shows, up to {MOST}; 0, the default, is the whole history, "
                "which costs nothing here, but is fetched by each job of submodules: `depth: 1` where theirs "
                "is long. `ci-bot run` takes submodules and large files as they are in "
                "your working tree."
            ),
            example=_EXAMPLE,
        ),
    ),
    lower=_lower,
)
