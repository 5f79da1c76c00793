"""`ci-bot run`: this working tree, uncommitted changes included, through the server's own engine."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from ci_bot.cli.interrupts import run_interruptible
from ci_bot.cli.live import Live, as_json, has_passed, summary
from ci_bot.cli.logging import configure
from ci_bot.cli.supposing import occasion, pipeline_of, supposing
from ci_bot.core.decisions import Decision, NewRun, SeeRepo, Withdraw
from ci_bot.core.graph import with_needs
from ci_bot.core.model import Run, RunKind, Verdict
from ci_bot.core.pipeline import CONFIG_FILES, plan
from ci_bot.core.planned import Plan
from ci_bot.core.suggest import did_you_mean
from ci_bot.settings import Settings, load
from ci_bot.wiring.conditions import conditions_apart
from ci_bot.wiring.local import Local, Tree, look_at, open_local
from ci_bot.wiring.unpacking import ANY_SIZE

EVENTS = (RunKind.PUSH, RunKind.PULL_REQUEST, RunKind.TAG, RunKind.SCHEDULE, RunKind.MANUAL)
INTERRUPTED = "interrupted"
FINISH_SECONDS = 15.0  # for containers to be removed after an interrupt


@click.command()
@click.option("--job", "jobs", multiple=True, help="Only this job and what it needs; may be repeated.")
@click.option(
    "--event", type=click.Choice([str(kind) for kind in EVENTS]), default="push", show_default=True
)
@supposing
@click.option(
    "--secret",
    "secrets",
    multiple=True,
    metavar="NAME",
    help="Give steps this secret, from the environment variable NAME; may be repeated.",
)
@click.option("--file", type=click.Path(path_type=Path), help="Pipeline file.  [default: .ci.yaml]")
@click.option(
    "--artifacts",
    "artifacts_to",
    type=click.Path(path_type=Path),
    help="Put what jobs keep into this directory, a folder for each job.  [default: it goes with the run]",
)
@click.option(
    "--json", "as_document", is_flag=True, help="One JSON document at the end instead of progress."
)
@click.option(
    "--config", type=click.Path(path_type=Path), help="Settings file.  [default: ci-bot.toml]"
)
def run(
    jobs: Sequence[str],
    event: str,
    secrets: Sequence[str],
    file: Path | None,
    artifacts_to: Path | None,
    as_document: bool,
    config: Path | None,
    **said: Any,
) -> None:
    """Run .ci.yaml on this machine, the way the server would.

    Exit code 0 if every job passed, 1 if one did not, 2 if it could not be run.
    Ctrl-C, SIGTERM and a closed terminal end the jobs and remove their containers (130, 143, 129).
    What a run left that was killed is removed by the next one.
    """
    settings = load(config)
    configure("error", "text")
    tree = asyncio.run(look_at(Path.cwd()))
    click.get_current_context().with_resource(conditions_apart())
    planned = _chosen(_plan(file or _default_file(tree.root), event, settings, tree, said), jobs)
    given = _from_environment(secrets)
    done = run_interruptible(
        _run(settings, tree, planned, RunKind(event), given, as_document, artifacts_to)
    )
    click.echo(json.dumps(as_json(done), indent=2) if as_document else summary(done))
    if not has_passed(done):
        raise click.exceptions.Exit(1)


def _default_file(root: Path) -> Path:
    for name in CONFIG_FILES:
        if (root / name).is_file():
            return root / name
    raise click.ClickException(f"there is no {CONFIG_FILES[0]} in {root}; see docs/language.md")


def _plan(file: Path, event: str, settings: Settings, tree: Tree, said: Mapping[str, Any]) -> Plan:
    pipeline = pipeline_of(file, tree.root, settings.default_image, settings.limits.of_files)
    facts = {**said, "labels": tuple(said["labels"]), "repo": tree.root.name}
    facts["branch"] = said["branch"] or tree.branch
    facts["actor"] = said["actor"] or tree.author
    planned = plan(pipeline, occasion(pipeline, event, **facts))
    if not planned.jobs:
        raise click.ClickException(f"nothing to run: {planned.reason}")
    return planned


def _chosen(planned: Plan, wanted: Sequence[str]) -> Plan:
    """Only the wanted jobs and what they need, in the plan's order."""
    jobs = planned.jobs
    known = list(dict.fromkeys([*(job.family for job in jobs), *(job.id for job in jobs)]))
    for name in wanted:
        if name not in known:
            more = f" and {len(known) - 20} more" if len(known) > 20 else ""
            hint = did_you_mean(name, known) or f"the jobs: {', '.join(known[:20])}{more}"
            raise click.ClickException(f'there is no job "{name}"; {hint}')
    return replace(planned, jobs=with_needs(wanted, planned.jobs)) if wanted else planned


def _from_environment(names: Sequence[str]) -> dict[str, str]:
    """Not from arguments: those stand in the list of processes and in the shell's history."""
    missing = [name for name in names if name not in os.environ]
    if missing:
        raise click.ClickException(
            f"--secret {missing[0]}: there is no environment variable of that name"
        )
    return {name: os.environ[name] for name in names}


async def _run(
    settings: Settings,
    tree: Tree,
    planned: Plan,
    kind: RunKind,
    secrets: Mapping[str, str],
    quiet: bool,
    artifacts_to: Path | None,
) -> Run:
    has_caches = any(job.caches for job in planned.jobs)
    tell = partial(click.echo, err=True)
    async with open_local(settings, tree, secrets, tell, has_caches=has_caches) as local:
        new = NewRun(
            key="local",
            repo=local.repo,
            kind=kind,
            ref=_ref(planned, tree),
            base_ref=planned.facts.base if planned.facts else "",
            sha=tree.sha,
            verdict=Verdict.PLANNED,
            actor=local.actor,
            title=tree.subject,
            plan=planned,
        )
        (run_id,) = await local.decisions.commit(
            Decision("ci-bot run", create=(new,), repos=(SeeRepo(local.repo),)), None
        )
        working = asyncio.create_task(local.work())
        live = Live(local.runs, local.written, local.logs, quiet=quiet)
        try:
            done = await live.watch(run_id)
            if artifacts_to is not None:
                await asyncio.to_thread(_put_artifacts, local, done, artifacts_to)
            return done
        except asyncio.CancelledError:
            await asyncio.shield(_cancel(local, live, run_id))
            raise
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)


def _ref(planned: Plan, tree: Tree) -> str:
    facts = planned.facts
    return (facts.tag or facts.branch if facts else "") or tree.branch


def _put_artifacts(local: Local, run: Run, target: Path) -> None:
    for job in run.jobs:
        if job.extras.artifacts is not None and job.extras.artifacts.files:
            folder = target / job.key
            folder.mkdir(parents=True, exist_ok=True)
            local.artifacts.unpack(job.id, folder, ANY_SIZE)


async def _cancel(local: Local, live: Live, run_id: str) -> None:
    """Interrupted: the jobs are ended and their containers removed before we leave."""
    click.echo("\ninterrupted; stopping the containers (again to leave them)", err=True)
    gone = Withdraw(local.repo.key, INTERRUPTED, superseded=False)
    await local.decisions.commit(Decision(INTERRUPTED, withdraw=(gone,)), None)
    try:
        async with asyncio.timeout(FINISH_SECONDS):
            await live.watch(run_id)
            await local.idle()
    except TimeoutError:
        click.echo("the jobs do not end; their containers are removed now", err=True)
