"""A draft without problems → the jobs of a Pipeline: defaults, images and environments in every step."""

from __future__ import annotations

from collections.abc import Sequence

from ci_bot.core.inputs import MAX_INPUT, OPENING
from ci_bot.core.pipeline.cells import Matrix, cells_of, growth
from ci_bot.core.pipeline.draft import FileDraft, JobDraft, StepDraft
from ci_bot.core.pipeline.env import Env
from ci_bot.core.pipeline.features import JOB_FEATURES, STEP_FEATURES
from ci_bot.core.pipeline.graph import in_order
from ci_bot.core.pipeline.limits import Limits, size_in_words
from ci_bot.core.pipeline.report import Report
from ci_bot.core.planned import Job, SecretRef, Step

#: What a variable costs besides its text, as the kernel counts it for a new process: "=", a NUL and a
#: pointer. https://man7.org/linux/man-pages/man2/execve.2.html
VARIABLE_COST = 10


def spread(draft: FileDraft, default_image: str) -> tuple[Job, ...]:
    """Jobs in an order in which every need comes first. Call `check_size` before."""
    jobs = {job.id: job for job in draft.jobs}
    image = draft.image or default_image
    return tuple(
        cell
        for job_id in in_order(draft.jobs)
        for cell in _cells(_job(jobs[job_id], image, draft), jobs[job_id])
    )


def check_size(draft: FileDraft, limits: Limits) -> None:
    """Reports a plan that would become too large: a short file can say much by `env` and aliases."""
    total, of_file = 0, _size(draft.env)
    for job in draft.jobs:
        of_job = of_file + _size(job.env)
        for step in job.steps:
            total += job.cells * (of_job + _size(step.env) + _text(step, job.said.get("matrix")))
            if total > limits.expanded:
                _report_size(step, limits, job.report)
                return


def _report_size(step: StepDraft, limits: Limits, report: Report) -> None:
    limit = size_in_words(limits.expanded)
    message = f"with this step, all scripts and environments take more than {limit}"
    report.add(step.mark, step.path, message, "set large variables only in the steps that read them")


def _size(env: Env) -> int:
    return sum(len(name) + _length(value) + VARIABLE_COST for name, value in env.items())


def _text(step: StepDraft, matrix: Matrix | None) -> int:
    """In a matrix a short step becomes many, each with its name and image."""
    written = [step.run, *(step.said.get("args") or ())]
    script = sum(len(each.encode()) for each in written)
    if matrix is None:
        return script
    named = len(step.name.encode()) + len(step.image or "")
    return script + named + sum(growth(each, matrix) for each in (*written, step.image or ""))


def _length(value: str | SecretRef) -> int:
    if isinstance(value, SecretRef):
        return len(value.name) + len(value.sealed)
    return len(value.encode()) + value.count(OPENING) * MAX_INPUT


def _job(job: JobDraft, image: str, draft: FileDraft) -> Job:
    image = job.image or image
    plain = Job(
        id=job.id,
        name=job.name,
        steps=_steps(job.steps, image, _overlaid(draft.env, job.env)),
        needs=tuple(need.job for need in job.needs),
        timeout=job.timeout,
        line=job.mark.line,
        file="" if job.report.file == draft.file else job.report.file,
        optional=tuple(need.job for need in job.needs if need.optional),
    )
    for feature in JOB_FEATURES:
        plain = feature.lower(plain, job.said)
    return plain


def _cells(job: Job, draft: JobDraft) -> tuple[Job, ...]:
    """After all features, so that what they lowered is replaced in every cell."""
    return cells_of(job, draft.said["matrix"]) if "matrix" in draft.said else (job,)


def _steps(steps: Sequence[StepDraft], image: str, env: Env) -> tuple[Step, ...]:
    return tuple(_step(step, image, _overlaid(env, step.env)) for step in steps)


def _step(step: StepDraft, image: str, env: Env) -> Step:
    plain = Step(
        name=step.name,
        run=step.run,
        image=step.image or image,
        env={name: value for name, value in env.items() if isinstance(value, str)},
        timeout=step.timeout,
        workdir=step.workdir,
        continue_on_error=step.continue_on_error,
        line=step.mark.line,
        secrets=tuple(value for value in env.values() if isinstance(value, SecretRef)),
    )
    for feature in STEP_FEATURES:
        plain = feature.lower(plain, step.said)
    return plain


def _overlaid(below: Env, above: Env) -> Env:
    """Both together, `above` winning. Shared where one is empty, so that many steps cost one map."""
    return {**below, **above} if above and below else above or below
