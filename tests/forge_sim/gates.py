"""Which required checks stand in the way of a merge. Pure: records in, a list of gates out.

https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/collaborating-on-repositories-with-code-quality-features/troubleshooting-required-status-checks
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .rules import PASSING
from .state import CheckRun, CheckSuite, Pull, Repo, Status

State = Literal["passing", "pending", "failing", "expected"]
_WORDS = {"expected": "is expected", "pending": "is pending", "failing": "is failing"}


@dataclass(frozen=True, slots=True)
class Gate:
    context: str
    state: State

    @property
    def complaint(self) -> str:
        return f'Required status check "{self.context}" {_WORDS[self.state]}.'


def latest_runs(repo: Repo, sha: str, app_id: int | None = None) -> list[CheckRun]:
    """The newest run of each name in each suite of that commit."""
    found: list[CheckRun] = []
    for suite in repo.suites.values():
        if suite.head_sha != sha or (app_id is not None and suite.app.id != app_id):
            continue
        found += {run.name: run for run in suite.runs}.values()
    return found


def latest_statuses(repo: Repo, sha: str) -> list[Status]:
    """The newest status of each context; contexts differ by more than case only."""
    newest = {one.context.lower(): one for one in repo.statuses.get(sha, [])}
    return list(newest.values())


def gates(pull: Pull) -> list[Gate]:
    """The required checks of the base branch, looked up on the newest head only."""
    return gates_of(pull.base, pull.base_ref, pull.head_sha)


def gates_of(repo: Repo, branch: str, sha: str) -> list[Gate]:
    """What the protection and the ruleset of a branch ask of a commit, each once."""
    rules = (repo.protections.get(branch), repo.rulesets.get(branch))
    wanted = dict.fromkeys(check for rule in rules if rule is not None for check in rule.checks)
    return [Gate(name, state_of(repo, sha, name, app)) for name, app in wanted]


def is_strict(repo: Repo, branch: str) -> bool:
    """Whether a pull request must have all of the base branch before it is merged."""
    rules = (repo.protections.get(branch), repo.rulesets.get(branch))
    return any(rule is not None and rule.strict for rule in rules)


def has_queue(repo: Repo, branch: str) -> bool:
    ruleset = repo.rulesets.get(branch)
    return ruleset is not None and ruleset.merge_queue


def state_of(repo: Repo, sha: str, context: str, app_id: int | None) -> State:
    """A check and a status of the same name are both required; a pinned App's alone count."""
    runs = [r for r in latest_runs(repo, sha, app_id) if r.name == context]
    statuses = [
        s
        for s in latest_statuses(repo, sha)
        if s.context.lower() == context.lower() and app_id in (None, s.app_id)
    ]
    states = [run_state(run) for run in runs] + [status_state(one) for one in statuses]
    if not states:
        return "expected"
    for worst in ("failing", "pending"):
        if worst in states:
            return "failing" if worst == "failing" else "pending"
    return "passing"


def run_state(run: CheckRun) -> State:
    if run.status != "completed":
        return "pending"
    return "passing" if run.conclusion in PASSING else "failing"


def status_state(status: Status) -> State:
    if status.state == "pending":
        return "pending"
    return "passing" if status.state == "success" else "failing"


_WORST_FIRST = ("failure", "timed_out", "cancelled", "action_required", "success")


def fold_suite(suite: CheckSuite) -> tuple[str, str | None]:
    """The (status, conclusion) of a suite from the newest run of each name."""
    newest = list({run.name: run for run in suite.runs}.values())
    if not newest:
        return "queued", None
    if any(run.status != "completed" for run in newest):
        queued = all(run.status == "queued" for run in newest)
        return ("queued" if queued else "in_progress"), None
    present = {run.conclusion for run in newest}
    for conclusion in _WORST_FIRST:
        if conclusion in present:
            return "completed", conclusion
    return "completed", "neutral"
