"""One entry of `steps` → StepDraft."""

from __future__ import annotations

from ci_bot.core.pipeline.draft import StepDraft
from ci_bot.core.pipeline.env import env, joined, secrets
from ci_bot.core.pipeline.features import STEP_FEATURES
from ci_bot.core.pipeline.image import image
from ci_bot.core.pipeline.keys import STEP
from ci_bot.core.pipeline.scalars import duration, one_line, script, title, workdir
from ci_bot.core.pipeline.tree import Scalar
from ci_bot.core.pipeline.value import Value, fields, flag


def step(value: Value) -> StepDraft | None:
    """A map, or a plain string that is its `run`. None where nothing can be made of it."""
    if isinstance(value.node, Scalar):
        return _plain(value)
    found = fields(value, STEP)
    if found is None:
        return None
    if "args" not in found:
        found.require("run", 'write the commands of the step under "run:"')
    elif "run" in found:
        found.values["args"].wrong_key("a step has run or args, not both", "make two steps of it")
    run = found.read("run", script) or ""
    said = found.said(key for feature in STEP_FEATURES for key in feature.keys)
    for feature in STEP_FEATURES:
        feature.check(value, said)
    return StepDraft(
        name=found.read("name", one_line) or title(run or " ".join(said.get("args", ()))),
        run=run,
        image=found.read("image", image),
        env=joined(found.read("env", env), found.read("secrets", secrets), found.values.get("secrets")),
        timeout=found.read("timeout", duration),
        workdir=found.read("workdir", workdir) or ".",
        continue_on_error=found.read("continue-on-error", flag) or False,
        path=value.path,
        mark=value.key,
        said=said,
    )


def _plain(value: Value) -> StepDraft | None:
    run = script(value)
    if run is None:
        return None
    return StepDraft(title(run), run, None, {}, None, ".", False, value.path, value.key)
