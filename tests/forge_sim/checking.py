"""The life of check runs and suites: created, updated, re-requested, their buttons; and events.

https://docs.github.com/en/rest/guides/using-the-rest-api-to-interact-with-checks
"""

from __future__ import annotations

import time

from . import queueing, rules
from .errors import ApiError
from .gates import fold_suite
from .pushes import new_suite, tell_suite
from .shapes.checks import run_in_event
from .shapes.common import iso
from .sim import Sim
from .state import Account, App, CheckRun, CheckSuite, Json, Repo


async def create_run(sim: Sim, repo: Repo, app: App, body: Json) -> CheckRun:
    rules.check_run_body(body)
    sha = str(body["head_sha"])
    commit = await sim.git.commit(repo.id, sha) if len(sha) == 40 else None
    if commit is None or commit.sha != sha:
        raise ApiError(422, f"No commit found for SHA: {sha}", [])
    suite = repo.suite_of.get((app.id, sha)) or new_suite(sim, repo, app, sha, None, None)
    if suite.head_branch is None:
        suite.head_branch = _branch_of(repo, sha)
    run = CheckRun(id=sim.world.next_id("run"), suite=suite, name=str(body["name"]))
    run.started_at = iso(time.time())
    repo.runs[run.id] = run
    suite.runs.append(run)
    for old in rules.runs_too_many(suite, run.name):
        suite.runs.remove(old)
        del repo.runs[old.id]
    _apply(run, body)
    _tell_run(sim, repo, run, "created", app.bot)
    if run.status == "completed":
        _tell_run(sim, repo, run, "completed", app.bot)
    await _settle_suite(sim, repo, suite, app.bot)
    await queueing.checks_changed(sim, repo)
    return run


def _branch_of(repo: Repo, sha: str) -> str | None:
    heads = (r for r, s in repo.refs.items() if s == sha and r.startswith("refs/heads/"))
    name = next(heads, None)
    return name.removeprefix("refs/heads/") if name else None


async def update_run(sim: Sim, repo: Repo, run: CheckRun, body: Json) -> None:
    rules.check_run_body(body)
    rules.completed_run_is_final(run, body)
    was = run.status
    _apply(run, body)
    if run.status == "completed" and was != "completed":
        _tell_run(sim, repo, run, "completed", run.suite.app.bot)
    await _settle_suite(sim, repo, run.suite, run.suite.app.bot)
    await queueing.checks_changed(sim, repo)


def _apply(run: CheckRun, body: Json) -> None:
    for key in ("name", "details_url", "external_id", "started_at"):
        if body.get(key) is not None:
            setattr(run, key, body[key])
    if body.get("status") is not None:
        run.status = body["status"]
    if body.get("conclusion") is not None:
        # "Providing conclusion will automatically set the status parameter to completed."
        run.status, run.conclusion = "completed", body["conclusion"]
        run.completed_at = body.get("completed_at") or run.completed_at or iso(time.time())
    if "actions" in body:
        run.actions = list(body["actions"])
    output = body.get("output")
    if output is not None:
        run.output = {**run.output, **{k: output[k] for k in _OUTPUT if k in output}}
        # "annotations are appended to the list of annotations that already exist"
        run.annotations += output.get("annotations", [])


_OUTPUT = ("title", "summary", "text")


async def _settle_suite(sim: Sim, repo: Repo, suite: CheckSuite, sender: Account) -> None:
    was = suite.status
    suite.status, suite.conclusion = fold_suite(suite)
    suite.updated_at = time.time()
    if suite.status == "completed" and was != "completed":
        await tell_suite(sim, repo, suite, "completed", sender, None)


def _tell_run(
    sim: Sim,
    repo: Repo,
    run: CheckRun,
    action: str,
    sender: Account,
    only: App | None = None,
    **more: Json,
) -> None:
    shape = run_in_event(sim.urls, repo, run)
    sim.emit("check_run", repo, sender, {"action": action, "check_run": shape, **more}, only)


def _reset(suite: CheckSuite) -> None:
    """The suite's status becomes queued and its conclusion is cleared; "the check run itself is
    not updated" (https://docs.github.com/en/rest/checks/runs#rerequest-a-check-run)."""
    suite.status, suite.conclusion, suite.updated_at = "queued", None, time.time()


def rerequest_run(sim: Sim, repo: Repo, run: CheckRun, by: Account) -> None:
    _reset(run.suite)
    _tell_run(sim, repo, run, "rerequested", by, only=run.suite.app)


async def rerequest_suite(sim: Sim, repo: Repo, suite: CheckSuite, by: Account) -> None:
    _reset(suite)
    await tell_suite(sim, repo, suite, "rerequested", by, only=suite.app)


def press(sim: Sim, repo: Repo, run: CheckRun, identifier: str, by: Account) -> None:
    """A person pressed one of the run's buttons, which are there once it is completed."""
    known = {action["identifier"] for action in run.actions}
    if run.status != "completed" or identifier not in known:
        raise ApiError(422, f"The check run shows no button {identifier!r}", [])
    action: Json = {"identifier": identifier}
    only = run.suite.app
    _tell_run(sim, repo, run, "requested_action", by, only, requested_action=action)
