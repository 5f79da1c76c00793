"""One entry of `jobs` → JobDraft."""

from __future__ import annotations

import re
from typing import Final

from ci_bot.core.pipeline.cells import NO_MATRIX
from ci_bot.core.pipeline.draft import JobDraft, Need, StepDraft
from ci_bot.core.pipeline.env import env, joined, secrets
from ci_bot.core.pipeline.features import JOB_FEATURES, MATRIX
from ci_bot.core.pipeline.image import image
from ci_bot.core.pipeline.keys import JOB, NEED
from ci_bot.core.pipeline.report import quoted
from ci_bot.core.pipeline.scalars import duration, one_line
from ci_bot.core.pipeline.step import step
from ci_bot.core.pipeline.tree import Pairs
from ci_bot.core.pipeline.value import Value, fields, flag, items, one_or_more, text

DEFAULT_TIMEOUT: Final = 3600
STEPS_HINT: Final = 'write at least one, like "- make test"'

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


def job(name: str, value: Value) -> JobDraft | None:
    """None where the job is no map."""
    if not _ID.fullmatch(name):
        hint = "up to 63 letters, digits, _, . and -; a letter or a digit first"
        value.wrong_key(f"{quoted(name)} cannot be the id of a job", hint)
    found = fields(value, JOB)
    if found is None:
        return None
    found.require("steps", STEPS_HINT)
    # First, since the other keys may name its values.
    matrix = found.said(MATRIX.keys)
    found = found.knowing(matrix=matrix.get("matrix") if "matrix" in found else NO_MATRIX)
    others = (feature for feature in JOB_FEATURES if feature is not MATRIX)
    said = {**matrix, **found.said(key for feature in others for key in feature.keys)}
    for feature in JOB_FEATURES:
        feature.check(value, said)
    return JobDraft(
        id=name,
        name=found.read("name", one_line) or name,
        image=found.read("image", image),
        needs=found.read("needs", read_needs) or (),
        env=joined(found.read("env", env), found.read("secrets", secrets), found.values.get("secrets")),
        timeout=found.read("timeout", duration) or min(DEFAULT_TIMEOUT, value.scope.limits.max_timeout),
        steps=found.read("steps", read_steps) or (),
        mark=value.key,
        report=value.scope.report,
        said=said,
    )


def read_needs(value: Value) -> tuple[Need, ...]:
    entries = [value] if isinstance(value.node, Pairs) else one_or_more(value) or []
    needs = (_need(entry) for entry in entries)
    return tuple(need for need in needs if need)


def _need(entry: Value) -> Need | None:
    if isinstance(entry.node, Pairs):
        return _need_with_options(entry)
    job_id = text(entry)
    return None if job_id is None else Need(job_id, entry.path, entry.node.mark)


def _need_with_options(entry: Value) -> Need | None:
    found = fields(entry, NEED)
    if found is None:
        return None
    found.require("job", "name the job that is needed")
    job_id, optional = found.read("job", text), found.read("optional", flag) or False
    mark = found.values["job"].node.mark if "job" in found else entry.node.mark
    return None if job_id is None else Need(job_id, entry.path, mark, optional)


def read_steps(value: Value) -> tuple[StepDraft, ...]:
    entries = [] if value.is_null else items(value)
    if entries is None:
        return ()
    if not entries:
        value.wrong_key("there are no steps", STEPS_HINT)
    if len(entries) > value.scope.limits.steps:
        message = f"{len(entries)} steps; a job has at most {value.scope.limits.steps}"
        value.wrong_key(message, "put several commands into one step, or split the job")
    steps = (step(entry) for entry in entries[: value.scope.limits.steps])
    return tuple(each for each in steps if each)
