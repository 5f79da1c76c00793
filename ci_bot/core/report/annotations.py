"""Configuration problems and failed steps → remarks on the lines of `.ci.yaml` they come from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from ci_bot.core.markdown import clip, defused, one_line, title
from ci_bot.core.model import JobRun, Problem, Run, StepRun
from ci_bot.core.report.values import Annotation
from ci_bot.core.words import has_failed

#: As many as GitHub takes in one request; what is beyond them is counted in the summary.
#: https://docs.github.com/rest/checks/runs#create-a-check-run
MAX_ANNOTATIONS: Final = 50


def problem_annotations(runs: Sequence[Run]) -> tuple[Annotation, ...]:
    problems = dict.fromkeys(problem for run in runs for problem in run.problems)
    return _first(_of_problem(problem) for problem in problems)


def step_annotations(job: JobRun, file: str) -> tuple[Annotation, ...]:
    """`file` is where the job was read from."""
    return _first(_of_step(job, step, file) for step in job.steps if has_failed(step) and step.line > 0)


def _first(annotations: Iterable[Annotation]) -> tuple[Annotation, ...]:
    return tuple(annotations)[:MAX_ANNOTATIONS]


def _of_problem(problem: Problem) -> Annotation:
    message = problem.message + (f"; {problem.hint}" if problem.hint else "")
    return Annotation(
        path=one_line(problem.file),
        line=max(problem.line, 1),
        column=problem.column if problem.column > 0 else None,
        title=title(problem.path),
        message=_message(message),
    )


def _of_step(job: JobRun, step: StepRun, file: str) -> Annotation:
    return Annotation(
        path=file,
        line=step.line,
        title=title(f"{job.name}: {step.name}"),
        message=_message(step.reason or str(step.status)),
        level="warning" if step.tolerated else "failure",
    )


def _message(text: str) -> str:
    return clip(defused(one_line(text)), 2000) or "failed"
