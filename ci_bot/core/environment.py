"""What every step finds in its environment: facts about the event, as plain variables.

There is no interpolation of event text into scripts anywhere; a title reaches a script only as the
value of a variable, so it cannot become part of the script.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from ci_bot.core.model import JobRun, Run, RunKind
from ci_bot.core.planned import Job, Step

WORKSPACE: Final = "/workspace"
_REF_PREFIX: Final = {RunKind.TAG: "refs/tags/"}


def step_environment(
    run: Run, job: Job, attempt: JobRun, step: Step, run_url: str
) -> Mapping[str, str]:
    """The whole environment of one step: `.ci.yaml`'s own variables, then ours, which win."""
    return (
        dict(step.env)
        | _about_run(run, run_url)
        | {
            "CI_JOB": job.id,
            "CI_STEP": step.name,
            "CI_ATTEMPT": str(attempt.attempt),
            "CI_WORKSPACE": WORKSPACE,
            "CI_MATRIX": json.dumps(dict(job.matrix), ensure_ascii=False),
        }
    )


def _about_run(run: Run, run_url: str) -> dict[str, str]:
    is_tag = run.kind is RunKind.TAG
    return {
        "CI": "true",
        "CI_EVENT": str(run.kind),
        "CI_REPO": run.repo.name,
        "CI_FORGE": run.repo.forge,
        "CI_SHA": run.sha,
        "CI_REF": _REF_PREFIX.get(run.kind, "refs/heads/") + run.ref.removeprefix("refs/heads/"),
        "CI_BRANCH": "" if is_tag else run.ref.removeprefix("refs/heads/"),
        "CI_TAG": run.ref if is_tag else "",
        "CI_BASE_BRANCH": run.base_ref,
        "CI_BASE_SHA": run.base_sha,
        "CI_PR": "" if run.pull is None else str(run.pull),
        "CI_PR_TITLE": run.title if run.pull is not None else "",
        "CI_ACTOR": run.actor.login,
        "CI_RUN_ID": run.id,
        "CI_RUN_URL": run_url,
        "CI_DEFAULT_BRANCH": run.repo.default_branch,
    }
