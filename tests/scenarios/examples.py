"""The examples of the reference, run on the engine: several at once, each as a run of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from ci_bot.core.decisions import Decision, NewRun, SeeRepo
from ci_bot.core.model import Run, RunKind, Verdict
from ci_bot.core.pipeline import plan, read
from ci_bot.core.pipeline.features import Key
from ci_bot.core.pipeline.levels import EVENT_LEVELS, LEVELS
from ci_bot.core.planned import Job, Plan, Step, secret_names
from ci_bot.core.standing import standing
from ci_bot.settings import EngineSettings, load
from ci_bot.wiring.local import Local, look_at, open_local
from dev.images import ensure_images
from dev.recipes import BASE, BUSYBOX, ENGINE, ENGINE_CAPABILITIES, REGISTRY
from tests.cli.conftest import git
from tests.core.occasions import occasion

#: The images that the reference names, and what runs here for them.
STANDS_FOR = {
    "alpine:3.22": BUSYBOX,
    "debian:stable-slim": BASE,
    "docker:28-cli": ENGINE,
    "registry:2": REGISTRY,
}
OWN_ENGINE = EngineSettings(repositories=("*",), image=ENGINE, capabilities=ENGINE_CAPABILITIES)
AT_ONCE = 3


#: "job/services" and so on.
EXAMPLES = {f"{level.name}/{key.name}": key for level in (*LEVELS, *EVENT_LEVELS) for key in level.keys}
OF_JOBS = {name: key for name, key in EXAMPLES.items() if name.startswith("job/")}
OTHERS = {name: key for name, key in EXAMPLES.items() if name not in OF_JOBS}


async def ends_of(
    keys: Mapping[str, Key], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Mapping[str, str]:
    """How each example ended, in the words that `Key.ends` uses."""
    ensure_images((ENGINE, REGISTRY))
    plans = {name: planned(key) for name, key in keys.items()}
    monkeypatch.chdir(repository(folder))
    secrets = {name: f"value-of-{name}" for each in plans.values() for name in secret_names(each)}
    settings = load(None).model_copy(update={"max_jobs": AT_ONCE, "engines": (OWN_ENGINE,)})
    async with open_local(settings, await look_at(Path.cwd()), secrets, print) as local:
        return await run_all(local, plans)


def planned(key: Key) -> Plan:
    """For the first of its events that makes something run."""
    beside = {path: text.encode() for path, text in key.beside.items()}
    pipeline = read(key.example.encode(), default_image=BUSYBOX, included=beside).pipeline
    assert pipeline
    order = sorted(pipeline.on, key=lambda event: (event != "push", event))
    plans = (plan(pipeline, occasion(event, branch="main", tag="v1")) for event in order)
    found = next(each for each in plans if each.jobs)
    return replace(found, jobs=tuple(job_here(job) for job in found.jobs))


def job_here(job: Job) -> Job:
    services = tuple(replace(each, image=here(each.image)) for each in job.services)
    return replace(job, steps=tuple(step_here(step) for step in job.steps), services=services)


def step_here(step: Step) -> Step:
    return replace(step, image=here(step.image))


def here(image: str) -> str:
    return STANDS_FOR.get(image, image)


def repository(folder: Path) -> Path:
    folder.mkdir()
    git("init", "--quiet", "--initial-branch", "main", str(folder))
    (folder / "README.md").write_text("# Shop\n")
    git("-C", str(folder), "add", ".")
    who = ("-c", "user.name=Alice", "-c", "user.email=alice@example.com")
    git("-C", str(folder), *who, "commit", "--quiet", "-m", "Begin")
    return folder


async def run_all(local: Local, plans: Mapping[str, Plan]) -> Mapping[str, str]:
    new = tuple(new_run(local, name, each) for name, each in plans.items())
    decision = Decision("the examples", create=new, repos=(SeeRepo(local.repo),))
    run_ids = await local.decisions.commit(decision, None)
    working = asyncio.create_task(local.work())
    try:
        runs = [await ended(local, run_id) for run_id in run_ids]
        await local.idle()
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    return dict(zip(plans, (str(standing(run)) for run in runs), strict=True))


def new_run(local: Local, name: str, each: Plan) -> NewRun:
    kind = RunKind(each.facts.event) if each.facts else RunKind.PUSH
    return NewRun(
        key=name,
        repo=local.repo,
        kind=kind,
        ref="main",
        sha="a" * 40,
        verdict=Verdict.PLANNED,
        actor=local.actor,
        title=name,
        plan=each,
    )


async def ended(local: Local, run_id: str) -> Run:
    while True:
        run = await local.runs.run(run_id)
        assert run is not None
        if all(job.status.is_final for job in run.jobs):
            return run
        await local.written.wait(1)
