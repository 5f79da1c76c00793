"""Endpoints of check runs and check suites: https://docs.github.com/en/rest/checks."""

from __future__ import annotations

from .. import checking
from ..errors import ApiError, not_found
from ..exchange import Call, Reply, Route
from ..gates import latest_runs
from ..shapes import checks as shapes
from ..state import App, CheckRun, CheckSuite
from .commits import resolve


def _run(call: Call) -> CheckRun:
    found = call.repo.runs.get(call.number("check_run_id"))
    if found is None:
        raise not_found()
    return found


def _suite(call: Call) -> CheckSuite:
    found = call.repo.suites.get(call.number("check_suite_id"))
    if found is None:
        raise not_found()
    return found


def _own(call: Call, app: App) -> None:
    """An App changes only what is its own."""
    if call.caller.app is not app:
        raise ApiError(403, "Invalid app_id: a check run can only be modified by its App")


async def create_run(call: Call) -> Reply:
    assert call.caller.app is not None
    for key in ("name", "head_sha"):
        if not call.body.get(key):
            raise ApiError(422, f"Invalid request. {key!r} wasn't supplied.", [])
    run = await checking.create_run(call.sim, call.repo, call.caller.app, call.body)
    return Reply(201, shapes.run(call.sim.urls, call.repo, run), made=run.id)


async def update_run(call: Call) -> Reply:
    run = _run(call)
    _own(call, run.suite.app)
    await checking.update_run(call.sim, call.repo, run, call.body)
    return Reply(body=shapes.run(call.sim.urls, call.repo, run))


async def get_run(call: Call) -> Reply:
    return Reply(body=shapes.run(call.sim.urls, call.repo, _run(call)))


async def list_annotations(call: Call) -> Reply:
    run = _run(call)
    items, headers = call.page(run.annotations)
    sha = run.suite.head_sha
    body = [shapes.annotation(call.sim.urls, call.repo, sha, one) for one in items]
    return Reply(body=body, headers=headers)


async def runs_of_ref(call: Call) -> Reply:
    sha = await resolve(call)
    suites = [s for s in call.repo.suites.values() if s.head_sha == sha]
    found = [run for suite in suites for run in suite.runs]
    if call.query.get("filter", "latest") == "latest":
        found = latest_runs(call.repo, sha)
    return _listed(call, found)


async def runs_of_suite(call: Call) -> Reply:
    suite = _suite(call)
    found = list(suite.runs)
    if call.query.get("filter", "latest") == "latest":
        found = list({run.name: run for run in suite.runs}.values())
    return _listed(call, found)


def _listed(call: Call, found: list[CheckRun]) -> Reply:
    name, status, app = (call.query.get(key) for key in ("check_name", "status", "app_id"))
    chosen = [
        run
        for run in sorted(found, key=lambda run: -run.id)
        if name in (None, run.name)
        and status in (None, run.status)
        and app in (None, str(run.suite.app.id))
    ]
    items, headers = call.page(chosen)
    shown = [shapes.run(call.sim.urls, call.repo, run) for run in items]
    return Reply(body={"total_count": len(chosen), "check_runs": shown}, headers=headers)


async def suites_of_ref(call: Call) -> Reply:
    sha = await resolve(call)
    app, name = call.query.get("app_id"), call.query.get("check_name")
    chosen = [
        suite
        for suite in call.repo.suites.values()
        if suite.head_sha == sha
        and app in (None, str(suite.app.id))
        and (name is None or any(run.name == name for run in suite.runs))
    ]
    head = await call.sim.git.commit(call.repo.id, sha)
    assert head is not None
    items, headers = call.page(chosen)
    shown = [shapes.suite(call.sim.urls, call.repo, suite, head) for suite in items]
    return Reply(body={"total_count": len(chosen), "check_suites": shown}, headers=headers)


async def get_suite(call: Call) -> Reply:
    suite = _suite(call)
    head = await call.sim.git.commit(call.repo.id, suite.head_sha)
    assert head is not None
    return Reply(body=shapes.suite(call.sim.urls, call.repo, suite, head))


async def rerequest_run(call: Call) -> Reply:
    checking.rerequest_run(call.sim, call.repo, _run(call), call.caller.account)
    return Reply(201, {})


async def rerequest_suite(call: Call) -> Reply:
    await checking.rerequest_suite(call.sim, call.repo, _suite(call), call.caller.account)
    return Reply(201, {})


_REPO = "/repos/{owner}/{repo}"
_RUN = f"{_REPO}/check-runs/{{check_run_id}}"
_SUITE = f"{_REPO}/check-suites/{{check_suite_id}}"
_WRITE = (("checks", "write"),)
_READ = (("checks", "read"),)
ROUTES = (
    Route("POST", f"{_REPO}/check-runs", create_run, _WRITE, role=None),
    Route("PATCH", _RUN, update_run, _WRITE, role=None),
    Route("GET", _RUN, get_run, _READ),
    Route("GET", f"{_RUN}/annotations", list_annotations, _READ),
    Route("POST", f"{_RUN}/rerequest", rerequest_run, _WRITE, role="write"),
    Route("GET", f"{_REPO}/commits/{{ref}}/check-runs", runs_of_ref, _READ),
    Route("GET", f"{_REPO}/commits/{{ref}}/check-suites", suites_of_ref, _READ),
    Route("GET", _SUITE, get_suite, _READ),
    Route("GET", f"{_SUITE}/check-runs", runs_of_suite, _READ),
    Route("POST", f"{_SUITE}/rerequest", rerequest_suite, _WRITE, role="write"),
)
