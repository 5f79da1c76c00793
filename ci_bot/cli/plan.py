"""`ci-bot plan`: what an event would run, and why not the rest; nothing is run, and no engine is needed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ci_bot.cli.supposing import occasion, pipeline_of, supposing
from ci_bot.core.forecast import JobForecast, StepForecast, Would, forecast
from ci_bot.core.model import RunKind
from ci_bot.core.pipeline import CONFIG_FILES, Limits
from ci_bot.core.pipeline import plan as planned_for
from ci_bot.core.planned import Plan
from ci_bot.wiring.conditions import conditions_apart

ANY_IMAGE = "(the server's default image)"
MARKS = {Would.RUN: ("✓", "green"), Would.NOT_RUN: ("-", "yellow"), Would.DEPEND: ("?", "cyan")}


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--event", type=click.Choice([str(kind) for kind in RunKind]), default="push", show_default=True
)
@supposing
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def plan(
    file: Path | None,
    event: str,
    changed: Sequence[str],
    inputs: Sequence[str],
    labels: Sequence[str],
    form: str,
    **facts: Any,
) -> None:
    """Show what an event would run of .ci.yaml (or FILE), and why not the rest, without running it.

    Taken for granted is that every job that runs succeeds. Exit code 2 if the file has errors.
    """
    chosen = file or _default_file()
    pipeline = pipeline_of(chosen, chosen.absolute().parent, ANY_IMAGE, Limits())
    facts["labels"] = tuple(labels)
    with conditions_apart():
        planned = planned_for(pipeline, occasion(pipeline, event, changed, inputs, **facts))
        jobs = forecast(planned)
    click.echo(_as_json(planned, event, jobs) if form == "json" else _as_text(planned, event, jobs))


def _default_file() -> Path:
    for name in CONFIG_FILES:
        if Path(name).is_file():
            return Path(name)
    raise click.ClickException(f"there is no {CONFIG_FILES[0]} here; name the file")


def _as_text(planned: Plan, event: str, jobs: Sequence[JobForecast]) -> str:
    if not jobs:
        return f"{event}: nothing to run: {planned.reason}"
    blocks = [_job_text(each) for each in jobs]
    running = sum(each.would is not Would.NOT_RUN for each in jobs)
    every = f"; every path counts as changed: {planned.all_changed}" if planned.all_changed else ""
    return "\n".join([*blocks, "", f"{event}: {running} of {len(jobs)} jobs{every}"])


def _job_text(each: JobForecast) -> str:
    mark, colour = MARKS[each.would]
    job = each.job
    needs = f", after {', '.join(job.needs)}" if job.needs else ""
    reason = f"  {each.reason}" if each.reason else ""
    head = f"{click.style(mark, fg=colour)} {click.style(job.name, bold=True)}{needs}{reason}"
    if each.would is Would.NOT_RUN:
        return head
    return "\n".join([head, *(_step_text(number, step) for number, step in enumerate(each.steps, 1))])


def _step_text(number: int, each: StepForecast) -> str:
    mark, colour = MARKS[each.would]
    reason = f"  {each.reason}" if each.reason else ""
    return f"    {click.style(mark, fg=colour)} {number}. {each.step.name}  [{each.step.image}]{reason}"


def _as_json(planned: Plan, event: str, jobs: Sequence[JobForecast]) -> str:
    document = {
        "event": event,
        "file": planned.file,
        "reason": planned.reason,
        "every_path_changed": planned.all_changed,
        "jobs": [_job_json(each) for each in jobs],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _job_json(each: JobForecast) -> dict[str, object]:
    job = each.job
    return {
        "id": job.id,
        "name": job.name,
        "would": str(each.would),
        "reason": each.reason,
        "needs": list(job.needs),
        "condition": job.condition,
        "matrix": dict(job.matrix),
        "steps": [_step_json(step) for step in each.steps],
    }


def _step_json(each: StepForecast) -> dict[str, object]:
    return {
        "name": each.step.name,
        "image": each.step.image,
        "would": str(each.would),
        "reason": each.reason,
    }
